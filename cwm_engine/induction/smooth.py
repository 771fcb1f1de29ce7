"""Smooth fits: robust least squares over constants that predictions respond to, from several starts.

Constants are varied by factors (their logarithms are fitted), which keeps their signs and makes products linear;
every other start varies them by sums instead, so that a sign can change. Imported where it runs: it needs SciPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.optimize

from cwm_engine.induction.literals import Number
from cwm_engine.induction.objective import FAR, Floats, Objective, Rows

_STEP, _ROUNDED_STEP = 1e-6, 3e-3
_JUMP, _STEEP = 1e-2, 30.0
"""A change larger than these allow after so small a step is a branch taken, not a slope."""
_ROUNDS, _EVALUATIONS = 5, 30
_STALLED, _SOLVED = 3, 0.02
_PULL = 0.01
"""How much a factor e in a constant counts against the residuals, in the typical one: it decides only what they do not.

Without it, constants of which only combinations are determined run away together.
"""

_GLOBAL_ROWS, _GLOBAL_TURNS, _GLOBAL_CROWD = 30, 12, 4


@dataclass(frozen=True)
class Solution:
    """Constants that fit best so far.

    Attributes:
        values: All constants.
        missed: Fraction of the rows with a smooth cell outside the tolerance.
        median: Median size of the residuals.
    """

    values: tuple[Number, ...]
    missed: float
    median: float

    def beats(self, other: Solution | None) -> bool:
        """Whether it fits better."""
        return other is None or (self.missed, self.median) < (other.missed, other.median)


def prepare() -> None:
    """Have SciPy load what it loads on first use, before the sandbox closes."""
    scipy.optimize.least_squares(lambda z: z - 1.0, np.zeros(2), loss="soft_l1", max_nfev=3)
    scipy.optimize.least_squares(lambda z: z - 1.0, np.zeros(2), jac=lambda _: np.eye(2), bounds=(-2, 2), max_nfev=3)
    scipy.optimize.differential_evolution(lambda z: float(z @ z), [(-1, 1)], maxiter=1, popsize=2, rng=0, polish=False)


class Fitter:
    """Fits constants to rows.

    Args:
        objective: The model and the data.
        rows: Rows to fit; a few dozen are enough, and each costs a run of the model for each constant.
        free: Numbers of the constants that may change.
        seed: For the starts.

    Attributes:
        best: The best fit so far; it is there even after an `OutOfTime`.
    """

    def __init__(self, objective: Objective, rows: Rows, free: Sequence[int], seed: int = 0) -> None:
        self._objective, self.rows = objective, rows
        self._free = list(free)
        self._rng = np.random.default_rng(seed)
        self.best: Solution | None = None

    def run(self, start: Sequence[Number], starts: int) -> Solution:
        """Fit from the given values, and from others while that does not get nearly everything near.

        Args:
            start: All constants.
            starts: How often to start; a global search comes before the last start.

        Raises:
            OutOfTime: The objective's deadline has passed.
        """
        found: list[Solution] = []
        for number in range(starts):
            first = np.array(start, dtype=np.float64)
            # Ends that are alike say that more starts of this kind are of no use.
            last = starts > 1 and (number == starts - 1 or (len(found) >= _STALLED and self._are_alike(found)))
            if last:
                first = self._global(first)
            elif number:
                first[self._free] *= np.exp(self._rng.normal(0.0, 0.35, len(self._free)))
            found.append(self._local(first, log=last or number % 2 == 0))
            if last or min(one.missed for one in found) <= _SOLVED:
                break
        assert self.best is not None  # noqa: S101 - there was at least one start
        return self.best

    def _are_alike(self, found: Sequence[Solution]) -> bool:
        best = min(one.missed for one in found)
        return sum(one.missed <= best + 0.01 for one in found) >= _STALLED

    def polish(self, values: Sequence[Number], free: Sequence[int], rows: Rows) -> tuple[Number, ...]:
        """A few Gauss-Newton steps for some constants on other rows, taken only where they help."""
        first = np.array(values, dtype=np.float64)
        if not len(free):
            return tuple(values)
        size = self._objective.residuals(first.tolist(), rows)
        scale = _median(size)
        made = Coordinates(first, self._objective.start, free, log=True)
        pull = _PULL * max(scale, 1e-9) * np.eye(len(made.free))
        solved = scipy.optimize.least_squares(
            lambda z: np.concatenate([self._objective.residuals(made.values(z), rows).ravel(), pull @ z]),
            np.zeros(len(made.free)),
            jac=lambda z: np.vstack([self.jacobian(made, z, rows), pull]),
            loss="soft_l1",
            f_scale=max(2 * scale, 1e-9),
            max_nfev=10,
            xtol=1e-12,
            ftol=1e-9,
        )
        after = made.values(solved.x)
        return tuple(after) if _median(self._objective.residuals(after, rows)) <= scale * 1.000001 else tuple(values)

    def slopes(self, values: Sequence[Number]) -> Floats:
        """How predictions change with the logarithm of each constant, in tolerances, shape (cells, constants)."""
        first, every = np.array(values, dtype=np.float64), range(len(values))
        made = Coordinates(first, self._objective.start, every, log=True)
        found = self.jacobian(made, np.zeros(len(values)), self.rows)
        return found / self._objective.allowed[self.rows].reshape(-1, 1)

    def jacobian(self, made: Coordinates, z: Floats, rows: Rows, active: Sequence[int] | None = None) -> Floats:
        """Derivatives of the residuals by forward differences, shape (residuals, coordinates).

        What jumps is no derivative and counts as none; coordinates that are not active are not tried.
        """
        step = _ROUNDED_STEP if self._objective.is_rounded else _STEP
        here = self._objective.residuals(made.values(z), rows).ravel()
        found = np.zeros((len(here), len(z)))
        for index in range(len(z)) if active is None else active:
            moved = z.copy()
            moved[index] += step
            slope = (self._objective.residuals(made.values(moved), rows).ravel() - here) / step
            missing = np.abs(here) >= FAR
            found[:, index] = np.where((np.abs(slope) * step < _JUMP + _STEEP * step) & ~missing, slope, 0.0)
        return found

    def _local(self, first: Floats, *, log: bool) -> Solution:
        """Rounds of least squares, each more deaf to outliers than the one before."""
        made = Coordinates(first, self._objective.start, self._free, log=log)
        z = np.zeros(len(made.free))
        solution = self._judged(made.values(z))
        for _ in range(_ROUNDS):
            z, solution, better = self._round(made, z, solution)
            if not better or solution.missed == 0.0:
                break
        return solution

    def _round(self, made: Coordinates, z: Floats, before: Solution) -> tuple[Floats, Solution, bool]:
        responsive = self.jacobian(made, z, self.rows)
        active = np.flatnonzero(np.abs(responsive).max(axis=0, initial=0.0) > 0)
        if not len(active):
            return z, before, False
        first = [responsive]
        pull = _PULL * max(before.median, 1e-9) * np.eye(len(active))

        def whole(part: Floats) -> Floats:
            full = z.copy()
            full[active] = part
            return full

        def slopes(part: Floats) -> Floats:
            known = first.pop() if first else self.jacobian(made, whole(part), self.rows, active.tolist())
            return np.vstack([known[:, active], pull])

        def misses(part: Floats) -> Floats:
            return np.concatenate([self._objective.residuals(made.values(whole(part)), self.rows).ravel(), pull @ part])

        solved = scipy.optimize.least_squares(
            misses,
            z[active],
            jac=slopes,
            loss="soft_l1",
            f_scale=max(1.5 * before.median, 1e-9),
            max_nfev=_EVALUATIONS,
            xtol=1e-12,
            ftol=1e-7,
            gtol=1e-14,
        )
        after = whole(solved.x)
        solution = self._judged(made.values(after))
        better = solution.missed < before.missed or solution.median < 0.5 * before.median
        return after, solution, better

    def _global(self, first: Floats) -> Floats:
        """Differential evolution on few rows, for a start in another valley."""
        rows = self.rows[:_GLOBAL_ROWS]
        made = Coordinates(first, self._objective.start, self._free, log=True)

        def size(z: Floats) -> float:
            return float(np.minimum(np.abs(self._objective.residuals(made.values(z), rows)), 3.0).mean())

        solved = scipy.optimize.differential_evolution(
            size,
            [(-1.0, 1.0)] * len(made.free),
            maxiter=_GLOBAL_TURNS,
            popsize=_GLOBAL_CROWD,
            rng=self._rng,
            polish=False,
        )
        return np.array(made.values(solved.x))

    def _judged(self, values: Sequence[Number]) -> Solution:
        residuals = self._objective.residuals(values, self.rows)
        missed = 1.0 - float(self._objective.near(residuals, self.rows).mean())
        solution = Solution(tuple(values), missed, _median(residuals))
        if solution.beats(self.best):
            self.best = solution
        return solution


class Coordinates:
    """How constants are varied: by factors `exp(z)` or by multiples `1 + z`.

    What is written as zero has no size of its own and is varied by sums.

    Args:
        first: All constants at z = 0.
        written: All constants as they are written.
        free: Numbers of those that vary.
        log: By factors, or by multiples.
    """

    def __init__(self, first: Floats, written: Sequence[Number], free: Sequence[int], *, log: bool) -> None:
        self._first, self._log = first, log
        self.free = list(free)
        self._added = np.array([written[number] == 0 for number in self.free], dtype=np.bool_)

    def values(self, z: Floats) -> list[Number]:
        """All constants."""
        made = self._first.copy()
        base = made[self.free]
        moved = base * np.exp(np.clip(z, -30, 30)) if self._log else base * (1.0 + z)
        made[self.free] = np.where(self._added, base + z, moved)
        found: list[Number] = made.tolist()
        return found


def _median(residuals: Floats) -> float:
    """The median of what is off at all; much of a prediction may be right whatever the constants are."""
    sizes = np.abs(residuals).max(axis=1, initial=0.0)
    return float(np.median(sizes)) if len(sizes) else 0.0
