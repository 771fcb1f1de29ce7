"""The objective: a model with its constants as parameters, run on a sample and held against the outcomes."""

from __future__ import annotations

import ast
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_engine.diagnosis.execution.executor import Bench, Loader, ModelRef, load_plainly
from cwm_engine.diagnosis.execution.levels import Level, levels_of
from cwm_engine.diagnosis.execution.sample import Sample
from cwm_engine.induction.literals import Number, Numbers
from cwm_engine.induction.tracing import Sides, Tracer, traced
from cwm_engine.trajectories.columns import Kind
from cwm_engine.world_model.counters import Counters
from cwm_engine.world_model.probes import instrument

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]

FAR = 1e3
"""The residual of a prediction that is missing, and the most that any counts."""

_LOOP_ITERATIONS = 20_000
_NOTHING = 1e-3
_FLOOR = 1e-3


Answer = tuple[tuple[Any, ...] | None, int]
"""A prediction, comparable, and how many of its fields are right."""


class OutOfTime(Exception):  # noqa: N818 - an event
    """The deadline has passed."""


class Objective:
    """Runs a program with any values of its constants.

    Args:
        numbers: The program and its constants.
        model: The model in it.
        sample: Transitions to predict, with their outcomes.
        loader: What runs the module.
        deadline: `time.process_time()` at which every call raises `OutOfTime`.
        watch: Whether to record comparisons; see `events`.

    Attributes:
        start: The constants as they are written.
        scale: For each smooth cell, the size of a change that matters; residuals are in these units.
        allowed: For each row and smooth cell, the tolerance in the same units.
        observed: What was observed in the smooth cells, in its own units.
        runs: How many transitions were run.

    Raises:
        BaseException: Whatever loading the model raises.
    """

    def __init__(
        self,
        numbers: Numbers,
        model: ModelRef,
        sample: Sample,
        loader: Loader = load_plainly,
        *,
        deadline: float = float("inf"),
        watch: bool = False,
    ) -> None:
        self.start: tuple[Number, ...] = tuple(literal.value for literal in numbers.literals)
        self.sample, self.deadline = sample, deadline
        self.runs = 0
        self._names = [f"_cwm_c{index}" for index in range(len(numbers))]
        levels = levels_of(numbers.tree, model.name)
        self._level = max((levels.get(literal.line, Level.STEP) for literal in numbers.literals), default=Level.STEP)
        self._counters = Counters(_LOOP_ITERATIONS)
        self._tracer = Tracer()
        tree: ast.Module = numbers.parametrized(self._names)
        if watch:
            tree = traced(tree)
        names = {**self._counters.names, **self._tracer.names, **dict(zip(self._names, self.start, strict=True))}
        self._bench = Bench(instrument(tree).tree, model, sample, names, loader)
        self._fields = len(self._bench.judge.names)
        self._smooth, observed = _smooth_cells(sample)
        self.scale = _scales(sample, observed)
        self.observed = observed
        self._observed = observed / self.scale
        tolerance = sample.tolerance
        self.allowed = (tolerance.atol + tolerance.rtol * np.abs(observed)) / self.scale
        self._counted = ~sample.excused[:, self._smooth] & np.isfinite(observed)

    def __len__(self) -> int:
        return len(self.sample)

    @property
    def is_rounded(self) -> bool:
        """Whether the model computes with the stored, short floats, so that small steps drown in rounding."""
        return self.sample.form != "plain"

    def predict(self, values: Sequence[Number], rows: Rows) -> Floats:
        """Smooth cells of the predictions in units of `scale`, shape (rows, cells); NaN where there is none."""
        self._check_time()
        width = len(self._smooth)
        if not self._set(values):
            return np.full((len(rows), width), np.nan)
        found: list[list[Any]] = []
        nothing = [np.nan] * width
        bench, cells_of, refill, smooth = self._bench, self._bench.judge.cells, self._counters.refill, self._smooth
        for row in rows.tolist():
            refill()
            try:
                cells = cells_of(bench.output(row))
                found.append([float(cells[cell]) for cell in smooth])
            except KeyboardInterrupt:
                raise
            except BaseException:  # noqa: BLE001 - a model may raise anything
                found.append(nothing)
        self.runs += len(rows)
        return np.array(found, dtype=np.float64).reshape(len(rows), width) / self.scale

    def residuals(self, values: Sequence[Number], rows: Rows) -> Floats:
        """How far the smooth cells are off, in units of `scale`, shape (rows, cells); at most `FAR`."""
        with np.errstate(all="ignore"):
            off = self.predict(values, rows) - self._observed[rows]
        off = np.clip(np.where(np.isfinite(off), off, FAR), -FAR, FAR)
        return np.where(self._counted[rows], off, 0.0)

    def sizes(self, residuals: Floats, rows: Rows) -> Floats:
        """The typical size of the residuals in each cell; never less than a small part of the tolerance."""
        return np.maximum(np.median(np.abs(residuals), axis=0), _FLOOR * np.median(self.allowed[rows], axis=0))

    def right(self, values: Sequence[Number], rows: Rows) -> npt.NDArray[np.bool_]:
        """Which rows are predicted rightly in every field."""
        self._check_time()
        if not self._set(values):
            return np.zeros(len(rows), dtype=np.bool_)
        self.runs += len(rows)
        accepts, refill = self._bench.accepts, self._counters.refill
        found = []
        for row in rows.tolist():
            refill()
            found.append(accepts(row))
        return np.array(found, dtype=np.bool_)

    def right_fields(self, values: Sequence[Number], rows: Rows) -> int:
        """How many fields of the rows are predicted rightly, all fields counted; of `all_fields` there are."""
        self._check_time()
        if not self._set(values):
            return 0
        self.runs += len(rows)
        measure, refill = self._bench.measure, self._counters.refill
        count = 0
        for row in rows.tolist():
            refill()
            miss = measure(row)
            count += 0 if miss is None else self._fields - miss.wrong.bit_count()
        return count

    def answers(self, values: Sequence[Number], rows: Rows) -> list[Answer]:
        """For each row what is predicted, as something that equals the same prediction, and how many fields are right.

        Where nothing is predicted it is None, and no field is right.
        """
        self._check_time()
        if not self._set(values):
            return [(None, 0)] * len(rows)
        self.runs += len(rows)
        look, refill = self._bench.look, self._counters.refill
        found: list[Answer] = []
        for row in rows.tolist():
            refill()
            seen = look(row)
            if seen is None:
                found.append((None, 0))
            else:
                cells, wrong = seen
                found.append((tuple(map(_comparable, cells)), self._fields - wrong.bit_count()))
        return found

    def all_fields(self, rows: Rows) -> int:
        """How many fields the rows have."""
        return self._fields * len(rows)

    def events(self, values: Sequence[Number], rows: Rows) -> list[Sides]:
        """For each row the comparisons it made, by place and occurrence: both sides. Needs `watch`."""
        self._check_time()
        found: list[Sides] = []
        if not self._set(values):
            return [{} for _ in rows]
        for row in rows.tolist():
            self._tracer.clear()
            self._counters.refill()
            self._bench.accepts(row)
            found.append(self._tracer.taken())
        self.runs += len(rows)
        return found

    def _set(self, values: Sequence[Number]) -> bool:
        machine = self._bench.machine
        for name, value, written in zip(self._names, values, self.start, strict=True):
            # `range(5.0)` is an error, though it is the number that is written.
            whole = isinstance(written, int) and isinstance(value, float) and value.is_integer()
            machine.namespace[name] = int(value) if whole else value
        self._counters.refill()
        try:
            machine.reset(self._level)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - a constructor may raise anything for other numbers
            return False
        return True

    def _check_time(self) -> None:
        if time.process_time() > self.deadline:
            raise OutOfTime


def _smooth_cells(sample: Sample) -> tuple[list[int], Floats]:
    """The cells that are floats, the reward included, and what was observed in them."""
    cells: list[int] = []
    columns: list[npt.NDArray[Any]] = []
    cell = 0
    layout = sample.layout
    for leaf, names, array in zip(layout.leaves, layout.leaf_fields, sample.following.arrays, strict=True):
        flat = array.reshape(len(sample), -1)
        if leaf.kind is Kind.FLOAT and flat.shape[1] == len(names):
            cells += range(cell, cell + len(names))
            columns += list(flat.T)
        cell += len(names)
    return [*cells, cell], np.column_stack([*columns, sample.rewards]).astype(np.float64)


def _comparable(cell: Any) -> Any:
    """Something that equals the same cell of another prediction; large ones are not kept."""
    if isinstance(cell, np.ndarray):
        return hash(cell.tobytes())
    return None if cell != cell else cell  # noqa: PLR0124 - not a number, which equals nothing


def _scales(sample: Sample, observed: Floats) -> Floats:
    """How much each cell changes in a step where that can be told, else how much it varies."""
    if not len(sample):
        return np.ones(observed.shape[1])
    spread = np.nanstd(observed, axis=0)
    if sample.states.structure == sample.following.structure:
        before = _smooth_cells(_still(sample))[1]
        step = np.nanstd(observed[:, :-1] - before[:, :-1], axis=0)
        spread[:-1] = np.maximum(step, _NOTHING * spread[:-1])
    return np.where(
        np.isfinite(spread) & (spread > 0), spread, np.maximum(np.nanmean(np.abs(observed), axis=0), _NOTHING)
    )


def _still(sample: Sample) -> Sample:
    return replace(sample, following=sample.states)
