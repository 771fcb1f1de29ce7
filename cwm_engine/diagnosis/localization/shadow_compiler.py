"""Compiles functions of a model into closures that evaluate them together with masks (see `shadow`)."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Sequence

import numpy as np

from cwm_engine.diagnosis.localization.masks import Pair, arithmetic, union, widen
from cwm_engine.diagnosis.localization.shadow import Followed, Frame, Shadow, Statement, UnsupportedError
from cwm_engine.diagnosis.localization.shadow_expressions import Expressions
from cwm_engine.diagnosis.localization.shadow_operations import constant
from cwm_engine.world_model.counters import LoopLimit

_RETURN, _BREAK, _CONTINUE = "return", "break", "continue"
_LEAVES = (ast.Return, ast.Raise, ast.Break, ast.Continue)


def compile_function(shadow: Shadow, function: ast.FunctionDef, owner: str | None) -> Followed:
    """A function from arguments with masks, and the lines that led to the call, to the result with its mask.

    Raises:
        UnsupportedError: The function has to run natively.
    """
    return _Compiler(shadow, owner).function(function)


class _Compiler(Expressions):
    def function(self, function: ast.FunctionDef) -> Followed:
        for node in ast.walk(function):
            if node is not function and isinstance(
                node,
                ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Yield | ast.YieldFrom | ast.Await
                | ast.Global | ast.Nonlocal | ast.With | ast.TryStar | ast.Match,
            ):  # fmt: skip
                raise UnsupportedError(type(node).__name__)
        names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
        self.receiver = names[0] if names else ""
        body = self._block(function.body)
        shadow = self.shadow

        def call(arguments: list[Pair], control: int) -> Pair:
            values = {name: pair[0] for name, pair in zip(names, arguments, strict=True)}
            masks = {name: pair[1] for name, pair in zip(names, arguments, strict=True)}
            frame = Frame(values, masks, control)
            shadow.tick()
            body(frame)
            return frame.result

        return call

    # Statements

    def _block(self, statements: Sequence[ast.stmt]) -> Statement:
        parts = [self._statement(statement) for statement in statements]
        tick = self.shadow.tick

        def run(frame: Frame) -> str | None:
            for part in parts:
                tick()
                signal = part(frame)
                if signal is not None:
                    return signal
            return None

        return run

    def _statement(self, statement: ast.stmt) -> Statement:
        self.line = statement.lineno
        match statement:
            case ast.Assign():
                return self._assign(statement.targets, statement.value, statement.lineno)
            case ast.AnnAssign(value=None) | ast.Pass():
                return lambda _: None
            case ast.AnnAssign(value=ast.expr() as value):
                return self._assign([statement.target], value, statement.lineno)
            case ast.AugAssign():
                return self._augment(statement)
            case ast.Return():
                return self._return(statement)
            case ast.Expr():
                return self._evaluate(statement.value)
            case ast.If():
                return self._if(statement)
            case ast.While():
                return self._while(statement)
            case ast.For():
                return self._for(statement)
            case ast.Try():
                return self._try(statement)
            case ast.Break():
                return lambda _: _BREAK
            case ast.Continue():
                return lambda _: _CONTINUE
            case ast.Assert():
                return self._assert(statement)
            case ast.Import() | ast.ImportFrom():
                return self._import(statement)
            case ast.Raise():
                return self._raise(statement)
        raise UnsupportedError(type(statement).__name__)

    def _assign(self, targets: Sequence[ast.expr], value: ast.expr, line: int) -> Statement:
        compute = self.expression(value)
        stores = [self.target(target) for target in targets]
        here = self.shadow.bit(line)

        def assign(frame: Frame) -> None:
            found, mask = compute(frame)
            mask = widen(mask, here | frame.control)
            for store in stores:
                store(frame, found, mask)

        return assign

    def _augment(self, statement: ast.AugAssign) -> Statement:
        loaded = ast.parse(ast.unparse(statement.target), mode="eval").body
        read = self.expression(ast.copy_location(loaded, statement.target))
        compute, store = self.expression(statement.value), self.target(statement.target)
        here, kind, shadow = self.shadow.bit(statement.lineno), type(statement.op), self.shadow

        def augment(frame: Frame) -> None:
            before = read(frame)
            value, mask = arithmetic(kind, before, compute(frame), in_place=True)
            mask = widen(mask, here | frame.control)
            if value is before[0] and isinstance(value, list | np.ndarray):
                shadow.mutate(value, union(mask))
            store(frame, value, mask)

        return augment

    def _return(self, statement: ast.Return) -> Statement:
        compute = self.expression(statement.value) if statement.value is not None else constant(None)
        here = self.shadow.bit(statement.lineno)

        def leave(frame: Frame) -> str:
            value, mask = compute(frame)
            frame.result = (value, widen(mask, here | frame.control))
            return _RETURN

        return leave

    def _evaluate(self, value: ast.expr) -> Statement:
        compute = self.expression(value)

        def evaluate(frame: Frame) -> None:
            compute(frame)

        return evaluate

    def _if(self, statement: ast.If) -> Statement:
        test = self.expression(statement.test)
        then, otherwise = self._block(statement.body), self._block(statement.orelse)
        join = self._join([*statement.body, *statement.orelse])
        leaves = _may_leave(statement)
        here = self.shadow.bit(statement.lineno)

        def branch(frame: Frame) -> str | None:
            value, mask = test(frame)
            lines = union(mask) | here
            before = frame.control
            frame.control = before | lines
            signal = then(frame) if value else otherwise(frame)
            if not leaves:
                frame.control = before
            join(frame, lines)
            return signal

        return branch

    def _while(self, statement: ast.While) -> Statement:
        test, body = self.expression(statement.test), self._block(statement.body)
        otherwise, join = self._block(statement.orelse), self._join(statement.body)
        here = self.shadow.bit(statement.lineno)
        leaves = _may_leave(statement)

        def loop(frame: Frame) -> str | None:
            before, lines, signal = frame.control, here, None
            while True:
                value, mask = test(frame)
                lines |= union(mask)
                frame.control = frame.control | lines
                if not value:
                    signal = otherwise(frame)
                    break
                signal = body(frame)
                if signal in (_BREAK, _RETURN):
                    break
            if not leaves:
                frame.control = before
            join(frame, lines)
            return signal if signal == _RETURN else None

        return loop

    def _for(self, statement: ast.For) -> Statement:
        items, store = self.items(statement.iter), self.target(statement.target)
        body, otherwise = self._block(statement.body), self._block(statement.orelse)
        here = self.shadow.bit(statement.lineno)
        leaves = _may_leave(statement)

        def loop(frame: Frame) -> str | None:
            before, signal = frame.control, None
            for value, mask in items(frame):
                store(frame, value, widen(mask, here | frame.control))
                signal = body(frame)
                if signal in (_BREAK, _RETURN):
                    break
            else:
                signal = otherwise(frame)
            if not leaves:
                frame.control = before
            return signal if signal == _RETURN else None

        return loop

    def _try(self, statement: ast.Try) -> Statement:
        body, otherwise = self._block(statement.body), self._block(statement.orelse)
        final = self._block(statement.finalbody)
        handlers = [
            (
                self.expression(handler.type) if handler.type is not None else None,
                handler.name,
                self._block(handler.body),
            )
            for handler in statement.handlers
        ]
        inner = [node for part in statement.body for node in ast.walk(part) if isinstance(node, ast.expr)]
        lines = union(tuple(self.shadow.bit(node.lineno) for node in inner))
        everything = [*statement.body, *statement.orelse, *(part for h in statement.handlers for part in h.body)]
        join = self._join(everything)

        def handle(frame: Frame, error: BaseException) -> str | None:
            for kind, name, block in handlers:
                if kind is None or isinstance(error, kind(frame)[0]):
                    if name is not None:
                        frame.values[name] = error
                    frame.control |= lines
                    return block(frame)
            raise error

        def attempt(frame: Frame) -> str | None:
            try:
                try:
                    signal = body(frame)
                    if signal is None:
                        signal = otherwise(frame)
                except (LoopLimit, KeyboardInterrupt):
                    raise
                except BaseException as error:  # noqa: BLE001 - whatever the model's own handlers are for
                    signal = handle(frame, error)
            finally:
                ended = final(frame)
            join(frame, lines)
            return ended or signal

        return attempt

    def _assert(self, statement: ast.Assert) -> Statement:
        test, here = self.expression(statement.test), self.shadow.bit(statement.lineno)

        def check(frame: Frame) -> None:
            value, mask = test(frame)
            if not value:
                raise AssertionError
            frame.control |= union(mask) | here

        return check

    def _import(self, statement: ast.stmt) -> Statement:
        code = compile(ast.Module([statement], []), "<import>", "exec")
        namespace = self.shadow.namespace

        def load(frame: Frame) -> None:
            names = {
                "__builtins__": namespace.get("__builtins__", builtins),
                "__package__": namespace.get("__package__"),
            }
            exec(code, names)  # noqa: S102 - the model's own import
            frame.values.update((name, value) for name, value in names.items() if not name.startswith("__"))

        return load

    def _raise(self, statement: ast.Raise) -> Statement:
        if statement.exc is None:
            raise UnsupportedError("raise")
        compute = self.expression(statement.exc)

        def fail(frame: Frame) -> None:
            raise compute(frame)[0]

        return fail

    def _join(self, statements: Sequence[ast.stmt]) -> Callable[[Frame, int], None]:
        """Adds lines to everything the statements may have set: that they did not run mattered too."""
        names, attributes = set(), set()
        for statement in statements:
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    names.add(node.id)
                elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_name(node.value):
                    attributes.add((ast.unparse(node.value), node.attr))
        widen_attribute = self.shadow.widen_attribute

        def join(frame: Frame, lines: int) -> None:
            masks = frame.masks
            for name in names:
                if name in masks:
                    masks[name] = widen(masks[name], lines)
            for owner, attribute in attributes:
                if owner in frame.values:
                    widen_attribute(frame.values[owner], attribute, lines)

        return join


def _may_leave(statement: ast.stmt) -> bool:
    """Whether what follows a statement may be skipped because of it."""
    inner: list[ast.stmt] = []
    for name in ("body", "orelse"):
        inner += getattr(statement, name, [])
    if isinstance(statement, ast.While | ast.For):
        return any(isinstance(node, ast.Return | ast.Raise) for part in inner for node in ast.walk(part))
    return any(isinstance(node, _LEAVES) for part in inner for node in ast.walk(part))


def _is_name(node: ast.expr) -> bool:
    return isinstance(node, ast.Name)
