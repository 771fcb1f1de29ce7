"""Small tools for building syntax trees."""

from __future__ import annotations

import ast
from typing import Any


def like(node: Any, **changed: Any) -> Any:
    """A shallow copy of a node with some fields replaced; its place is kept."""
    values = {name: changed.get(name, getattr(node, name, None)) for name in node._fields}
    return type(node)(**values, **{name: getattr(node, name) for name in node._attributes if hasattr(node, name)})


def at(place: Any, node: Any) -> Any:
    """A new node put in the place of another; what it holds stays where it is."""
    node.lineno, node.col_offset = place.lineno, place.col_offset
    node.end_lineno, node.end_col_offset = place.end_lineno, place.end_col_offset
    return node


def own(name: str) -> ast.expr:
    """`self.name`."""
    return ast.Attribute(ast.Name("self", ast.Load()), name, ast.Load())


def loaded(target: Any) -> Any:
    """What reads a target of an assignment."""
    return like(target, ctx=ast.Load())
