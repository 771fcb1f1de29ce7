"""Masks: sets of lines that values were computed from, as bits of an integer, item by item where items are known."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from cwm_engine.diagnosis.execution.operations import ARITHMETIC, COMPARISONS

Mask = int | tuple[Any, ...] | dict[Any, Any]
"""Lines as bits; for a tuple, list, array or dict the masks of its items where they are known."""

Pair = tuple[Any, Mask]
"""A value with its mask."""

MAX_ITEMS = 64
"""Longer sequences have one mask for all their items."""

_IN_PLACE: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.iadd, ast.Sub: operator.isub, ast.Mult: operator.imul, ast.Div: operator.itruediv,
    ast.FloorDiv: operator.ifloordiv, ast.Mod: operator.imod, ast.Pow: operator.ipow, ast.MatMult: operator.imatmul,
    ast.BitAnd: operator.iand, ast.BitOr: operator.ior, ast.BitXor: operator.ixor,
    ast.LShift: operator.ilshift, ast.RShift: operator.irshift,
}  # fmt: skip


def union(mask: Mask) -> int:
    """All lines of a mask."""
    if isinstance(mask, int):
        return mask
    found = 0
    for item in mask.values() if isinstance(mask, dict) else mask:
        found |= item if isinstance(item, int) else union(item)
    return found


def widen(mask: Mask, lines: int) -> Mask:
    """The mask with more lines in every item."""
    if isinstance(mask, int):
        return mask | lines
    if isinstance(mask, dict):
        return {key: widen(item, lines) for key, item in mask.items()}
    return tuple([item | lines if isinstance(item, int) else widen(item, lines) for item in mask])


def items_of(value: Any, mask: Mask, count: int) -> Sequence[Mask]:
    """The masks of the `count` items of a value; all the same where they are not known apart."""
    del value
    if isinstance(mask, tuple) and len(mask) == count:
        return mask
    return [union(mask)] * count


def arithmetic(kind: type[ast.operator], left: Pair, right: Pair, *, in_place: bool = False) -> Pair:
    """An operation on two values: item by item where it is, one after the other for lists, else everything at once."""
    (a, mask_a), (b, mask_b) = left, right
    value = (_IN_PLACE if in_place else ARITHMETIC)[kind](a, b)
    if isinstance(mask_a, int) and isinstance(mask_b, int):
        return value, mask_a | mask_b
    if isinstance(value, np.ndarray) and value.ndim == 1 and len(value) <= MAX_ITEMS:
        masks = (mask_a, mask_b)
        if all(isinstance(mask, int) or len(mask) == len(value) for mask in masks):
            return value, merge(masks, len(value))
    elif kind is ast.Add and isinstance(mask_a, tuple) and isinstance(mask_b, tuple) and _adds(value, mask_a, mask_b):
        return value, mask_a + mask_b
    return value, union(mask_a) | union(mask_b)


def _adds(value: Any, first: tuple[Mask, ...], second: tuple[Mask, ...]) -> bool:
    return isinstance(value, list | tuple) and len(value) == len(first) + len(second)


def compare(kind: type[ast.cmpop], left: Pair, right: Pair) -> Pair:
    """A comparison of two values."""
    return COMPARISONS[kind](left[0], right[0]), union(left[1]) | union(right[1])


def merge(masks: Sequence[Mask], count: int) -> Mask:
    """The masks of `count` items that were each computed from the items of several values."""
    parts = [mask if isinstance(mask, tuple) else (union(mask),) * count for mask in masks]
    return tuple(union_of(items) for items in zip(*parts, strict=True))


def union_of(masks: Iterable[Mask]) -> int:
    """All lines of several masks."""
    found = 0
    for mask in masks:
        found |= mask if isinstance(mask, int) else union(mask)
    return found
