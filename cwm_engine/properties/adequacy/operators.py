"""Mutation operators: small changes of a world model, each of which makes another rule of it wrong.

The operators are those that mean something for world models: numbers, comparisons, limits, wraps, codes of actions,
rewards, ends of episodes, fields in another order. A change that no recorded transition notices is a rule that the data
never tests.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Collection, Iterator, Sequence
from enum import StrEnum
from typing import Any

from cwm_engine.diagnosis.execution.syntax import like


class Operator(StrEnum):
    """What a change is about."""

    CONSTANT = "constant"
    """A number is another."""
    COMPARISON = "comparison"
    """A comparison decides otherwise where both sides are equal, or the other way round."""
    CONDITION = "condition"
    """A condition, or a part of one, always holds or never does."""
    CLIP = "clip"
    """A limit is left out."""
    WRAP = "wrap"
    """A number does not wrap around."""
    ACTION = "action"
    """Another action does it."""
    REWARD = "reward"
    """Something else is paid."""
    TERMINATION = "termination"
    """Episodes end at other times."""
    FIELD = "field"
    """Two fields, or two entries of a table, are exchanged."""
    ARITHMETIC = "arithmetic"
    """A sum is a difference, a product a quotient."""
    TEXT = "text"
    """A character of a map is another."""


FARTHER, NEARER = 1.25, 0.75
"""A number that is no whole one is made so many times as large. A change must be too large to be rounding."""

_BOUNDARY: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mod,
}  # fmt: skip
_LIMITS = {"min", "max", "minimum", "maximum", "fmin", "fmax"}
_MOST_OTHERS = 3
_MOST_CHARACTERS = 400

Change = tuple[Operator, Any, ast.expr]
"""The operator, the expression it changes, and what takes its place."""


def changes(
    roots: Sequence[ast.AST], *, action_names: Collection[str], actions: Sequence[int], fields: Fields
) -> Iterator[Change]:
    """All changes of some code.

    Args:
        roots: The code.
        action_names: What the action is called in it.
        actions: The whole numbers that are actions; none where actions are something else.
        fields: Which expressions are rewards and ends of episodes.
    """
    for root in roots:
        for node in ast.walk(root):
            if isinstance(node, ast.expr) and not _is_annotation(node, root):
                yield from _changes_of(node, action_names, actions, fields)
            elif isinstance(node, ast.If | ast.While):
                yield from _conditions(node.test, fields)


class Fields:
    """Which expressions of a file become rewards and ends of episodes.

    Args:
        rewards: Identities of expressions that are rewards.
        endings: Identities of expressions that say whether an episode ends.
        whole: Identities of tuples that are whole predictions.
    """

    def __init__(
        self, rewards: Collection[int] = (), endings: Collection[int] = (), whole: Collection[int] = ()
    ) -> None:
        self.rewards, self.endings, self.whole = frozenset(rewards), frozenset(endings), frozenset(whole)


def _changes_of(
    node: ast.expr, action_names: Collection[str], actions: Sequence[int], fields: Fields
) -> Iterator[Change]:
    if id(node) in fields.rewards:
        yield from _rewards(node)
    if id(node) in fields.endings:
        yield from _endings(node)
    match node:
        case ast.Constant(value=bool(value)):
            if id(node) not in fields.endings:
                yield Operator.CONSTANT, node, ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            if id(node) not in fields.rewards:
                yield from ((Operator.CONSTANT, node, number) for number in _numbers(value))
        case ast.Constant(value=str(text)):
            yield from ((Operator.TEXT, node, ast.Constant(other)) for other in _texts(text))
        case ast.Compare(ops=[_], comparators=[_]):
            yield from _comparison(node, action_names, actions)
        case ast.BoolOp(op=op, values=values):
            for index in range(len(values)):
                rest = values[:index] + values[index + 1 :]
                kept = rest[0] if len(rest) == 1 else ast.BoolOp(op, rest)
                yield Operator.CONDITION, node, kept
        case ast.IfExp(test=test):
            yield from _conditions(test, fields)
        case ast.Call(func=function, args=arguments):
            yield from _call(node, function, arguments)
        case ast.BinOp(left=left, op=ast.Mod()) if not isinstance(left, ast.Constant | ast.JoinedStr):
            yield Operator.WRAP, node, left
        case ast.BinOp(op=op) if type(op) in _ARITHMETIC:
            yield Operator.ARITHMETIC, node, like(node, op=_ARITHMETIC[type(op)]())
        case ast.Tuple(ctx=ast.Load()) | ast.List(ctx=ast.Load()) if id(node) not in fields.whole:
            yield from _exchanged(node)
        case ast.Subscript(slice=ast.Name(id=name)) if name in action_names and len(actions) > 1:
            last = ast.BinOp(ast.Name(name, ast.Load()), ast.Sub(), ast.Constant(1))
            yield Operator.ACTION, node.slice, last
        case _:
            pass


def _numbers(value: float) -> Iterator[ast.expr]:
    """Other numbers in the place of one: whole ones beside it, others further out and nearer."""
    others = [value + 1, value - 1] if isinstance(value, int) else [value * FARTHER, value * NEARER]
    if value == 0 and isinstance(value, float):
        others = [0.25, -0.25]
    for other in others:
        yield number_node(other)


def number_node(value: float) -> ast.expr:
    """A number as syntax; a negative one is a sign and a number."""
    if isinstance(value, float):
        value = float(f"{value:.12g}")
    constant = ast.Constant(abs(value))
    return ast.UnaryOp(ast.USub(), constant) if value < 0 else constant


def _texts(text: str) -> Iterator[str]:
    """A map with one character changed for another one of it; not the text of a name or a sentence."""
    characters = sorted(set(text))
    if not 2 <= len(characters) <= 12 or len(text) < 3 or (text.replace("_", "").isalpha() and text.islower()):
        return
    for place, character in enumerate(text[:_MOST_CHARACTERS]):
        common = max((other for other in characters if other != character), key=text.count)
        yield f"{text[:place]}{common}{text[place + 1 :]}"


def _comparison(node: ast.Compare, action_names: Collection[str], actions: Sequence[int]) -> Iterator[Change]:
    op, left, right = node.ops[0], node.left, node.comparators[0]
    if type(op) in _BOUNDARY:
        yield Operator.COMPARISON, node, like(node, ops=[_BOUNDARY[type(op)]()])
    for one, other in ((left, right), (right, left)):
        if isinstance(one, ast.Name) and one.id in action_names:
            match other:
                case ast.Constant(value=int(code)) if not isinstance(code, bool):
                    others = [number for number in actions if abs(number - code) > 1][:_MOST_OTHERS]
                    yield from ((Operator.ACTION, other, number_node(number)) for number in others)
                case _:
                    pass


def _conditions(test: ast.expr, fields: Fields) -> Iterator[Change]:
    if id(test) not in fields.endings and not isinstance(test, ast.Constant):
        for value in (True, False):
            yield Operator.CONDITION, test, ast.Constant(value)


def _call(node: ast.Call, function: ast.expr, arguments: Sequence[ast.expr]) -> Iterator[Change]:
    name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
    if any(isinstance(argument, ast.Starred) for argument in arguments):
        return
    if name in _LIMITS and len(arguments) == 2 and not node.keywords:
        for argument in arguments:
            if not isinstance(argument, ast.Constant):
                yield Operator.CLIP, node, argument
    elif name == "clip" and len(arguments) == 3:
        yield Operator.CLIP, node, arguments[0]
    elif name in ("fmod", "remainder", "divmod", "mod") and len(arguments) == 2 and name != "divmod":
        yield Operator.WRAP, node, arguments[0]


def _rewards(node: ast.expr) -> Iterator[Change]:
    match node:
        case ast.Constant(value=bool()) | ast.Constant(value=None):
            return
        case ast.Constant(value=int() | float()) | ast.UnaryOp(op=ast.USub(), operand=ast.Constant()):
            value = ast.literal_eval(node)
            others = [value + 1, -value, type(value)(0)]
            for other in dict.fromkeys(other for other in others if other != value):
                yield Operator.REWARD, node, number_node(other)
        case ast.IfExp() | ast.Name():
            pass  # its parts are rewards themselves
        case _:
            yield Operator.REWARD, node, ast.BinOp(node, ast.Add(), ast.Constant(1.0))


def _endings(node: ast.expr) -> Iterator[Change]:
    match node:
        case ast.Constant(value=bool(value)):
            yield Operator.TERMINATION, node, ast.Constant(not value)
        case ast.Name() | ast.Constant():
            pass
        case _:
            yield Operator.TERMINATION, node, ast.Constant(False)
            yield Operator.TERMINATION, node, ast.Constant(True)


def _exchanged(node: ast.Tuple | ast.List) -> Iterator[Change]:
    """Neighbours in a row of values change places."""
    for index in range(len(node.elts) - 1):
        one, other = node.elts[index], node.elts[index + 1]
        if isinstance(one, ast.Starred) or isinstance(other, ast.Starred) or ast.dump(one) == ast.dump(other):
            continue
        elements = [*node.elts[:index], other, one, *node.elts[index + 2 :]]
        if _is_fixed(one) or isinstance(one, ast.Name | ast.Attribute):
            made = copy.copy(node)
            made.elts = elements
            yield Operator.FIELD, node, made


def _is_fixed(node: ast.expr) -> bool:
    match node:
        case ast.Constant():
            return True
        case ast.UnaryOp(operand=operand):
            return _is_fixed(operand)
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return all(map(_is_fixed, elements))
        case _:
            return False


def _is_annotation(node: ast.AST, root: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(root, ast.Expr) and root.value is node
