"""Continuity: does each transition begin where the last one ended, and does each episode end where it says?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.dataset import Bools, Dataset
from cwm_engine.trajectories.health.grouping import Rows, as_table


@dataclass(frozen=True, slots=True)
class Continuity:
    """Where episodes break.

    Attributes:
        jumps: Rows whose observation is not the next observation of the row before.
        gaps: Rows before which steps of the episode are missing.
        inner_ends: Rows that end the episode although it goes on.
        cut: Last rows of episodes that end with neither flag.
    """

    jumps: Rows
    gaps: Rows
    inner_ends: Rows
    cut: Rows


def continuity(dataset: Dataset, atol: float = 1e-5, rtol: float = 1e-5) -> Continuity:
    """Look for breaks within episodes.

    Args:
        dataset: The data.
        atol: Absolute tolerance for floats, since some formats store observations rounded.
        rtol: Relative tolerance for floats.
    """
    nothing = np.empty(0, dtype=np.int64)
    if not len(dataset):
        return Continuity(nothing, nothing, nothing, nothing)
    same_episode = dataset.episode[1:] == dataset.episode[:-1]
    consecutive = same_episode & (np.diff(dataset.step) == 1)
    equal = _meets(dataset.next_observations, dataset.observations, atol, rtol)
    ends = dataset.terminated | dataset.truncated
    last = dataset.episode_starts + dataset.episode_lengths - 1
    return Continuity(
        jumps=np.flatnonzero(consecutive & ~equal) + 1,
        gaps=np.flatnonzero(same_episode & ~consecutive) + 1,
        inner_ends=np.flatnonzero(same_episode & ends[:-1]),
        cut=last[~ends[last]],
    )


def _meets(after: Columns, before: Columns, atol: float, rtol: float) -> Bools:
    """For all rows but the first whether `before` equals what the row above has in `after`, (n - 1,)."""
    equal = np.ones(len(after) - 1, dtype=np.bool_)
    for left, right in zip(after.arrays, before.arrays, strict=True):
        one, other = left[:-1], right[1:]
        same = np.asarray(one == other, dtype=np.bool_)
        if one.dtype.kind == "f" and not same.all():
            with np.errstate(invalid="ignore"):
                same |= np.abs(one - other) <= atol + rtol * np.abs(other)
            same |= np.isnan(one) & np.isnan(other)
        equal &= as_table(same).all(axis=1)
    return equal
