"""The inputs of a dataset inside the sandbox: states and actions, never outcomes.

The host packs the columns into flat arrays; the zygote turns as many rows as it may hold into plain
Python values once, so that every child inherits them by fork instead of converting them again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cwm_engine.sandbox.arrays import SharedArrays
from cwm_engine.trajectories.columns import (
    Columns,
    Leaf,
    Structure,
    TupleOf,
    leaves,
    structure_from_json,
    structure_to_json,
)

Form = Literal["plain", "stored"]

PLAIN_ROWS = 32_768
"""Rows kept as Python values in the zygote; those beyond are converted chunk by chunk, which costs little and holds
nothing."""

PLAIN_NUMBERS = 1 << 19
"""Rows of large observations are fewer."""

LARGE = 64
"""Numbers from which on an array is only handed over as an array: nobody takes an image apart number by number."""

_STARTS = "episode_starts"


@dataclass(frozen=True)
class Transitions:
    """States and actions of `n` transitions.

    Attributes:
        states: What `set_state` takes.
        actions: What `step` takes.
        prediction: Structure of the observation that `step` returns.
        episode_starts: Row of the first transition of every episode.
        plain_states: The first rows of `states` as plain Python values.
        plain_actions: The first rows of `actions` as plain Python values.
    """

    states: Columns
    actions: Columns
    prediction: Structure
    episode_starts: npt.NDArray[np.int64]
    plain_states: Sequence[Any] = ()
    plain_actions: Sequence[Any] = ()

    def __len__(self) -> int:
        return len(self.states)

    @property
    def forms_differ(self) -> bool:
        """Whether plain Python values are of another type than the stored ones: only arrays are."""
        return any(leaf.shape for leaf in self._leaves)

    @property
    def is_large(self) -> bool:
        """Whether there are arrays that are too large to be plain."""
        return any(_size(leaf) > LARGE for leaf in self._leaves)

    @property
    def _leaves(self) -> list[Leaf]:
        return [leaf for columns in (self.states, self.actions) for _, leaf in leaves(columns.structure)]

    def values(self, form: Form, start: int, stop: int) -> tuple[Sequence[Any], Sequence[Any]]:
        """States and actions of consecutive rows; arrays in the stored form are the caller's own copies."""
        if form == "stored":
            return _stored(self.states, start, stop), _stored(self.actions, start, stop)
        if stop <= len(self.plain_states):
            return self.plain_states[start:stop], self.plain_actions[start:stop]
        return self.states.plain(start, stop), self.actions.plain(start, stop)

    def chosen(self, form: Form, rows: npt.NDArray[np.intp]) -> tuple[Sequence[Any], Sequence[Any]]:
        """States and actions of any rows, in the given order."""
        part = Transitions(self.states.take(rows), self.actions.take(rows), self.prediction, self.episode_starts[:0])
        return part.values(form, 0, len(rows))


def pack(transitions: Transitions) -> SharedArrays:
    """Transitions in shared memory, for a zygote to map; `unpack` reads them there."""
    meta = {
        "states": structure_to_json(transitions.states.structure),
        "actions": structure_to_json(transitions.actions.structure),
        "prediction": structure_to_json(transitions.prediction),
    }
    arrays = {_STARTS: transitions.episode_starts}
    for name, columns in (("states", transitions.states), ("actions", transitions.actions)):
        arrays |= {f"{name}.{number}": array for number, array in enumerate(columns.arrays)}
    return SharedArrays.pack(arrays, meta)


def unpack(arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any]) -> Transitions:
    """The transitions that `pack` put into shared memory."""
    states, actions = (_columns(name, structure_from_json(meta[name]), arrays) for name in ("states", "actions"))
    bare = Transitions(states, actions, structure_from_json(meta["prediction"]), arrays[_STARTS])
    width = sum(_size(leaf) for columns in (states, actions) for _, leaf in leaves(columns.structure))
    count = 0 if bare.is_large else min(len(states), PLAIN_ROWS, PLAIN_NUMBERS // max(width, 1))
    return replace(bare, plain_states=states.plain(0, count), plain_actions=actions.plain(0, count))


def _size(leaf: Leaf) -> int:
    return int(np.prod(leaf.shape, dtype=np.int64))


def _columns(name: str, structure: Structure, arrays: Mapping[str, npt.NDArray[Any]]) -> Columns:
    return Columns(structure, tuple(arrays[f"{name}.{number}"] for number, _ in enumerate(leaves(structure))))


def _stored(columns: Columns, start: int, stop: int) -> Sequence[Any]:
    match columns.structure:
        case Leaf(_, dtype, shape) if shape and dtype != "str":
            return list(columns.arrays[0][start:stop].copy())
        case Leaf(_, _, ()):
            return columns.plain(start, stop)
        case TupleOf(items) if all(isinstance(item, Leaf) and not item.shape for item in items):
            return columns.plain(start, stop)
        case _:
            return [columns.row(index) for index in range(start, stop)]
