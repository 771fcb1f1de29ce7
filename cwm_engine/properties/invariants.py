"""Invariants: what held in every stored transition, as expressions that can be tried on any other.

A candidate is made from columns of numbers and then verified by its own expression, transition by transition, so that a
test that contains the expression says what was verified.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from cwm_engine.checking.compare import Tolerance
from cwm_engine.trajectories.dataset import Dataset

LEAST_SUPPORT = 20
"""What fewer transitions say may be chance."""

_TOLERANCE = Tolerance()


class Kind(StrEnum):
    """What an invariant is about."""

    COPIED = "copied"
    """A number never changes, or not by some action."""
    CONSTANT = "constant"
    """A number is always the same after a step."""
    NO_OP = "no-op"
    """An action changes nothing."""
    BOUND = "bound"
    """A number stops at a limit."""
    VALUES = "values"
    """A number, or a state, has some values and no others."""
    STEP = "step"
    """A number changes by one of a few amounts."""
    MONOTONE = "monotone"
    """A number never falls, or never grows."""
    RELATION = "relation"
    """A number grows by a multiple of another."""
    CONSERVED = "conserved"
    """Two numbers stay on a circle."""
    INVERSE = "inverse"
    """One action undoes another."""
    SYMMETRY = "symmetry"
    """What happens in one state happens in another in the same way."""
    INDEPENDENCE = "independence"
    """Something stays the same whatever a number is."""
    REWARD = "reward"
    """The reward follows from something else."""
    TERMINATION = "termination"
    """When an episode ends, and when it does not."""


@dataclass(frozen=True, slots=True)
class Other:
    """A second transition that an invariant speaks of, besides the first.

    Attributes:
        state: Its state in Python, of `state`, `action`, `next_state` and `value`.
        action: Its action, in the same way.
        values: What `value` may be, where the state needs one.
    """

    state: str
    action: str
    values: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """A statement about every transition.

    Attributes:
        kind: What it is about.
        statement: The statement in words.
        expression: The same in Python, of `state`, `action`, `next_state`, `reward` and `terminated`, with `math`,
            `close` and `same`. Where there is an `other`, also of `value`, `other_state`, `other_action`,
            `other_next`, `other_reward` and `other_terminated`.
        condition: Where it applies, in the same way, but of the first transition alone.
        fields: The fields it is about.
        other: The second transition it speaks of.
        absence: Whether it says that something never happens which may only not have been recorded. It is worth keeping
            where the real environment was asked.
        support: In how many stored transitions it applied, and held.
        real_support: The same for fresh transitions of the real environment.
    """

    kind: Kind
    statement: str
    expression: str
    condition: str = "True"
    fields: tuple[str, ...] = ()
    other: Other | None = None
    absence: bool = False
    support: int = 0
    real_support: int = 0

    @property
    def action(self) -> str | None:
        """The one action it is about, as it is written; None where it is about several."""
        found = re.fullmatch(r"action == (-?\d+)(?: and .*)?", self.condition)
        return found[1] if found else None


@dataclass(frozen=True, slots=True)
class Count:
    """How an invariant did: in how many transitions it applied, and where it did not hold (rows of the dataset)."""

    applied: int
    violations: tuple[int, ...]


Place = tuple[Any, Any]
"""A state and an action, as plain Python values."""

Outcome = tuple[Any, float, bool]
"""The next state, the reward, and whether the episode ends."""

Ask = Callable[[Sequence[Place]], Sequence[Outcome | None]]
"""Says what follows in some places; None where that is not known."""


def verified(candidates: Iterable[Invariant], dataset: Dataset, least: int = LEAST_SUPPORT) -> list[Invariant]:
    """Those candidates that held wherever they applied, and applied often enough, with their support."""
    several = list(candidates)
    counts = try_on(several, dataset)
    return [
        replace(candidate, support=count.applied)
        for candidate, count in zip(several, counts, strict=True)
        if not count.violations and count.applied >= least
    ]


def try_on(invariants: Sequence[Invariant], dataset: Dataset, ask: Ask | None = None) -> list[Count]:
    """Try invariants on transitions, such as fresh ones of the real environment.

    An expression that raises an exception does not hold.

    Args:
        invariants: What to try.
        dataset: The transitions.
        ask: What follows in the second place of an invariant; the transitions themselves are searched for it if not
            given.
    """
    transitions = list(_transitions(dataset))
    recall = ask or _Recall(transitions)
    return [_tried(invariant, transitions, recall) for invariant in invariants]


def close(left: Any, right: Any) -> bool:
    """Whether a number is as near another as a right prediction has to be."""
    return bool(abs(left - right) <= _TOLERANCE.atol + _TOLERANCE.rtol * abs(right))


def same(left: Any, right: Any) -> bool:
    """Whether two states are the same, number by number within tolerance."""
    if isinstance(left, Mapping):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, tuple | list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, np.ndarray):
        return left.shape == np.shape(right) and all(map(same, left.ravel().tolist(), np.ravel(right).tolist()))
    return bool(left == right) or (isinstance(left, float) and math.isfinite(left) and close(right, left))


_NAMES = ("state", "action", "next_state", "reward", "terminated")
_OTHER_NAMES = ("value", "other_state", "other_action", "other_next", "other_reward", "other_terminated")
_HELPERS = {"close": close, "same": same, "math": math, "all": all, "sum": sum, "zip": zip, "__builtins__": {}}

_Test = Callable[..., Any]
_Values = tuple[Any, ...]


class _Recall:
    """Remembers which transitions there are."""

    def __init__(self, transitions: Sequence[_Values]) -> None:
        self._transitions = transitions
        self._outcomes: dict[Any, Outcome] | None = None

    def __call__(self, places: Sequence[Place]) -> list[Outcome | None]:
        if self._outcomes is None:
            self._outcomes = {_frozen(one[:2]): (one[2], one[3], one[4]) for one in self._transitions}
        return [self._outcomes.get(_frozen(place)) for place in places]


def _tried(invariant: Invariant, transitions: Sequence[_Values], ask: Ask) -> Count:
    condition, expression = _compiled(invariant.condition), _compiled(invariant.expression)
    rows = [row for row, values in enumerate(transitions) if _true(condition, (*values, *_NOTHING))]
    if invariant.other is None:
        wrong = [row for row in rows if not _true(expression, (*transitions[row], *_NOTHING))]
        return Count(len(rows), tuple(wrong))
    places = list(_places(invariant.other, rows, transitions))
    outcomes = ask([(state, action) for _, _, state, action in places])
    known = [(place, outcome) for place, outcome in zip(places, outcomes, strict=True) if outcome is not None]
    broken = [
        row
        for (row, value, state, action), outcome in known
        if not _true(expression, (*transitions[row], value, state, action, *outcome))
    ]
    return Count(len(known), tuple(dict.fromkeys(broken)))


def _places(
    other: Other, rows: Sequence[int], transitions: Sequence[_Values]
) -> Iterator[tuple[int, float | None, Any, Any]]:
    """The second places: row, value, state, action; one value for each row, each as often as the others."""
    state, action = _compiled(other.state), _compiled(other.action)
    for number, row in enumerate(rows):
        value = other.values[number % len(other.values)] if other.values else None
        values = (*transitions[row], value, *_NOTHING[1:])
        try:
            yield row, value, state(*values), action(*values)
        except Exception:  # noqa: BLE001, S112 - a model may have predicted anything
            continue


_NOTHING = (None,) * len(_OTHER_NAMES)


def _compiled(text: str) -> _Test:
    """An expression as a function. It is made here, of numbers and names of fields."""
    test: _Test = eval(f"lambda {', '.join((*_NAMES, *_OTHER_NAMES))}: {text}", dict(_HELPERS))  # noqa: S307
    return test


def _true(test: _Test, values: _Values) -> bool:
    try:
        return bool(test(*values))
    except Exception:  # noqa: BLE001 - what cannot be said of a transition does not hold
        return False


def _transitions(dataset: Dataset) -> Iterable[_Values]:
    """The values of every transition."""
    count = len(dataset)
    if not count:
        return []
    states, actions, after = (
        columns.plain(0, count) for columns in (dataset.observations, dataset.actions, dataset.next_observations)
    )
    return zip(states, actions, after, dataset.rewards.tolist(), dataset.terminated.tolist(), strict=True)


def _frozen(value: Any) -> Any:
    """A value that can be looked up, whether it is held in tuples or in lists."""
    if isinstance(value, Mapping):
        return tuple((name, _frozen(item)) for name, item in sorted(value.items()))
    return tuple(map(_frozen, value)) if isinstance(value, tuple | list) else value
