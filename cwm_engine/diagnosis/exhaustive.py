"""Decisions that cannot be skipped, because they ask for every action that there is."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cwm_engine.world_model.syntax import all_nodes

Values = frozenset[Any]


def exhaustive(tree: ast.Module, action_space: Mapping[str, Any] | None) -> frozenset[int]:
    """The lines of the last `if` of chains, and of `match`, that ask for each action of a discrete space.

    In `if action == 0: ... elif action == 1: ...` the last `if` is always fulfilled where there are two actions. So it
    is where the first one ends in a `return`.

    Args:
        tree: The model's file.
        action_space: The space of the actions as the data describes it; nothing is known of any but `Discrete`.
    """
    if action_space is None or action_space.get("type") != "Discrete":
        return frozenset()
    start = int(action_space.get("start", 0))
    actions = frozenset(range(start, start + int(action_space["n"])))
    found: set[int] = set()
    for function in all_nodes(tree):
        if isinstance(function, ast.FunctionDef):
            arguments = {argument.arg for argument in (*function.args.posonlyargs, *function.args.args)}
            for suite in _suites(function):
                found |= set(_last_ones(suite, arguments, actions))
    return frozenset(found)


def _suites(node: ast.AST) -> Iterator[Sequence[ast.stmt]]:
    """All suites of a function but those of functions in it, and but the chains of `elif`."""
    for name in ("body", "orelse", "finalbody"):
        suite = getattr(node, name, None)
        if isinstance(suite, list) and suite:
            yield suite
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr):
            yield from _suites(child)


def _last_ones(suite: Sequence[ast.stmt], arguments: set[str], actions: Values) -> Iterator[int]:
    """The last `if` or `match` of a suite after which no action is left."""
    asked: dict[str, Values] = {}
    for statement in suite:
        if isinstance(statement, ast.Match):
            name = statement.subject.id if isinstance(statement.subject, ast.Name) else ""
            values = [_constants(case.pattern) for case in statement.cases if case.guard is None]
            if name in arguments and actions <= asked.get(name, frozenset()).union(*values):
                yield statement.lineno
        elif isinstance(statement, ast.If):
            name, here, leaving, last = _chain(statement)
            if name in arguments:
                if not last.orelse and actions <= asked.get(name, frozenset()) | here:
                    yield last.lineno
                asked[name] = asked.get(name, frozenset()) | leaving


def _chain(statement: ast.If) -> tuple[str, Values, Values, ast.If]:
    """The name that a chain asks about, for which values, for which of them it leaves, and its last `if`."""
    name, here, leaving = "", frozenset[Any](), frozenset[Any]()
    node = statement
    while True:
        about, values = _asked(node.test)
        if node is statement:
            name = about
        elif about != name:
            return "", frozenset(), frozenset(), node
        here |= values
        if isinstance(node.body[-1], ast.Return | ast.Raise | ast.Continue | ast.Break):
            leaving |= values
        if not (len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If)):
            return name, here, leaving, node
        node = node.orelse[0]


def _asked(test: ast.expr) -> tuple[str, Values]:
    match test:
        case ast.Compare(ast.Name(name), [ast.Eq()], [ast.Constant(value)]):
            return name, frozenset([value])
        case ast.Compare(ast.Name(name), [ast.In()], [ast.Tuple(elts) | ast.List(elts) | ast.Set(elts)]):
            return name, frozenset(item.value for item in elts if isinstance(item, ast.Constant))
        case ast.BoolOp(ast.Or(), values):
            asked = [_asked(value) for value in values]
            names = {name for name, _ in asked}
            return (names.pop() if len(names) == 1 else ""), frozenset[Any]().union(*(values for _, values in asked))
        case _:
            return "", frozenset()


def _constants(pattern: ast.pattern) -> Values:
    match pattern:
        case ast.MatchValue(ast.Constant(value)):
            return frozenset([value])
        case ast.MatchOr(patterns):
            return frozenset[Any]().union(*map(_constants, patterns))
        case _:
            return frozenset()
