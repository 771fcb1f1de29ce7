"""Outcomes: what follows a state and an action, field by field, and which predictions of it would be accepted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_engine.trajectories.dataset import Bools, Dataset
from cwm_engine.trajectories.health.grouping import Rows, as_table, group_rows
from cwm_engine.trajectories.structures import Kind, element_names, leaves

TERMINATED = "terminated"
REWARD = "reward"


@dataclass(frozen=True, slots=True)
class OutcomeField:
    """One field of the outcome over all rows: (n,), or (n, k) for a leaf that counts as one field."""

    name: str
    kind: Kind
    array: npt.NDArray[Any]

    def is_nan(self) -> Bools:
        """Rows that no prediction can meet, bool (n,)."""
        if self.kind is not Kind.FLOAT:
            return np.zeros(len(self.array), dtype=np.bool_)
        found = np.isnan(self.array)
        return found if found.ndim == 1 else np.asarray(found.any(axis=1))


@dataclass(frozen=True, slots=True)
class Ranges:
    """For each row considered the predictions of one field that would be accepted: `low <= p <= high`."""

    low: npt.NDArray[Any]
    high: npt.NDArray[Any]

    @classmethod
    def of(cls, field: OutcomeField, rows: Rows, atol: float, rtol: float) -> Ranges:
        """The ranges for some rows of a field; one point each where only the exact value is accepted."""
        values = field.array[rows]
        if field.kind is not Kind.FLOAT:
            if values.dtype == object or values.ndim > 1:
                values = group_rows(values).ids
            return cls(values, values)
        values = values.astype(np.float64)
        with np.errstate(invalid="ignore"):
            margin = np.where(np.isfinite(values), atol + rtol * np.abs(values), 0.0)
        values = np.where(np.isnan(values), np.inf, values)  # NaN differs from every number but not from NaN
        return cls(values - margin, values + margin)

    def conflicting(self, starts: Rows) -> Bools:
        """For each run of rows that begins at `starts` whether no prediction is accepted by all of them."""
        apart = np.maximum.reduceat(self.low, starts) > np.minimum.reduceat(self.high, starts)
        return apart if apart.ndim == 1 else np.asarray(apart.any(axis=1))

    def cells(self, pairs: Rows) -> tuple[Rows, bool]:
        """Number the values of each pair so that those which touch within tolerance share a number.

        Also says whether any number stands for values that are too far apart for one prediction, as in a chain.
        """
        if self.low.ndim > 1:
            return group_rows(np.where(np.isinf(self.low), 0.0, self.low)).ids, False
        order = np.lexsort((self.low, pairs))
        low, high, group = self.low[order], self.high[order], pairs[order]
        new = np.ones(len(order), dtype=np.bool_)
        new[1:] = (group[1:] != group[:-1]) | (low[1:] > high[:-1])
        starts = np.flatnonzero(new)
        wide = np.maximum.reduceat(low, starts) > np.minimum.reduceat(high, starts)
        cells = np.empty(len(order), dtype=np.int64)
        cells[order] = np.cumsum(new) - 1
        return cells, bool(wide.any())

    def deepest(self, groups: Rows, weight: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """For each group the largest weight of rows that one prediction satisfies (a sweep over the intervals)."""
        place = np.concatenate([self.low, self.high])
        closes = np.repeat([0, 1], len(groups))
        group = np.concatenate([groups, groups])
        change = np.concatenate([weight, -weight])
        order = np.lexsort((closes, place, group))
        level = np.cumsum(change[order])  # every group returns to where it began
        starts = np.flatnonzero(np.diff(group[order], prepend=-1))
        base = np.concatenate([[0.0], level[starts[1:] - 1]])
        return np.asarray(np.maximum.reduceat(level, starts) - base)


def outcome_fields(dataset: Dataset) -> list[OutcomeField]:
    """The fields of the next observation, the reward and `terminated`, named as in reports."""
    columns = dataset.next_observations
    found = []
    for (_, leaf), names, array in zip(
        leaves(columns.structure), element_names(columns.structure, "obs"), columns.arrays, strict=True
    ):
        table = as_table(array)
        if len(names) == table.shape[1]:
            found += [OutcomeField(name, leaf.kind, table[:, index]) for index, name in enumerate(names)]
        else:
            found.append(OutcomeField(names[0], leaf.kind, table))
    found.append(OutcomeField(REWARD, Kind.FLOAT, dataset.rewards))
    found.append(OutcomeField(TERMINATED, Kind.BOOL, dataset.terminated.view(np.uint8)))
    return found


def is_ignored(name: str, ignore: Iterable[str]) -> bool:
    """Whether a field is one of the ignored ones, or a part of one."""
    return any(name == field or name.startswith((f"{field}[", f"{field}.")) for field in ignore)
