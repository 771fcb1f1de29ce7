"""Sparing: of all numbers that fit as well, those that leave the most of what is written as it is.

Where only combinations of constants count, many choices predict the same. A person changes the numbers that are wrong
and no others, and rather a mass than the 4 of 4 / 3. So sets of constants are fitted while all others go back to what
is written, small sets first. Which sets can make up for the others is told by the slopes: in logarithms, constants that
only count together lie nearly on a straight line.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cwm_engine.induction.literals import Number, Numbers
from cwm_engine.induction.objective import Floats, Objective, Rows
from cwm_engine.induction.rounding import ways_to_write
from cwm_engine.induction.smooth import Fitter

SUFFERS = 0.1
"""How much of the tolerance predictions may move when numbers are written otherwise, beyond the noise that is there."""

WORSE = 1.5

_MAKES_UP = 0.3
"""The share of an effect that may be left over, in a straight line, for a set of constants to be tried."""

_CLOSE = 0.3
"""So many tolerances left over, in a typical prediction, are as good as none."""

_MOST_SETS = 3000
"""If there are more sets of one size than this, the search ends."""

_TRIED, _TRIED_IN_ALL = 6, 48
"""Sets of one size that are fitted, and of all sizes."""

_LOOK, _HOPELESS = 3, 100.0
"""After so many steps a set is given up if a typical prediction is off by so many tolerances."""

_POLISHES = 3


@dataclass(frozen=True)
class Spared:
    """Numbers that fit, most of which are as they are written.

    Attributes:
        values: All constants.
        kept: Numbers of the constants that stay as they are written.
    """

    values: tuple[Number, ...]
    kept: frozenset[int]


class Sparer:
    """Looks for the smallest set of constants whose change is enough.

    Args:
        numbers: The program.
        objective: The program and the data.
        fitter: What fits a set.
        check: Transitions of which no field may be lost.
    """

    def __init__(self, numbers: Numbers, objective: Objective, fitter: Fitter, check: Rows) -> None:
        self._numbers, self._objective, self._fitter, self._check = numbers, objective, fitter, check
        self._written = objective.start
        self._allowed: Floats = np.zeros((2, 0))
        self._right = 0

    def spare(self, fitted: Sequence[Number], limits: Collection[int]) -> Spared | None:
        """Find values as good as the fitted ones with fewer changes; None where there are none.

        Args:
            fitted: All constants.
            limits: Numbers of those that are limits; they are left as they are fitted.

        Raises:
            OutOfTime: The objective's deadline has passed.
        """
        slopes = self._fitter.slopes(fitted)
        steep = np.abs(slopes).max(axis=0, initial=0.0)
        back = {
            number: way
            for number, now in enumerate(fitted)
            if steep[number] > 0 and number not in limits and (way := self._way_back(float(now), number)) is not None
        }
        moved = [number for number, way in back.items() if steep[number] * abs(way) > SUFFERS]
        if len(moved) < 2:
            return None
        self._allowed = np.maximum(SUFFERS, WORSE * noise(self._objective, fitted, self._fitter.rows))
        self._right = self._objective.right_fields(fitted, self._check)
        straight = _Straight(slopes[:, moved], np.array([back[number] for number in moved]))
        tried = 0
        for sets in straight.sets():
            found = []
            for some in sorted(sets, key=lambda places: self._unnamed(moved, places))[:_TRIED]:
                free = [moved[place] for place in some]
                kept = frozenset(back) - frozenset(free)
                values = self._polished(self._put_back(fitted, kept, free, straight.start(some)), free)
                if values is not None:
                    found.append(Spared(values, kept))
            if found:
                return min(found, key=lambda one: self._cost(one, moved, slopes))
            tried += min(len(sets), _TRIED)
            if tried >= _TRIED_IN_ALL:
                return None
        return None

    def _way_back(self, now: float, number: int) -> float | None:
        """From a fitted number to the one that is written, as slopes count it; None where the sign is another."""
        written = float(self._written[number])
        if written == 0.0:
            return -now
        return math.log(written / now) if now != 0.0 and written / now > 0 else None

    def _put_back(
        self, fitted: Sequence[Number], kept: Collection[int], free: Sequence[int], moves: Floats
    ) -> list[Number]:
        """The fitted values with some as they are written, and others moved."""
        values = [self._written[number] if number in kept else now for number, now in enumerate(fitted)]
        for number, move in zip(free, np.clip(moves, -1, 1).tolist(), strict=True):
            values[number] = values[number] + move if self._written[number] == 0 else values[number] * math.exp(move)
        return values

    def _polished(self, values: Sequence[Number], free: Sequence[int]) -> tuple[Number, ...] | None:
        """The values after fitting some of them; None if they are worse than the fitted ones."""
        rows = self._fitter.rows
        made = self._fitter.polish(values, free, rows, evaluations=_LOOK)
        for _ in range(_POLISHES):
            off = noise(self._objective, made, rows)
            if (off <= self._allowed).all():
                return made if self._objective.right_fields(made, self._check) >= self._right else None
            if not free or (off[0] > _HOPELESS * np.maximum(self._allowed[0], 1.0)).any():
                return None
            made = self._fitter.polish(made, free, rows)
        return None

    def _unnamed(self, moved: Sequence[int], places: Sequence[int]) -> int:
        return sum(self._is_unnamed(moved[place]) for place in places)

    def _is_unnamed(self, number: int) -> bool:
        literal = self._numbers.literals[number]
        return literal.name == literal.text

    def _cost(self, spared: Spared, moved: Sequence[int], slopes: Floats) -> tuple[int, int]:
        """What counts against a choice of equal size: numbers in a formula that change, and long numbers."""
        free = [number for number in moved if number not in spared.kept]
        return (
            sum(map(self._is_unnamed, free)),
            sum(self._length(number, float(spared.values[number]), slopes[:, number]) for number in free),
        )

    def _length(self, number: int, value: float, slopes: Floats) -> int:
        """Roughly how long a number is when it is written with the digits that matter."""
        steep = float(np.abs(slopes).max(initial=0.0))
        for way in ways_to_write(value, self._numbers.literals[number], self._numbers.knows_pi()):
            off = abs(float(way.value) - value) / (1.0 if self._written[number] == 0 else abs(value) or 1.0)
            if steep * off <= 1.0:
                return len(way.text.removesuffix(".0"))
        return len(repr(value))


class _Straight:
    """What sets of constants can make up for, if predictions followed their slopes.

    Args:
        slopes: Of predictions, in tolerances, shape (cells, constants).
        back: How far each constant is from what is written.
    """

    def __init__(self, slopes: Floats, back: Floats) -> None:
        self._close = _CLOSE * math.sqrt(len(slopes))
        self._slopes: Floats = np.linalg.qr(slopes).R
        self._effects: Floats = self._slopes * back
        self._count = len(back)
        everything = range(self._count)
        self._needed = [one for one in everything if not self._is_enough([x for x in everything if x != one])]

    def sets(self) -> Iterator[list[tuple[int, ...]]]:
        """Sets that may be enough: for each size from the smallest on, the best first."""
        others = [one for one in range(self._count) if one not in self._needed]
        for size in range(len(others)):
            if math.comb(len(others), size) > _MOST_SETS:
                return
            left = {}
            for some in itertools.combinations(others, size):
                places = tuple(sorted((*self._needed, *some)))
                if self._is_enough(places):
                    left[places] = self._left(places)[1]
            if left:
                yield sorted(left, key=left.__getitem__)[: 4 * _TRIED]

    def start(self, places: Sequence[int]) -> Floats:
        """How far the constants of a set have to move so that all others can go back."""
        return self._left(places)[0]

    def _is_enough(self, places: Sequence[int]) -> bool:
        kept = [one for one in range(self._count) if one not in places]
        effect = float(np.linalg.norm(self._effects[:, kept]))
        return self._left(places)[1] <= max(self._close, _MAKES_UP * effect)

    def _left(self, places: Sequence[int]) -> tuple[Floats, float]:
        kept = [one for one in range(self._count) if one not in places]
        effect: Floats = self._effects[:, kept].sum(axis=1)
        free = self._slopes[:, list(places)]
        if not len(places):
            return np.zeros(0), float(np.linalg.norm(effect))
        moves = np.linalg.lstsq(free, -effect, rcond=1e-6)[0].astype(np.float64)
        return moves, float(np.linalg.norm(effect + free @ moves))


def noise(objective: Objective, values: Sequence[Number], rows: Rows) -> Floats:
    """How far each cell is off in a typical transition and in a bad one, in tolerances, shape (2, cells)."""
    off = np.abs(objective.residuals(values, rows)) / objective.allowed[rows]
    found: Floats = np.quantile(off, [0.5, 0.95], axis=0)
    return found
