"""Statements that were left out: assignments in front of a statement, or at the end of a block.

A second kind of schemata: at every point of a function each of its variables can be set to something else.
What a missing statement would have set is found as everywhere else: by the value the transitions need,
by a list of likely statements, and by analogy - where `x = x + tau * x_dot` stands, the line missing for
`theta` is `theta = theta + tau * theta_dot`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from cwm_engine.diagnosis.editing.additions import multiple_node, operands_of
from cwm_engine.diagnosis.editing.edits import Edit, Make, number_node
from cwm_engine.diagnosis.editing.vocabulary import Vocabulary
from cwm_engine.diagnosis.execution.levels import Level, function_levels
from cwm_engine.diagnosis.execution.operations import ARITHMETIC, Binary, original
from cwm_engine.diagnosis.execution.schemata import LOCALS, Operands, Site, call_switch, site_switch, tick
from cwm_engine.diagnosis.execution.syntax import at, like, loaded

Value = Callable[..., Any]

_LEAVES = (ast.Return, ast.Raise, ast.Break, ast.Continue)
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod)
_MAX_TARGETS = 24
_GIVEN = "_cwm_given"
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")


def rewrite_points(tree: ast.Module, model: str, lines: frozenset[int] | None = None) -> tuple[ast.Module, list[Site]]:
    """A module in which variables can be set between statements, and the sites: one a point and variable.

    A site's `node` is the variable, or a `return`: there the replacement gives a tuple of what the function is to be
    left with, or None to go on. `is_behind` tells whether a site's point is behind its statement.

    Args:
        tree: The module; neither it nor what it holds is changed.
        model: The name of the model in it.
        lines: Only points next to these lines are made; all when None.
    """
    points = _Points(tree, function_levels(tree, model), lines)
    return points.module(tree), points.sites


def is_behind(site: Site) -> bool:
    """Whether a new statement of the site stands behind its statement, at the end of a block."""
    return site.parent is not None


def inserted_statements(
    site: Site, words: Vocabulary, namespace: Mapping[str, Any], tree: ast.Module
) -> Iterator[Edit]:
    """Likely statements that set the variable of a site, by analogy with others first."""
    target: Any = site.node
    for source in _analogies(site, tree):
        parsed = ast.parse(source, mode="eval")
        code = compile(parsed, "<statement>", "eval")
        yield Edit(site, "statement", 3.0, _evaluated(code, namespace), partial(_assignment, target, parsed.body))
    for truth in (True, False):
        yield Edit(site, "statement", 3.0, partial(_always, truth), partial(_assignment, target, ast.Constant(truth)))
    for number in words.numbers:
        yield Edit(site, "statement", 3.0, partial(_always, number), partial(_assignment, target, number_node(number)))
    before = original(site)
    for value, make in operands_of(site, words):
        yield Edit(site, "statement", 3.5, partial(_only_scope, value), _assigning(target, make))
        for kind in _OPERATORS:
            combined = _combined(ARITHMETIC[kind], before, value)
            yield Edit(site, "statement", 3.5, combined, _updating(target, kind, make))


def statement_of_multiple(site: Site, make: Make | None, coefficient: float, factor: ast.expr | None) -> ast.stmt:
    """The statement `x = x + coefficient * term`."""
    return _assignment(site.node, multiple_node(loaded(site.node), make, coefficient, factor))


def likeness(tree: ast.Module, site: Site) -> int:
    """How many neighbours of a point look like a new statement there that updates a variable by a sum."""
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and site.owner in block:
                place = block.index(site.owner) + is_behind(site)
                return sum(_is_update(statement) for statement in block[max(0, place - 1) : place + 1])
    return 0


class _Points:
    def __init__(self, tree: ast.Module, levels: Mapping[str, Level], lines: frozenset[int] | None) -> None:
        self.sites: list[Site] = []
        self._attributes = _attributes(tree)
        self._levels = levels
        self._lines = lines
        self._number = 0
        self._function = ""
        self._targets: list[ast.expr] = []

    def module(self, tree: ast.Module) -> ast.Module:
        return ast.Module([self._outside(statement) for statement in tree.body], [])

    def _outside(self, statement: ast.stmt) -> ast.stmt:
        match statement:
            case ast.ClassDef():
                return like(statement, body=[self._outside(inner) for inner in statement.body])
            case ast.FunctionDef() if statement.name not in ("__init__", "__post_init__"):
                self._function = statement.name
                arguments = [argument.arg for argument in statement.args.args]
                self._targets = [*_variables(statement), *(self._attributes if arguments[:1] == ["self"] else [])]
                self._targets = self._targets[:_MAX_TARGETS]
                return like(statement, body=self._block(statement.body))
            case _:
                return statement

    def _block(self, statements: Sequence[ast.stmt]) -> list[ast.stmt]:
        made: list[ast.stmt] = []
        for statement in statements:
            made += [*self._point(statement, behind=False), self._inside(statement)]
        last = statements[-1]
        if not isinstance(last, _LEAVES):
            made += self._point(last, behind=True)
        return made

    def _inside(self, statement: ast.stmt) -> ast.stmt:
        if isinstance(statement, ast.If | ast.While | ast.For):
            counted = [] if isinstance(statement, ast.If) else [tick(statement)]
            orelse = self._block(statement.orelse) if statement.orelse else []
            return like(statement, body=[*counted, *self._block(statement.body)], orelse=orelse)
        return statement

    def _point(self, statement: ast.stmt, *, behind: bool) -> list[ast.stmt]:
        """`if site is not None: if site == 0: x = ...`, for every variable."""
        docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if docstring or not self._targets or not self._is_wanted(statement):
            return []
        self._number += 1
        level = self._levels.get(self._function, Level.STEP)
        switch = site_switch(self._number)
        choices: list[ast.stmt] = []
        for number, target in enumerate(self._targets):
            call = ast.Call(_name(call_switch(self._number)), [ast.Call(_name(LOCALS), [], [])], [])
            choices.append(ast.If(_equal(switch, number), [ast.Assign([target], call)], []))
            marker = statement if behind else None
            self.sites.append(
                Site(self._number, number, target, Operands.INSERTION, statement, marker, self._function, level)
            )
        choices.append(self._leaving(statement, switch, behind, level))
        point = ast.If(ast.Compare(_name(switch), [ast.IsNot()], [ast.Constant(None)]), choices, [])
        return [_located(point, statement)]

    def _leaving(self, statement: ast.stmt, switch: str, behind: bool, level: Level) -> ast.stmt:
        """`if site == ...: leave the function with what is given`, if anything is."""
        number, marker = len(self._targets), statement if behind else None
        call = ast.Call(_name(call_switch(self._number)), [ast.Call(_name(LOCALS), [], [])], [])
        given = ast.Compare(_name(_GIVEN), [ast.IsNot()], [ast.Constant(None)])
        result = ast.Subscript(_name(_GIVEN), ast.Constant(0), ast.Load())
        node = at(statement, ast.Return(None))
        self.sites.append(
            Site(self._number, number, node, Operands.INSERTION, statement, marker, self._function, level)
        )
        body: list[ast.stmt] = [
            ast.Assign([ast.Name(_GIVEN, ast.Store())], call), ast.If(given, [ast.Return(result)], []),
        ]  # fmt: skip
        return ast.If(_equal(switch, number), body, [])

    def _is_wanted(self, statement: ast.stmt) -> bool:
        if self._lines is None:
            return True
        end = statement.lineno if hasattr(statement, "body") else statement.end_lineno or statement.lineno
        return not self._lines.isdisjoint(range(statement.lineno - 1, end + 2))


def _variables(function: ast.FunctionDef) -> list[ast.expr]:
    """The names that a function sets."""
    nodes = ast.walk(function)
    names = dict.fromkeys(node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    return [ast.Name(name, ast.Store()) for name in names]


def _attributes(tree: ast.Module) -> list[ast.expr]:
    """The attributes of `self` that are set after construction."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name != "__init__"]
    nodes = [node for function in functions for node in ast.walk(function) if isinstance(node, ast.Attribute)]
    names = dict.fromkeys(node.attr for node in nodes if isinstance(node.ctx, ast.Store) and _is_self(node.value))
    return [ast.Attribute(ast.Name("self", ast.Load()), name, ast.Store()) for name in names]


def _analogies(site: Site, tree: ast.Module) -> Iterator[str]:
    """Values assigned elsewhere in the function, with its names changed as the variable's name differs."""
    function = next(
        node for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name == site.function and site.owner in ast.walk(node)
    )  # fmt: skip
    target = ast.unparse(site.node)
    known = {name for node in ast.walk(tree) for name in _names_of(node)}
    seen: set[str] = set()
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign | ast.AugAssign):
            continue
        other = ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
        value = ast.unparse(node.value)
        if isinstance(node, ast.AugAssign):
            value = ast.unparse(ast.BinOp(loaded(node.target), node.op, node.value))
        for renamed in _renamed(value, other, target, known):
            if renamed not in seen:
                seen.add(renamed)
                yield renamed


def _renamed(value: str, other: str, target: str, known: set[str]) -> Iterator[str]:
    """The value with `other` turned into `target` in all its names, as far as the results are names that exist."""
    yield re.sub(rf"(?<![\w.]){re.escape(other)}(?!\w)", target, value)
    start = 0
    while start < min(len(other), len(target)) and other[start] == target[start]:
        start += 1
    end = 0
    while end < min(len(other), len(target)) - start and other[-1 - end] == target[-1 - end]:
        end += 1
    old, new = other[start : len(other) - end], target[start : len(target) - end]
    if old:
        yield _IDENTIFIER.sub(lambda found: _changed(found.group(), old, new, known), value)


def _changed(name: str, old: str, new: str, known: set[str]) -> str:
    changed = name.replace(old, new)
    return changed if changed in known else name


def _names_of(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
            yield name


def _is_update(statement: ast.stmt) -> bool:
    """Whether a statement sets a variable to a sum it is a term of."""
    match statement:
        case ast.AugAssign():
            return True
        case ast.Assign(targets=[target], value=ast.BinOp() as value):
            name = ast.unparse(target)
            return any(ast.unparse(node) == name for node in ast.walk(value) if isinstance(node, ast.expr))
    return False


def _evaluated(code: Any, namespace: Mapping[str, Any]) -> Value:
    names = dict(namespace)
    return lambda scope, *_: eval(code, names, scope)  # noqa: S307 - an expression of the model


def _always(value: Any, *_: Any) -> Any:
    return value


def _only_scope(value: Value, scope: Mapping[str, Any], *_: Any) -> Any:
    return value(scope)


def _combined(apply: Binary, before: Value, value: Value) -> Value:
    return lambda scope, *_: apply(before(scope), value(scope))


def _assignment(target: Any, value: ast.expr) -> ast.stmt:
    return ast.Assign([target], value, lineno=1)


def _assigning(target: Any, make: Make) -> Make:
    return lambda: _assignment(target, make())


def _updating(target: Any, kind: type[ast.operator], make: Make) -> Make:
    return lambda: _assignment(target, ast.BinOp(loaded(target), kind(), make()))


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _name(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _equal(name: str, number: int) -> ast.expr:
    return ast.Compare(_name(name), [ast.Eq()], [ast.Constant(number)])


def _located(node: ast.stmt, place: ast.stmt) -> ast.stmt:
    for part in ast.walk(node):
        if isinstance(part, ast.expr | ast.stmt):
            at(place, part)
    return node
