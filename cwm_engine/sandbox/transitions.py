"""The inputs of a dataset inside the sandbox: states and actions, never outcomes.

The host packs the columns into flat arrays; the zygote turns as many rows as it may hold into plain
Python values once, so that every child inherits them by fork instead of converting them again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

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

PLAIN_ROWS = 131_072
"""Rows kept as Python values in the zygote: 1 GB of tuples helps nobody, and later rows convert as fast by chunk."""

_META = "meta"
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
        every = [leaf for columns in (self.states, self.actions) for _, leaf in leaves(columns.structure)]
        return any(leaf.shape for leaf in every)

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


def pack(transitions: Transitions) -> dict[str, npt.NDArray[Any]]:
    """Flat arrays that carry transitions into a zygote; `unpack` reads them there."""
    meta = {
        "state": structure_to_json(transitions.states.structure),
        "action": structure_to_json(transitions.actions.structure),
        "prediction": structure_to_json(transitions.prediction),
    }
    arrays = {_META: _utf8(json.dumps(meta)), _STARTS: transitions.episode_starts}
    for name, columns in (("state", transitions.states), ("action", transitions.actions)):
        for number, array in enumerate(columns.arrays):
            key = f"{name}.{number}"
            arrays[key] = _utf8(json.dumps(array.tolist())) if array.dtype == object else array
    return arrays


def unpack(arrays: Mapping[str, npt.NDArray[Any]]) -> Transitions:
    """The transitions that `pack` flattened."""
    meta = json.loads(bytes(arrays[_META]))
    states = _columns("state", structure_from_json(meta["state"]), arrays)
    actions = _columns("action", structure_from_json(meta["action"]), arrays)
    count = min(len(states), PLAIN_ROWS)
    return Transitions(
        states,
        actions,
        structure_from_json(meta["prediction"]),
        arrays[_STARTS],
        states.plain(0, count),
        actions.plain(0, count),
    )


def _utf8(text: str) -> npt.NDArray[np.uint8]:
    return np.frombuffer(text.encode(), dtype=np.uint8)


def _columns(name: str, structure: Structure, arrays: Mapping[str, npt.NDArray[Any]]) -> Columns:
    parts = []
    for number, (_, leaf) in enumerate(leaves(structure)):
        array = arrays[f"{name}.{number}"]
        parts.append(array if leaf.dtype != "str" else _texts(json.loads(bytes(array)), leaf))
    return Columns(structure, tuple(parts))


def _texts(rows: list[Any], leaf: Leaf) -> npt.NDArray[np.object_]:
    array = np.empty((len(rows), *leaf.shape), dtype=object)
    array[...] = rows
    return array


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
