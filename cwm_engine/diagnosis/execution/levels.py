"""When the code of a model runs: at loading, at construction, or in every step."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from enum import IntEnum
from functools import lru_cache

_LONG = 3000
"""Modules of fewer lines are analysed whole."""


class Level(IntEnum):
    """What has to run again before a change of a piece of code shows: a step, the constructor, the module."""

    STEP = 0
    INIT = 1
    MODULE = 2


def focused(tree: ast.Module, model: str) -> ast.Module:
    """The module without functions and classes that a model cannot reach by name; short modules as they are.

    Args:
        tree: The module; the result shares its statements.
        model: The model's class, or `transition`.
    """
    last = tree.body[-1].end_lineno if tree.body else 0
    if (last or 0) < _LONG:
        return tree
    definitions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    kept = {model, "transition", "reward"} & definitions.keys()
    waiting = list(kept)
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            waiting += _names_in(node) & definitions.keys()
    while waiting:
        name = waiting.pop()
        kept.add(name)
        waiting += (_names_in(definitions[name]) & definitions.keys()) - kept
    return ast.Module([node for node in tree.body if getattr(node, "name", None) in {None, *kept}], [])


def levels_of(tree: ast.Module, model: str) -> dict[int, Level]:
    """For each line with an expression, what has to run again before a change of it shows."""
    levels = function_levels(tree, model)
    found: dict[int, Level] = {}

    def visit(node: ast.AST, level: Level) -> None:
        if isinstance(node, ast.FunctionDef):
            level = levels.get(node.name, Level.STEP)
        elif isinstance(node, ast.expr):
            found[node.lineno] = level
        for child in ast.iter_child_nodes(node):
            visit(child, level)

    visit(tree, Level.MODULE)
    return found


def function_levels(tree: ast.Module, model: str) -> Mapping[str, Level]:
    """Functions whose work is done before the first step, by name."""
    outside: list[ast.AST] = []
    constructors: list[ast.AST] = []
    for statement in tree.body:
        if isinstance(statement, ast.ClassDef):
            for inner in statement.body:
                if isinstance(inner, ast.FunctionDef):
                    outside += inner.decorator_list
                    constructors += [inner] if inner.name in ("__init__", "__post_init__", "__new__") else []
                else:
                    outside.append(inner)
        elif not isinstance(statement, ast.FunctionDef | ast.Import | ast.ImportFrom):
            outside.append(statement)
    levels = dict.fromkeys(called_from(tree, constructors), Level.INIT)
    levels.update(dict.fromkeys(("__init__", "__post_init__", "__new__"), Level.INIT))
    # Naming the model's class somewhere in the module, say in a main block, does not make it part of loading.
    levels.update(dict.fromkeys(called_from(tree, outside) - {model}, Level.MODULE))
    return levels


def recursive_functions(tree: ast.Module) -> set[str]:
    """Names of functions that may call themselves, directly or not, and of those that call such."""
    calls = {name: set(called) for name, called in _calls(tree).items()}
    callers: dict[str, set[str]] = {}
    for name, called in calls.items():
        for other in called:
            callers.setdefault(other, set()).add(name)
    ending = [name for name, called in calls.items() if not called]
    while ending:
        name = ending.pop()
        for caller in callers.get(name, ()):
            calls[caller].discard(name)
            if not calls[caller]:
                ending.append(caller)
        calls.pop(name)
        callers.pop(name, None)
    return set(calls)


def called_from(tree: ast.Module, roots: Sequence[ast.AST]) -> set[str]:
    """Names of the module's functions and methods that code can reach, by name alone."""
    calls = _calls(tree)
    waiting = [name for root in roots for name in _names_in(root) if name in calls]
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += calls[name]
    return reached


@lru_cache(maxsize=4)
def _calls(tree: ast.Module) -> dict[str, frozenset[str]]:
    """For each function name, the functions it mentions."""
    mentioned: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            mentioned.setdefault(node.name, set()).update(name for part in node.body for name in _names_in(part))
    return {name: frozenset(names & mentioned.keys()) for name, names in mentioned.items()}


def _names_in(root: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(root):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
    return names
