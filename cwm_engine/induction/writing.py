"""Writing: from fitted numbers to the shortest text with which no prediction suffers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from cwm_engine.induction.limits import Limit
from cwm_engine.induction.literals import Literal, Number, Numbers
from cwm_engine.induction.objective import Floats, Objective, Rows
from cwm_engine.induction.rounding import Written, shortest_between, ways_to_write
from cwm_engine.induction.smooth import Fitter
from cwm_engine.induction.sparing import SUFFERS, WORSE, noise

_FLAT = 1e-5
"""Directions that matter less than this share of the one that matters most are flat, as far as differences can tell."""

_SMALL_MOVE = 1e-3
_REPAIRABLE = 300.0
"""Tolerances that predictions may be off after a larger move, made up for in a straight line, to be worth polishing."""


class Writer:
    """Rounds constants one after the other, those that are left making up for it.

    Args:
        numbers: The program.
        objective: The program and the data.
        fitter: What polishes the constants that are left.
        check: Transitions of which no field may be lost.

    Attributes:
        texts: How the constants that change are to be written, by number.
    """

    def __init__(self, numbers: Numbers, objective: Objective, fitter: Fitter, check: Rows) -> None:
        self._numbers, self._objective, self._fitter, self._check = numbers, objective, fitter, check
        self._rows = fitter.rows
        self._slopes: Floats = np.zeros((0, 0))
        self._allowed: Floats = np.zeros((2, 0))
        self._limits: Mapping[int, Limit] = {}
        self.texts: dict[int, str] = {}

    def write(
        self, fitted: Sequence[Number], limits: Mapping[int, Limit], kept: Collection[int] = frozenset()
    ) -> list[Number]:
        """Find the texts.

        Args:
            fitted: All constants.
            limits: Those that are limits.
            kept: Those that are as they are written, and stay so.

        Returns:
            All constants as they are written now.
        """
        slopes = self._fitter.slopes(fitted)
        self._slopes, self._limits = slopes, limits
        literals = self._numbers.literals
        smooth = np.abs(slopes).max(axis=0, initial=0.0) > 0
        smooth[list(kept)] = True
        values: list[Number] = list(fitted)
        for number in np.flatnonzero(~smooth).tolist():
            values[number] = self._write_limit(number, values)
        free = [number for number in np.flatnonzero(smooth).tolist() if number not in kept]
        self._allowed = np.maximum(SUFFERS, WORSE * noise(self._objective, values, self._rows))
        # Whole numbers have to be whole. What the data determines is short by itself, as long as all others can make up
        # for the last digit; of those that only count together the first stay as they are written.
        order = sorted(free, key=lambda number: (not literals[number].whole, -_strength(slopes, free, number)))
        for number in order:
            free.remove(number)
            values = self._write_one(number, free, values)
        return values

    def count_right_fields(self, values: Sequence[Number]) -> int:
        """How many fields of the checked transitions are right."""
        return self._objective.right_fields(values, self._check)

    def _write_limit(self, number: int, values: Sequence[Number]) -> Number:
        """A limit, or what has no influence: the shortest number with which no transition goes another way."""
        literal, now, limit = self._numbers.literals[number], float(values[number]), self._limits.get(number)
        written = Written(literal.value, literal.text)
        if limit is not None:
            written = shortest_between(*limit.stretch(now), literal)
        tried = [written.value if index == number else value for index, value in enumerate(values)]
        if self.count_right_fields(tried) < self.count_right_fields(values):
            written = exactly(now, literal)
        return self._note(number, written)

    def _write_one(self, number: int, free: list[int], values: list[Number]) -> list[Number]:
        """Write one constant as shortly as the predictions allow, the free ones making up for it."""
        literal, slopes = self._numbers.literals[number], self._slopes
        now = float(values[number])
        right = self.count_right_fields(values)
        for way in ways_to_write(now, literal, self._numbers.knows_pi()):
            move = float(way.value) - now if literal.value == 0 else _log_ratio(float(way.value), now)
            change: Floats = slopes[:, number] * move
            others: Floats = np.zeros(len(free))
            # Nothing makes up for a limit, and how far it moves says nothing about where it stops to matter.
            limit = number in self._limits
            if free and move and not limit:
                others = others + np.linalg.lstsq(slopes[:, free], -change, rcond=_FLAT)[0]
                change = change + slopes[:, free] @ others
            small = abs(move) < _SMALL_MOVE
            suffered = np.abs(change).reshape(-1, self._allowed.shape[1]).max(axis=0, initial=0.0)
            if not limit and (suffered > (self._allowed[1] if small else _REPAIRABLE * (1 + abs(move)))).any():
                continue
            tried = self._moved(values, free, others)
            tried[number] = way.value
            if not (small or limit):
                tried = list(self._fitter.polish(tried, free, self._rows))
            off = noise(self._objective, tried, self._rows)
            if (off <= self._allowed).all() and self.count_right_fields(tried) >= right:
                self._note(number, way)
                if not small:
                    self._slopes = self._fitter.slopes(tried)
                return tried
        tried = list(values)
        tried[number] = self._note(number, exactly(now, literal))
        return tried

    def _moved(self, values: Sequence[Number], free: Sequence[int], moves: Floats) -> list[Number]:
        moved = list(values)
        for place, move in zip(free, np.clip(moves, -1, 1).tolist(), strict=True):
            added = self._numbers.literals[place].value == 0
            moved[place] = values[place] + move if added else values[place] * float(np.exp(move))
        return moved

    def _note(self, number: int, written: Written) -> Number:
        if written.value != self._numbers.literals[number].value:
            self.texts[number] = written.text
        return written.value


def exactly(value: float, literal: Literal) -> Written:
    """A fitted number with all its digits; a whole number stays one."""
    if literal.whole:
        return Written(round(value), str(round(value)))
    return Written(value, repr(value))


def _strength(slopes: Floats, free: Sequence[int], number: int) -> float:
    """How much a constant changes that the others cannot make up for."""
    others = [other for other in free if other != number]
    left = slopes[:, number]
    if others:
        left = left - slopes[:, others] @ np.linalg.lstsq(slopes[:, others], left, rcond=_FLAT)[0]
    return float(np.abs(left).max(initial=0.0))


def _log_ratio(value: float, now: float) -> float:
    """How far one number is from another by factors; a whole factor e where the sign is another."""
    return float(np.log(value / now)) if now != 0.0 and value / now > 0 else -1.0
