"""Edits: everything a program could become by changing one expression, as functions a switchboard can try.

An edit knows three things: what it computes in place of an expression, what it costs in plausibility, and
the syntax it stands for; text is made of it only after it has been confirmed (`patches`).
"""

from __future__ import annotations

import ast
import builtins
import operator
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from cwm_engine.diagnosis.editing.vocabulary import MAX_TEXT, Vocabulary, is_data
from cwm_engine.diagnosis.execution.operations import ARITHMETIC, COMPARISONS, Binary, chain, original, until
from cwm_engine.diagnosis.execution.schemata import Operands, Site
from cwm_engine.diagnosis.execution.syntax import own

Make = Callable[[], Any]
"""Makes the syntax of an edit: an expression or a statement."""

_FUNCTIONS: Sequence[frozenset[str]] = (
    frozenset({"min", "max"}), frozenset({"minimum", "maximum"}), frozenset({"argmin", "argmax"}),
    frozenset({"sin", "cos", "tan"}), frozenset({"asin", "acos", "atan"}), frozenset({"arcsin", "arccos", "arctan"}),
    frozenset({"sinh", "cosh", "tanh"}), frozenset({"floor", "ceil", "round", "int", "trunc"}),
    frozenset({"sqrt", "square", "abs", "exp", "log"}), frozenset({"radians", "degrees"}),
    frozenset({"any", "all"}), frozenset({"sum", "prod", "mean"}), frozenset({"int", "bool", "float"}),
)  # fmt: skip

_FULL_ANGLES = {
    **dict.fromkeys(("asin", "acos", "atan"), "atan2"),
    **dict.fromkeys(("arcsin", "arccos", "arctan"), "arctan2"),
}
"""Functions that know an angle from one coordinate, and those that need both."""

_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
_ALIKE: Sequence[tuple[set[type[ast.operator]], float]] = (
    ({ast.Add, ast.Sub}, 0.5), ({ast.Mult, ast.Div}, 0.75), ({ast.Mult, ast.Pow}, 1.0), ({ast.Div, ast.FloorDiv}, 0.75),
    ({ast.FloorDiv, ast.Mod}, 0.75), ({ast.Add, ast.Mult}, 1.25), ({ast.Mod, ast.Div}, 1.25),
)  # fmt: skip
"""Operators that are easily written for each other, and how unlikely that is."""

_COMMUTATIVE = (ast.Add, ast.Mult)
_ORDERINGS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
_SLIPS: Mapping[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.GtE), ast.Gt: (ast.GtE, ast.Lt), ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
}  # fmt: skip
"""What one is easily written for."""

_OPPOSITE: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_INTEGERS = range(-6, 21)
DIGIT = 0.1
"""What each further digit costs a number: people write short ones."""

_NEGATIVE = 0.4
"""What it costs a number to become negative."""

_TWICE = 2.0
"""What it costs to say the same twice."""

_CONTAINERS = (list, dict, set)


@dataclass(frozen=True, slots=True)
class Edit:
    """One way to change one expression or statement.

    Attributes:
        site: What is changed.
        kind: The kind of change, e.g. `constant`, `operator`, `name`.
        cost: How implausible it is; 0 for the most ordinary slip.
        replacement: What the switchboard calls in its place.
        make: Makes the new syntax; it may share nodes with the old.
    """

    site: Site
    kind: str
    cost: float
    replacement: Callable[..., Any] | None
    make: Make


def edits_of(site: Site, words: Vocabulary, namespace: Mapping[str, Any]) -> Iterator[Edit]:
    """All single edits of a site, the most ordinary first."""
    node: Any = site.node
    if site.operands is Operands.STATEMENT:
        if not isinstance(node, ast.Return):
            yield Edit(site, "deletion", 3.0, None, ast.Pass)
        return
    match node:
        case ast.Constant():
            yield from _constant(site, node, words)
        case ast.BinOp() | ast.AugAssign():
            yield from _binary(site, node)
        case ast.Compare() if site.operands is Operands.PARTS:
            yield from _comparison(site, node)
        case ast.BoolOp() if site.operands is Operands.THUNKS:
            yield from _boolean(site, node)
        case ast.IfExp() if site.operands is Operands.THUNKS:
            yield from _conditional(site, node)
        case ast.UnaryOp(op=ast.USub() | ast.Not()):
            undo = operator.neg if isinstance(node.op, ast.USub) else operator.not_
            yield Edit(site, "sign", 1.0, lambda _, value: undo(value), lambda: node.operand)
        case ast.Call() if site.operands is Operands.PARTS:
            yield from _call(site, node, words, namespace)
        case ast.Name() | ast.Attribute():
            yield from _name(site, node, words, namespace)
    if not isinstance(node, ast.Constant | ast.AugAssign | ast.Compare | ast.BoolOp) and not isinstance(
        site.parent, ast.UnaryOp
    ):
        compute = original(site)
        if not isinstance(node, ast.UnaryOp):
            yield Edit(site, "sign", 2.0, lambda scope, *parts: -compute(scope, *parts),
                       lambda: ast.UnaryOp(ast.USub(), node))  # fmt: skip
        if isinstance(site.owner, ast.If | ast.While) or isinstance(site.parent, ast.BoolOp | ast.IfExp):
            yield Edit(site, "negation", 2.0, lambda scope, *parts: not compute(scope, *parts),
                       lambda: ast.UnaryOp(ast.Not(), node))  # fmt: skip
    if site.is_root and isinstance(site.owner, ast.Assign) and not isinstance(node, ast.Constant):
        yield from _augmented(site, site.owner)


def always(value: Any) -> Callable[..., Any]:
    """A replacement by one value."""
    return lambda *_: value


def local_name(name: str) -> Callable[..., Any]:
    """A replacement by a name in scope."""
    return lambda scope, *operands: like(scope[name], *operands)


def own_name(name: str) -> Callable[..., Any]:
    """A replacement by an attribute of `self`."""
    return lambda scope, *operands: like(getattr(scope["self"], name), *operands)


def like(value: Any, *operands: Any) -> Any:
    """A value that takes the place of another one.

    Raises:
        TypeError: A container would take the place of a number: arithmetic in place would change it.
    """
    if isinstance(value, _CONTAINERS) and not any(isinstance(operand, _CONTAINERS) for operand in operands):
        raise TypeError
    return value


def number_node(value: float | int | bool) -> ast.expr:
    """The syntax of a number; a negative one is a minus sign and a number."""
    if not isinstance(value, bool) and value < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return ast.Constant(value)


def digits(value: float | int) -> int:
    """How many digits it takes to write a number, without the zeros at its ends."""
    text = f"{abs(value):.15g}".partition("e")[0].replace(".", "").strip("0")
    return max(len(text), 1)


def _constant(site: Site, node: ast.Constant, words: Vocabulary) -> Iterator[Edit]:
    value = node.value
    if isinstance(value, bool):
        yield Edit(site, "constant", 0.0, always(not value), lambda: ast.Constant(not value))
    elif isinstance(value, str):
        for text in _other_texts(value, words):
            yield Edit(site, "text", 1.0, always(text), partial(ast.Constant, text))
    elif isinstance(value, int | float):
        for cost, number in _other_numbers(value, words):
            if _is_neutral(site.parent, number):
                continue  # leaving the operand out says the same more plainly
            yield Edit(site, "constant", cost, always(number), partial(number_node, number))


def _is_neutral(parent: ast.AST | None, number: float) -> bool:
    """Whether adding, or multiplying by, the number does nothing."""
    if not isinstance(parent, ast.BinOp):
        return False
    return number == (0 if isinstance(parent.op, ast.Add | ast.Sub) else 1)


def _other_numbers(value: float | int, words: Vocabulary) -> Iterator[tuple[float, float | int]]:
    near: list[float | int] = [value + 1, value - 1]
    far: list[float | int] = [2 * value, value / 2, 10 * value, value / 10]
    known = [*words.numbers, 0, 1, -1, *(-number for number in words.numbers)]
    ranged: Sequence[int] = _INTEGERS if isinstance(value, int) else ()
    seen = {value}
    for cost, numbers in ((0.5, near), (0.6, far), (1.0, known), (1.25, [-value]), (1.5, ranged)):
        for number in numbers:
            fitting = float(f"{number:.12g}") if isinstance(value, float) else number
            if isinstance(value, int) and isinstance(fitting, float):
                if fitting.is_integer():
                    fitting = int(fitting)
                elif fitting not in words.numbers:
                    continue
            if fitting not in seen:
                seen.add(fitting)
                yield cost + DIGIT * (digits(fitting) - 1) + (_NEGATIVE if fitting < 0 <= value else 0.0), fitting


def _other_texts(value: str, words: Vocabulary) -> Iterator[str]:
    yield from (text for text in words.texts if text != value and (len(text) == len(value) or len(value) <= 12))
    if 1 < len(value) <= MAX_TEXT:
        for i, old in enumerate(value):
            yield from (value[:i] + new + value[i + 1 :] for new in dict.fromkeys(value) if new != old)


def _binary(site: Site, node: ast.BinOp | ast.AugAssign) -> Iterator[Edit]:
    old = type(node.op)
    for kind in _OPERATORS:
        if kind is not old and old in ARITHMETIC:
            cost = next((cost for pair, cost in _ALIKE if {kind, old} == pair), 2.25)
            yield Edit(site, "operator", cost,
                       _applied(ARITHMETIC[kind]), _with(node, op=kind()))  # fmt: skip
    if isinstance(node, ast.AugAssign):
        yield Edit(site, "assignment", 2.0, _operand(1),
                   lambda: ast.Assign([node.target], node.value))  # fmt: skip
        return
    if old not in _COMMUTATIVE and old in ARITHMETIC:
        apply = ARITHMETIC[old]
        yield Edit(site, "order", 1.0, lambda _, left, right: apply(right, left),
                   _with(node, left=node.right, right=node.left))  # fmt: skip
    yield Edit(site, "dropped", 1.75, _operand(0), lambda: node.left)
    yield Edit(site, "dropped", 1.75, _operand(1), lambda: node.right)


def _comparison(site: Site, node: ast.Compare) -> Iterator[Edit]:
    if len(node.ops) != 1:
        tests = [type(op) for op in node.ops]
        for index, old in enumerate(tests):
            for kind in _ORDERINGS if old in _ORDERINGS else (_OPPOSITE[old],):
                if kind is not old:
                    cost = 0.5 if kind in _SLIPS.get(old, ()) else 1.0
                    changed = [*tests[:index], kind, *tests[index + 1 :]]
                    yield Edit(site, "comparison", cost, _chained([COMPARISONS[test] for test in changed]),
                               _with(node, ops=[test() for test in changed]))  # fmt: skip
        return
    old = type(node.ops[0])
    for kind in _ORDERINGS if old in _ORDERINGS else (_OPPOSITE[old],):
        if kind is not old:
            make = _with(node, ops=[kind()])
            cost = (0.5 if kind in _SLIPS.get(old, ()) else 1.0) + (_TWICE if _says_twice(site, make()) else 0.0)
            yield Edit(site, "comparison", cost, _applied(COMPARISONS[kind]), make)


def _says_twice(site: Site, made: ast.expr) -> bool:
    """Whether a part of a condition would say what another part says already."""
    parent = site.parent
    return isinstance(parent, ast.BoolOp) and ast.dump(made) in {ast.dump(part) for part in parent.values}


def _boolean(site: Site, node: ast.BoolOp) -> Iterator[Edit]:
    is_and = isinstance(node.op, ast.And)
    yield Edit(site, "boolean", 0.5, lambda _, *parts: until(parts, stop_at=is_and),
               _with(node, op=ast.Or() if is_and else ast.And()))  # fmt: skip
    for index in range(len(node.values)):
        rest = [*node.values[:index], *node.values[index + 1 :]]
        yield Edit(site, "dropped", 2.0, _without(index, stop_at=not is_and),
                   partial(_joined, node.op, rest))  # fmt: skip


def _conditional(site: Site, node: ast.IfExp) -> Iterator[Edit]:
    yield Edit(site, "branches", 1.0, lambda _, test, body, orelse: orelse() if test() else body(),
               _with(node, body=node.orelse, orelse=node.body))  # fmt: skip
    yield Edit(site, "dropped", 2.0, lambda _, __, body, ___: body(), lambda: node.body)
    yield Edit(site, "dropped", 2.0, lambda _, __, ___, orelse: orelse(), lambda: node.orelse)


def _call(site: Site, node: ast.Call, words: Vocabulary, namespace: Mapping[str, Any]) -> Iterator[Edit]:
    function = node.func
    name = (
        function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    )
    for other in alike(name):
        found, new = _function_called(function, other, namespace)
        if callable(found):
            yield Edit(site, "function", 1.0, _calling(found), _with(node, func=new))
    count = len(node.args)
    for i in range(count):
        for j in range(i + 1, count):
            order = list(range(count))
            order[i], order[j] = order[j], order[i]
            yield Edit(site, "order", 1.0, _reordered(order), _with(node, args=[node.args[k] for k in order]))
    if name:
        for i in range(count):
            yield Edit(site, "dropped", 2.0, _operand(i + 1), partial(node.args.__getitem__, i))
    if name in _FULL_ANGLES and count == 1:
        yield from _full_angle(site, node, _FULL_ANGLES[name], words, namespace)


def _full_angle(
    site: Site, node: ast.Call, name: str, words: Vocabulary, namespace: Mapping[str, Any]
) -> Iterator[Edit]:
    """The angle from sine and cosine, where one of them alone leaves open on which side it is."""
    found, new = _function_called(node.func, name, namespace)
    for other in words.names.get(site.function, ()) if callable(found) else ():
        value, written = local_name(other), ast.Name(other, ast.Load())
        yield Edit(site, "function", 2.0, _angle_with(found, value, first=True),
                   _with(node, func=new, args=[written, *node.args]))  # fmt: skip
        yield Edit(site, "function", 2.0, _angle_with(found, value, first=False),
                   _with(node, func=new, args=[*node.args, written]))  # fmt: skip


def alike(name: str) -> list[str]:
    """Functions that are easily written for one."""
    return sorted(frozenset[str]().union(*(group for group in _FUNCTIONS if name in group)) - {name})


def _function_called(function: ast.expr, name: str, namespace: Mapping[str, Any]) -> tuple[Any, ast.expr]:
    """Another function of the same module, and the syntax that names it."""
    if isinstance(function, ast.Attribute):
        owner = namespace.get(function.value.id) if isinstance(function.value, ast.Name) else None
        found = getattr(owner, name, None) if isinstance(owner, types.ModuleType) else None
        return found, ast.Attribute(function.value, name, ast.Load())
    return namespace.get(name, getattr(builtins, name, None)), ast.Name(name, ast.Load())


def _name(
    site: Site, node: ast.Name | ast.Attribute, words: Vocabulary, namespace: Mapping[str, Any]
) -> Iterator[Edit]:
    is_own = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
    if isinstance(node, ast.Attribute) and not is_own:
        yield from _module_member(site, node, namespace)
        return
    current = node.attr if isinstance(node, ast.Attribute) else node.id
    local = [name for name in words.names.get(site.function, ()) if is_own or name != current]
    known = words.names.get(site.function, ())
    if isinstance(node, ast.Name) and node.id not in known and not is_data(namespace.get(node.id)):
        return  # a function
    attributes = [name for name in words.attributes if not is_own or name != current]
    if site.function is None:
        attributes = []
    for name in local:
        yield Edit(site, "name", 2.5 if is_own else 1.0, local_name(name), partial(_name_node, name))  # fmt: skip
    for name in attributes:
        yield Edit(site, "name", 1.0 if is_own else 2.5, own_name(name), partial(own, name))  # fmt: skip
    for name in words.shared:
        if name != current or is_own:
            yield Edit(site, "name", 1.5, _shared_value(namespace[name]), partial(_name_node, name))  # fmt: skip


def _module_member(site: Site, node: ast.Attribute, namespace: Mapping[str, Any]) -> Iterator[Edit]:
    """Other numbers of a module, such as `math.tau` for `math.pi`."""
    owner = namespace.get(node.value.id) if isinstance(node.value, ast.Name) else None
    if isinstance(owner, types.ModuleType):
        for name in ("pi", "tau", "e"):
            if name != node.attr and isinstance(value := getattr(owner, name, None), float):
                yield Edit(site, "name", 2.0, always(value), _with(node, attr=name))


def _augmented(site: Site, statement: ast.Assign) -> Iterator[Edit]:
    """`x = ...` that should have been `x += ...`."""
    target = statement.targets[0]
    if len(statement.targets) != 1 or site.function is None:
        return
    match target:
        case ast.Name(id=name):
            before = local_name(name)
        case ast.Attribute(value=ast.Name(id="self"), attr=name):
            before = own_name(name)
        case _:
            return
    compute = original(site)
    for kind in (ast.Add, ast.Sub):
        yield Edit(site, "assignment", 2.5, _added_to(before, ARITHMETIC[kind], compute),
                   partial(ast.AugAssign, target, kind(), statement.value))  # fmt: skip


def _added_to(before: Callable[..., Any], apply: Binary, compute: Callable[..., Any]) -> Callable[..., Any]:
    return lambda scope, *parts: apply(before(scope), compute(scope, *parts))


def _shared_value(value: Any) -> Callable[..., Any]:
    return lambda _, *operands: like(value, *operands)


def _applied(apply: Binary) -> Callable[..., Any]:
    return lambda _, left, right: apply(left, right)


def _operand(index: int) -> Callable[..., Any]:
    return lambda _, *operands: operands[index]


def _calling(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda _, __, *given: function(*given)


def _angle_with(function: Callable[..., Any], value: Callable[..., Any], *, first: bool) -> Callable[..., Any]:
    if first:
        return lambda scope, _, known: function(value(scope), known)
    return lambda scope, _, known: function(known, value(scope))


def _joined(op: ast.boolop, parts: Sequence[ast.expr]) -> ast.expr:
    return parts[0] if len(parts) == 1 else ast.BoolOp(op, list(parts))


def _name_node(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())


def _chained(tests: Sequence[Binary]) -> Callable[..., Any]:
    return lambda _, *values: chain(tests, values)


def _without(index: int, *, stop_at: bool) -> Callable[..., Any]:
    return lambda _, *parts: until([*parts[:index], *parts[index + 1 :]], stop_at=stop_at)


def _reordered(order: Sequence[int]) -> Callable[..., Any]:
    return lambda _, function, *given: function(*[given[k] for k in order])


def _with(node: Any, **changed: Any) -> Make:
    return lambda: type(node)(**{name: changed.get(name, getattr(node, name, None)) for name in node._fields})
