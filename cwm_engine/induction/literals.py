r"""Literals: the numbers of a model file as parameters, and back into its text.

Numbers are replaced in the text by their exact spans, as `diagnosis.patches` does it, and not by a concrete syntax
tree: a literal is one token, so nothing else can move, the positions come from `ast`, which every other room uses
already, and each edit is parsed again and compared with the syntax it stands for. White space, comments, `\r\n`
and encoding stay as they are.

Which numbers are constants of the modelled world, and which are part of the program's structure, is decided by place:

- Floats are constants, except exponents and indices.
- Whole numbers are constants where they stand for a quantity: assigned to a name (`max_speed = 8`), returned, limits in
  an ordered comparison or in `min`, `max` and `clip`, multiples of pi, degrees. Others are structure: indices,
  exponents, action codes (`action == 1`), the 2 in `2 * a * b`, the 180 of a conversion. 0 always is.
- What `__init__` puts into an attribute that other methods set too is a state, not a constant.
- The minus in front of a number belongs to it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cwm_engine.diagnosis.editing.patches import Text
from cwm_engine.findings import Span

Number = int | float

_BOUNDING = frozenset({"min", "max", "clip", "minimum", "maximum"})
_TURNS = frozenset({2, 180, 360})
_ORDERED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


@dataclass(frozen=True, slots=True)
class Literal:
    """A number in a model file.

    Attributes:
        name: What it is assigned to (`gravity`, `TORQUES[0]`), or its text where it stands in a formula.
        value: What it says.
        text: How it is written.
        span: Where it stands, its sign included.
    """

    name: str
    value: Number
    text: str
    span: Span

    @property
    def line(self) -> int:
        """Its line, from 1."""
        return self.span.line

    @property
    def whole(self) -> bool:
        """Whether it is written as a whole number, and has to stay one."""
        return isinstance(self.value, int)


class Numbers:
    """The constants of a file.

    Args:
        source: The file's text.

    Attributes:
        tree: The file, parsed.
        literals: Its constants in the order of the text.

    Raises:
        SyntaxError: The text is no Python.
    """

    def __init__(self, source: str) -> None:
        self.tree = ast.parse(source)
        self._text = Text(source, self.tree)
        found = sorted(_constants(self.tree), key=lambda item: self._text.range_of(item[0]))
        self._nodes = [node for node, _ in found]
        self.literals = tuple(self._literal(node, name) for node, name in found)

    def __len__(self) -> int:
        return len(self.literals)

    def parametrized(self, names: Sequence[str]) -> ast.Module:
        """The tree with the constants replaced by global names."""
        return self._replaced(lambda index, node: ast.copy_location(ast.Name(names[index], ast.Load()), node))

    def written(self, texts: Mapping[int, str]) -> str:
        """The text with some constants written anew.

        Args:
            texts: For each constant to change, by its number, an expression such as `9.8` or `4 / 3`.

        Raises:
            ValueError: No way was found to write it that means it.
        """
        made = {index: ast.parse(text, mode="eval").body for index, text in texts.items()}
        expected = ast.dump(self._replaced(made.get))
        for always in (False, True):
            source = self._text.source
            for index, text in sorted(texts.items(), reverse=True):
                start, end = self._text.range_of(self._nodes[index])
                bare = isinstance(made[index], ast.Constant) or (isinstance(made[index], ast.UnaryOp) and not always)
                source = source[:start] + (text if bare else f"({text})") + source[end:]
            if ast.dump(ast.parse(source)) == expected:
                return source
        raise ValueError("the numbers cannot be written here")

    def knows_pi(self) -> str | None:
        """How the file can write pi; None where it would have to import it."""
        for node in ast.walk(self.tree):
            if (isinstance(node, ast.Name) and node.id == "pi") or (
                isinstance(node, ast.Attribute) and node.attr == "pi" and isinstance(node.value, ast.Name)
            ):
                return ast.unparse(node)
            if isinstance(node, ast.ImportFrom) and any(
                alias.name == "pi" and not alias.asname for alias in node.names
            ):
                return "pi"
        return None

    def _literal(self, node: ast.expr, name: str) -> Literal:
        start, end = self._text.range_of(node)
        text = self._text.source[start:end]
        return Literal(name or text, _value(node), text, self._text.span(start, end))

    def _replaced(self, made: Callable[[int, ast.expr], ast.expr]) -> ast.Module:
        index_of = {id(node): index for index, node in enumerate(self._nodes)}

        def copy(node: Any) -> Any:
            if isinstance(node, list):
                return [copy(item) for item in node]
            if not isinstance(node, ast.AST):
                return node
            index = index_of.get(id(node))
            if index is not None:
                return made(index, node)  # type: ignore[arg-type]
            fresh = type(node)(**{field: copy(getattr(node, field, None)) for field in node._fields})
            return ast.copy_location(fresh, node) if hasattr(node, "lineno") else fresh

        tree: ast.Module = copy(self.tree)
        return tree


def _constants(tree: ast.Module) -> Iterator[tuple[ast.expr, str]]:
    """The nodes that are constants, with what they are assigned to."""
    states = _states(tree)
    for statement in tree.body:
        if not _is_main(statement):
            yield from ((node, name) for node, name in _in(statement, "", False) if id(node) not in states)


def _states(tree: ast.Module) -> frozenset[int]:
    """Everything in a constructor that is assigned to attributes which other methods assign too."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    changing = {
        node.attr
        for function in functions
        if function.name != "__init__"
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    }
    values = [
        statement.value
        for function in functions
        if function.name == "__init__"
        for statement in ast.walk(function)
        if isinstance(statement, ast.Assign)
        and any(isinstance(target, ast.Attribute) and target.attr in changing for target in statement.targets)
    ]
    return frozenset(id(node) for value in values for node in ast.walk(value))


def _in(node: ast.AST, name: str, quantity: bool) -> Iterator[tuple[ast.expr, str]]:
    """Constants below a node.

    Args:
        node: Where to look.
        name: What the value of the node is assigned to, if nothing but signs and units lie between.
        quantity: Whether a whole number in this very place stands for a quantity.
    """
    if isinstance(node, ast.expr) and _is_number(node):
        if isinstance(_value(node), float) or (quantity and _value(node) != 0):
            yield node, name
        return
    match node:
        case ast.Assign(targets=[target], value=value) | ast.AnnAssign(target=target, value=ast.expr() as value):
            yield from _in(value, _target_name(target), True)
        case ast.AugAssign(value=value) | ast.Return(value=ast.expr() as value):
            yield from _in(value, "", isinstance(node, ast.Return))
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield from _in_function(node)
        case ast.Subscript(value=value):
            yield from _in(value, "", False)
        case ast.BinOp(left=left, op=ast.Pow()):
            yield from _in(left, "", False)
        case ast.BinOp(op=ast.Mult() | ast.Div()) if _is_angle(node):
            alone = sum(map(_is_number, _factors(node))) == 1
            yield from _in_angle(node, name, spared=_TURNS - {2} if quantity and alone else _TURNS)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield from _in(test, "", False)
            yield from _in(body, name, quantity)
            yield from _in(orelse, name, quantity)
        case ast.Compare(left=left, ops=ops, comparators=others):
            ordered = all(isinstance(op, _ORDERED) for op in ops)
            for part in (left, *others):
                yield from _in(part, "", ordered)
        case ast.Call(func=function, args=arguments, keywords=keywords):
            bounding = _called(function) in _BOUNDING
            degrees = _called(function) in ("radians", "deg2rad")
            yield from _in(function, "", False)
            for part in (*arguments, *(keyword.value for keyword in keywords)):
                yield from _in(part, name if degrees else "", bounding or degrees)
        case ast.List(elts=items) | ast.Tuple(elts=items):
            for number, item in enumerate(items):
                yield from _in(item, f"{name}[{number}]" if name else "", isinstance(item, ast.expr) and quantity)
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _in(child, "", False)


def _in_function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[ast.expr, str]]:
    arguments = node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    for argument, default in zip(
        positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True
    ):
        yield from _in(default, argument.arg, True)
    for argument, keyword in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if keyword is not None:
            yield from _in(keyword, argument.arg, True)
    for statement in node.body:
        yield from _in(statement, "", False)


def _in_angle(node: ast.BinOp, name: str, spared: frozenset[int]) -> Iterator[tuple[ast.expr, str]]:
    """The factors of `12 * 2 * pi / 360` that are not the conversion itself."""
    for part in (node.left, node.right):
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Mult | ast.Div):
            yield from _in_angle(part, name, spared)
        elif _is_number(part) and _value(part) in spared:
            continue
        else:
            yield from _in(part, name, True)


def _is_angle(node: ast.BinOp) -> bool:
    """Whether pi is one of the factors, and all others are numbers."""
    factors = list(_factors(node))
    turns = [part for part in factors if isinstance(part, ast.Name | ast.Attribute) and _called(part) == "pi"]
    return len(turns) == 1 and all(part is turns[0] or _is_number(part) for part in factors)


def _factors(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        yield from _factors(node.left)
        yield from _factors(node.right)
    else:
        yield node


def _is_number(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=bool()):
            return False
        case (
            ast.Constant(value=int() | float())
            | ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float()))
        ):
            return True
    return False


def _value(node: ast.expr) -> Number:
    match node:
        case ast.UnaryOp(operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.Constant(value=int() | float() as value):
            return value
    raise TypeError(ast.dump(node))


def _called(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _target_name(target: ast.expr) -> str:
    return ast.unparse(target).removeprefix("self.") if isinstance(target, ast.Name | ast.Attribute) else ""


def _is_main(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test)
