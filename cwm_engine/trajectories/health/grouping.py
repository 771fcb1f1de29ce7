"""Grouping: which rows hold equal values, found by hashing whole columns and then checked exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.dataset import Dataset

Rows = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

_CHUNK_WORDS = 1 << 18


@dataclass(frozen=True, slots=True)
class Groups:
    """Rows put together by equal values.

    Attributes:
        ids: Group number of each row, int64 (n,), in 0..len(first)-1.
        first: First row of each group.
        sizes: Number of rows in each group.
    """

    ids: Rows
    first: Rows
    sizes: Rows

    def __len__(self) -> int:
        return len(self.first)


def group_rows(*parts: Columns | npt.NDArray[Any]) -> Groups:
    """Group rows that are equal in all `parts`.

    Floats are equal when their bits are, except that -0.0 equals 0.0; so NaN is in one group with NaN.

    Args:
        parts: Columns or arrays with the same number of rows.
    """
    words = [block for part in parts for array in _arrays(part) for block in [_words(array)] if block.shape[1]]
    if not words:
        count = len(parts[0])
        return group_hashes(np.zeros(count, dtype=np.uint64))
    groups = group_hashes(_hash(words))
    representatives = groups.first[groups.ids]
    if not any(unlike(block, representatives).any() for block in words):
        return groups
    return _group_exactly(words)  # two values have one hash: about once in 10^7 datasets of a million rows


def group_transitions(dataset: Dataset) -> Groups:
    """Group the rows of a dataset by equal (state, action)."""
    return group_rows(dataset.observations, dataset.actions)


def group_hashes(hashes: npt.NDArray[Any]) -> Groups:
    """Group rows by one number each."""
    _, first, ids, sizes = np.unique(hashes, return_index=True, return_inverse=True, return_counts=True)
    return Groups(ids.astype(np.int64, copy=False), first.astype(np.int64, copy=False), sizes.astype(np.int64))


def pair(left: Rows, right: Rows) -> Groups:
    """Group rows by two group numbers at once; the groups come ordered by `left`, then `right`."""
    return group_hashes(left * (int(right.max(initial=0)) + 1) + right)


def as_table(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The array with one row per row and one column per element, also where there are none of either."""
    return array.reshape(len(array), int(np.prod(array.shape[1:], dtype=np.int64)))


def unlike(array: npt.NDArray[Any], others: Rows) -> npt.NDArray[np.bool_]:
    """Rows of the array that differ from its rows `others`, bool (n,); NaN is like NaN. Needs little memory."""
    table = as_table(array)
    different = np.zeros(len(table), dtype=np.bool_)
    step = max(1, _CHUNK_WORDS // max(1, table.shape[1]))
    for start in range(0, len(table), step):
        part = slice(start, start + step)
        mine, theirs = table[part], table[others[part]]
        unequal = mine != theirs
        if table.dtype.kind == "f":
            unequal &= ~(np.isnan(mine) & np.isnan(theirs))
        different[part] = unequal.any(axis=1)
    return different


def mix(words: Words) -> Words:
    """Scramble 64-bit words so that similar words become unrelated ones (the finalizer of SplitMix64)."""
    mixed = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _arrays(part: Columns | npt.NDArray[Any]) -> tuple[npt.NDArray[Any], ...]:
    return part.arrays if isinstance(part, Columns) else (part,)


def _words(array: npt.NDArray[Any]) -> Words:
    """The rows of an array as 64-bit words, shape (n, k): equal rows have equal words."""
    count = len(array)
    if array.dtype == object:
        numbers: dict[str, int] = {}
        flat = [numbers.setdefault(text, len(numbers)) for text in array.ravel().tolist()]
        return as_table(np.array(flat, dtype=np.uint64).reshape(array.shape))
    if array.dtype.kind == "f":
        array = array + array.dtype.type(0)  # -0.0 becomes 0.0
    if not array.size:
        return np.empty((count, 0), dtype=np.uint64)
    width = array[0].nbytes
    rows = np.ascontiguousarray(array).view(np.uint8).reshape(count, width)
    padded = -width % 8
    if padded:
        rows = np.concatenate([rows, np.zeros((count, padded), dtype=np.uint8)], axis=1)
    return rows.view(np.uint64)


def _hash(blocks: list[Words]) -> Words:
    """One 64-bit hash per row: scrambled words, each multiplied by an odd number of its own, summed."""
    count = len(blocks[0])
    total = np.zeros(count, dtype=np.uint64)
    offset = 0
    for block in blocks:
        width = block.shape[1]
        factors = mix(np.arange(offset + 1, offset + width + 1, dtype=np.uint64)) | np.uint64(1)
        offset += width
        step = max(1, _CHUNK_WORDS // width)
        for start in range(0, count, step):
            part = slice(start, start + step)
            total[part] += (mix(block[part] ^ factors) * factors).sum(axis=1, dtype=np.uint64)
    return mix(total)


def _group_exactly(blocks: list[Words]) -> Groups:
    table = np.concatenate(blocks, axis=1)
    _, first, ids, sizes = np.unique(table, axis=0, return_index=True, return_inverse=True, return_counts=True)
    return Groups(ids.reshape(-1).astype(np.int64), first.astype(np.int64), sizes.astype(np.int64))
