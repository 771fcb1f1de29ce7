"""Edits that put back what was left out of an expression: a term, a factor, a part of a condition."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import CodeType
from typing import Any

from cwm_engine.diagnosis.editing.edits import Edit, Make, local_name, number_node, own_name
from cwm_engine.diagnosis.editing.vocabulary import Vocabulary
from cwm_engine.diagnosis.execution.operations import ARITHMETIC, COMPARISONS, Binary, original
from cwm_engine.diagnosis.execution.schemata import Operands, Site
from cwm_engine.diagnosis.execution.syntax import own

Value = Callable[..., Any]

_MAX_TERMS = 48
_MIRRORED: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE, ast.Eq: ast.Eq, ast.NotEq: ast.NotEq,
}  # fmt: skip
_TESTS = (ast.Lt, ast.Gt, ast.Eq, ast.NotEq)


def added_terms(site: Site, words: Vocabulary) -> Iterator[Edit]:
    """`e + w`, `e - w`, `w - e`, `e * w`, `e / w` for every name and number in reach."""
    node: Any = site.node
    if not takes_terms(site):
        return
    compute, parent = original(site), site.parent
    in_sum = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Add | ast.Sub)
    in_product = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mult | ast.Div)
    for value, make in operands_of(site, words):
        for kind in (ast.Add, ast.Sub, ast.Mult, ast.Div):
            if in_sum if kind in (ast.Add, ast.Sub) else in_product:
                continue  # the same as adding to the whole sum
            apply = ARITHMETIC[kind]
            yield Edit(site, "term", 3.0, _combined(apply, compute, value), _binary(kind, node, make))
        if not in_sum:
            yield Edit(site, "term", 3.5, _combined(_swapped(ARITHMETIC[ast.Sub]), compute, value), _minus(make, node))


def added_conditions(site: Site, words: Vocabulary, namespace: Mapping[str, Any]) -> Iterator[Edit]:
    """`c and d`, `c or d`, and `d` alone, for every comparison `d` of the function and many that are like them."""
    node: Any = site.node
    is_condition = (site.is_root and isinstance(site.owner, ast.If | ast.While)) or isinstance(
        node, ast.BoolOp | ast.Compare
    )
    if not is_condition or isinstance(site.parent, ast.BoolOp | ast.Compare):
        return
    compute = original(site)
    for cost, make in _comparisons(site, words):
        test = evaluated(make(), namespace)
        yield Edit(site, "condition", cost, _either(compute, test), _joined(ast.Or, node, make))
        yield Edit(site, "condition", cost, _both(compute, test), _joined(ast.And, node, make))
        if isinstance(node, ast.Constant):
            yield Edit(site, "condition", cost, test, make)


def operands_of(site: Site, words: Vocabulary, *, numbers: bool = True) -> Iterator[tuple[Value, Make]]:
    """What an expression could be combined with: names in scope, attributes, shared names, small numbers."""
    for name in words.names.get(site.function, ()):
        yield local_name(name), partial(ast.Name, name, ast.Load())
    if site.function is not None:
        for name in words.attributes:
            yield own_name(name), partial(own, name)
    for name, value in words.shared_numbers:
        yield partial(_constant, value), partial(ast.Name, name, ast.Load())
    if numbers:
        for number in words.numbers:
            if number > 0:
                yield partial(_constant, number), partial(number_node, number)


def terms_of(site: Site, words: Vocabulary, namespace: Mapping[str, Any]) -> Iterator[tuple[Value, Make | None]]:
    """What may have been added times some number: one, names, and products and calls of the same function.

    What makes the syntax is None for one: then the number is all that is added.
    """
    yield partial(_constant, 1.0), None
    yield from operands_of(site, words, numbers=False)
    seen: set[str] = set()
    for node in words.products.get(site.function, ())[:_MAX_TERMS]:
        if (text := ast.unparse(node)) not in seen:
            seen.add(text)
            yield evaluated(node, namespace), partial(_itself, node)


def takes_fitted_terms(site: Site) -> bool:
    """Whether `e + number * term` is worth fitting here: a whole sum or something that is none."""
    parent = site.parent
    in_sum = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Add | ast.Sub)
    return takes_terms(site) and not in_sum and not isinstance(site.node, ast.Constant)


def plus_multiple(site: Site, value: Value, coefficient: float) -> Value:
    """The replacement `e + coefficient * value`; truth values are no terms."""
    compute = original(site)

    def replacement(scope: Mapping[str, Any], *parts: Any) -> Any:
        term = value(scope)
        if isinstance(term, bool):
            raise TypeError
        return compute(scope, *parts) + coefficient * term

    return replacement


def times(site: Site, factor: float) -> Value:
    """The replacement `factor * e`."""
    compute = original(site)
    return lambda scope, *parts: factor * compute(scope, *parts)


def multiple_node(node: Any, make: Make | None, coefficient: float, factor: ast.expr | None) -> ast.expr:
    """The syntax of `e + coefficient * term`, the coefficient as a name where there is one for it."""
    operator: ast.operator = ast.Sub() if coefficient < 0 else ast.Add()
    size = factor if factor is not None else number_node(abs(coefficient))
    if make is None:
        return ast.BinOp(node, operator, size)
    term: Any = make()
    if factor is None and abs(coefficient) == 1.0:
        return ast.BinOp(node, operator, term)
    return ast.BinOp(node, operator, ast.BinOp(size, ast.Mult(), term))


def takes_terms(site: Site) -> bool:
    """Whether an expression stands for a value that something could be done to."""
    node, owner = site.node, site.owner
    if site.operands in (Operands.STATEMENT, Operands.THUNKS, Operands.INSERTION):
        return False
    if isinstance(node, ast.Compare | ast.BoolOp | ast.IfExp | ast.AugAssign | ast.ListComp):
        return False
    if isinstance(node, ast.Constant) and not isinstance(node.value, int | float):
        return False
    if isinstance(owner, ast.If | ast.While | ast.For | ast.Expr) and site.is_root:
        return False
    return not isinstance(site.parent, ast.Attribute)


def _comparisons(site: Site, words: Vocabulary) -> Iterator[tuple[float, Make]]:
    known = [node for node in words.comparisons.get(site.function, ()) if len(node.ops) == 1]
    seen: set[str] = set()
    for node in known:
        left, right, kind = node.left, node.comparators[0], type(node.ops[0])
        mirrored = _MIRRORED.get(kind, kind)
        opposite = right.operand if isinstance(right, ast.UnaryOp) else ast.UnaryOp(ast.USub(), right)
        variants = [(2.5, kind, left, right), (2.5, mirrored, left, right), (2.5, mirrored, left, opposite)]
        for cost, test, one, other in variants:
            made = ast.Compare(one, [test()], [other])
            if (text := ast.unparse(ast.fix_missing_locations(made))) not in seen:
                seen.add(text)
                yield cost, partial(_itself, made)
    names = words.names.get(site.function, ())
    rights: list[ast.expr] = [number_node(number) for number in words.numbers]
    rights += [ast.Name(name, ast.Load()) for name in names]
    rights += [own(name) for name in words.attributes]
    rights += [ast.UnaryOp(ast.USub(), own(name)) for name in words.attributes]
    for name in names:
        for right in rights:
            for test in _TESTS:
                yield 3.5, partial(_compared, name, test, right)


def evaluated(node: Any, namespace: Mapping[str, Any]) -> Value:
    """A function of the names in scope that computes an expression; what is quick to compute is not compiled."""
    match node:
        case ast.Compare(left=ast.Name(id=name), ops=[test], comparators=[other]):
            compare = COMPARISONS[type(test)]
            if (right := _simple(other)) is not None:
                return lambda scope, *_: compare(scope[name], right(scope))
        case _ if (simple := _simple(node)) is not None:
            return lambda scope, *_: simple(scope)
    code: CodeType = compile(ast.fix_missing_locations(ast.Expression(node)), "<term>", "eval")
    names = dict(namespace)
    return lambda scope, *_: eval(code, names, scope)  # noqa: S307 - an expression of the model


def _simple(node: Any) -> Callable[[Mapping[str, Any]], Any] | None:
    match node:
        case ast.Constant(value=value):
            return lambda _: value
        case ast.Name(id=name):
            return lambda scope: scope[name]
        case ast.Attribute(value=ast.Name(id="self"), attr=attribute):
            return lambda scope: getattr(scope["self"], attribute)
        case ast.UnaryOp(op=ast.USub(), operand=operand) if (inner := _simple(operand)) is not None:
            return lambda scope: -inner(scope)
    return None


def _compared(name: str, test: type[ast.cmpop], right: ast.expr) -> ast.expr:
    return ast.Compare(ast.Name(name, ast.Load()), [test()], [right])


def _constant(value: Any, _scope: Any, *_: Any) -> Any:
    return value


def _itself(node: ast.expr) -> ast.expr:
    return node


def _combined(apply: Binary, compute: Value, value: Value) -> Value:
    return lambda scope, *parts: apply(compute(scope, *parts), value(scope))


def _swapped(apply: Binary) -> Binary:
    return lambda left, right: apply(right, left)


def _either(compute: Value, test: Value) -> Value:
    return lambda scope, *parts: compute(scope, *parts) or test(scope)


def _both(compute: Value, test: Value) -> Value:
    return lambda scope, *parts: compute(scope, *parts) and test(scope)


def _binary(kind: type[ast.operator], node: Any, make: Make) -> Make:
    return lambda: ast.BinOp(node, kind(), make())


def _minus(make: Make, node: Any) -> Make:
    return lambda: ast.BinOp(make(), ast.Sub(), node)


def _joined(kind: type[ast.boolop], node: Any, make: Make) -> Make:
    return lambda: ast.BoolOp(kind(), [node, make()])
