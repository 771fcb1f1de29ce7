"""Which lines feed which: from the lines that give a field its value back to those whose values they read."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from cwm_engine.world_model.syntax import all_nodes, dotted_name

_ASSIGNING = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.For, ast.NamedExpr, ast.Return)


def feeding(tree: ast.Module, lines: Collection[int]) -> frozenset[int]:
    """The lines whose values come to some lines, directly or through others, and those lines themselves.

    Names are followed wherever they stand in the file; what a name is set to in another function counts too.

    Args:
        tree: The file.
        lines: Where to start.
    """
    statements = [node for node in all_nodes(tree) if isinstance(node, _ASSIGNING)]
    found = set(lines)
    names: set[str] = set()
    while True:
        before = len(found), len(names)
        for statement in statements:
            own = range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
            if isinstance(statement, ast.For):
                own = range(statement.lineno, statement.lineno + 1)
            if not found.isdisjoint(own):
                names |= set(_read(statement))
            elif not names.isdisjoint(_set(statement)):
                found |= set(own)
                names |= set(_read(statement))
        if (len(found), len(names)) == before:
            return frozenset(found)


def _read(statement: ast.AST) -> Iterator[str]:
    """The names whose values a statement takes."""
    match statement:
        case ast.For(iter=value) | ast.NamedExpr(value=value):
            yield from _names(value)
        case ast.AugAssign(target=target, value=value):
            yield from _names(target)
            yield from _names(value)
        case ast.Assign(value=value) | ast.Return(value=value) | ast.AnnAssign(value=value) if value is not None:
            yield from _names(value)


def _set(statement: ast.AST) -> Iterator[str]:
    """The names that a statement gives a value."""
    match statement:
        case ast.Assign(targets=targets):
            for target in targets:
                yield from _names(target)
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target) | ast.For(target=target):
            yield from _names(target)
        case ast.NamedExpr(target=target):
            yield from _names(target)


def _names(expression: ast.AST) -> Iterator[str]:
    for node in ast.walk(expression):
        if isinstance(node, ast.Name) and node.id != "self":
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield dotted_name(node)
