"""When the code of a model runs: at loading, at construction, or in every step."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from enum import IntEnum


class Level(IntEnum):
    """What has to run again before a change of a piece of code shows: a step, the constructor, the module."""

    STEP = 0
    INIT = 1
    MODULE = 2


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
    """Names of functions that may call themselves, directly or not."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return {function.name for function in functions if function.name in called_from(tree, function.body)}


def called_from(tree: ast.Module, roots: Sequence[ast.AST]) -> set[str]:
    """Names of the module's functions and methods that code can reach, by name alone."""
    bodies: dict[str, list[ast.AST]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            bodies.setdefault(node.name, []).append(node)
    reached: set[str] = set()
    waiting = list(roots)
    while waiting:
        for node in ast.walk(waiting.pop()):
            name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None
            if name in bodies and name not in reached:
                reached.add(name)
                waiting += bodies[name]
    return reached
