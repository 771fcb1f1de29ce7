"""Clipped values: numbers that stop at a bound, and whether what lies beyond it is lost.

An environment that clips what it shows (Walker2d's velocities at -10 and 10) hides its state there, and no model
can predict what follows; one that limits the state itself (MountainCar's position at -1.2) hides nothing. The two are
told apart by what follows: a change fitted where nothing is clipped, as in `firststeps`, misses more after values at
the bound than after values just before it. That is evidence and no proof: dynamics that change exactly at the bound,
such as Ant's contacts, look the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cwm_engine.trajectories.dataset import Bools, Dataset
from cwm_engine.trajectories.health.grouping import Rows
from cwm_engine.trajectories.health.regression import SparseFit, evenly
from cwm_engine.trajectories.health.tables import Matrix, Table, categories, float_table, indicators

_FEWEST = 5
_INTERIOR = 20
_DISTINCT = 0.5
_ROUNDING = 2
_FIT_ROWS = (30, 3000)
_JUDGED_ROWS = 1000
_WORSE = 5.0
_TIGHT = 0.1
_TELLING = 0.02
_NEAR = (10, 200)


@dataclass(frozen=True, slots=True)
class ClippedField:
    """A number that is often exactly at its smallest or largest value.

    Attributes:
        name: The field, e.g. `obs[8]`.
        low: The lower bound, None if the number is not clipped there.
        high: The upper bound, None if the number is not clipped there.
        count: Observations at a bound.
    """

    name: str
    low: float | None
    high: float | None
    count: int


@dataclass(frozen=True, slots=True)
class Clipping:
    """What is clipped in a dataset.

    Attributes:
        fields: The clipped numbers.
        rows: Rows whose observation has a clipped number, bool (n,).
        hides: Whether transitions from clipped observations follow other dynamics; None if that could not be judged.
    """

    fields: tuple[ClippedField, ...]
    rows: Bools
    hides: bool | None

    @property
    def shared(self) -> bool:
        """Whether several numbers stop at the same bound: it is more likely put there than part of the dynamics."""
        bounds = [abs(bound) for field in self.fields for bound in {abs(b) for b in _bounds(field)}]
        return len(set(bounds)) < len(bounds)


def clipped_values(dataset: Dataset) -> Clipping:
    """Find numbers of the observation that pile up exactly at a bound while all others are spread."""
    if not len(dataset):
        return Clipping((), np.zeros(0, dtype=np.bool_), None)
    table = float_table(dataset.observations, "obs")
    moved = dataset.step > 0  # a starting pose is not a bound
    fields = _all_clipped(table, moved, frozenset())
    shared = Counter(abs(bound) for field in fields for bound in _bounds(field))
    known = frozenset(bound for bound, count in shared.items() if count > 1)
    if known:
        fields = _all_clipped(table, moved, known)  # a bound of several numbers is one for those that rarely reach it
    rows = np.logical_or.reduce(_at_bounds(table, fields), axis=0, initial=False)
    return Clipping(fields, rows, _hides(dataset, fields, rows) if fields else None)


def _all_clipped(table: Table, moved: Bools, known: frozenset[float]) -> tuple[ClippedField, ...]:
    found = (_clipped(table, column, moved, known) for column in range(table.width))
    return tuple(field for field in found if field is not None)


def _clipped(table: Table, column: int, moved: Bools, known: frozenset[float]) -> ClippedField | None:
    values = table.values[:, column]
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)) or low == high:
        return None
    at_low, at_high = values == low, values == high
    often = [
        bound != 0 and (abs(bound) in known or int((at & moved).sum()) >= _FEWEST)
        for bound, at in ((low, at_low), (high, at_high))
    ]  # a number that is often zero is not clipped but absent
    if not any(often):
        return None
    interior = values[~at_low & ~at_high & (values != 0)]
    distinct = np.unique(interior)
    if len(interior) < _INTERIOR or len(distinct) < _DISTINCT * len(interior):
        return None
    step = _ROUNDING * float(table.precision[column])
    lower = low if often[0] and distinct[0] - low > step * abs(low) else None
    upper = high if often[1] and high - distinct[-1] > step * abs(high) else None  # else rounding, as of cos(0.0001)
    count = int((at_low & (lower is not None)).sum() + (at_high & (upper is not None)).sum())
    return ClippedField(table.names[column], lower, upper, count) if count else None


def _hides(dataset: Dataset, fields: Sequence[ClippedField], clipped: Bools) -> bool | None:
    """Whether a fit to transitions without clipped values misses more after a bound than just before it."""
    arrives = _at_bounds(float_table(dataset.next_observations, "obs"), fields).any(axis=0)
    free = np.flatnonzero(~clipped & ~arrives & (dataset.step > 0))
    bound = np.flatnonzero(clipped & (dataset.step > 0))
    if len(free) < _FIT_ROWS[0] or len(bound) < _FEWEST:
        return None
    free, bound = free[evenly(len(free), _FIT_ROWS[1])], bound[evenly(len(bound), _JUDGED_ROWS)]
    rows = np.concatenate([free, bound])
    before, after = (float_table(part, "obs", rows) for part in (dataset.observations, dataset.next_observations))
    action = float_table(dataset.actions, "action", rows)
    kind = indicators(categories(dataset.actions.take(rows)))
    features = np.concatenate([before.values, action.values, kind, after.values], axis=1)
    if not np.isfinite(features).all():
        return None
    at_bound = [at for at in map(np.flatnonzero, _at_bounds(before, fields)) if len(at) >= _FEWEST]
    near = _nearest(before.values[: len(free)], before, fields)[: min(_NEAR[1], len(free) // 3)]
    if not at_bound or len(near) < _NEAR[0]:
        return None
    fitted = np.setdiff1d(np.arange(len(free)), near)
    fit = SparseFit(features[fitted])
    offset = before.width + action.width + kind.shape[1]
    judged = False
    limited = {field.name for field in fields}
    for target in [target for target, name in enumerate(before.names) if name not in limited]:
        change = after.values[:, target] - before.values[:, target]
        usual = float(np.median(np.abs(change - np.median(change))))
        floor = 4 * float(before.precision[target]) * float(np.abs(before.values[:, target]).max())
        missed = np.abs(change - fit.fit(change[fitted], exclude=offset + target)(features))
        expected = max(_typical(missed[near]), floor)
        if expected > _TIGHT * usual:
            continue
        judged = True
        worst = max(_typical(missed[at]) for at in at_bound)
        if worst > _WORSE * expected and worst > _TELLING * usual:
            return True
    return False if judged else None


def _nearest(values: Matrix, table: Table, fields: Sequence[ClippedField]) -> Rows:
    """The rows of `values` by how near one of the fields is to a bound of it, nearest first."""
    distances = []
    for field in fields:
        column = values[:, table.names.index(field.name)]
        distances += [np.abs(column - bound) / (column.std() + 1e-300) for bound in _bounds(field)]
    return np.argsort(np.min(distances, axis=0), kind="stable")


def _at_bounds(table: Table, fields: Sequence[ClippedField]) -> Bools:
    """Where each of the fields is exactly at a bound of it, (fields, rows)."""
    found = np.zeros((len(fields), len(table.values)), dtype=np.bool_)
    for row, field in zip(found, fields, strict=True):
        row[:] = np.isin(table.values[:, table.names.index(field.name)], _bounds(field))
    return found


def _bounds(field: ClippedField) -> list[float]:
    return [bound for bound in (field.low, field.high) if bound is not None]


def _typical(missed: npt.NDArray[np.float64]) -> float:
    return float(np.quantile(missed, 0.75))
