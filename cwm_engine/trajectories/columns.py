"""Columns: nested observations and actions stored as flat arrays, one row per transition.

A value such as `{"board": 6x6 strings, "agent": (x, y)}` is taken apart into leaves. Each leaf is one
array over all rows, so that whole datasets are compared, stored and sent to workers without touching
Python objects; `Columns.row` puts a single value together again, as Gymnasium gave it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_engine.errors import CwmError

Array = npt.NDArray[Any]


class Kind(StrEnum):
    """What a leaf holds. `JSON` is everything without a fixed shape: entity sets, variable-length lists."""

    FLOAT = "float"
    INT = "int"
    BOOL = "bool"
    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One array of a structure. `dtype` is a NumPy dtype string; TEXT and JSON leaves have dtype `str`."""

    kind: Kind
    dtype: str
    shape: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TupleOf:
    """A tuple of structures."""

    items: tuple[Structure, ...]


@dataclass(frozen=True, slots=True)
class DictOf:
    """A mapping from names to structures, in insertion order."""

    items: tuple[tuple[str, Structure], ...]


Structure = Leaf | TupleOf | DictOf

_NUMERIC_KINDS = {"f": Kind.FLOAT, "i": Kind.INT, "u": Kind.INT, "b": Kind.BOOL}


@dataclass(frozen=True, slots=True)
class Columns:
    """Values of one structure, one per row.

    Attributes:
        structure: How a value is put together.
        arrays: One array of shape `(n, *leaf.shape)` per leaf, in the order of `leaves(structure)`.
            TEXT and JSON leaves are object arrays of `str`; JSON leaves hold canonical JSON.
    """

    structure: Structure
    arrays: tuple[Array, ...]

    def __len__(self) -> int:
        return len(self.arrays[0])

    @classmethod
    def from_values(cls, values: Sequence[Any], structure: Structure | None = None) -> Columns:
        """Take values apart.

        Args:
            values: Observations or actions, as Gymnasium gives them.
            structure: Their structure; inferred from the values when missing.

        Raises:
            CwmError: A value does not have the structure; the message names the row.
        """
        if structure is None:
            structure = infer_structure(values)
        collected: list[list[Any]] = [[] for _ in leaves(structure)]
        for row, value in enumerate(values):
            try:
                for column, part in zip(collected, _take_apart(structure, value), strict=True):
                    column.append(part)
            except (TypeError, ValueError, KeyError, IndexError) as error:
                raise CwmError(f"row {row} does not have the structure of the others: {error}") from error
        arrays = tuple(
            _leaf_array(leaf, column) for (_, leaf), column in zip(leaves(structure), collected, strict=True)
        )
        return cls(structure, arrays)

    def row(self, index: int) -> Any:
        """The value of one row as Gymnasium gives it: arrays of the stored dtype, ints, strings, tuples, dicts."""
        parts = iter(self.arrays)
        return _put_together(self.structure, parts, index)

    def plain(self, start: int, stop: int) -> list[Any]:
        """Rows `start` to `stop` as plain Python scalars and tuples: what a pure Python model computes fastest with."""
        parts = iter(self.arrays)
        return _plain(self.structure, parts, start, stop)

    def take(self, rows: Array | slice) -> Columns:
        """The chosen rows, in the given order."""
        return replace(self, arrays=tuple(array[rows] for array in self.arrays))

    @staticmethod
    def concatenate(parts: Sequence[Columns]) -> Columns:
        """All rows of several columns of one structure.

        Raises:
            CwmError: The structures differ.
        """
        first = parts[0]
        if any(part.structure != first.structure for part in parts):
            raise CwmError("these trajectories hold values of different shapes and cannot be put together")
        arrays = tuple(np.concatenate(arrays) for arrays in zip(*(part.arrays for part in parts), strict=True))
        return Columns(first.structure, arrays)


def leaves(structure: Structure, path: str = "") -> list[tuple[str, Leaf]]:
    """The leaves of a structure with their paths: `""` for a lone leaf, `.board`, `[1]`, `.inner[0]`."""
    match structure:
        case Leaf():
            return [(path, structure)]
        case TupleOf(items):
            return [found for i, item in enumerate(items) for found in leaves(item, f"{path}[{i}]")]
        case DictOf(items):
            return [found for name, item in items for found in leaves(item, f"{path}.{name}")]


def element_names(structure: Structure, prefix: str, limit: int = 64) -> list[list[str]]:
    """Names of the single elements of every leaf, e.g. `obs[2]` or `obs.board[3,1]`.

    A leaf of more than `limit` elements, such as an image, is named as one field.
    """
    names = []
    for path, leaf in leaves(structure):
        field = prefix + path
        size = int(np.prod(leaf.shape, dtype=np.int64))
        if leaf.shape == () or size > limit:
            names.append([field])
        else:
            names.append([f"{field}[{','.join(map(str, index))}]" for index in np.ndindex(*leaf.shape)])
    return names


def infer_structure(values: Sequence[Any]) -> Structure:
    """The narrowest structure that holds all `values`; parts that vary in shape become JSON leaves.

    Raises:
        CwmError: There are no values.
    """
    if not values:
        raise CwmError("there are no values to infer a structure from")
    return _common([_structure_of(value) for value in values])


def to_json(value: Any) -> Any:
    """A JSON value for an observation or action: arrays and tuples become lists, sets `{"__set__": [...]}`.

    Raises:
        TypeError: The value holds an object that has no JSON form.
    """
    match value:
        case None | bool() | int() | float() | str():
            return value
        case np.ndarray() | np.generic():
            return value.tolist()
        case Mapping():
            return {str(key): to_json(item) for key, item in value.items()}
        case set() | frozenset():
            return {"__set__": sorted((to_json(item) for item in value), key=canonical_json)}
        case list() | tuple():
            return [to_json(item) for item in value]
        case _:
            raise TypeError(f"a value of type {type(value).__name__} has no JSON form")


def canonical_json(value: Any) -> str:
    """One text per value: equal values, however ordered as sets or mappings, give equal texts."""
    return json.dumps(to_json(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def from_canonical_json(text: str) -> Any:
    """The value of a JSON leaf: lists, dicts, strings, numbers and frozensets."""
    return json.loads(text, object_hook=_restore_set)


def structure_to_json(structure: Structure) -> Any:
    """A JSON description of a structure; `structure_from_json` reads it back."""
    match structure:
        case Leaf(kind, dtype, shape):
            return {"kind": str(kind), "dtype": dtype, "shape": list(shape)}
        case TupleOf(items):
            return {"tuple": [structure_to_json(item) for item in items]}
        case DictOf(items):
            return {"dict": [[name, structure_to_json(item)] for name, item in items]}


def structure_from_json(data: Any) -> Structure:
    """The structure that `structure_to_json` described.

    Raises:
        CwmError: The description is malformed.
    """
    match data:
        case {"kind": str(kind), "dtype": str(dtype), "shape": list(shape)}:
            return Leaf(Kind(kind), dtype, tuple(int(size) for size in shape))
        case {"tuple": list(items)}:
            return TupleOf(tuple(structure_from_json(item) for item in items))
        case {"dict": list(items)}:
            return DictOf(tuple((str(name), structure_from_json(item)) for name, item in items))
        case _:
            raise CwmError(f"not a description of a structure: {data!r}")


def _restore_set(data: dict[str, Any]) -> Any:
    if data.keys() == {"__set__"}:
        return frozenset(_hashable(item) for item in data["__set__"])
    return data


def _hashable(value: Any) -> Any:
    match value:
        case list():
            return tuple(_hashable(item) for item in value)
        case dict():
            return tuple(sorted((name, _hashable(item)) for name, item in value.items()))
        case _:
            return value


def _structure_of(value: Any) -> Structure:
    match value:
        case bool() | np.bool_():
            return Leaf(Kind.BOOL, "bool")
        case int():
            return Leaf(Kind.INT, "int64")
        case float():
            return Leaf(Kind.FLOAT, "float64")
        case str():
            return Leaf(Kind.TEXT, "str")
        case np.generic():
            kind = _NUMERIC_KINDS.get(value.dtype.kind)
            return Leaf(kind, str(value.dtype)) if kind else Leaf(Kind.TEXT, "str")
        case np.ndarray() if value.dtype.kind in _NUMERIC_KINDS:
            return Leaf(_NUMERIC_KINDS[value.dtype.kind], str(value.dtype), value.shape)
        case np.ndarray() if all(isinstance(item, str) for item in value.flat):
            return Leaf(Kind.TEXT, "str", value.shape)
        case tuple() if value:
            return TupleOf(tuple(_structure_of(item) for item in value))
        case Mapping() if value and all(isinstance(name, str) for name in value):
            return DictOf(tuple((name, _structure_of(item)) for name, item in value.items()))
        case _:
            return Leaf(Kind.JSON, "str")


def _common(structures: Sequence[Structure]) -> Structure:
    distinct = list(dict.fromkeys(structures))
    if len(distinct) == 1:
        return distinct[0]
    if all(isinstance(item, TupleOf) for item in distinct):
        tuples = [item.items for item in distinct if isinstance(item, TupleOf)]
        if len({len(items) for items in tuples}) == 1:
            return TupleOf(tuple(_common(column) for column in zip(*tuples, strict=True)))
    if all(isinstance(item, DictOf) for item in distinct):
        dicts = [dict(item.items) for item in distinct if isinstance(item, DictOf)]
        if all(found.keys() == dicts[0].keys() for found in dicts):
            return DictOf(tuple((name, _common([found[name] for found in dicts])) for name in dicts[0]))
    if all(isinstance(item, Leaf) for item in distinct):
        flat = [item for item in distinct if isinstance(item, Leaf)]
        numeric = {Kind.FLOAT, Kind.INT}
        if len({item.shape for item in flat}) == 1 and all(item.kind in numeric for item in flat):
            dtype = np.result_type(*(np.dtype(item.dtype) for item in flat))
            return Leaf(_NUMERIC_KINDS[dtype.kind], str(dtype), flat[0].shape)
    return Leaf(Kind.JSON, "str")


def _take_apart(structure: Structure, value: Any) -> Iterator[Any]:
    match structure:
        case Leaf(Kind.JSON):
            yield canonical_json(value)
        case Leaf(Kind.TEXT, _, shape):
            array = np.asarray(value, dtype=object)
            if array.shape != shape or not all(isinstance(item, str) for item in array.flat):
                raise ValueError(f"expected text of shape {shape}, got {value!r:.80}")
            yield array if shape else value
        case Leaf(_, dtype, shape):
            array = np.asarray(value)
            if array.dtype.kind not in _NUMERIC_KINDS:
                raise ValueError(f"expected numbers, got {value!r:.80}")
            if array.shape != shape:
                raise ValueError(f"expected shape {shape}, got shape {array.shape}")
            cast = array.astype(dtype)
            if np.dtype(dtype).kind in "iub" and not np.array_equal(cast, array):
                raise ValueError(f"expected {dtype}, got {value!r:.80}")
            yield cast
        case TupleOf(items):
            if len(value) != len(items):
                raise ValueError(f"expected {len(items)} items, got {len(value)}")
            for item, part in zip(items, value, strict=True):
                yield from _take_apart(item, part)
        case DictOf(items):
            if set(value) != {name for name, _ in items}:
                raise ValueError(f"expected the keys {[name for name, _ in items]}, got {sorted(value)}")
            for name, item in items:
                yield from _take_apart(item, value[name])


def _leaf_array(leaf: Leaf, values: list[Any]) -> Array:
    if leaf.kind in (Kind.TEXT, Kind.JSON):
        array = np.empty((len(values), *leaf.shape), dtype=object)
        for row, value in enumerate(values):
            array[row] = value
        return array
    return np.array(values, dtype=leaf.dtype).reshape(len(values), *leaf.shape)


def _put_together(structure: Structure, arrays: Iterator[Array], index: int) -> Any:
    match structure:
        case Leaf(Kind.JSON):
            return from_canonical_json(next(arrays)[index])
        case Leaf(Kind.TEXT, _, ()):
            return next(arrays)[index]
        case Leaf(_, _, ()):
            return next(arrays)[index].item()
        case Leaf():
            return next(arrays)[index].copy()
        case TupleOf(items):
            return tuple(_put_together(item, arrays, index) for item in items)
        case DictOf(items):
            return {name: _put_together(item, arrays, index) for name, item in items}


def _plain(structure: Structure, arrays: Iterator[Array], start: int, stop: int) -> list[Any]:
    match structure:
        case Leaf(Kind.JSON):
            return [from_canonical_json(text) for text in next(arrays)[start:stop]]
        case Leaf(_, _, shape):
            values: list[Any] = next(arrays)[start:stop].tolist()
            return values if not shape else [_as_tuple(value, len(shape)) for value in values]
        case TupleOf(items):
            return list(zip(*(_plain(item, arrays, start, stop) for item in items), strict=True))
        case DictOf(items):
            names = [name for name, _ in items]
            columns = [_plain(item, arrays, start, stop) for _, item in items]
            return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _as_tuple(value: list[Any], depth: int) -> tuple[Any, ...]:
    return tuple(value) if depth == 1 else tuple(_as_tuple(item, depth - 1) for item in value)
