"""Copies that were left out: something is given a second name and then changed in place, which the first one shows too.

What a program remembers of earlier transitions does not show in one transition by itself, so these edits are no part
of the search over samples: each is to be run on everything, in order.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from cwm_engine.diagnosis.editing.patches import Text

_CHANGING = frozenset(
    {"add", "append", "clear", "discard", "extend", "fill", "insert", "pop", "remove", "reverse", "sort", "update"}
)
"""Methods of collections and arrays that change them."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A text in which something is copied that was shared.

    Attributes:
        text: The whole text afterwards.
        line: The edited line.
        description: What was done.
    """

    text: str
    line: int
    description: str


def copies(source: str, tree: ast.Module) -> Iterator[Copy]:
    """All texts in which one thing more is copied.

    Args:
        source: The program.
        tree: Its tree.
    """
    text = Text(source, tree)
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        changed = {name: line for node in ast.walk(function) for name, line in _changed_in_place(node)}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name | ast.Attribute):
                lines = [changed[name] for name in map(ast.unparse, node.targets) if name in changed]
                if lines:
                    end = text.range_of(node.value)[1]
                    said = f"copy `{text.of(node.value)}`, which line {lines[0]} changes in place"
                    yield Copy(f"{source[:end]}.copy(){source[end:]}", node.lineno, said)


def _changed_in_place(node: ast.AST) -> Iterator[tuple[str, int]]:
    """What a node changes without giving it a new value, and where."""
    match node:
        case ast.Call(func=ast.Attribute(value=owner, attr=name)) if name in _CHANGING:
            yield ast.unparse(owner), node.lineno
        case ast.Assign(targets=targets):
            yield from ((ast.unparse(one.value), node.lineno) for one in targets if isinstance(one, ast.Subscript))
        case ast.AugAssign(target=ast.Subscript(value=owner)):
            yield ast.unparse(owner), node.lineno
