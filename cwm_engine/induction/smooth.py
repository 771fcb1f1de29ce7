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
_ROUNDS, _EVALUATIONS, _POLISHES = 5, 30, 10
_PROGRESS = 0.1
"""By how much the logarithm of the typical residuals has to fall in a round for another one to be worth it."""

_STALLED = 3
SOLVED = 0.005
"""The fraction of wrong cells with which there is no need for another start."""

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
        missed: Fraction of the smooth cells outside the tolerance.
        size: Mean logarithm of the typical residuals of each cell.
    """

    values: tuple[Number, ...]
    missed: float
    size: float

    def beats(self, other: Solution | None) -> bool:
        """Whether it fits better."""
        return other is None or (self.missed, self.size) < (other.missed, other.size)


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

    def run(self, start: Sequence[Number], starts: int, enough: float = SOLVED) -> Solution:
        """Fit from the given values, and from others while that does not get nearly everything near.

        Args:
            start: All constants.
            starts: How often to start; a global search comes before the last start.
            enough: The fraction of wrong cells that ends it.

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
            found.append(self._local(first, start, log=last or number % 2 == 0))
            if last or min(one.missed for one in found) <= enough:
                break
        assert self.best is not None  # noqa: S101 - there was at least one start
        return self.best

    def _are_alike(self, found: Sequence[Solution]) -> bool:
        best = min(one.missed for one in found)
        return sum(one.missed <= best + 0.01 for one in found) >= _STALLED

    def polish(
        self, values: Sequence[Number], free: Sequence[int], rows: Rows, *, evaluations: int = _POLISHES
    ) -> tuple[Number, ...]:
        """A few Gauss-Newton steps for some constants on other rows, taken only where they help."""
        first = np.array(values, dtype=np.float64)
        if not len(free):
            return tuple(values)
        made = Coordinates(first, self._objective.start, free, log=True)
        places = range(len(made.free))
        solved = self._least_squares(made, np.zeros(len(made.free)), places, rows, evaluations=evaluations)
        after = made.values(solved)
        better = self._size(after, rows) <= self._size(values, rows) + 1e-6
        return tuple(after) if better else tuple(values)

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

    def _local(self, first: Floats, start: Sequence[Number], *, log: bool) -> Solution:
        """Rounds of least squares, each more deaf to outliers than the one before.

        Constants that no prediction ever responds to go back to where they were: other starts move them too.
        """
        made = Coordinates(first, self._objective.start, self._free, log=log)
        z = np.zeros(len(made.free))
        solution = self._judged(made.values(z), remember=False)
        moved: set[int] = set()
        for _ in range(_ROUNDS):
            known = self.jacobian(made, z, self.rows)
            active = np.flatnonzero(np.abs(known).max(axis=0, initial=0.0) > 0).tolist()
            if not active:
                break
            moved.update(made.free[place] for place in active)
            before, z = solution, self._least_squares(made, z, active, self.rows, known=known)
            z = self._rare_branches(made, z, active)
            solution = self._judged(made.values(z), remember=False)
            if solution.missed == 0.0:
                break
            if solution.missed >= before.missed and solution.size >= before.size - _PROGRESS:
                break
        kept = set(self._free) - moved
        values = [start[number] if number in kept else value for number, value in enumerate(solution.values)]
        return self._judged(values)

    def _rare_branches(self, made: Coordinates, z: Floats, active: Sequence[int]) -> Floats:
        """Fit what only predictions that are off depend on by itself: the others would drown it."""
        residuals = self._objective.residuals(made.values(z), self.rows)
        off = np.abs(residuals) > self._objective.allowed[self.rows]
        slopes = np.abs(self.jacobian(made, z, self.rows, active))
        free = [place for place in active if slopes[off.ravel(), place].any() and not slopes[~off.ravel(), place].any()]
        return self._least_squares(made, z, free, self.rows[off.any(axis=1)]) if free else z

    def _least_squares(
        self,
        made: Coordinates,
        z: Floats,
        active: Sequence[int],
        rows: Rows,
        *,
        evaluations: int = _EVALUATIONS,
        known: Floats | None = None,
    ) -> Floats:
        """Robust least squares from z over the active coordinates."""
        places = list(active)
        stacked = self._weights(self._objective.residuals(made.values(z), rows), rows).ravel()
        pull = _PULL * np.eye(len(places))
        first = [] if known is None else [known]

        def whole(part: Floats) -> Floats:
            full = z.copy()
            full[places] = part
            return full

        def misses(part: Floats) -> Floats:
            off = self._objective.residuals(made.values(whole(part)), rows).ravel()
            return np.concatenate([off * stacked, pull @ part])

        def slopes(part: Floats) -> Floats:
            found = first.pop() if first else self.jacobian(made, whole(part), rows, places)
            return np.vstack([found[:, places] * stacked[:, None], pull])

        solved = scipy.optimize.least_squares(
            misses, z[places], jac=slopes, loss="soft_l1", max_nfev=evaluations, xtol=1e-12, ftol=1e-7, gtol=1e-14
        )
        return whole(solved.x)

    def _weights(self, residuals: Floats, rows: Rows) -> Floats:
        """How much each residual counts, by how far its cell is off typically.

        So a cell that cannot be right does not keep the others from it. Among those that are, what is off counts by
        its own size: transitions of a rare branch pull at the constants of that branch, and hardly at any others.
        """
        sizes = self._objective.sizes(residuals, rows)
        off = np.abs(residuals) > self._objective.allowed[rows]
        typical = [
            float(np.median(np.abs(column[which]))) if which.any() else 0.0
            for column, which in zip(residuals.T, off.T, strict=True)
        ]
        weights: Floats = 1.0 / (1.5 * np.where(off, np.maximum(sizes, typical), sizes))
        return weights

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

    def _judged(self, values: Sequence[Number], *, remember: bool = True) -> Solution:
        residuals = self._objective.residuals(values, self.rows)
        missed = float((np.abs(residuals) > self._objective.allowed[self.rows]).mean())
        solution = Solution(tuple(values), missed, self._size(values, self.rows, residuals))
        if remember and solution.beats(self.best):
            self.best = solution
        return solution

    def _size(self, values: Sequence[Number], rows: Rows, residuals: Floats | None = None) -> float:
        if residuals is None:
            residuals = self._objective.residuals(values, rows)
        return float(np.log(self._objective.sizes(residuals, rows)).mean())


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
