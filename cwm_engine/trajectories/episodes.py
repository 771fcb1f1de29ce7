"""Episodes: the unit that recording and storage work in, and how datasets are made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from cwm_engine.errors import CwmError
from cwm_engine.trajectories.columns import Columns, common_structure, same_rows
from cwm_engine.trajectories.dataset import Bools, Dataset, Floats, Ints, Provenance, Spaces


@dataclass(frozen=True)
class Episode:
    """Consecutive transitions from one reset.

    Attributes:
        observations: n + 1 rows, the last of them what followed the last action; or n rows where the
            observation before an action is not what followed the action before it (see `next_observations`).
        actions: n rows.
        rewards: float64 (n,).
        terminated: bool (n,).
        truncated: bool (n,).
        next_observations: None in the usual case; n rows where they have to be kept apart.
        steps: int32 (n,); None where they count 0, 1, 2, ...
        info: Stored parts of Gymnasium's info, n rows each.
        seed: What the environment was reset with, if known.
        index: Its number among the tries of its recording, from which its seed was derived.
    """

    observations: Columns
    actions: Columns
    rewards: Floats
    terminated: Bools
    truncated: Bools
    next_observations: Columns | None = None
    steps: Ints | None = None
    info: Mapping[str, Columns] = field(default_factory=dict)
    seed: int | None = None
    index: int | None = None

    def __len__(self) -> int:
        return len(self.rewards)

    @property
    def total_reward(self) -> float:
        """The undiscounted return."""
        return float(self.rewards.sum())

    def before(self) -> Columns:
        """The observations before each action (n rows)."""
        return self.observations.take(slice(0, len(self)))

    def after(self) -> Columns:
        """The observations after each action (n rows)."""
        if self.next_observations is not None:
            return self.next_observations
        return self.observations.take(slice(1, len(self) + 1))


def split_episodes(dataset: Dataset) -> Iterator[Episode]:
    """The episodes of a dataset; chains of n + 1 observations wherever the rows allow it."""
    follows = np.zeros(len(dataset), dtype=bool)
    follows[1:] = same_rows(
        dataset.next_observations.take(slice(0, len(dataset) - 1)), dataset.observations.take(slice(1, None))
    )
    for rows in dataset.episodes():
        observations = dataset.observations.take(rows)
        following = dataset.next_observations.take(rows)
        chained = observations.structure == following.structure and bool(follows[rows][1:].all())
        if chained:
            last = following.take(slice(len(following) - 1, None))
            observations = Columns.concatenate([observations, last])
        steps = dataset.step[rows]
        yield Episode(
            observations=observations,
            next_observations=None if chained else following,
            actions=dataset.actions.take(rows),
            rewards=dataset.rewards[rows],
            terminated=dataset.terminated[rows],
            truncated=dataset.truncated[rows],
            steps=None if np.array_equal(steps, np.arange(len(steps))) else steps,
            info={name: columns.take(rows) for name, columns in dataset.info.items()},
        )


def join_episodes(
    episodes: Sequence[Episode], *, spaces: Spaces = Spaces(), provenance: Provenance = Provenance()
) -> Dataset:
    """A dataset of episodes of one structure, numbered 0, 1, ... in the given order.

    Raises:
        CwmError: There is no episode, or the episodes differ in structure.
    """
    if not episodes:
        raise CwmError("there are no episodes to put together")
    lengths = np.array([len(episode) for episode in episodes])
    return Dataset(
        observations=Columns.concatenate([episode.before() for episode in episodes]),
        actions=Columns.concatenate([episode.actions for episode in episodes]),
        next_observations=Columns.concatenate([episode.after() for episode in episodes]),
        rewards=np.concatenate([episode.rewards for episode in episodes]),
        terminated=np.concatenate([episode.terminated for episode in episodes]),
        truncated=np.concatenate([episode.truncated for episode in episodes]),
        episode=np.repeat(np.arange(len(episodes), dtype=np.int32), lengths),
        step=np.concatenate(
            [np.arange(len(e), dtype=np.int32) if e.steps is None else e.steps for e in episodes], dtype=np.int32
        ),
        info=join_info([episode.info for episode in episodes]),
        spaces=spaces,
        provenance=provenance,
    )


def join_info(parts: Sequence[Mapping[str, Columns]]) -> dict[str, Columns]:
    """Info of several episodes: the names that all have, in the structure that holds them all."""
    joined = {}
    for name in (name for name in parts[0] if all(name in part for part in parts)):
        columns = [part[name] for part in parts]
        structure = common_structure([column.structure for column in columns])
        joined[name] = Columns.concatenate([column.cast(structure) for column in columns])
    return joined


def contiguous_order(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64] | None:
    """The order of rows that makes every episode contiguous, in order of appearance; None if they are already.

    Args:
        numbers: The episode of each row (n,), in any numbering.
    """
    changes = int(np.count_nonzero(np.diff(numbers))) + 1
    distinct, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    if changes <= len(distinct):
        return None
    rank = np.empty(len(distinct), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(distinct))
    return np.argsort(rank[inverse], kind="stable")


def number_rows(numbers: npt.NDArray[np.int64]) -> tuple[Ints, Ints]:
    """Episode numbers 0, 1, ... and steps counted from 0, for rows whose episodes are contiguous (int32 (n,) each)."""
    starts = np.flatnonzero(np.diff(numbers, prepend=numbers[:1] - 1))
    lengths = np.diff(starts, append=len(numbers))
    episode = np.repeat(np.arange(len(starts)), lengths).astype(np.int32)
    step = (np.arange(len(numbers)) - np.repeat(starts, lengths)).astype(np.int32)
    return episode, step
