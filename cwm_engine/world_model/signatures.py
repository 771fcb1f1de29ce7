"""Whether a function can be called the way a model's functions are, judged by its parameters alone."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

_TRANSPARENT = frozenset(
    {"abstractmethod", "override", "final", "cache", "lru_cache", "no_type_check", "staticmethod", "classmethod"}
)


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why a call does not fit: the reason as the end of a sentence, the advice, and the parameter it is about."""

    reason: str
    advice: str
    parameter: ast.arg | None = None


def call_problem(function: FunctionNode, wanted: Sequence[str], *, method: bool) -> Misfit | None:
    """What is wrong with calling `function(*wanted)`, None if nothing is.

    Args:
        function: The function as it is written.
        wanted: Names for the arguments it will be given, by position.
        method: Whether it is looked up on an instance, so that its first parameter is the instance.
    """
    if isinstance(function, ast.AsyncFunctionDef):
        return Misfit("is `async`, so calling it gives a coroutine and no result", "Remove `async`.")
    decorators = set() if isinstance(function, ast.Lambda) else _decorators(function)
    if decorators - _TRANSPARENT:
        return None  # a decorator may change the signature
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    required = len(positional) - len(arguments.defaults)
    call = f"({', '.join(wanted)})"
    if method and "staticmethod" not in decorators:
        if not positional and arguments.vararg is None:
            return Misfit("has no `self`", f"Write it as a method: `({', '.join(('self', *wanted))})`.")
        if positional and positional[0].arg != "self" and len(positional) == len(wanted) == required:
            return Misfit("has no `self`", f"Write it as a method: `({', '.join(('self', *wanted))})`.")
        positional, required = positional[1:], max(required - 1, 0)
    if required > len(wanted):
        names = ", ".join(f"`{parameter.arg}`" for parameter in positional[:required])
        extra = positional[len(wanted)]
        return Misfit(
            f"needs {_count(required)} ({names}), but it is called with {call}",
            f"Give `{extra.arg}` a default value.",
            extra,
        )
    if len(positional) < len(wanted) and arguments.vararg is None:
        missing = wanted[len(positional)]
        accepted = _count(len(positional)) if positional else "no argument"
        return Misfit(f"takes {accepted}, but it is called with {call}", f"Add the parameter `{missing}`.")
    for parameter, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if default is None:
            return Misfit(
                f"needs the keyword argument `{parameter.arg}`, but it is called with {call}",
                f"Give `{parameter.arg}` a default value.",
                parameter,
            )
    return None


def required_field(node: ast.ClassDef) -> ast.AnnAssign | None:
    """The first field of a dataclass that its constructor needs a value for."""
    if "dataclass" not in _decorators(node):
        return None
    for statement in node.body:
        if not isinstance(statement, ast.AnnAssign) or _is_class_variable(statement.annotation):
            continue
        value = statement.value
        if value is None:
            return statement
        if isinstance(value, ast.Call) and _last_name(value.func) == "field":
            given = {keyword.arg: keyword.value for keyword in value.keywords}
            init = given.get("init")
            if not ({"default", "default_factory"} & set(given)) and not (
                isinstance(init, ast.Constant) and init.value is False
            ):
                return statement
    return None


def _is_class_variable(annotation: ast.expr) -> bool:
    if isinstance(annotation, ast.Constant):
        return "ClassVar" in str(annotation.value)
    return _last_name(annotation.value if isinstance(annotation, ast.Subscript) else annotation) == "ClassVar"


def _decorators(node: ast.FunctionDef | ast.ClassDef) -> set[str]:
    return {
        _last_name(decorator.func if isinstance(decorator, ast.Call) else decorator)
        for decorator in node.decorator_list
    }


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _count(number: int) -> str:
    return "one argument" if number == 1 else f"{number} arguments"
