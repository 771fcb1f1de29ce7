"""Identifiability: which constants the data does not determine, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from cwm_engine.induction.limits import Limit
from cwm_engine.induction.literals import Number

_MEMBER = 0.01
"""Squared share of a constant in the undetermined directions from which on it is not determined."""


class Reason(StrEnum):
    """Why the data does not determine a constant."""

    UNREACHED = "unreached"
    """It is a limit, and no transition lies beyond it."""
    TOGETHER = "together"
    """Only combinations of it with others are determined."""
    UNUSED = "unused"
    """No prediction depends on it."""
    UNEXECUTED = "unexecuted"
    """Its line never runs."""
    EXCHANGEABLE = "exchangeable"
    """Predictions follow it in steps, and other values predict as much."""
    UNSEEN = "unseen"
    """It counts only in transitions that the fit did not see."""


@dataclass(frozen=True, slots=True)
class Open:
    """A constant that the data does not determine.

    Attributes:
        number: Which one.
        reason: Why.
        others: Numbers of those with which only combinations are determined.
        such_as: Another value that predicts as much, where one is known.
    """

    number: int
    reason: Reason
    others: tuple[int, ...] = ()
    such_as: Number | None = None

    def to_json(self) -> list[Any]:
        """As a list of JSON values, in the order of the attributes."""
        return [self.number, str(self.reason), list(self.others), self.such_as]

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """What `to_json` wrote.

        Raises:
            ValueError: It did not.
        """
        match data:
            case [int(number), str(reason), [*others], int() | float() | None as such_as]:
                return cls(number, Reason(reason), tuple(other for other in others if isinstance(other, int)), such_as)
        raise ValueError("not what is said of a constant")


def undetermined(slopes: npt.NDArray[np.float64], limits: Mapping[int, Limit]) -> list[Open]:
    """Constants without influence, limits never reached, and those that only count together.

    The rank of the Jacobian decides: a direction in which all constants can be moved by a factor e without any
    prediction leaving its tolerance is not determined, and no constant is that has a share in such a direction.

    Args:
        slopes: How predictions change with the logarithm of each constant, in tolerances, shape (cells, constants).
        limits: The constants that are limits, by number.
    """
    smooth = np.abs(slopes).max(axis=0, initial=0.0) > 0
    found = [
        Open(number, Reason.UNREACHED if number in limits else Reason.UNUSED)
        for number in np.flatnonzero(~smooth).tolist()
        if number not in limits or not limits[number].reached
    ]
    free = np.flatnonzero(smooth)
    if len(free):
        directions = np.linalg.svd(slopes[:, free], full_matrices=True)[2]
        loose = directions[np.abs(slopes[:, free] @ directions.T).max(axis=0) < 1.0]
        share = loose.T @ loose
        for place, number in enumerate(free.tolist()):
            if share[place, place] > _MEMBER:
                others = np.flatnonzero(np.abs(share[place]) > _MEMBER)
                names = tuple(int(free[other]) for other in others if other != place)
                found.append(Open(number, Reason.TOGETHER if names else Reason.UNUSED, names))
    return sorted(found, key=lambda item: item.number)
