"""Time limits stored as terminations: ends of episodes that no model can predict from the state.

Many collectors store one flag, `done = terminated or truncated`. An episode that was merely cut off then looks as if
the environment had ended it in an ordinary state. Such rows are found by their place (the last step of an episode
of the maximal length) and acquitted by their content (they end as real ends of this data do).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.dataset import Bools, Dataset
from cwm_engine.trajectories.health.grouping import Groups, Rows, as_table, group_rows, group_transitions

_SHORTEST = 10
_COINCIDENCE = 0.001
_ALIKE = 0.8
_REWARD_CLASSES = 50

# `max_episode_steps` of the environments that come with Gymnasium, by name without the version.
_LIMITS = {
    "Acrobot": 500,
    "Ant": 1000,
    "BipedalWalker": 1600,
    "BipedalWalkerHardcore": 2000,
    "CarRacing": 1000,
    "FrozenLake": 100,
    "FrozenLake8x8": 200,
    "HalfCheetah": 1000,
    "Hopper": 1000,
    "Humanoid": 1000,
    "HumanoidStandup": 1000,
    "InvertedDoublePendulum": 1000,
    "InvertedPendulum": 1000,
    "LunarLander": 1000,
    "LunarLanderContinuous": 1000,
    "MountainCar": 200,
    "MountainCarContinuous": 999,
    "Pendulum": 200,
    "Pusher": 100,
    "Reacher": 50,
    "Swimmer": 1000,
    "Taxi": 200,
    "Walker2d": 1000,
}


def known_time_limit(dataset: Dataset) -> int | None:
    """The time limit that the provenance names or that belongs to the environment; None if unknown."""
    provenance = dataset.provenance
    if provenance.max_episode_steps is not None:
        return provenance.max_episode_steps
    if provenance.environment is None:
        return None
    name, _, version = provenance.environment.rpartition("/")[2].rpartition("-v")
    if name == "CartPole":
        return 200 if version == "0" else 500
    return _LIMITS.get(name)


def unexplainable_terminations(dataset: Dataset, groups: Groups | None = None) -> Bools:
    """Terminations that are time limits in disguise, bool (n,).

    Accused are the last rows of the episodes of maximal length, if that is the known time limit or if clearly more
    episodes have this length than the lengths just below it suggest. A row is acquitted if its (state, action)
    also ended a shorter episode, if its reward is paid only at ends, or if it stops where only ends are. Data
    that holds truncations, or episodes of this length without a flag, was recorded by someone who knew the
    difference; nothing is accused there.

    Args:
        dataset: The data.
        groups: Rows by equal (state, action), if known already.
    """
    accused = np.zeros(len(dataset), dtype=np.bool_)
    rows = _at_the_limit(dataset)
    if len(rows):
        accused[rows[~_real_ends(dataset, rows, groups or group_transitions(dataset))]] = True
    return accused


def _at_the_limit(dataset: Dataset) -> Rows:
    """Terminated last rows of the episodes that reach the time limit, known or apparent."""
    nothing = np.empty(0, dtype=np.int64)
    if not len(dataset) or dataset.truncated.any():
        return nothing
    lengths = dataset.episode_lengths
    last = dataset.episode_starts + lengths - 1
    lengths = dataset.step[last].astype(np.int64) + 1  # rows may have been left out
    longest = int(lengths.max())
    limit = known_time_limit(dataset)
    full = lengths == longest
    if not dataset.terminated[last[full]].all():
        return nothing  # where some are cut off without a flag, the flag means something
    rows = np.asarray(last[full], dtype=np.int64)
    if limit is not None and longest == limit:
        return rows
    if longest < _SHORTEST or len(rows) < 2:
        return nothing
    window = max(_SHORTEST, longest // 10)
    below = np.count_nonzero((lengths < longest) & (lengths >= longest - window))
    return rows if _poisson_tail(len(rows), (below + 0.5) / window) < _COINCIDENCE else nothing


def _poisson_tail(count: int, rate: float) -> float:
    """Chance of `count` or more events where `rate` are expected."""
    below = sum(math.exp(k * math.log(rate) - rate - math.lgamma(k + 1)) for k in range(count))
    return max(0.0, 1.0 - below)


def _real_ends(dataset: Dataset, rows: Rows, groups: Groups) -> Bools:
    """Which of the rows end as only real ends do."""
    ordinary = ~dataset.terminated
    elsewhere = dataset.terminated.copy()
    elsewhere[rows] = False
    real = np.zeros(len(rows), dtype=np.bool_)

    count = len(groups)
    goes_on = np.bincount(groups.ids[ordinary], minlength=count)[groups.ids[rows]] > 0
    ends_elsewhere = np.bincount(groups.ids[elsewhere], minlength=count)[groups.ids[rows]] > 0
    real |= ends_elsewhere & ~goes_on

    rewards = group_rows(dataset.rewards)
    if len(rewards) <= min(_REWARD_CLASSES, len(dataset) // 10):
        paid_on = np.bincount(rewards.ids[ordinary], minlength=len(rewards))[rewards.ids[rows]] > 0
        real |= ~paid_on & ordinary.any()

    if _discrete(dataset.observations):
        real |= _ends_where_only_ends_are(dataset, rows, ordinary)
    else:
        outside = _outside_of_ordinary(dataset.next_observations, ordinary, rows)
        others = np.flatnonzero(elsewhere)
        # Ends of this data lie outside the ordinary region: those elsewhere, or else these themselves.
        judged = _outside_of_ordinary(dataset.next_observations, ordinary, others) if len(others) >= 3 else outside
        if judged.size and judged.mean() >= _ALIKE:
            real |= outside
    return real & ~goes_on


def _discrete(columns: Columns) -> bool:
    return all(array.dtype.kind != "f" for array in columns.arrays)


def _ends_where_only_ends_are(dataset: Dataset, rows: Rows, ordinary: Bools) -> Bools:
    """Rows whose next observation is never seen where an episode goes on, but at the end of other episodes."""
    arrays = [
        np.concatenate([after, before])
        for after, before in zip(dataset.next_observations.arrays, dataset.observations.arrays, strict=True)
    ]
    places = group_rows(*arrays)
    count, n = len(places), len(dataset)
    on_the_way = np.concatenate([ordinary, np.ones(n, dtype=np.bool_)])
    ends = np.concatenate([dataset.terminated, np.zeros(n, dtype=np.bool_)])
    place = places.ids[rows]
    passed = np.bincount(places.ids[on_the_way], minlength=count)[place] > 0
    ended = np.bincount(places.ids[ends], minlength=count)[place] > 1
    return ~passed & ended


def _outside_of_ordinary(columns: Columns, ordinary: Bools, rows: Rows) -> Bools:
    """Rows of which some number lies beyond all those of the rows where the episode goes on."""
    outside = np.zeros(len(rows), dtype=np.bool_)
    if not ordinary.any():
        return outside
    for array in columns.arrays:
        if array.dtype.kind not in "fiu":
            continue
        table: npt.NDArray[Any] = as_table(array)
        usual = table[ordinary]
        low, high = usual.min(axis=0), usual.max(axis=0)
        outside |= ((table[rows] < low) | (table[rows] > high)).any(axis=1)
    return outside
