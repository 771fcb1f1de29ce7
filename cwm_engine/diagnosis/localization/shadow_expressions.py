"""Expressions and targets of a model's functions as closures over values and masks (see `shadow`)."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeGuard

import numpy as np

from cwm_engine.diagnosis.localization.masks import Mask, Pair, arithmetic, items_of, union, widen
from cwm_engine.diagnosis.localization.shadow import Expression, Frame, Shadow, UnsupportedError, iterate, super_of
from cwm_engine.diagnosis.localization.shadow_operations import (
    boolean,
    comparison,
    conditional,
    constant,
    display,
    item,
    length,
    mapping,
    section,
    unary,
)

_DATA = (str, list, tuple, dict, set, frozenset, np.ndarray, np.generic, int, float)
_ITEMWISE = frozenset({"copy", "astype", "tolist", "clip", "round"})


class Expressions:
    """Compiles expressions and targets; `shadow_compiler` adds statements.

    Args:
        shadow: Where masks live.
        owner: The name of the class whose method is compiled.
    """

    def __init__(self, shadow: Shadow, owner: str | None) -> None:
        self.shadow = shadow
        self.owner = owner
        self.line = 0
        self.receiver = ""

    def target(self, target: ast.expr) -> Callable[[Frame, Any, Mask], None]:
        """What stores a value with its mask."""
        shadow = self.shadow
        match target:
            case ast.Name(id=name):

                def set_name(frame: Frame, value: Any, mask: Mask) -> None:
                    frame.values[name] = value
                    frame.masks[name] = mask

                return set_name
            case ast.Attribute(value=owner, attr=attribute):
                of, attribute = self.expression(owner), self._mangled(attribute)

                def set_attribute(frame: Frame, value: Any, mask: Mask) -> None:
                    shadow.set_attribute(of(frame)[0], attribute, value, mask)

                return set_attribute
            case ast.Subscript(value=container, slice=index):
                of, at = self.expression(container), self.expression(index)

                def set_item(frame: Frame, value: Any, mask: Mask) -> None:
                    holder, _ = of(frame)
                    key, key_mask = at(frame)
                    holder[key] = value
                    shadow.mutate(holder, union(mask) | union(key_mask), key)

                return set_item
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                if any(isinstance(part, ast.Starred) for part in parts):
                    raise UnsupportedError("starred target")
                stores = [self.target(part) for part in parts]

                def unpack(frame: Frame, value: Any, mask: Mask) -> None:
                    values = list(value)
                    if len(values) != len(stores):
                        raise ValueError(f"expected {len(stores)} values to unpack, got {len(values)}")
                    for store, item, part in zip(stores, values, items_of(value, mask, len(values)), strict=True):
                        store(frame, item, part)

                return unpack
        raise UnsupportedError(type(target).__name__)

    # Expressions

    def expression(self, node: ast.expr) -> Expression:
        """The closure of an expression; what stands on another line than its statement brings that line along."""
        before = self.line
        self.line = node.lineno
        compute = self._plain_expression(node)
        self.line = before
        if node.lineno == before:
            return compute
        here = self.shadow.bit(node.lineno)

        def elsewhere(frame: Frame) -> Pair:
            value, mask = compute(frame)
            return value, widen(mask, here)

        return elsewhere

    def _plain_expression(self, node: ast.expr) -> Expression:
        match node:
            case ast.Constant(value=value):
                return constant(value)
            case ast.Name(id=name):
                return self._name(name)
            case ast.Attribute():
                return self._attribute(node)
            case ast.BinOp():
                left, right, kind = self.expression(node.left), self.expression(node.right), type(node.op)
                return lambda frame: arithmetic(kind, left(frame), right(frame))
            case ast.UnaryOp():
                return unary(type(node.op), self.expression(node.operand))
            case ast.BoolOp():
                return boolean([self.expression(part) for part in node.values], stop_at=isinstance(node.op, ast.Or))
            case ast.Compare():
                rest = [self.expression(part) for part in node.comparators]
                return comparison(self.expression(node.left), list(zip(map(type, node.ops), rest, strict=True)))
            case ast.IfExp():
                return conditional(*(self.expression(part) for part in (node.test, node.body, node.orelse)))
            case ast.Call():
                return self._call(node)
            case ast.Subscript():
                return self._subscript(node)
            case ast.Tuple() | ast.List():
                return self._display(node)
            case ast.Dict() if all(isinstance(key, ast.Constant) for key in node.keys):
                keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
                return mapping(list(zip(keys, [self.expression(part) for part in node.values], strict=True)))
            case ast.ListComp():
                return self._comprehension(node.elt, node.generators)
            case ast.NamedExpr():
                return self._walrus(node)
            case _:
                return self._natively(node)

    def _name(self, name: str) -> Expression:
        shadow, namespace = self.shadow, self.shadow.namespace

        def load(frame: Frame) -> Pair:
            values = frame.values
            if name in values:
                value = values[name]
                return value, shadow.read(value, frame.masks.get(name, 0))
            if name in namespace:
                value = namespace[name]
                return value, shadow.read(value, shadow.globals.get(name, 0))
            try:
                return getattr(builtins, name), 0
            except AttributeError:
                raise NameError(name) from None

        return load

    def _attribute(self, node: ast.Attribute) -> Expression:
        of, name, shadow = self.expression(node.value), self._mangled(node.attr), self.shadow

        def load(frame: Frame) -> Pair:
            value, mask = of(frame)
            return shadow.attribute(value, mask, name, 0)

        return load

    def _mangled(self, name: str) -> str:
        if name.startswith("__") and not name.endswith("__") and self.owner:
            return f"_{self.owner.lstrip('_')}{name}"
        return name

    def _call(self, node: ast.Call) -> Expression:
        shadow = self.shadow
        if isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args:
            owner, receiver = self.owner, self.receiver
            return lambda frame: (super_of(shadow, owner, frame.values[receiver]), 0)
        if any(keyword.arg is None for keyword in node.keywords):
            return self._natively(node)
        if any(isinstance(part, ast.Starred) for part in node.args):
            return self._natively(node)
        if isinstance(node.func, ast.Name) and node.func.id in ("locals", "globals", "vars", "eval", "exec"):
            raise UnsupportedError(node.func.id)
        arguments = [self._argument(part) for part in node.args]
        keywords = [(keyword.arg or "", self._argument(keyword.value)) for keyword in node.keywords]
        here = shadow.bit(node.lineno)
        if isinstance(node.func, ast.Attribute):
            return self._call_method(node.func, arguments, keywords, here)
        function = self.expression(node.func)

        def call(frame: Frame) -> Pair:
            called, _ = function(frame)
            given = [argument(frame) for argument in arguments]
            named = {name: argument(frame) for name, argument in keywords}
            return shadow.call(called, given, named, frame.control | here)

        return call

    def _call_method(
        self,
        function: ast.Attribute,
        arguments: Sequence[Expression],
        keywords: Sequence[tuple[str, Expression]],
        here: int,
    ) -> Expression:
        of, name, shadow = self.expression(function.value), self._mangled(function.attr), self.shadow

        def call(frame: Frame) -> Pair:
            owner, owner_mask = of(frame)
            called, _ = shadow.attribute(owner, owner_mask, name, 0)
            given = [argument(frame) for argument in arguments]
            named = {key: argument(frame) for key, argument in keywords}
            value, mask = shadow.call(called, given, named, frame.control | here)
            if not isinstance(owner, _DATA):
                return value, mask
            if name in _ITEMWISE and isinstance(owner_mask, tuple) and length(value) == len(owner_mask):
                return value, widen(owner_mask, union(mask))
            return value, widen(mask, union(owner_mask))

        return call

    def _argument(self, node: ast.expr) -> Expression:
        if isinstance(node, ast.GeneratorExp):
            return self._lazily(node)
        return self.expression(node)

    def _subscript(self, node: ast.Subscript) -> Expression:
        of = self.expression(node.value)
        if not isinstance(node.slice, ast.Slice):
            return item(self.shadow, of, self.expression(node.slice))
        bounds = (node.slice.lower, node.slice.upper, node.slice.step)
        return section(of, [self.expression(end) if end is not None else constant(None) for end in bounds])

    def _display(self, node: ast.Tuple | ast.List) -> Expression:
        if any(isinstance(part, ast.Starred) for part in node.elts):
            return self._natively(node)
        return display(tuple if isinstance(node, ast.Tuple) else list, [self.expression(part) for part in node.elts])

    def _walrus(self, node: ast.NamedExpr) -> Expression:
        compute, store = self.expression(node.value), self.target(node.target)

        def walrus(frame: Frame) -> Pair:
            value, mask = compute(frame)
            store(frame, value, widen(mask, frame.control))
            return value, mask

        return walrus

    # Loops inside expressions

    def items(self, node: ast.expr) -> Callable[[Frame], Iterable[Pair]]:
        """What a loop goes through, items of sequences apart from each other."""
        shadow = self.shadow
        match node:
            case ast.Call(func=ast.Name(id="zip"), args=[*parts], keywords=[]):
                inner = [self.items(part) for part in parts]
                return lambda frame: (
                    (tuple([value for value, _ in pairs]), tuple([mask for _, mask in pairs]))
                    for pairs in zip(*(items(frame) for items in inner), strict=False)
                )
            case ast.Call(func=ast.Name(id="enumerate"), args=[part], keywords=[]):
                items = self.items(part)
                return lambda frame: (((index, value), (0, mask)) for index, (value, mask) in enumerate(items(frame)))
        compute = self._argument(node)

        def through(frame: Frame) -> Iterable[Pair]:
            value, mask = compute(frame)
            return iterate(shadow, value, mask)

        return through

    def _comprehension(self, element: ast.expr, generators: Sequence[ast.comprehension]) -> Expression:
        run = self._nested(element, generators)

        def build(frame: Frame) -> Pair:
            pairs = list(run(frame))
            return [value for value, _ in pairs], tuple([mask for _, mask in pairs])

        return build

    def _lazily(self, node: ast.GeneratorExp) -> Expression:
        """A generator handed to a native function: its items are computed when they are asked for."""
        run = self._nested(node.elt, node.generators)

        def build(frame: Frame) -> Pair:
            pairs = list(run(frame))
            return iter([value for value, _ in pairs]), tuple([mask for _, mask in pairs])

        return build

    def _nested(self, element: ast.expr, generators: Sequence[ast.comprehension]) -> Callable[[Frame], Iterator[Pair]]:
        loops = []
        for generator in generators:
            conditions = [self.expression(condition) for condition in generator.ifs]
            loops.append((self.items(generator.iter), self.target(generator.target), conditions))
        compute, tick = self.expression(element), self.shadow.tick

        def level(frame: Frame, depth: int, lines: int) -> Iterator[Pair]:
            if depth == len(loops):
                value, mask = compute(frame)
                yield value, widen(mask, lines)
                return
            items, store, conditions = loops[depth]
            for value, mask in items(frame):
                tick()
                store(frame, value, mask)
                here, wanted = lines, True
                for condition in conditions:
                    wanted, condition_mask = condition(frame)
                    here |= union(condition_mask)
                    if not wanted:
                        break
                if wanted:
                    yield from level(frame, depth + 1, here)

        def run(frame: Frame) -> Iterator[Pair]:
            inner = Frame(dict(frame.values), dict(frame.masks), frame.control)
            return level(inner, 0, 0)

        return run

    def _natively(self, node: ast.expr) -> Expression:
        """Anything else: evaluated by Python, its mask is that of all names in it and all it may call."""
        for part in ast.walk(node):
            if isinstance(part, ast.NamedExpr | ast.Yield | ast.YieldFrom | ast.Await):
                raise UnsupportedError(type(part).__name__)
            if isinstance(part, ast.Name) and part.id in ("super", "locals"):
                raise UnsupportedError(part.id)
        code = compile(ast.Expression(node), "<expression>", "eval")
        used = [self.expression(part) for part in ast.walk(node) if _is_used(part)]
        shadow = self.shadow
        reach = 0
        for part in ast.walk(node):
            if isinstance(part, ast.Name | ast.Attribute):
                reach |= shadow.reach(part.id if isinstance(part, ast.Name) else part.attr)

        def evaluate(frame: Frame) -> Pair:
            lines = reach
            for part in used:
                try:
                    lines |= union(part(frame)[1])
                except (NameError, AttributeError):
                    continue  # a name of an inner scope
            value = eval(code, {**shadow.namespace, **frame.values})  # noqa: S307 - the model's own expression
            return value, lines

        return evaluate


def _is_used(node: ast.AST) -> TypeGuard[ast.expr]:
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name) and isinstance(node.ctx, ast.Load)
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
