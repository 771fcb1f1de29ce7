"""What the operators of an expression do, for replacements that compute with the values of its operands."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from cwm_engine.diagnosis.execution.schemata import Operands, Site

Binary = Callable[[Any, Any], Any]

_LARGEST_EXPONENT = 1000


def power(base: Any, exponent: Any) -> Any:
    """`base ** exponent` that refuses to compute integers nobody waits for.

    Raises:
        OverflowError: Both are integers and the result would be enormous.
    """
    if isinstance(base, int) and isinstance(exponent, int) and abs(exponent) > _LARGEST_EXPONENT and abs(base) > 1:
        raise OverflowError
    return base**exponent


ARITHMETIC: Mapping[type[ast.operator], Binary] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: power, ast.MatMult: operator.matmul,
    ast.BitAnd: operator.and_, ast.BitOr: operator.or_, ast.BitXor: operator.xor,
    ast.LShift: operator.lshift, ast.RShift: operator.rshift,
}  # fmt: skip

COMPARISONS: Mapping[type[ast.cmpop], Binary] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Is: operator.is_, ast.IsNot: operator.is_not,
    ast.In: lambda left, right: left in right, ast.NotIn: lambda left, right: left not in right,
}  # fmt: skip


def original(site: Site) -> Callable[..., Any]:
    """A function that computes what a site computes, from what a replacement of it is called with."""
    node: Any = site.node
    if site.operands is Operands.VALUE:
        return lambda _, value: value
    if site.operands is Operands.INSERTION:
        return _variable(node)
    match node:
        case ast.BinOp() | ast.AugAssign():
            apply = ARITHMETIC[type(node.op)]
            return lambda _, left, right: apply(left, right)
        case ast.Compare(ops=[single]):
            test = COMPARISONS[type(single)]
            return lambda _, left, right: test(left, right)
        case ast.Compare():
            tests = [COMPARISONS[type(op)] for op in node.ops]
            return lambda _, *values: chain(tests, values)
        case ast.BoolOp(op=ast.And()):
            return lambda _, *parts: until(parts, stop_at=False)
        case ast.BoolOp():
            return lambda _, *parts: until(parts, stop_at=True)
        case ast.IfExp():
            return lambda _, test, body, orelse: body() if test() else orelse()
        case ast.Call():
            return lambda _, function, *arguments: function(*arguments)
    raise TypeError(type(node).__name__)


def _variable(target: ast.expr | ast.stmt) -> Callable[..., Any]:
    """The value so far of what a statement would set; of a `return`, which sets nothing, None."""
    if isinstance(target, ast.Return):
        return lambda *_: None
    if isinstance(target, ast.Attribute):
        attribute = target.attr
        return lambda scope, *_: getattr(scope["self"], attribute)
    name = ast.unparse(target)
    return lambda scope, *_: scope[name]


def chain(tests: Sequence[Binary], values: Sequence[Any]) -> bool:
    """Whether every comparison of a chain such as `low < x <= high` holds."""
    return all(test(left, right) for test, (left, right) in zip(tests, pairwise(values), strict=True))


def until(parts: Sequence[Callable[[], Any]], *, stop_at: bool) -> Any:
    """The value of `and` (stop at False) or `or` (stop at True) over unevaluated parts."""
    value: Any = None
    for part in parts:
        value = part()
        if bool(value) is stop_at:
            break
    return value
