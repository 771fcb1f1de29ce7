"""Mutant schemata: the rewriting of a module into one in which any expression can be replaced.

Every statement gets a number and every expression in it another. While a statement is not switched on, the
program runs its own code behind one comparison; otherwise it runs a second copy of the statement, in which
each expression asks whether it is the one to be replaced. New nodes share the old ones, which stay as they
are, and operands are written twice but never more deeply, so the result stays small. Statements have switches
of their own, so that two of them can be changed at once.

The same pass counts the turns of loops: a replaced value must not make a loop endless.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cwm_engine.diagnosis.execution.levels import Level, function_levels, recursive_functions
from cwm_engine.diagnosis.execution.syntax import at, like, loaded

DELETE = -1
"""The number of the site that stands for leaving out the whole statement."""

TICK, EACH, LOCALS, OUTER, INNER = "_cwm_tick", "_cwm_each", "_cwm_locals", "_cwm_outer", "_cwm_inner"
"""Names the rewritten module expects: what counts loops, `locals`, and what carries scopes into comprehensions."""

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Operands(StrEnum):
    """What a site's replacement is called with, after the names in scope."""

    VALUE = "value"
    """The value of the expression."""
    PARTS = "parts"
    """The values of its operands: left and right, all that are compared, or a call's function and arguments."""
    THUNKS = "thunks"
    """Functions without arguments that evaluate its parts, for what short-circuits."""
    STATEMENT = "statement"
    """Nothing: the statement is left out."""
    INSERTION = "insertion"
    """The value so far of a variable that is set by a new statement in front of (or behind) the statement."""


@dataclass(frozen=True, slots=True)
class Site:
    """An expression that can be replaced.

    Attributes:
        statement: Number of its statement.
        number: Its number in the statement.
        node: The expression; for `Operands.STATEMENT` the statement.
        operands: What a replacement is called with.
        owner: The statement it belongs to.
        parent: The expression around it, if any.
        function: Name of the function it is in, None outside.
        level: What has to run again before a replacement shows.
    """

    statement: int
    number: int
    node: ast.expr | ast.stmt
    operands: Operands
    owner: ast.stmt
    parent: ast.AST | None
    function: str | None
    level: Level

    @property
    def is_root(self) -> bool:
        """Whether it is the whole value, condition or iterable of its statement."""
        return self.parent is None

    @property
    def line(self) -> int:
        """The line to blame: a whole value is its statement's, a part or a default is where it stands."""
        return self.owner.lineno if self.is_root and not hasattr(self.owner, "args") else self.node.lineno


def site_switch(statement: int) -> str:
    """The name that holds the number of the site which is replaced in a statement, or None."""
    return f"_cwm_s{statement}"


def call_switch(statement: int) -> str:
    """The name of what is called in its place."""
    return f"_cwm_a{statement}"


def tick(place: Any) -> ast.stmt:
    """A turn of a loop, counted by the switchboard."""
    return at(place, ast.Expr(at(place, ast.Call(_name(TICK, place), [], []))))


def rewrite(tree: ast.Module, model: str, lines: frozenset[int] | None = None) -> tuple[ast.Module, list[Site]]:
    """A module with switches, and its sites.

    Args:
        tree: The module; neither it nor what it holds is changed.
        model: The name of the model in it.
        lines: Only statements that touch these lines get switches; all when None.
    """
    builder = _Builder(tree, model, lines)
    return builder.module(), builder.sites


class _Builder:
    """Rewrites a module; new nodes share the old ones, which stay as they are."""

    def __init__(self, tree: ast.Module, model: str, lines: frozenset[int] | None) -> None:
        self._tree = tree
        self._lines = lines
        self.sites: list[Site] = []
        self._statement = 0
        self._function: str | None = None
        self._owner: ast.stmt = ast.Pass()
        self._thunks = True
        self._in_comprehension = False
        self._levels = function_levels(tree, model)
        self._recursive = recursive_functions(tree)

    def module(self) -> ast.Module:
        return ast.Module(self._block(self._tree.body), [])

    # Statements

    def _block(self, statements: Sequence[ast.stmt]) -> list[ast.stmt]:
        return [new for statement in statements for new in self._statement_of(statement)]

    def _statement_of(self, statement: ast.stmt) -> list[ast.stmt]:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return [self._function_of(statement)]
            case ast.ClassDef():
                before, self._thunks = self._thunks, False
                body = self._block(statement.body)
                self._thunks = before
                return [like(statement, body=body)]
            case ast.If():
                return [like(statement, test=self._root(statement, statement.test),
                              body=self._block(statement.body), orelse=self._block(statement.orelse))]  # fmt: skip
            case ast.While():
                return [like(statement, test=self._root(statement, statement.test),
                              body=[tick(statement), *self._block(statement.body)],
                              orelse=self._block(statement.orelse))]  # fmt: skip
            case ast.For():
                return [like(statement, iter=self._root(statement, statement.iter),
                              body=[tick(statement), *self._block(statement.body)],
                              orelse=self._block(statement.orelse))]  # fmt: skip
            case ast.Assert():
                return [like(statement, test=self._root(statement, statement.test))]
            case ast.With() | ast.Try() | ast.TryStar() | ast.Match():
                return [self._nested(statement)]
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.Return() | ast.Expr():
                return self._simple(statement)
            case _:
                return [statement]

    def _function_of(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.stmt:
        arguments = self._defaults(function)
        before = self._function, self._thunks
        self._function, self._thunks = function.name, True
        body = self._block(function.body)
        if function.name in self._recursive:
            body = [tick(function), *body]
        self._function, self._thunks = before
        return like(function, body=body, args=arguments)

    def _defaults(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.arguments:
        """Default arguments are values too, computed when the function is defined."""
        given = function.args
        defaults = [self._root(function, value) for value in given.defaults]
        of_keywords = [value and self._root(function, value) for value in given.kw_defaults]
        return like(given, defaults=defaults, kw_defaults=of_keywords)

    def _nested(self, statement: ast.stmt) -> ast.stmt:
        changed: dict[str, Any] = {}
        for name in ("body", "orelse", "finalbody"):
            if getattr(statement, name, None):
                changed[name] = self._block(getattr(statement, name))
        for name in ("handlers", "cases"):
            if hasattr(statement, name):
                changed[name] = [like(part, body=self._block(part.body)) for part in getattr(statement, name)]
        return like(statement, **changed)

    def _simple(self, statement: Any) -> list[ast.stmt]:
        """`if site is None: as it was; elif site >= 0: with switches` - or neither, when it is left out."""
        value = statement.value
        docstring = isinstance(statement, ast.Expr) and isinstance(value, ast.Constant)
        if value is None or docstring or not self._is_wanted(statement) or _is_left_alone(value):
            return [statement]
        number = self._begin(statement)
        if self._function is not None or not isinstance(statement, ast.Expr):
            self._add(DELETE, statement, Operands.STATEMENT, None)
        if isinstance(statement, ast.AugAssign):
            target = loaded(statement.target)
            whole = ast.copy_location(ast.BinOp(target, statement.op, value), value)
            switched: ast.stmt = ast.copy_location(
                ast.Assign([statement.target], self._with_scope(whole, of=statement)), statement
            )
        else:
            switched = like(statement, value=self._with_scope(value))
        switched = self._with_targets(statement, switched)
        inner = at(statement, ast.If(self._compare(ast.GtE(), 0, statement), [switched], []))
        return [at(statement, ast.If(_is_off(number, statement), [statement], [inner]))]

    def _with_targets(self, statement: Any, switched: ast.stmt) -> ast.stmt:
        """Indices on the left of an assignment are sites too; they have their own copy of the statement."""
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        if not any(isinstance(target, ast.Subscript) for target in targets):
            return switched
        first = self._count
        made = [
            like(target, slice=self._switch(target.slice, target)) if isinstance(target, ast.Subscript) else target
            for target in targets
        ]
        changed = {"targets": made} if isinstance(statement, ast.Assign) else {"target": made[0]}
        test = self._compare(ast.GtE(), first, statement)
        return at(statement, ast.If(test, [like(statement, **changed)], [switched]))

    def _root(self, statement: ast.stmt, expression: ast.expr) -> ast.expr:
        """A condition or iterable: `as it was if site is None else with switches`."""
        if not self._is_wanted(expression) or _is_left_alone(expression):
            return expression
        number = self._begin(statement)
        switched = self._with_scope(expression)
        return at(expression, ast.IfExp(_is_off(number, expression), expression, switched))

    def _compare(self, operator: ast.cmpop, number: int, place: Any) -> ast.Compare:
        """A comparison of the site that is replaced in the statement at hand."""
        constant = at(place, ast.Constant(number))
        return at(place, ast.Compare(_name(site_switch(self._statement), place), [operator], [constant]))

    def _is_wanted(self, node: ast.stmt | ast.expr) -> bool:
        if self._lines is None:
            return True
        return not self._lines.isdisjoint(range(node.lineno, (node.end_lineno or node.lineno) + 1))

    def _begin(self, statement: ast.stmt) -> int:
        self._statement += 1
        self._owner = statement
        self._count = 0
        return self._statement

    def _add(self, number: int, node: Any, operands: Operands, parent: ast.AST | None) -> None:
        level = Level.MODULE if self._function is None else self._levels.get(self._function, Level.STEP)
        self.sites.append(Site(self._statement, number, node, operands, self._owner, parent, self._function, level))

    # Expressions

    def _with_scope(self, expression: ast.expr, of: Any = None) -> ast.expr:
        """The switched expression; names outside a comprehension in it stay in reach inside."""
        switched: ast.expr = self._switch(expression, None, of)
        if not any(isinstance(node, _COMPREHENSIONS) for node in ast.walk(expression)):
            return switched
        scope = at(expression, ast.Call(_name(LOCALS, expression), [], []))
        remember = at(expression, ast.Call(_name(OUTER, expression), [scope], []))
        return at(expression, ast.BoolOp(ast.Or(), [remember, switched]))

    def _switch(self, node: Any, parent: ast.AST | None, of: Any = None) -> Any:
        operands, parts = self._operands(node)
        if operands is None:
            return self._inside(node)
        number, self._count = self._count, self._count + 1
        self._add(number, node if of is None else of, operands, parent)
        scope = at(node, ast.Call(_name(LOCALS, node), [], []))
        if self._in_comprehension:
            scope = at(node, ast.Call(_name(INNER, node), [scope], []))
        replaced = at(node, ast.Call(_name(call_switch(self._statement), node), [scope, *parts], []))
        # Of `x += e` only `e` stands in the text: there is no `x` to replace.
        inside = self._inside(node) if of is None else like(node, right=self._switch(node.right, node))
        return at(node, ast.IfExp(self._compare(ast.Eq(), number, node), replaced, inside))

    def _operands(self, node: Any) -> tuple[Operands | None, list[ast.expr]]:
        match node:
            case ast.Constant(value=bool() | int() | float() | str()):
                return Operands.VALUE, [node]
            case ast.BinOp():
                return Operands.PARTS, [node.left, node.right]
            case ast.Compare():
                return Operands.PARTS, [node.left, *node.comparators]
            case ast.BoolOp() if self._thunks:
                return Operands.THUNKS, [_thunk(part) for part in node.values]
            case ast.IfExp() if self._thunks:
                return Operands.THUNKS, [_thunk(part) for part in (node.test, node.body, node.orelse)]
            case ast.Call() if not node.keywords and not any(isinstance(part, ast.Starred) for part in node.args):
                return Operands.PARTS, [node.func, *node.args]
            case ast.Name(ctx=ast.Load()) | ast.Attribute(ctx=ast.Load()) | ast.Subscript(ctx=ast.Load()):
                return Operands.VALUE, [node]
            case ast.UnaryOp() | ast.BoolOp() | ast.IfExp() | ast.Call() | ast.ListComp():
                return Operands.VALUE, [node]
            case _:
                return None, []

    def _inside(self, node: Any) -> Any:
        """The same expression with its parts switched."""
        match node:
            case ast.BinOp():
                return like(node, left=self._switch(node.left, node), right=self._switch(node.right, node))
            case ast.UnaryOp():
                return like(node, operand=self._switch(node.operand, node))
            case ast.BoolOp():
                return like(node, values=[self._switch(part, node) for part in node.values])
            case ast.Compare():
                return like(node, left=self._switch(node.left, node),
                             comparators=[self._switch(part, node) for part in node.comparators])  # fmt: skip
            case ast.IfExp():
                return like(node, test=self._switch(node.test, node), body=self._switch(node.body, node),
                             orelse=self._switch(node.orelse, node))  # fmt: skip
            case ast.Call():
                return self._inside_call(node)
            case ast.Attribute(value=ast.Name()):
                return node
            case ast.Attribute():
                return like(node, value=self._switch(node.value, node))
            case ast.Subscript():
                return like(node, value=self._switch(node.value, node), slice=self._switch(node.slice, node))
            case ast.Slice():
                bounds = {name: getattr(node, name) for name in ("lower", "upper", "step")}
                return like(node, **{name: part and self._switch(part, node) for name, part in bounds.items()})
            case ast.Tuple() | ast.List() | ast.Set():
                return like(node, elts=[self._switch(part, node) for part in node.elts])
            case ast.Dict():
                return like(node, values=[self._switch(part, node) for part in node.values])
            case ast.Starred():
                return like(node, value=self._switch(node.value, node))
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                before, self._in_comprehension = self._in_comprehension, True
                generators = self._generators(node)
                name = "value" if isinstance(node, ast.DictComp) else "elt"
                element = self._switch(getattr(node, name), node)
                self._in_comprehension = before
                return like(node, generators=generators, **{name: element})
            case _:
                return node

    def _inside_call(self, node: ast.Call) -> ast.Call:
        function = node.func
        if isinstance(function, ast.Attribute) and not isinstance(function.value, ast.Name):
            function = like(function, value=self._switch(function.value, node))
        keywords = [like(keyword, value=self._switch(keyword.value, node)) for keyword in node.keywords]
        return like(node, func=function, args=[self._switch(part, node) for part in node.args], keywords=keywords)

    def _generators(self, node: Any) -> list[ast.comprehension]:
        made = []
        for generator in node.generators:
            conditions = [self._switch(condition, node) for condition in generator.ifs]
            items = self._switch(generator.iter, node)
            if not _is_surely_short(generator.iter):
                items = at(items, ast.Call(_name(EACH, items), [items], []))
            made.append(ast.comprehension(generator.target, items, conditions, generator.is_async))
        return made


def _is_left_alone(expression: ast.expr) -> bool:
    """Whether an expression holds what does not survive being written twice or put into a lambda."""
    for node in ast.walk(expression):
        if isinstance(node, ast.NamedExpr | ast.Yield | ast.YieldFrom | ast.Await):
            return True
        if isinstance(node, ast.Name) and node.id == "super":
            return True
    return False


def _is_surely_short(items: ast.expr) -> bool:
    match items:
        case ast.Name() | ast.Attribute() | ast.Tuple() | ast.List() | ast.Subscript():
            return True
        case ast.Call(func=ast.Name(id="zip" | "enumerate" | "reversed" | "sorted")):
            return all(_is_surely_short(part) for part in items.args)
        case ast.Call(func=ast.Name(id="range"), args=[*bounds]):
            return all(isinstance(bound, ast.Constant) for bound in bounds)
        case _:
            return False


def _name(name: str, place: Any) -> ast.Name:
    return at(place, ast.Name(name, ast.Load()))


def _is_off(statement: int, place: Any) -> ast.Compare:
    nothing = at(place, ast.Constant(None))
    return at(place, ast.Compare(_name(site_switch(statement), place), [ast.Is()], [nothing]))


def _thunk(part: ast.expr) -> ast.expr:
    nothing = ast.arguments([], [], None, [], [], None, [])
    return at(part, ast.Lambda(nothing, part))
