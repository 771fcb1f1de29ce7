"""What a search may spend: reserved before each call at its worst, settled after it at what it took."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from cwm_engine.errors import CwmError
from cwm_engine.synthesis.interfaces import Estimate, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most a search may take; None where there is no limit.

    Attributes:
        calls: Requests to a proposer that costs something.
        tokens: Tokens read and written.
        cost: Dollars.
        seconds: Wall time; it stops a search, and never steers it.
        nodes: Programs to try, whoever wrote them.
    """

    calls: int | None = None
    tokens: int | None = None
    cost: float | None = None
    seconds: float | None = None
    nodes: int | None = None

    def __post_init__(self) -> None:
        for name in ("calls", "tokens", "cost", "seconds", "nodes"):
            limit = getattr(self, name)
            if limit is not None and not limit >= 0:
                raise CwmError(f"the limit of {name} is {limit}", hint="limits are numbers from 0")


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent.

    Attributes:
        calls: Requests to a proposer that costs something.
        tokens: Tokens read and written.
        cost: Dollars, as far as prices are known.
    """

    calls: int = 0
    tokens: int = 0
    cost: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.calls + other.calls, self.tokens + other.tokens, self.cost + other.cost)

    @classmethod
    def worst(cls, estimate: Estimate) -> Spent:
        """The most that a call will take."""
        return cls(estimate.calls, estimate.usage.tokens, estimate.cost or 0.0)

    @classmethod
    def taken(cls, calls: int, usage: Usage, cost: float | None) -> Spent:
        """What a call took."""
        return cls(calls, usage.tokens, cost or 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Reservation:
    """What was set aside for one call, until it is settled."""

    amount: Spent


@dataclass
class Budget:
    """Keeps the books of one search; may be used from several threads.

    What is spent and what is reserved are together never more than the limits: a call begins only if there is
    enough for its worst case. A call that takes more than it said is booked as it was - it is spent - and the next
    one is refused.
    """

    limits: Limits = Limits()
    _spent: Spent = Spent()
    _reserved: set[Reservation] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def spent(self) -> Spent:
        """What was spent so far."""
        with self._lock:
            return self._spent

    @property
    def reserved(self) -> Spent:
        """What is set aside for calls under way."""
        with self._lock:
            return self._set_aside()

    def refusal(self, estimate: Estimate) -> str | None:
        """Why a call cannot be paid for, as half a sentence; None if it can."""
        with self._lock:
            return self._refusal(Spent.worst(estimate), priced=estimate.cost is not None or not estimate.calls)

    def reserve(self, estimate: Estimate) -> Reservation | None:
        """Set aside what a call takes at most.

        Returns:
            None if there is not enough left.
        """
        worst = Spent.worst(estimate)
        with self._lock:
            if self._refusal(worst, priced=estimate.cost is not None or not estimate.calls) is not None:
                return None
            reservation = Reservation(worst)
            self._reserved.add(reservation)
            return reservation

    def settle(self, reservation: Reservation, spent: Spent) -> None:
        """Book what a call took in place of what was set aside for it.

        Raises:
            ValueError: It was settled before.
        """
        with self._lock:
            if reservation not in self._reserved:
                raise ValueError("this reservation was settled before")
            self._reserved.remove(reservation)
            self._spent += spent

    def book(self, spent: Spent) -> None:
        """Book what was spent before this process began."""
        with self._lock:
            self._spent += spent

    def to_json(self) -> dict[str, Any]:
        """What was spent, as JSON values."""
        spent = self.spent
        return {"calls": spent.calls, "tokens": spent.tokens, "cost": spent.cost}

    def _set_aside(self) -> Spent:
        return sum((reservation.amount for reservation in self._reserved), Spent())

    def _refusal(self, worst: Spent, *, priced: bool) -> str | None:
        if self.limits.cost is not None and not priced:
            return "no price is known for the model, so a limit of cost cannot be kept"
        total = self._spent + self._set_aside() + worst
        for name in ("calls", "tokens", "cost"):
            limit = getattr(self.limits, name)
            # What costs nothing may go on where a limit is reached.
            if limit is not None and getattr(worst, name) > 0 and getattr(total, name) > limit:
                return f"the limit of {limit:g} {'dollars' if name == 'cost' else name} would be exceeded"
        return None
