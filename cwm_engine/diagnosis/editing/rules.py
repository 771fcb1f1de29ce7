"""Rules that were left out: a statement that should have run under some condition, or should not always have run.

First is found what would put every failing transition right: a variable set to some value at some point, or a statement
left out. Then a condition is looked for that holds in the failing transitions and in none which that would spoil; it is
made of one comparison or two, those that stand in the file first.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

from cwm_engine.diagnosis.editing.additions import evaluated, operands_of
from cwm_engine.diagnosis.editing.edits import Edit, Make, number_node
from cwm_engine.diagnosis.editing.vocabulary import Vocabulary
from cwm_engine.diagnosis.execution.operations import original
from cwm_engine.diagnosis.execution.schemata import Site
from cwm_engine.diagnosis.execution.syntax import loaded, own
from cwm_engine.diagnosis.execution.tester import Tester

Value = Callable[..., Any]

_MOST_ATOMS = 6000
_MOST_CONDITIONS = 12
"""How many conditions are tried for each change."""

_MOST_JOINED = 400
_MOST_ITEMS = 6
_MOST_SUBSCRIPTS = 6
_TESTS = (ast.Eq, ast.NotEq, ast.Lt, ast.Gt, ast.LtE, ast.GtE)
_NEGATED: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip


@dataclass(frozen=True)
class _Atom:
    """A comparison: what it costs, its syntax, and what tells whether it holds with some names in scope."""

    cost: float
    node: ast.expr
    holds: Value


class Rules:
    """Looks for rules at the points of a board made by `rewrite_points`.

    Args:
        tester: Tries changes on the board.
        words: What rules may be made of.
        namespace: The names of the module.
    """

    def __init__(self, tester: Tester, words: Vocabulary, namespace: Mapping[str, Any]) -> None:
        self._tester, self._board = tester, tester.board
        self._words, self._namespace = words, namespace
        sample = self._board.sample
        self._failing, self._passing = sample.failing.tolist(), sample.passing.tolist()
        self._atoms: dict[str | None, list[_Atom]] = {}
        self._truths: dict[int, dict[int, int]] = {}

    def statements(self, site: Site) -> Iterator[Edit]:
        """`if condition: variable = value` for the variable of a site, or `if condition: return value`."""
        is_end = isinstance(site.node, ast.Return)
        for cost, value, make in self._ends(site) if is_end else self._values(site, loaded(site.node)):
            around = partial(_left if is_end else _set, site.node, make)
            yield from self._under_conditions(site, cost, value, around)

    def values(self, site: Site) -> Iterator[Edit]:
        """`value if condition else e` for what is assigned, returned or given as it is."""
        node: Any = site.node
        if not isinstance(node, ast.expr) or not (site.is_root or isinstance(node, ast.Constant | ast.Name)):
            return
        if isinstance(site.owner, ast.If | ast.While | ast.For | ast.FunctionDef | ast.Expr) and site.is_root:
            return
        if site.function is None or isinstance(node, ast.BoolOp | ast.Compare):
            return
        for cost, value, make in self._values(site, node):
            yield from self._under_conditions(site, cost + 0.25, value, partial(_chosen, node, make))

    def _under_conditions(
        self, site: Site, cost: float, value: Value, around: Callable[[ast.expr], Any]
    ) -> Iterator[Edit]:
        if self._tester.is_late or not self._repairs(site, value):
            return
        spoilt = [row for row in self._passing if not self._board.accepts(row)]
        for extra, test, condition in self._conditions(site, spoilt):
            yield Edit(site, "rule", cost + extra, _when(test, value, original(site)), partial(around, condition))

    def _ends(self, site: Site) -> Iterator[tuple[float, Value, Make]]:
        """What a function may be left with: what it returns elsewhere, or a plain value."""
        function = next(
            node for node in ast.walk(self._board.tree)
            if isinstance(node, ast.FunctionDef) and node.name == site.function and site.owner in ast.walk(node)
        )  # fmt: skip
        returned = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)]
        known = {ast.dump(node): node for node in returned if node is not None}
        for node in known.values():
            yield 3.0, partial(_given, evaluated(node, self._namespace)), partial(_itself, node)
        plain = (None,) if not known else (None, True, False) if len(known) < _MOST_CONDITIONS else ()
        for value in plain:
            yield 3.0, partial(_always, (value,)), partial(ast.Constant, value)

    def _repairs(self, site: Site, value: Value) -> bool:
        """Whether a value makes all failing transitions right; what it does to others is seen on the board then."""
        self._tester.tried += 1
        if not self._board.switch(site, value):
            return False
        return all(self._board.accepts(row) for row in self._failing)

    def _values(self, site: Site, target: ast.expr) -> Iterator[tuple[float, Value, Make]]:
        """What a variable may be set to, or an expression replaced by."""
        for name, number in self._words.shared_numbers:
            yield 3.0, partial(_always, number), partial(ast.Name, name, ast.Load())
        for number in (*self._words.numbers, True, False):
            yield 3.0, partial(_always, number), partial(_number, number)
        negative = original(site)
        yield 3.0, lambda scope, *parts: -negative(scope, *parts), partial(ast.UnaryOp, ast.USub(), target)
        for value, make in operands_of(site, self._words, numbers=False):
            yield 3.25, _plain(value), make
            for index in range(_MOST_ITEMS):
                node = ast.Subscript(make(), ast.Constant(index), ast.Load())
                yield 3.5, partial(_item, value, index), partial(_itself, node)

    def _conditions(self, site: Site, spoilt: Sequence[int]) -> Iterator[tuple[float, Value, ast.expr]]:
        """Conditions that hold in all failing transitions and in none of the others given."""
        atoms = self._atoms_of(site)
        truths = self._truths_at(site, atoms)
        always = ~0
        for row in self._failing:
            always &= truths.get(row, 0)
        held = [index for index in range(len(atoms)) if always >> index & 1]
        wrongly = {
            index: sum(1 << place for place, row in enumerate(spoilt) if truths.get(row, 0) >> index & 1)
            for index in held
        }  # fmt: skip
        found: list[tuple[float, tuple[int, ...]]] = []
        found += [(atoms[index].cost, (index,)) for index in held if not wrongly[index]]
        some = sorted(held, key=lambda index: (wrongly[index].bit_count() + atoms[index].cost, index))[:_MOST_JOINED]
        if not found:
            found = [
                (atoms[i].cost + atoms[j].cost + 0.5, (i, j))
                for i, j in combinations(some, 2)
                if not wrongly[i] & wrongly[j]
            ]
        found.sort(key=lambda entry: entry[0])
        for cost, chosen in found[:_MOST_CONDITIONS]:
            nodes = [atoms[index].node for index in chosen]
            holds = [atoms[index].holds for index in chosen]
            yield cost, partial(_all_hold, holds), nodes[0] if len(nodes) == 1 else ast.BoolOp(ast.And(), nodes)

    def _atoms_of(self, site: Site) -> list[_Atom]:
        """The comparisons that a condition may be made of, the likeliest first."""
        known = self._atoms.get(site.function)
        if known is None:
            made: dict[str, tuple[float, ast.expr]] = {}
            tree = self._board.tree
            subscripts = _subscripts(tree, site.function)
            for cost, node in (*_tests(tree, site.function), *_comparisons(site, self._words, subscripts)):
                made.setdefault(ast.unparse(ast.fix_missing_locations(node)), (cost, node))
            ranked = sorted(made.values(), key=lambda entry: entry[0])[:_MOST_ATOMS]
            known = [_Atom(cost, node, evaluated(node, self._namespace)) for cost, node in ranked]
            self._atoms[site.function] = known
        return known

    def _truths_at(self, site: Site, atoms: Sequence[_Atom]) -> dict[int, int]:
        """For each transition that reaches the point of a site, which comparisons hold there, a bit each."""
        known = self._truths.get(site.statement)
        if known is not None:
            return known
        found: dict[int, int] = {}
        compute = original(site)
        now: list[int] = []

        def watch(scope: dict[str, Any], *operands: Any) -> Any:
            if not now:
                now.append(sum(1 << index for index, atom in enumerate(atoms) if _holds(atom, scope)))
            return compute(scope, *operands)

        if self._board.switch(site, watch):
            for row in [*self._failing, *self._passing]:
                now.clear()
                self._board.accepts(row)
                if now:
                    found[row] = now[0]
        self._truths[site.statement] = found
        return found


def _tests(tree: ast.Module, function: str | None) -> Iterator[tuple[float, ast.expr]]:
    """The conditions of a function, and their opposites: what should stand behind an `else`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == function:
            for inner in ast.walk(node):
                if isinstance(inner, ast.If) and isinstance(inner.test, ast.BoolOp):
                    yield 0.0, inner.test
                    yield 0.0, ast.UnaryOp(ast.Not(), inner.test)


def _subscripts(tree: ast.Module, function: str | None) -> list[ast.expr]:
    """The elements of boards and tables that a function looks at or sets."""
    found: dict[str, ast.expr] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == function:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Subscript) and not isinstance(inner.slice, ast.Slice):
                    read = loaded(inner)
                    found.setdefault(ast.unparse(read), read)
    return list(found.values())[:_MOST_SUBSCRIPTS]


def _comparisons(site: Site, words: Vocabulary, subscripts: Sequence[ast.expr]) -> Iterator[tuple[float, ast.expr]]:
    for node in words.comparisons.get(site.function, ()):
        if len(node.ops) == 1:
            yield 0.0, node
            opposite = _NEGATED[type(node.ops[0])]
            yield 0.0, ast.Compare(node.left, [opposite()], node.comparators)
            for test in _TESTS:
                yield 0.25, ast.Compare(node.left, [test()], node.comparators)
    names = words.names.get(site.function, ())
    lefts: list[ast.expr] = [ast.Name(name, ast.Load()) for name in names]
    lefts += [own(name) for name in words.attributes] if site.function is not None else []
    lefts += subscripts
    rights: list[ast.expr] = [ast.Name(name, ast.Load()) for name, _ in words.shared_numbers]
    rights += [number_node(number) for number in words.numbers]
    rights += [number_node(-number) for number in words.numbers if number > 0]
    rights += [ast.Constant(0)]
    rights += [own(name) for name in words.attributes]
    rights += [ast.UnaryOp(ast.USub(), own(name)) for name in words.attributes]
    rights += [ast.Name(name, ast.Load()) for name in names]
    for left in lefts:
        for right in rights:
            if ast.dump(left) != ast.dump(right):
                for test in _TESTS:
                    yield 0.5 if test in (ast.Eq, ast.NotEq) else 0.6, ast.Compare(left, [test()], [right])


def _holds(atom: _Atom, scope: Mapping[str, Any]) -> bool:
    try:
        return bool(atom.holds(scope))
    except Exception:  # noqa: BLE001 - names that are not set yet, or cannot be compared
        return False


def _all_hold(holds: Sequence[Value], scope: Mapping[str, Any]) -> bool:
    return all(test(scope) for test in holds)


def _when(test: Value, value: Value, otherwise: Value) -> Value:
    return lambda scope, *operands: value(scope, *operands) if test(scope) else otherwise(scope, *operands)


def _set(target: Any, make: Make, condition: ast.expr) -> ast.stmt:
    return ast.If(condition, [ast.Assign([target], make(), lineno=1)], [])


def _left(_: Any, make: Make, condition: ast.expr) -> ast.stmt:
    return ast.If(condition, [ast.Return(make())], [])


def _chosen(node: ast.expr, make: Make, condition: ast.expr) -> ast.expr:
    return ast.IfExp(condition, make(), node)


def _given(value: Value, scope: Mapping[str, Any], *_: Any) -> Any:
    return (value(scope),)


def _always(value: Any, *_: Any) -> Any:
    return value


def _plain(value: Value) -> Value:
    return lambda scope, *_: value(scope)


def _item(value: Value, index: int, scope: Mapping[str, Any], *_: Any) -> Any:
    return value(scope)[index]


def _number(value: Any) -> ast.expr:
    return ast.Constant(value) if isinstance(value, bool) else number_node(value)


def _itself(node: ast.expr) -> ast.expr:
    return node
