"""What the changes that single transitions need have in common: the mark of a line that can be edited right."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

AMOUNT, FACTOR = "<amount>", "<factor>"


@dataclass(frozen=True, slots=True)
class Change:
    """What one transition needs at one expression.

    Attributes:
        value: The value there; NaN if the expression is evaluated several times.
        amount: What to add to it.
        uncertainty: How exactly that is known.
        scope: Numbers in scope by name, operands of the expression as `<0>`, `<1>`.
        inputs: The values of the names the expression uses; None if not known.
        situation: The values of all names in scope; None if not known.
    """

    value: float
    amount: float
    uncertainty: float
    scope: Mapping[str, float]
    inputs: Hashable = None
    situation: Hashable = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A change that suits all transitions: add `coefficient` times a number in scope, the value itself, or one."""

    basis: str
    coefficient: float

    def apply(self, value: Any, scope: Mapping[str, Any]) -> Any:
        """The changed value."""
        if self.basis == AMOUNT:
            return value + self.coefficient
        return value + self.coefficient * (value if self.basis == FACTOR else scope[self.basis])


def common_rule(changes: Sequence[Change]) -> Rule | None:
    """The rule that needed changes follow: the same amount, factor, or multiple of one number in scope.

    None when there is none, or fewer than three changes to tell.
    """
    if len(changes) < 3:
        return None
    value = np.array([change.value for change in changes])
    amount = np.array([change.amount for change in changes])
    allowed = _allowed(changes)
    shared = set(changes[0].scope).intersection(*(change.scope for change in changes[1:]))
    bases = {name: np.array([change.scope[name] for change in changes]) for name in sorted(shared)}
    if not np.isnan(value).any():
        bases = {AMOUNT: np.ones(len(changes)), FACTOR: value, **bases}
    for name, basis in bases.items():
        size = float(basis @ basis)
        if size > 0 and math.isfinite(size):
            coefficient = float(basis @ amount) / size
            if coefficient and bool((np.abs(amount - coefficient * basis) <= allowed).all()):
                return Rule(name, coefficient)
    return None


def conflicts(changes: Sequence[Change], key: Callable[[Change], Hashable]) -> bool:
    """Whether two transitions that look the same at the expression need different changes.

    Args:
        changes: What the transitions need.
        key: What they look like: with `Change.inputs`, no edit that uses only the same names can be right; with
            `Change.situation`, none at all.
    """
    first: dict[Hashable, tuple[float, float]] = {}
    for change, allowed in zip(changes, _allowed(changes).tolist(), strict=True):
        if (seen := key(change)) is None:
            continue
        amount, known = first.setdefault(seen, (change.amount, allowed))
        if abs(amount - change.amount) > allowed + known:
            return True
    return False


def _allowed(changes: Sequence[Change]) -> npt.NDArray[np.float64]:
    amount = np.array([change.amount for change in changes])
    allowed: npt.NDArray[np.float64] = (
        1e-3 * np.abs(amount) + 3 * np.array([change.uncertainty for change in changes]) + 1e-12
    )
    return allowed
