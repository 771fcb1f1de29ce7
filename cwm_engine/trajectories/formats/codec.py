"""Arrays as bytes and back: what the trajectory store keeps of an episode, and how a dataset is built from it."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

from cwm_engine.errors import CwmError
from cwm_engine.trajectories.columns import Array, Columns, Structure, leaves, structure_from_json, structure_to_json
from cwm_engine.trajectories.dataset import Dataset, Provenance, Spaces
from cwm_engine.trajectories.episodes import Episode, join_info
from cwm_engine.trajectories.structures import Kind, Leaf

_INFO: Final = "info."
_MALFORMED = (AttributeError, CwmError, LookupError, TypeError, ValueError, zlib.error)


class Part(NamedTuple):
    """One array of an episode: `leaf` counts the arrays of a field, `codec` is `raw` or `zjson`."""

    field: str
    leaf: int
    dtype: str
    shape: str
    codec: str
    data: bytes


@dataclass(frozen=True, slots=True)
class EncodedEpisode:
    """An episode as the store keeps it; the flags are those of its last transition."""

    length: int
    chained: bool
    terminated: bool
    truncated: bool
    info: str
    parts: tuple[Part, ...]
    digest: bytes


class UnreadableError(Exception):
    """A stored episode is damaged; the message says how."""


def encode_episode(episode: Episode) -> EncodedEpisode:
    """The bytes of an episode and the hash of its content."""
    parts = [*_encode("observation", episode.observations), *_encode("action", episode.actions)]
    if episode.next_observations is not None:
        parts += _encode("next_observation", episode.next_observations)
    parts.append(_raw("reward", 0, episode.rewards.astype(np.float64, copy=False)))
    if episode.steps is not None:
        parts.append(_raw("step", 0, episode.steps))
    # In the usual case only the last transition ends the episode, and its row says so.
    for name, flags in (("terminated", episode.terminated), ("truncated", episode.truncated)):
        if flags[:-1].any():
            parts.append(_raw(name, 0, flags))
    for name, columns in episode.info.items():
        parts += _encode(_INFO + name, columns)
    info = json.dumps({name: structure_to_json(columns.structure) for name, columns in episode.info.items()})
    chained = episode.next_observations is None
    terminated, truncated = bool(episode.terminated[-1]), bool(episode.truncated[-1])
    digest = _digest(len(episode), chained, terminated, truncated, parts)
    return EncodedEpisode(len(episode), chained, terminated, truncated, info, tuple(parts), digest)


@dataclass
class DatasetBuilder:
    """Puts stored episodes together in arrays made once, so that a dataset is in memory only once.

    Args:
        total: The number of transitions to come.
        observation: The structure of observations.
        action: The structure of actions.
    """

    total: int
    observation: Structure
    action: Structure
    _rows: int = 0
    _lengths: list[int] = field(default_factory=list)
    _info: list[dict[str, Columns]] = field(default_factory=list)
    _texts: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._before = _empty(self.observation, self.total)
        self._after = _empty(self.observation, self.total)
        self._actions = _empty(self.action, self.total)
        self._rewards = np.zeros(self.total, dtype=np.float64)
        self._terminated = np.zeros(self.total, dtype=bool)
        self._truncated = np.zeros(self.total, dtype=bool)
        self._steps = np.zeros(self.total, dtype=np.int32)

    def add(self, episode: EncodedEpisode) -> None:
        """Add the next episode.

        Raises:
            UnreadableError: It is damaged; nothing was added.
        """
        n, rows = episode.length, slice(self._rows, self._rows + episode.length)
        expected = _digest(n, episode.chained, episode.terminated, episode.truncated, episode.parts)
        if expected != episode.digest or n < 1 or rows.stop > self.total:
            raise UnreadableError("its content does not match its hash")
        try:
            found = {(part.field, part.leaf): part for part in episode.parts}
            for index, (_, leaf) in enumerate(leaves(self.observation)):
                observed = self._decode(found["observation", index], leaf, n + episode.chained)
                following = observed[1:] if episode.chained else self._decode(found["next_observation", index], leaf, n)
                self._before[index][rows], self._after[index][rows] = observed[:n], following
            for index, (_, leaf) in enumerate(leaves(self.action)):
                self._actions[index][rows] = self._decode(found["action", index], leaf, n)
            self._rewards[rows] = self._decode(found["reward", 0], _REWARD, n)
            self._steps[rows] = self._decode(found["step", 0], _STEP, n) if ("step", 0) in found else np.arange(n)
            for name, flags in (("terminated", self._terminated), ("truncated", self._truncated)):
                if (name, 0) in found:
                    flags[rows] = self._decode(found[name, 0], _FLAG, n)
                else:
                    flags[rows] = False
                    flags[rows.stop - 1] = getattr(episode, name)
            info = {name: self._columns(found, name, data, n) for name, data in json.loads(episode.info).items()}
        except _MALFORMED as error:
            raise UnreadableError(f"it is incomplete: {error}") from error
        self._info.append(info)
        self._lengths.append(n)
        self._rows = rows.stop

    def finish(self, *, spaces: Spaces, provenance: Provenance) -> Dataset:
        """The dataset of all episodes added."""
        rows = slice(0, self._rows)
        return Dataset(
            observations=Columns(self.observation, tuple(array[rows] for array in self._before)),
            actions=Columns(self.action, tuple(array[rows] for array in self._actions)),
            next_observations=Columns(self.observation, tuple(array[rows] for array in self._after)),
            rewards=self._rewards[rows],
            terminated=self._terminated[rows],
            truncated=self._truncated[rows],
            episode=np.repeat(np.arange(len(self._lengths)), self._lengths).astype(np.int32),
            step=self._steps[rows],
            info=join_info(self._info),
            spaces=spaces,
            provenance=provenance,
        )

    def _columns(self, found: Mapping[tuple[str, int], Part], name: str, structure: Any, n: int) -> Columns:
        decoded = structure_from_json(structure)
        parts = (found[_INFO + name, index] for index in range(len(leaves(decoded))))
        arrays = (self._decode(part, leaf, n) for part, (_, leaf) in zip(parts, leaves(decoded), strict=True))
        return Columns(decoded, tuple(arrays))

    def _decode(self, part: Part, leaf: Leaf, n: int) -> Array:
        if part.codec == "raw":
            if np.dtype(part.dtype) != np.dtype(leaf.dtype):
                raise ValueError(f"{part.field} holds {part.dtype}, expected {leaf.dtype}")
            return np.frombuffer(part.data, dtype=part.dtype).reshape(n, *leaf.shape)
        if part.codec != "zjson" or leaf.dtype != "str":
            raise ValueError(f"{part.field} is stored as {part.codec}")
        texts = json.loads(zlib.decompress(part.data))
        array = np.empty(len(texts), dtype=object)
        # Equal texts are one object: boards and missions repeat from step to step.
        array[:] = [self._texts.setdefault(text, text) for text in texts]
        return array.reshape(n, *leaf.shape)


_REWARD: Final = Leaf(Kind.FLOAT, "float64")
_STEP: Final = Leaf(Kind.INT, "int32")
_FLAG: Final = Leaf(Kind.BOOL, "bool")


def _encode(name: str, columns: Columns) -> Iterable[Part]:
    for index, array in enumerate(columns.arrays):
        if array.dtype == object:
            text = json.dumps(array.ravel().tolist(), separators=(",", ":"))
            yield Part(name, index, "str", _shape(array), "zjson", zlib.compress(text.encode()))
        else:
            yield _raw(name, index, array)


def _raw(name: str, index: int, array: Array) -> Part:
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return Part(name, index, little.dtype.str, _shape(array), "raw", little.tobytes())


def _shape(array: Array) -> str:
    return json.dumps(list(array.shape))


def _digest(length: int, chained: bool, terminated: bool, truncated: bool, parts: Sequence[Part]) -> bytes:
    digest = hashlib.blake2b(repr((length, chained, terminated, truncated)).encode(), digest_size=16)
    # Compressed bytes may differ between versions of zlib; the text they hold does not.
    for part in sorted(parts, key=lambda part: (part.field, part.leaf)):
        digest.update(repr((part.field, part.leaf, part.dtype, part.shape, part.codec)).encode())
        digest.update(_plain(part))
    return digest.digest()


def _plain(part: Part) -> bytes:
    if part.codec != "zjson":
        return part.data
    try:
        return zlib.decompress(part.data)
    except zlib.error:
        return part.data


def _empty(structure: Structure, rows: int) -> list[Array]:
    return [
        np.empty((rows, *leaf.shape), dtype=object if leaf.dtype == "str" else leaf.dtype)
        for _, leaf in leaves(structure)
    ]
