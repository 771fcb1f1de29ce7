"""Edits that put something around an expression: a bound, a remainder, a conversion of angles, codes or numbers."""

from __future__ import annotations

import ast
import builtins
import math
import types
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import combinations
from typing import Any

from cwm_engine.diagnosis.editing.additions import operands_of, takes_terms
from cwm_engine.diagnosis.editing.edits import Edit, Make
from cwm_engine.diagnosis.editing.vocabulary import Vocabulary
from cwm_engine.diagnosis.execution.operations import original
from cwm_engine.diagnosis.execution.schemata import Operands, Site
from cwm_engine.diagnosis.execution.syntax import loaded

Value = Callable[..., Any]
Around = Callable[[ast.expr], ast.expr]

_CONVERSIONS = ("int", "abs", "round", "float", "bool")
_OF_MODULES = ("radians", "degrees", "deg2rad", "floor", "abs", "fabs", "sqrt", "square", "sign")
_MOST_BOUNDS = 24


def wrapped(site: Site, words: Vocabulary, namespace: Mapping[str, Any]) -> Iterator[Edit]:
    """`f(e)`, `2 * e - 1`, `min(e, w)`, `max(e, w)`, `min(max(e, low), high)`, `e % w`, and `e` within -pi..pi."""
    if not takes_terms(site) and site.operands is not Operands.INSERTION and not isinstance(site.node, ast.AugAssign):
        return
    if isinstance(site.node, ast.Constant) and not site.is_root:
        return
    compute = original(site)
    for cost, apply, around in _conversions(namespace):
        yield _edit(site, cost, _applied(apply, compute), around)
    if not site.is_root and site.operands is not Operands.INSERTION:
        return
    bounds = [(value, make) for value, make in operands_of(site, words) if not _is_itself(site, make)]
    zero: tuple[Value, Make] = (lambda _: 0, partial(ast.Constant, 0))
    fixed = [(value, make) for value, make in bounds if not isinstance(make(), ast.Name) or _is_shared(make(), words)]
    varying = [
        (value, make) for value, make in bounds if isinstance(make(), ast.Name) and not _is_shared(make(), words)
    ]
    for cost, (value, make) in (*((2.0, bound) for bound in (zero, *fixed)), *((3.25, bound) for bound in varying)):
        for name, apply in (("min", min), ("max", max)):
            yield _edit(site, cost, _combined(apply, compute, value), partial(_called, name, make))
        yield _edit(site, cost, _combined(_largest_of_opposite, compute, value), partial(_above_opposite, make))
        yield _edit(site, cost, _combined(_symmetric, compute, value), partial(_between_opposites, make))
        yield _edit(site, cost, _combined(_remainder, compute, value), partial(_modulo, make))
    for (low, make_low), (high, make_high) in combinations([zero, *fixed[:_MOST_BOUNDS]], 2):
        yield _edit(site, 2.5, _clipped(compute, low, high), partial(_between, make_low, make_high))
        yield _edit(site, 2.5, _clipped(compute, high, low), partial(_between, make_high, make_low))


def _conversions(namespace: Mapping[str, Any]) -> Iterator[tuple[float, Callable[[Any], Any], Around]]:
    yield 2.0, _sign_of_code, _sign_of_code_node
    for name in _CONVERSIONS:
        if name not in namespace or namespace[name] is getattr(builtins, name):
            yield 2.0, getattr(builtins, name), partial(_call_of, ast.Name(name, ast.Load()))
    pi: ast.expr | None = None
    for name, value in namespace.items():
        if isinstance(value, types.ModuleType) and not name.startswith("_"):
            owner = ast.Name(name, ast.Load())
            for function in _OF_MODULES:
                if callable(found := getattr(value, function, None)):
                    cost = 1.5 if function in {"radians", "deg2rad", "degrees"} else 2.5
                    yield cost, found, partial(_call_of, ast.Attribute(owner, function, ast.Load()))
            if getattr(value, "pi", None) == math.pi:
                pi = pi or ast.Attribute(owner, "pi", ast.Load())
        elif isinstance(value, float) and value == math.pi:
            pi = ast.Name(name, ast.Load())
        elif name in _OF_MODULES and callable(value):
            yield 1.5, value, partial(_call_of, ast.Name(name, ast.Load()))
    if pi is not None:
        yield 1.5, _in_radians, partial(_radians_by, pi)
        yield 2.0, _around_zero, partial(_angle_by, pi)
        yield 2.0, _positive_angle, partial(_full_angle_by, pi)


def _edit(site: Site, cost: float, replacement: Value, around: Around) -> Edit:
    node: Any = site.node
    if site.operands is Operands.INSERTION:
        return Edit(site, "wrapped", cost + 0.5, replacement, lambda: _assigned(node, around(loaded(node))))
    if isinstance(node, ast.AugAssign):
        whole = ast.BinOp(loaded(node.target), node.op, node.value)
        return Edit(site, "wrapped", cost, replacement, lambda: _assigned(node.target, around(whole)))
    return Edit(site, "wrapped", cost, replacement, lambda: around(node))


def _assigned(target: Any, value: ast.expr) -> ast.stmt:
    return ast.Assign([target], value, lineno=1)


def _is_itself(site: Site, make: Make) -> bool:
    return ast.dump(loaded(site.node)) == ast.dump(make()) if site.operands is Operands.INSERTION else False


def _is_shared(node: Any, words: Vocabulary) -> bool:
    return any(name == node.id for name, _ in words.shared_numbers)


def _applied(apply: Callable[[Any], Any], compute: Value) -> Value:
    return lambda scope, *parts: apply(compute(scope, *parts))


def _combined(apply: Callable[[Any, Any], Any], compute: Value, value: Value) -> Value:
    return lambda scope, *parts: apply(compute(scope, *parts), value(scope))


def _clipped(compute: Value, low: Value, high: Value) -> Value:
    return lambda scope, *parts: min(max(compute(scope, *parts), low(scope)), high(scope))


def _largest_of_opposite(value: Any, bound: Any) -> Any:
    return max(value, -bound)


def _symmetric(value: Any, bound: Any) -> Any:
    return min(max(value, -bound), bound)


def _remainder(value: Any, size: Any) -> Any:
    return value % size


def _sign_of_code(value: Any) -> Any:
    """-1 and 1 for the codes 0 and 1."""
    return 2 * value - 1


def _in_radians(value: Any) -> Any:
    return value * math.pi / 180


def _around_zero(value: Any) -> Any:
    return (value + math.pi) % (2 * math.pi) - math.pi


def _positive_angle(value: Any) -> Any:
    return value % (2 * math.pi)


def _call_of(function: ast.expr, node: ast.expr) -> ast.expr:
    return ast.Call(function, [node], [])


def _called(name: str, make: Make, node: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), [node, make()], [])


def _above_opposite(make: Make, node: ast.expr) -> ast.expr:
    return ast.Call(ast.Name("max", ast.Load()), [node, ast.UnaryOp(ast.USub(), make())], [])


def _between_opposites(make: Make, node: ast.expr) -> ast.expr:
    return _called("min", make, _above_opposite(make, node))


def _between(low: Make, high: Make, node: ast.expr) -> ast.expr:
    return _called("min", high, _called("max", low, node))


def _modulo(make: Make, node: ast.expr) -> ast.expr:
    return ast.BinOp(node, ast.Mod(), make())


def _sign_of_code_node(node: ast.expr) -> ast.expr:
    return ast.BinOp(ast.BinOp(ast.Constant(2), ast.Mult(), node), ast.Sub(), ast.Constant(1))


def _radians_by(pi: ast.expr, node: ast.expr) -> ast.expr:
    return ast.BinOp(ast.BinOp(node, ast.Mult(), pi), ast.Div(), ast.Constant(180))


def _angle_by(pi: ast.expr, node: ast.expr) -> ast.expr:
    shifted = ast.BinOp(node, ast.Add(), pi)
    return ast.BinOp(ast.BinOp(shifted, ast.Mod(), _twice(pi)), ast.Sub(), pi)


def _full_angle_by(pi: ast.expr, node: ast.expr) -> ast.expr:
    return ast.BinOp(node, ast.Mod(), _twice(pi))


def _twice(pi: ast.expr) -> ast.expr:
    return ast.BinOp(ast.Constant(2), ast.Mult(), pi)
