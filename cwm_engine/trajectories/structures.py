"""Structures: how an observation or action is put together from leaves of one dtype and shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from cwm_engine.errors import CwmError


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

JSON_LEAF = Leaf(Kind.JSON, "str")
NUMERIC_KINDS = {"f": Kind.FLOAT, "i": Kind.INT, "u": Kind.INT, "b": Kind.BOOL}
_INT64 = np.iinfo(np.int64)


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
    if len(values) == 0:
        raise CwmError("there are no values to infer a structure from")
    return common_structure([structure_of_value(value) for value in values])


def structure_of_value(value: Any) -> Structure:
    """The structure of one value as Gymnasium gives it; a Python list is a JSON leaf, an array is not."""
    match value:
        case bool() | np.bool_():
            return Leaf(Kind.BOOL, "bool")
        case int():
            return Leaf(Kind.INT, "int64") if _INT64.min <= value <= _INT64.max else JSON_LEAF
        case np.floating() | np.integer():
            return Leaf(NUMERIC_KINDS[value.dtype.kind], str(value.dtype))
        case float():
            return Leaf(Kind.FLOAT, "float64")
        case str():
            return Leaf(Kind.TEXT, "str")
        case np.ndarray() if value.dtype.kind in NUMERIC_KINDS:
            return Leaf(NUMERIC_KINDS[value.dtype.kind], str(value.dtype), value.shape)
        case np.ndarray() if all(isinstance(item, str) for item in value.flat):
            return Leaf(Kind.TEXT, "str", value.shape)
        case tuple() if value:
            return TupleOf(tuple(structure_of_value(item) for item in value))
        case Mapping() if value and all(isinstance(name, str) for name in value):
            return DictOf(tuple((name, structure_of_value(item)) for name, item in value.items()))
        case _:
            return JSON_LEAF


def common_structure(structures: Sequence[Structure]) -> Structure:
    """The narrowest structure that holds values of all the given ones; numbers widen, the rest becomes JSON."""
    distinct = list(dict.fromkeys(structures))
    if len(distinct) == 1:
        return distinct[0]
    if all(isinstance(item, TupleOf) for item in distinct):
        tuples = [item.items for item in distinct if isinstance(item, TupleOf)]
        if len({len(items) for items in tuples}) == 1:
            return TupleOf(tuple(common_structure(column) for column in zip(*tuples, strict=True)))
    if all(isinstance(item, DictOf) for item in distinct):
        dicts = [dict(item.items) for item in distinct if isinstance(item, DictOf)]
        if all(found.keys() == dicts[0].keys() for found in dicts):
            return DictOf(tuple((name, common_structure([found[name] for found in dicts])) for name in dicts[0]))
    if all(isinstance(item, Leaf) for item in distinct):
        flat = [item for item in distinct if isinstance(item, Leaf)]
        numeric = {Kind.FLOAT, Kind.INT}
        if len({item.shape for item in flat}) == 1 and all(item.kind in numeric for item in flat):
            dtype = np.result_type(*(np.dtype(item.dtype) for item in flat))
            return Leaf(NUMERIC_KINDS[dtype.kind], str(dtype), flat[0].shape)
    return JSON_LEAF


def describe_structure(structure: Structure) -> str:
    """A structure in words: `float32 (4,)`, `(int64, bool)`, `{board: text (6, 6), agent: int64}`."""
    match structure:
        case Leaf(kind, dtype, shape):
            name = dtype if kind in (Kind.FLOAT, Kind.INT, Kind.BOOL) else str(kind)
            return f"{name} {shape}" if shape else name
        case TupleOf(items):
            return f"({', '.join(describe_structure(item) for item in items)})"
        case DictOf(items):
            return f"{{{', '.join(f'{name}: {describe_structure(item)}' for name, item in items)}}}"


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
    """The structure that `structure_to_json` described; `{"kind": "json"}` and `{"kind": "text"}` are enough.

    Raises:
        CwmError: The description is malformed.
    """
    try:
        match data:
            case {"kind": "json"}:
                return JSON_LEAF
            case {"kind": "text"}:
                return Leaf(Kind.TEXT, "str", _shape(data.get("shape", [])))
            case {"kind": str(kind), "dtype": str(dtype)}:
                leaf = Leaf(Kind(kind), str(np.dtype(dtype)), _shape(data.get("shape", [])))
                if NUMERIC_KINDS.get(np.dtype(dtype).kind) is leaf.kind:
                    return leaf
            case {"tuple": list(items)} if items:
                return TupleOf(tuple(structure_from_json(item) for item in items))
            case {"dict": list(items)} if items:
                return DictOf(tuple((str(name), structure_from_json(item)) for name, item in items))
    except (TypeError, ValueError) as error:
        raise CwmError(f"not a description of a structure: {data!r:.200}") from error
    raise CwmError(f"not a description of a structure: {data!r:.200}")


def _shape(sizes: Any) -> tuple[int, ...]:
    shape = tuple(int(size) for size in sizes)
    if any(size < 0 for size in shape):
        raise ValueError("a shape has no negative sizes")
    return shape
