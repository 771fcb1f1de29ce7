"""Questions about a program's syntax, most of which probes have to ask before they are placed."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SHORT = 1000
"""A loop over a literal or a constant range up to this long needs no tick."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What has to be known of the whole program.

    Attributes:
        catches: Whether an exception may be caught anywhere in it.
        once: Functions that run at most once per transition.
        yields: The lines with a `yield` or `await`, in order.
    """

    catches: bool
    once: frozenset[str]
    yields: Sequence[int]


def survey(tree: ast.Module) -> Survey:
    """Look at every node once; a function whose name is mentioned, even in a string, may be called more than once."""
    catches = False
    mentioned: set[Any] = set()
    yields: list[int] = []
    stack: list[Any] = [tree]
    pop, push = stack.pop, stack.append
    while stack:
        node = pop()
        kind = node.__class__
        if kind is ast.Name:
            mentioned.add(node.id)
        elif kind is ast.Attribute:
            mentioned.add(node.attr)
            push(node.value)
        elif kind is ast.Constant:
            if node.value.__class__ is str:
                mentioned.add(node.value)
        elif kind in _NODES:  # lists also hold names and None
            if kind in _YIELDS:
                yields.append(node.lineno)
            elif kind in _TRIES:
                catches = True
            for value in node.__dict__.values():
                if value.__class__ is list:
                    stack += value
                elif value.__class__ in _NODES:
                    push(value)
    return Survey(catches or not mentioned.isdisjoint(_SUPPRESSING), _ONCE - mentioned, sorted(yields))


def all_nodes(*trees: ast.AST) -> list[Any]:
    """Every node of some trees but for contexts and operators, parents first; several times as fast as `ast.walk`."""
    nodes: list[Any] = list(trees)
    for node in nodes:  # grows while it is gone through
        for value in node.__dict__.values():
            kind = value.__class__
            if kind is list:
                nodes += [item for item in value if item.__class__ in _NODES]
            elif kind in _NODES:
                nodes.append(value)
    return nodes


def dotted_name(node: ast.expr) -> str:
    """`a.b.c` as it is written; the part before the dots is empty if it is no name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join((node.id if isinstance(node, ast.Name) else "", *reversed(parts)))


def matches_anything(pattern: ast.pattern) -> bool:
    """Whether a `case` with this pattern is the last that can be reached."""
    if isinstance(pattern, ast.MatchOr):
        return matches_anything(pattern.patterns[-1])
    return isinstance(pattern, ast.MatchAs) and (pattern.pattern is None or matches_anything(pattern.pattern))


def is_true(test: ast.expr) -> bool:
    """Whether a test is plainly always true."""
    return isinstance(test, ast.Constant) and bool(test.value)


def suppresses(manager: ast.expr) -> bool:
    """Whether a `with` over this may swallow an exception, going by its name."""
    function = manager.func if isinstance(manager, ast.Call) else manager
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in _SUPPRESSING


def is_short(iterable: ast.expr) -> bool:
    """Whether a `for` over this plainly ends soon."""
    if isinstance(iterable, ast.Tuple | ast.List | ast.Set):
        return not any(isinstance(item, ast.Starred) for item in iterable.elts)
    if isinstance(iterable, ast.Constant):
        return True
    if not (isinstance(iterable, ast.Call) and isinstance(iterable.func, ast.Name) and not iterable.keywords):
        return False
    if iterable.func.id == "range":
        bounds = [bound.value for bound in iterable.args if isinstance(bound, ast.Constant)]
        return len(bounds) == len(iterable.args) and all(isinstance(n, int) and abs(n) <= SHORT for n in bounds)
    if iterable.func.id in {"enumerate", "zip", "reversed", "sorted"}:
        return any(is_short(argument) for argument in iterable.args[: 1 if iterable.func.id != "zip" else None])
    return False


_ONCE = frozenset({"set_state", "step", "transition", "reward"})
_SUPPRESSING = frozenset({"suppress", "raises", "assertRaises", "ExitStack"})
_YIELDS = frozenset({ast.Yield, ast.YieldFrom, ast.Await})
_TRIES = frozenset({ast.Try, ast.TryStar})
_LEAF_NODES = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
_NODES = frozenset(
    kind
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST) and not issubclass(kind, _LEAF_NODES)
)
