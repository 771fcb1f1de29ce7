"""The operations of expressions as closures over values and masks (see `shadow`)."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

import numpy as np

from cwm_engine.diagnosis.localization.masks import Pair, compare, union, widen
from cwm_engine.diagnosis.localization.shadow import Expression, Frame, Shadow


def constant(value: Any) -> Expression:
    """The closure of a constant, which comes from no line by itself."""
    pair: Pair = (value, 0)
    return lambda _: pair


def unary(kind: type[ast.unaryop], compute: Expression) -> Expression:
    """`-e`, `+e`, `~e`, `not e`."""

    def evaluate(frame: Frame) -> Pair:
        value, mask = compute(frame)
        if kind is ast.Not:
            return not value, union(mask)
        return (-value if kind is ast.USub else +value if kind is ast.UAdd else ~value), mask

    return evaluate


def boolean(parts: Sequence[Expression], *, stop_at: bool) -> Expression:
    """`and`, which stops at False, and `or`, which stops at True."""

    def evaluate(frame: Frame) -> Pair:
        value: Any = None
        lines = 0
        for part in parts:
            value, mask = part(frame)
            lines |= union(mask)
            if bool(value) is stop_at:
                break
        return value, lines

    return evaluate


def comparison(first: Expression, rest: Sequence[tuple[type[ast.cmpop], Expression]]) -> Expression:
    """`a < b <= c`."""

    def evaluate(frame: Frame) -> Pair:
        left, lines, value = first(frame), 0, True
        for kind, part in rest:
            right = part(frame)
            value, mask = compare(kind, left, right)
            lines |= union(mask)
            if len(rest) > 1 and not value:
                break
            left = right
        return value, lines

    return evaluate


def conditional(test: Expression, then: Expression, otherwise: Expression) -> Expression:
    """`a if test else b`."""

    def evaluate(frame: Frame) -> Pair:
        decided, lines = test(frame)
        value, mask = then(frame) if decided else otherwise(frame)
        return value, widen(mask, union(lines))

    return evaluate


def item(shadow: Shadow, of: Expression, at: Expression) -> Expression:
    """`a[i]`: one item's lines where they are known apart from the others'."""

    def evaluate(frame: Frame) -> Pair:
        value, mask = of(frame)
        key, key_mask = at(frame)
        found = value[key]
        lines = union(key_mask)
        if isinstance(mask, tuple) and isinstance(key, int | np.integer) and len(mask) == length(value):
            return found, shadow.read(found, widen(mask[int(key)], lines))
        if isinstance(mask, dict) and key in mask:
            return found, shadow.read(found, widen(mask[key], lines))
        return found, shadow.read(found, union(mask) | lines)

    return evaluate


def section(of: Expression, ends: Sequence[Expression]) -> Expression:
    """`a[start:stop:step]`."""

    def evaluate(frame: Frame) -> Pair:
        value, mask = of(frame)
        found_ends = [end(frame) for end in ends]
        key = slice(*[end for end, _ in found_ends])
        lines = 0
        for _, end_mask in found_ends:
            lines |= union(end_mask)
        if isinstance(mask, tuple) and len(mask) == length(value):
            return value[key], widen(mask[key], lines)
        return value[key], union(mask) | lines

    return evaluate


def display(kind: Any, parts: Sequence[Expression]) -> Expression:
    """`(a, b)` and `[a, b]`."""

    def evaluate(frame: Frame) -> Pair:
        pairs = [part(frame) for part in parts]
        return kind([value for value, _ in pairs]), tuple([mask for _, mask in pairs])

    return evaluate


def mapping(parts: Sequence[tuple[Any, Expression]]) -> Expression:
    """`{"a": b}` with constant keys."""

    def evaluate(frame: Frame) -> Pair:
        pairs = {key: part(frame) for key, part in parts}
        return {key: value for key, (value, _) in pairs.items()}, {key: mask for key, (_, mask) in pairs.items()}

    return evaluate


def length(value: Any) -> int:
    """How many items a sequence has; -1 if it is none with one row of items."""
    return len(value) if isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim == 1) else -1
