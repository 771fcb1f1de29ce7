"""Columns: nested observations and actions stored as flat arrays, one row per transition.

A value such as `{"board": 6x6 strings, "agent": (x, y)}` is taken apart into leaves. Each leaf is one
array over all rows, so that whole datasets are compared, stored and sent to workers without touching
Python objects; `Columns.row` puts a single value together again, as Gymnasium gave it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_engine.errors import CwmError
from cwm_engine.trajectories.json_values import canonical_json, from_canonical_json, to_json
from cwm_engine.trajectories.structures import (
    NUMERIC_KINDS,
    DictOf,
    Kind,
    Leaf,
    Structure,
    TupleOf,
    common_structure,
    describe_structure,
    element_names,
    infer_structure,
    leaves,
    structure_from_json,
    structure_to_json,
)

__all__ = [
    "Array",
    "Columns",
    "DictOf",
    "Kind",
    "Leaf",
    "Structure",
    "TupleOf",
    "canonical_json",
    "common_structure",
    "describe_structure",
    "element_names",
    "from_canonical_json",
    "infer_structure",
    "leaves",
    "misfits",
    "same_rows",
    "structure_from_json",
    "structure_to_json",
    "to_json",
]

Array = npt.NDArray[Any]

_UNFIT = (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError)


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
        try:
            return cls(structure, tuple(_gather(structure, values)))
        except _UNFIT:
            return cls._from_rows(values, structure)

    @classmethod
    def _from_rows(cls, values: Sequence[Any], structure: Structure) -> Columns:
        """The slow way, value by value: finds the row that does not fit."""
        collected: list[list[Any]] = [[] for _ in leaves(structure)]
        for row, value in enumerate(values):
            try:
                for column, part in zip(collected, _take_apart(structure, value), strict=True):
                    column.append(part)
            except _UNFIT as error:
                raise CwmError(f"row {row} does not have the structure of the others: {_reason(error)}") from error
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

    def cast(self, structure: Structure) -> Columns:
        """The same values in a structure that `common_structure` made of this one and others."""
        if structure == self.structure:
            return self
        mine, wanted = leaves(self.structure), leaves(structure)
        if [path for path, _ in mine] == [path for path, _ in wanted] and all(
            old == new or (old.shape == new.shape and {old.kind, new.kind} <= {Kind.FLOAT, Kind.INT})
            for (_, old), (_, new) in zip(mine, wanted, strict=True)
        ):
            arrays = tuple(
                array if old == new else array.astype(new.dtype)
                for array, (_, old), (_, new) in zip(self.arrays, mine, wanted, strict=True)
            )
            return Columns(structure, arrays)
        return Columns.from_values([self.row(index) for index in range(len(self))], structure)

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


def misfits(values: Sequence[Any], structure: Structure) -> list[tuple[int, str]]:
    """The rows whose value does not have the structure, each with the reason."""
    try:
        for _ in _gather(structure, values):
            pass
    except _UNFIT:
        pass
    else:
        return []
    found = []
    for row, value in enumerate(values):
        try:
            for _ in _take_apart(structure, value):
                pass
        except _UNFIT as error:
            found.append((row, _reason(error)))
    return found


def same_rows(left: Columns, right: Columns) -> npt.NDArray[np.bool_]:
    """Which rows hold the very same values: NaN equals itself and -0.0 is not 0.0 (bool, (n,))."""
    same = np.ones(len(left), dtype=bool)
    if left.structure != right.structure:
        return ~same
    for one, other in zip(left.arrays, right.arrays, strict=True):
        equal = np.asarray(one == other, dtype=bool)
        if one.dtype.kind == "f":
            equal = np.where(np.isnan(one), np.isnan(other), equal & (np.signbit(one) == np.signbit(other)))
        same &= equal.all(axis=tuple(range(1, equal.ndim)))
    return same


def _reason(error: Exception) -> str:
    return f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)


def _gather(structure: Structure, values: Sequence[Any]) -> Iterator[Array]:
    """All values taken apart at once; raises one of `_UNFIT` when any does not fit."""
    match structure:
        case Leaf(Kind.TEXT | Kind.JSON):
            yield _leaf_array(structure, [part for value in values for part in _take_apart(structure, value)])
        case Leaf(_, dtype, shape):
            array = np.asarray(values)
            if len(values) and (array.dtype.kind not in NUMERIC_KINDS or array.shape != (len(values), *shape)):
                raise ValueError("not all numbers of one shape")
            yield _cast(array, dtype).reshape(len(values), *shape)
        case TupleOf(items):
            for value in values:
                _check_tuple(value, len(items))
            for index, item in enumerate(items):
                yield from _gather(item, [value[index] for value in values])
        case DictOf(items):
            names = {name for name, _ in items}
            for value in values:
                _check_names(value, names)
            for name, item in items:
                yield from _gather(item, [value[name] for value in values])


def _take_apart(structure: Structure, value: Any) -> Iterator[Any]:
    match structure:
        case Leaf(Kind.JSON):
            yield canonical_json(value)
        case Leaf(Kind.TEXT, _, shape):
            if shape == ():
                if not isinstance(value, str):
                    raise ValueError(f"expected text, got {value!r:.80}")
                yield str(value)
                return
            array = np.asarray(value, dtype=object)
            if array.shape != shape or not all(isinstance(item, str) for item in array.flat):
                raise ValueError(f"expected text of shape {shape}, got {value!r:.80}")
            yield array
        case Leaf(_, dtype, shape):
            array = np.asarray(value)
            if array.size and array.dtype.kind not in NUMERIC_KINDS:
                raise ValueError(f"expected numbers, got {value!r:.80}")
            if array.shape != shape:
                raise ValueError(f"expected shape {shape}, got shape {array.shape}")
            try:
                yield _cast(array, dtype)
            except ValueError:
                raise ValueError(f"expected {dtype}, got {value!r:.80}") from None
        case TupleOf(items):
            _check_tuple(value, len(items))
            for item, part in zip(items, value, strict=True):
                yield from _take_apart(item, part)
        case DictOf(items):
            _check_names(value, {name for name, _ in items})
            for name, item in items:
                yield from _take_apart(item, value[name])


def _cast(array: Array, dtype: str) -> Array:
    """`array` as `dtype`; raises ValueError where whole numbers or booleans would change."""
    wanted = np.dtype(dtype)
    if array.dtype == wanted:
        return array
    with np.errstate(invalid="ignore", over="ignore"):
        cast = array.astype(wanted)
        if wanted.kind in "iub" and not np.array_equal(cast, array):
            raise ValueError(f"not all {dtype}")
    return cast


def _check_tuple(value: Any, length: int) -> None:
    if not isinstance(value, tuple | list | np.ndarray):
        raise TypeError(f"expected {length} items, got {value!r:.80}")
    if len(value) != length:
        raise ValueError(f"expected {length} items, got {len(value)}")


def _check_names(value: Any, names: set[str]) -> None:
    if not isinstance(value, Mapping):
        raise TypeError(f"expected the keys {sorted(names)}, got {value!r:.80}")
    if value.keys() != names:
        raise ValueError(f"expected the keys {sorted(names)}, got {sorted(map(str, value))}")


def _leaf_array(leaf: Leaf, values: list[Any]) -> Array:
    if leaf.kind in (Kind.TEXT, Kind.JSON):
        array = np.empty((len(values), *leaf.shape), dtype=object)
        if leaf.shape == ():
            array[:] = values
        else:
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
