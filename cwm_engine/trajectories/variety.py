"""Few transitions that show much: always the one that is least like those chosen before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cwm_engine.trajectories.dataset import Dataset

Features = npt.NDArray[np.float64]

_NUMBERS = 64
"""Numbers of each part of a state that are looked at."""
_KINDS = 32


def features_of(dataset: Dataset, rows: npt.NDArray[np.intp], *more: npt.NDArray[np.bool_]) -> Features:
    """Transitions as numbers of comparable size: state, what changed in it, action, reward.

    Args:
        dataset: The transitions.
        rows: Which of them, n.
        more: Further columns (n, m).

    Returns:
        An array (n, d) with values 0..1. Of text only counts whether it is the same.
    """
    before, after = dataset.observations.take(rows), dataset.next_observations.take(rows)
    parts: list[npt.NDArray[np.float64]] = [
        dataset.rewards[rows, None],
        *(columns.astype(np.float64) for columns in more),
    ]
    for here, there in zip(before.arrays, after.arrays, strict=True):
        old, new = here.reshape(len(rows), -1)[:, :_NUMBERS], there.reshape(len(rows), -1)[:, :_NUMBERS]
        if object in (here.dtype, there.dtype):
            parts += [_kinds(column) for column in (*old.T, *new.T)]
        else:
            parts += [numbers := old.astype(np.float64), new.astype(np.float64) - numbers]
    for action in dataset.actions.take(rows).arrays:
        columns = action.reshape(len(rows), -1)[:, :_NUMBERS]
        is_kind = action.dtype == object or (columns.shape[1] == 1 and action.dtype.kind in "iub")
        parts += [_kinds(column) for column in columns.T] if is_kind else [columns.astype(np.float64)]
    table = np.nan_to_num(np.concatenate(parts, axis=1), posinf=0.0, neginf=0.0)
    spread = np.ptp(table, axis=0)
    return (table - table.min(axis=0)) / np.where(spread > 0, spread, 1.0)


def spread_out(features: Features, chosen: Sequence[int], count: int) -> list[int]:
    """Rows of `features`, those chosen first and then the most unlike, at most `count` and no two that are alike."""
    kept: list[int] = []
    distance = np.full(len(features), np.inf)
    while len(kept) < count and len(features):
        waiting = [row for row in chosen if row not in kept and distance[row] > 0]
        row = waiting[0] if waiting else int(distance.argmax())
        if distance[row] <= 0:
            break
        kept.append(row)
        distance = np.minimum(distance, np.abs(features - features[row]).mean(axis=1))
    return kept


def _kinds(column: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    """Kinds as numbers: of a few, each is as unlike every other one."""
    kinds, codes = np.unique(column, return_inverse=True)
    if len(kinds) > _KINDS:
        return codes.astype(np.float64)[:, None]
    return (codes[:, None] == np.arange(len(kinds))).astype(np.float64)
