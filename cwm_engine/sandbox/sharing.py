"""Outputs that share memory: a model that returns one array again and again, and changes it in between.

Predictions are read many at a time, so what is returned must not change afterwards. Nearly every model returns
something new at each step; where one does not, each of its outputs is copied at once.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np

from cwm_engine.trajectories.columns import DictOf, Kind, Leaf, Structure, TupleOf

_CONTAINERS = (list, dict, set, bytearray)
_UNCHANGEABLE = frozenset({bool, int, float, str, np.bool_, np.int32, np.int64, np.float32, np.float64})


class SharedError(Exception):
    """Outputs of different steps hold the same changeable object."""


def shares(structure: Structure, outputs: Sequence[Any], observations: Sequence[Any]) -> bool:
    """Whether observations of different steps hold the same changeable object.

    Args:
        structure: Structure of the observations.
        outputs: What `step` returned.
        observations: What of it was observed.
    """
    return len(observations) > 1 and (_one_again(outputs) or _shares(structure, observations))


def observed(outputs: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
    """Those outputs that may be predictions, and what they observe."""
    possible = [output for output in outputs if type(output) in (tuple, list) and output]
    return possible, [output[0] for output in possible]


def snapshot(output: Any) -> Any:
    """The output with an observation that nobody can change any more."""
    if type(output) not in (tuple, list) or not output:
        return output
    if type(output[0]) is tuple and _UNCHANGEABLE.issuperset(map(type, output[0])):
        return tuple(output)
    return (copy.deepcopy(output[0]), *output[1:])


def _shares(structure: Structure, values: Sequence[Any]) -> bool:
    match structure:
        case Leaf(Kind.JSON):
            return _share_parts(values)
        case Leaf(_, _, shape):
            return _one_again(values) or (len(shape) > 1 and _shares_rows(values))
        case TupleOf(items):
            columns = [[value[i] for value in values if _has(value, i)] for i in range(len(items))]
            return _one_again(values) or any(map(_shares, items, columns))
        case DictOf(items):
            named = [[value[name] for value in values if type(value) is dict and name in value] for name, _ in items]
            return _one_again(values) or any(map(_shares, (item for _, item in items), named))


def _one_again(values: Sequence[Any]) -> bool:
    """Whether the same list, dictionary or memory of an array comes up twice."""
    kinds = set(map(type, values))
    if not kinds.isdisjoint(_CONTAINERS):
        changeable = [id(value) for value in values if type(value) in _CONTAINERS]
        if len(set(changeable)) < len(changeable):
            return True
    if np.ndarray not in kinds:
        return False
    arrays = [value for value in values if type(value) is np.ndarray and value.nbytes]
    starts = np.array([array.__array_interface__["data"][0] for array in arrays], dtype=np.uint64)
    order = np.argsort(starts)
    sizes = np.array([array.nbytes for array in arrays], dtype=np.uint64)[order]
    return bool((np.diff(starts[order]) < sizes[:-1]).any())


def _shares_rows(values: Sequence[Any]) -> bool:
    """The same for boards that are lists of lists."""
    rows = list(chain.from_iterable(value for value in values if type(value) in (tuple, list)))
    return bool(rows) and _one_again(rows)


def _share_parts(values: Sequence[Any]) -> bool:
    seen: set[int] = set()
    for value in values:
        parts = set(_parts(value))
        if not seen.isdisjoint(parts):
            return True
        seen |= parts
    return False


def _parts(value: Any) -> Iterable[int]:
    """The changeable objects in a value of any depth."""
    stack, known = [value], set()
    while stack:
        part = stack.pop()
        if type(part) in (list, dict, set, np.ndarray):
            if id(part) in known:
                continue
            known.add(id(part))
        if type(part) in (list, tuple):
            stack += part
        elif type(part) is dict:
            stack += part.values()
    return known


def _has(value: Any, index: int) -> bool:
    return type(value) in (tuple, list) and index < len(value)
