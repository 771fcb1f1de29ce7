"""Datasets: what was observed, as columns over all transitions, and where it came from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_engine.errors import CwmError
from cwm_engine.trajectories.columns import Columns, canonical_json, structure_to_json

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a dataset came from; every item may be unknown (None or empty)."""

    environment: str | None = None
    environment_kwargs: Mapping[str, Any] = field(default_factory=dict)
    policy: str | None = None
    seed: int | None = None
    created: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    max_episode_steps: int | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Spaces:
    """The spaces as JSON descriptions (see `trajectories.spaces`); None where unknown."""

    observation: Mapping[str, Any] | None = None
    action: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that could not be read and was left out: the file, where in it, and why."""

    path: str
    record: str
    reason: str


@dataclass(frozen=True)
class Dataset:
    """Transitions of one environment, episode after episode.

    Attributes:
        observations: The state before each transition (n rows).
        actions: The action taken (n rows).
        next_observations: The observation after it (n rows).
        rewards: float64 (n,); float32 rewards keep their exact value.
        terminated: bool (n,); the environment ended by itself.
        truncated: bool (n,); the episode was cut off, e.g. by a time limit.
        episode: int32 (n,); 0, 1, ... in order, each contiguous.
        step: int32 (n,); counts from 0 within the episode.
        info: The stored subset of Gymnasium's info, columns by name (n rows each).
        spaces: Observation and action space, where known.
        provenance: Where the data came from.
        skipped: Records left out by `skip_bad`.
    """

    observations: Columns
    actions: Columns
    next_observations: Columns
    rewards: Floats
    terminated: Bools
    truncated: Bools
    episode: Ints
    step: Ints
    info: Mapping[str, Columns] = field(default_factory=dict)
    spaces: Spaces = Spaces()
    provenance: Provenance = Provenance()
    skipped: tuple[BadRecord, ...] = ()

    def __len__(self) -> int:
        return len(self.rewards)

    @cached_property
    def episode_starts(self) -> npt.NDArray[np.int64]:
        """Row of the first transition of every episode (one entry per episode)."""
        starts = np.flatnonzero(np.diff(self.episode, prepend=np.int32(-1)))
        return starts.astype(np.int64)

    @property
    def episode_count(self) -> int:
        """How many episodes there are."""
        return len(self.episode_starts)

    @cached_property
    def episode_lengths(self) -> npt.NDArray[np.int64]:
        """Transitions in every episode (one entry per episode)."""
        return np.diff(self.episode_starts, append=len(self))

    @cached_property
    def fingerprint(self) -> str:
        """A content hash over all columns: equal data give equal fingerprints."""
        digest = hashlib.blake2b(digest_size=16)
        for columns in (self.observations, self.actions, self.next_observations, *self.info.values()):
            digest.update(canonical_json(structure_to_json(columns.structure)).encode())
            for array in columns.arrays:
                digest.update(_bytes(array))
        for array in (self.rewards, self.terminated, self.truncated, self.episode, self.step):
            digest.update(_bytes(array))
        return digest.hexdigest()

    def rows(self, mask: npt.NDArray[Any] | slice) -> Dataset:
        """The chosen rows as a dataset of their own; episode numbers and steps are kept."""
        return replace(
            self,
            observations=self.observations.take(mask),
            actions=self.actions.take(mask),
            next_observations=self.next_observations.take(mask),
            rewards=self.rewards[mask],
            terminated=self.terminated[mask],
            truncated=self.truncated[mask],
            episode=self.episode[mask],
            step=self.step[mask],
            info={name: columns.take(mask) for name, columns in self.info.items()},
        )

    def episodes(self) -> Iterator[slice]:
        """The rows of each episode, in order."""
        for start, length in zip(self.episode_starts.tolist(), self.episode_lengths.tolist(), strict=True):
            yield slice(start, start + length)

    @staticmethod
    def concatenate(parts: Sequence[Dataset]) -> Dataset:
        """Several datasets of the same structure as one; episodes are numbered through.

        Spaces and provenance are those of the first part.

        Raises:
            CwmError: There is no part, or the parts differ in structure.
        """
        if not parts:
            raise CwmError("there are no trajectories to put together")
        if len(parts) == 1:
            return parts[0]
        numbered, offset = [], 0
        for part in parts:
            numbered.append(np.repeat(np.arange(part.episode_count, dtype=np.int32) + offset, part.episode_lengths))
            offset += part.episode_count
        names = set(parts[0].info).intersection(*(part.info for part in parts))
        return replace(
            parts[0],
            observations=Columns.concatenate([part.observations for part in parts]),
            actions=Columns.concatenate([part.actions for part in parts]),
            next_observations=Columns.concatenate([part.next_observations for part in parts]),
            rewards=np.concatenate([part.rewards for part in parts]),
            terminated=np.concatenate([part.terminated for part in parts]),
            truncated=np.concatenate([part.truncated for part in parts]),
            episode=np.concatenate(numbered),
            step=np.concatenate([part.step for part in parts]),
            info={name: Columns.concatenate([part.info[name] for part in parts]) for name in sorted(names)},
            skipped=tuple(bad for part in parts for bad in part.skipped),
        )


def _bytes(array: npt.NDArray[Any]) -> bytes | memoryview:
    if array.dtype == object:
        return json.dumps(array.ravel().tolist()).encode()
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
