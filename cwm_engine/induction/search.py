"""The search for the numbers of a model: smooth fit, limits, short numbers, and what the data cannot determine."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cwm_engine.diagnosis.execution.executor import Loader, ModelRef, load_plainly
from cwm_engine.diagnosis.execution.sample import Sample
from cwm_engine.induction import steps
from cwm_engine.induction.identifiability import Open, Reason, undetermined
from cwm_engine.induction.limits import Limit, improve, limits_of
from cwm_engine.induction.literals import Number, Numbers
from cwm_engine.induction.objective import Objective, OutOfTime, Rows
from cwm_engine.induction.smooth import SOLVED, Fitter
from cwm_engine.induction.sparing import Spared, Sparer
from cwm_engine.induction.writing import Writer, exactly

_FIT_ROWS, _CHECK_ROWS = 64, 400
_STARTS, _ROUNDS = 7, 4
_NEARLY = 0.1
"""Fraction of the smooth cells that may be wrong for limits to be moved before other starts are tried."""

_FIT_SHARE = 0.7
"""Share of the time for finding the numbers; the rest is for writing them well."""

_SPARING_SHARE = 0.4
"""Share of what is left then for finding out which numbers need not change."""


@dataclass
class Found:
    """What a search found.

    Attributes:
        texts: How constants are to be written, by number; those that stay as they are are left out.
        values: All constants as they are written then.
        undetermined: Constants that the data does not determine.
        missed: Fraction of the fields of the checked transitions that is still wrong.
        runs: Transitions run.
        in_time: Whether the search came to its end.
    """

    texts: dict[int, str] = field(default_factory=dict)
    values: tuple[Number, ...] = ()
    undetermined: list[Open] = field(default_factory=list)
    missed: float = 1.0
    runs: int = 0
    in_time: bool = True


def search(
    numbers: Numbers,
    model: ModelRef,
    sample: Sample,
    *,
    deadline: float,
    seed: int = 0,
    tell: bool = True,
    loader: Loader = load_plainly,
) -> Found:
    """Fit the constants of a program to a sample.

    Args:
        numbers: The program.
        model: The model in it.
        sample: Transitions with outcomes.
        deadline: `time.process_time()` at which to stop.
        seed: For the choice of transitions and starts.
        tell: Whether to find out what the data does not determine.
        loader: What runs the module.

    Raises:
        BaseException: Whatever loading the model raises.
    """
    now = time.process_time()
    objective = Objective(numbers, model, sample, loader, deadline=now + _FIT_SHARE * (deadline - now))
    watched = Objective(numbers, model, sample, loader, deadline=deadline, watch=True)
    work = _Search(numbers, objective, watched, seed)
    found = Found()
    try:
        work.fit()
    except OutOfTime:
        found.in_time = False
    objective.deadline = deadline
    try:
        work.write(found)
        if tell:
            work.tell(found)
    except OutOfTime:
        found.in_time = False
        found.texts = found.texts or work.plain_texts()
    found.values, found.missed, found.runs = work.values, work.missed, objective.runs + watched.runs
    return found


class _Search:
    def __init__(self, numbers: Numbers, objective: Objective, watched: Objective, seed: int) -> None:
        self._numbers, self._objective, self._watched = numbers, objective, watched
        rng = np.random.default_rng(seed)
        everything = rng.permutation(len(objective))
        telling = _telling(objective.sample, rng)
        self._all = np.arange(len(objective))
        self._rows = _first_of(telling[: _FIT_ROWS // 4], everything, _FIT_ROWS)
        self._check = _first_of(telling[: _CHECK_ROWS // 2], everything, _CHECK_ROWS)
        self._fitter = Fitter(objective, self._rows, range(len(numbers)), seed)
        self.values: tuple[Number, ...] = objective.start
        self.missed = 1.0

    def fit(self) -> None:
        """Find the numbers."""
        self._take(self.values)
        starts, enough = _STARTS, _NEARLY
        for _ in range(_ROUNDS):
            if self._is_done():
                return
            try:
                self._fitter.run(self.values, starts, enough)
            finally:
                if self._fitter.best is not None:
                    self._take(self._fitter.best.values)
            if self._is_done():
                return
            if self._move():
                starts = 1
            elif enough == _NEARLY:
                starts, enough = _STARTS, SOLVED
            else:
                return

    def _move(self) -> bool:
        """Move limits, or what predictions follow in steps, whichever helps more."""
        before = self.values
        limits = limits_of(self._watched, before, self._all)
        flat = np.flatnonzero(~self._fitter.slopes(before).any(axis=0)).tolist()
        stepped = steps.improve(self._objective, before, [one for one in flat if one not in limits], self._check)
        moved = [self._take(stepped), self._take(improve(self._objective, limits, before, self._check))]
        return any(moved)

    def _is_done(self) -> bool:
        """Whether every transition is right; if only the checked ones are, others are checked from now on."""
        if self.missed > 0.0:
            return False
        wrong = np.flatnonzero(~self._objective.right(self.values, self._all))
        if not len(wrong):
            return True
        self._check = np.union1d(self._check, wrong[:_CHECK_ROWS])
        self.missed = self._missed(self.values)
        return False

    def write(self, found: Found) -> None:
        """Write the numbers well."""
        sharp = self._fitter.polish(self.values, range(len(self.values)), self._rows)
        self._take(sharp)
        limits = limits_of(self._watched, self.values, self._all)
        spared = self._spared(limits)
        values, found.texts = self._written(spared.values, limits, spared.kept)
        if spared.kept and self._count_right(values) < self._count_right(self.values):
            values, found.texts = self._written(self.values, limits, frozenset())
        self.values = tuple(values)
        self.missed = self._missed(values)

    def tell(self, found: Found) -> None:
        """Tell the constants that the data does not determine."""
        limits = limits_of(self._watched, self.values, self._all)
        opened = undetermined(self._fitter.slopes(self.values), limits)
        found.undetermined = [one for one in opened if one.reason is not Reason.UNUSED]
        found.undetermined = steps.looked_at_closer(self._objective, self.values, opened, self._all)

    def _spared(self, limits: Mapping[int, Limit]) -> Spared:
        """The fitted values with as few changes as possible, if such are found in a part of the time."""
        objective = self._objective
        deadline, now = objective.deadline, time.process_time()
        objective.deadline = now + _SPARING_SHARE * (deadline - now)
        try:
            spared = Sparer(self._numbers, objective, self._fitter, self._check).spare(self.values, limits)
        except OutOfTime:
            spared = None
        finally:
            objective.deadline = deadline
        return spared or Spared(self.values, frozenset())

    def _written(
        self, values: Sequence[Number], limits: Mapping[int, Limit], kept: frozenset[int]
    ) -> tuple[list[Number], dict[int, str]]:
        writer = Writer(self._numbers, self._objective, self._fitter, self._check)
        return writer.write(values, limits, kept), writer.texts

    def plain_texts(self) -> dict[int, str]:
        """All digits of the numbers."""
        written = [
            exactly(float(value), literal) for value, literal in zip(self.values, self._numbers.literals, strict=True)
        ]
        return {number: way.text for number, way in enumerate(written) if way.value != self._objective.start[number]}

    def _take(self, values: Sequence[Number]) -> bool:
        """Take values that make more fields of the checked transitions right."""
        missed = self._missed(values)
        better = missed < self.missed
        if better or (missed == self.missed and self._fitter.best is not None):
            self.values, self.missed = tuple(values), missed
        return better

    def _count_right(self, values: Sequence[Number]) -> int:
        """How many transitions of the whole sample are predicted rightly."""
        return int(self._objective.right(values, self._all).sum())

    def _missed(self, values: Sequence[Number]) -> float:
        return 1.0 - self._objective.right_fields(values, self._check) / self._objective.all_fields(self._check)


def _telling(sample: Sample, rng: np.random.Generator) -> Rows:
    """Transitions that something happens in: an end, a rare reward, something at the edge of all that was seen."""
    rare = np.zeros(len(sample), dtype=np.float64)
    rare[sample.terminated] += 2.0
    common = np.unique(sample.rewards, return_inverse=True, return_counts=True)
    if len(common[0]) <= 20:
        rare += (common[2][common[1]] < 0.1 * len(sample)).astype(float)
    for array in (*sample.following.arrays, *sample.states.arrays, *sample.actions.arrays):
        flat = array.reshape(len(sample), -1)
        if flat.dtype.kind == "f" and len(sample):
            rare += ((flat == flat.min(axis=0)) | (flat == flat.max(axis=0))).any(axis=1)
    rows = np.flatnonzero(rare > 0)
    return rows[np.lexsort((rng.random(len(rows)), -rare[rows]))]


def _first_of(first: Rows, others: Rows, most: int) -> Rows:
    return np.array(list(dict.fromkeys([*first.tolist(), *others.tolist()]))[:most], dtype=np.intp)
