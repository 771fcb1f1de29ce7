"""Tracing: what a model compares with what, so that a limit can be found from the values that come near it."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

_COMPARISONS: Mapping[type[ast.cmpop], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Lt: ("_cwm_lt", operator.lt),
    ast.LtE: ("_cwm_le", operator.le),
    ast.Gt: ("_cwm_gt", operator.gt),
    ast.GtE: ("_cwm_ge", operator.ge),
}
_BOUND, _CLIP = "_cwm_bound", "_cwm_clip"
_CALLS = {"min": _BOUND, "minimum": _BOUND, "max": _BOUND, "maximum": _BOUND, "clip": _CLIP}
_OCCURRENCES = 4
"""How often a comparison is recorded in one step; loops make many."""

Sides = dict[tuple[int, int], tuple[float, float]]
"""Both sides of the comparisons of a step, by place in the program and occurrence."""


class Tracer:
    """Keeps both sides of every ordered comparison, those in `min`, `max` and `clip` included.

    Attributes:
        names: What a traced program needs among its globals.
    """

    def __init__(self) -> None:
        self._found: Sides = {}
        self.names: Mapping[str, Any] = {
            _BOUND: self._bound,
            _CLIP: self._clip,
            **{name: self._comparison(compare) for name, compare in _COMPARISONS.values()},
        }

    def clear(self) -> None:
        """Forget what was recorded."""
        self._found.clear()

    def taken(self) -> Sides:
        """What was recorded since `clear`."""
        return dict(self._found)

    def _note(self, place: int, left: Any, right: Any) -> None:
        for occurrence in range(_OCCURRENCES):
            if (place, occurrence) not in self._found:
                with suppress(TypeError, ValueError):  # arrays and texts have no one side
                    self._found[place, occurrence] = (float(left), float(right))
                return

    def _comparison(self, compare: Callable[[Any, Any], Any]) -> Callable[[int, Any, Any], Any]:
        def compared(place: int, left: Any, right: Any) -> Any:
            self._note(place, left, right)
            return compare(left, right)

        return compared

    def _bound(self, place: int, function: Any, *arguments: Any, **named: Any) -> Any:
        if len(arguments) == 2:
            self._note(place, *arguments)
        return function(*arguments, **named)

    def _clip(self, place: int, function: Any, *arguments: Any, **named: Any) -> Any:
        if len(arguments) == 3:
            for offset, limit in enumerate(arguments[1:]):
                self._note(place + offset, arguments[0], limit)
        return function(*arguments, **named)


def traced(tree: ast.Module) -> ast.Module:
    """The tree, changed in place, with its comparisons reported to a `Tracer`; it behaves as before."""
    made: ast.Module = _Traced().visit(tree)
    return ast.fix_missing_locations(made)


class _Traced(ast.NodeTransformer):
    def __init__(self) -> None:
        self._place = 0

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        """Report `a < b`; chains are left alone."""
        self.generic_visit(node)
        if len(node.ops) != 1 or type(node.ops[0]) not in _COMPARISONS:
            return node
        name, _ = _COMPARISONS[type(node.ops[0])]
        arguments = [ast.Constant(self._next(1)), node.left, node.comparators[0]]
        return ast.copy_location(ast.Call(ast.Name(name, ast.Load()), arguments, []), node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """Report `min(a, b)`, `max(a, b)` and `clip(a, low, high)`."""
        self.generic_visit(node)
        match node.func:
            case ast.Name(id=called) | ast.Attribute(value=ast.Name(), attr=called) if called in _CALLS:
                arguments = [ast.Constant(self._next(2)), node.func, *node.args]
                made = ast.Call(ast.Name(_CALLS[called], ast.Load()), arguments, node.keywords)
                return ast.copy_location(made, node)
        return node

    def _next(self, count: int) -> int:
        self._place += count
        return self._place - count
