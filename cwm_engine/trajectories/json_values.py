"""JSON forms of observations: one text per value, so that sets and boards compare and store as strings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt


def to_json(value: Any) -> Any:
    """A JSON value for an observation or action: arrays and tuples become lists, sets `{"__set__": [...]}`.

    Raises:
        TypeError: The value holds an object that has no JSON form.
    """
    match value:
        case None | bool() | str():
            return value
        case np.ndarray() | np.generic():
            plain = value.tolist()
            return plain if isinstance(plain, bool | int | float | str) else to_json(_not_numpy(plain))
        case int() | float():
            return value
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


def short_floats(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Float64 numbers with the shortest digits that read back as the same values of the array's own dtype.

    A float32 0.1 is 0.10000000149011612 in float64; written as 0.1 it is shorter and reads back as the same float32.
    """
    if array.dtype.kind != "f" or array.dtype.itemsize >= np.dtype(np.float64).itemsize:
        return array
    distinct, where = np.unique(array.ravel(), return_inverse=True)
    short = np.array([float(str(value)) for value in distinct], dtype=np.float64)
    with np.errstate(over="ignore"):
        exact = short.astype(array.dtype) == distinct
    short = np.where(exact, short, distinct.astype(np.float64))
    signed_zeros = array.astype(np.float64)
    return np.where(array == 0, signed_zeros, short[where].reshape(array.shape))


def _not_numpy(plain: Any) -> Any:
    if isinstance(plain, np.generic):
        raise TypeError(f"a value of type {type(plain).__name__} has no JSON form")
    return plain


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
