"""A shadow of a run: which lines every value came from, beside the values themselves.

The model's functions are evaluated here statement by statement with Python's own operations on Python's
own values, so results and types are exactly those of a plain run; next to each value travels a *mask*,
the set of lines it was computed from, elements of tuples, lists and arrays apart from each other. What this
evaluator does not understand (`try`, `with`, generators, closures) runs natively as a whole, and
everything it returns is taken to come from all it was given and all of its lines.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from cwm_engine.diagnosis.localization.masks import MAX_ITEMS, Mask, Pair, items_of, merge, union, union_of, widen
from cwm_engine.sandbox.program import MODEL_FILENAME
from cwm_engine.world_model.counters import LoopLimit

Expression = Callable[["Frame"], Pair]
Statement = Callable[["Frame"], "str | None"]

_STATEMENTS = 200_000
_RETURN, _BREAK, _CONTINUE = "return", "break", "continue"

_MUTATORS = frozenset({
    "append", "extend", "insert", "add", "update", "pop", "remove", "discard", "sort", "reverse", "setdefault",
    "clear", "popleft", "appendleft", "fill", "popitem",
})  # fmt: skip
_ITEMWISE = frozenset({"array", "asarray", "copy", "astype", "tolist", "clip", "round", "float32", "float64"})


class UnsupportedError(Exception):
    """A function holds something that has to run natively."""


class Frame:
    """The names of one call with their masks, and the lines that decided that it runs."""

    __slots__ = ("control", "masks", "result", "values")

    def __init__(self, values: dict[str, Any], masks: dict[str, Mask], control: int) -> None:
        self.values = values
        self.masks = masks
        self.control = control
        self.result: Pair = (None, 0)


Followed = Callable[[list[Pair], int], Pair]
"""A function of the model: from arguments, and the lines that led to the call, to the result."""

Compiler = Callable[["Shadow", ast.FunctionDef, "str | None"], Followed]


class Shadow:
    """Evaluates functions of a loaded model with masks.

    Args:
        tree: The module.
        namespace: Its namespace after it has run.
        compiler: Turns a function, and the name of its class, into what evaluates it with masks.
    """

    def __init__(self, tree: ast.Module, namespace: dict[str, Any], compiler: Compiler) -> None:
        self.namespace = namespace
        self._compiler = compiler
        self._bits: dict[int, int] = {}
        self._functions: dict[tuple[str, int], tuple[ast.FunctionDef, str | None]] = {}
        self._compiled: dict[tuple[str, int], Followed | None] = {}
        self._lines: dict[str, int] = {}
        self._calls: dict[str, set[str]] = {}
        self._reads: dict[str, set[str]] = {}
        self._attributes: dict[tuple[int, str], Mask] = {}
        self._mutated: dict[int, tuple[Any, int, dict[int, Mask]]] = {}
        self._alive: list[Any] = []
        self.globals: dict[str, Mask] = {}
        self._members: dict[tuple[str, str], Mask] = {}
        self._static_of: dict[str, int] = {}
        self._left = 0
        self._survey(tree)

    def bit(self, line: int) -> int:
        """The mask of a line."""
        found = self._bits.get(line)
        if found is None:
            found = self._bits[line] = 1 << len(self._bits)
        return found

    def lines(self, mask: Mask) -> frozenset[int]:
        """The lines of a mask."""
        whole = union(mask)
        return frozenset(line for line, bit in self._bits.items() if whole & bit)

    def start(self) -> None:
        """Begin a transition: the statements it may run are counted from here."""
        self._left = _STATEMENTS

    def construct(self, kind: type) -> Any:
        """An instance of a class of the model whose attributes have masks."""
        self.start()
        constructor = getattr(kind, "__init__", None)
        if getattr(kind, "__new__", None) is not object.__new__ or self._code_of(constructor) is None:
            return kind()
        made = object.__new__(kind)
        self.call(constructor, [(made, 0)], {}, 0)
        return made

    def tick(self) -> None:
        """Count a statement."""
        self._left -= 1
        if self._left < 0:
            raise LoopLimit

    # Values that live somewhere

    def read(self, value: Any, mask: Mask) -> Mask:
        """The mask of a value that may have been changed since it was made."""
        if not self._mutated:
            return mask
        entry = self._mutated.get(id(value))
        if entry is None or entry[0] is not value:
            return mask
        _, lines, items = entry
        if items and isinstance(value, list | np.ndarray) and len(value) <= MAX_ITEMS:
            known = items_of(value, mask, len(value))
            mask = tuple(items.get(index, known[index]) for index in range(len(value)))
        return widen(mask, lines) if lines else mask

    def mutate(self, value: Any, lines: int, index: Any = None) -> None:
        """Note that a container was changed, as a whole or at an index."""
        entry = self._mutated.get(id(value))
        if entry is None or entry[0] is not value:
            entry = (value, 0, {})
        if type(index) is int and isinstance(value, list | np.ndarray):
            entry[2][index % max(len(value), 1)] = lines
        else:
            entry = (value, entry[1] | lines, entry[2])
        self._mutated[id(value)] = entry

    def attribute(self, value: Any, mask: Mask, name: str, lines: int) -> Pair:
        """Read an attribute."""
        known = self._attributes.get((id(value), name))
        if known is not None:
            found = getattr(value, name)
            return found, self.read(found, widen(known, lines) if lines else known)
        kind = value if isinstance(value, type) else type(value)
        if getattr(kind, "__module__", None) == self.namespace.get("__name__"):
            member = kind.__dict__.get(name)
            if isinstance(member, property) and not isinstance(value, type) and self._code_of(member.fget):
                return self.call(member.fget, [(value, mask)], {}, lines)
            for owner in kind.__mro__:
                static = self._members.get((owner.__name__, name))
                if static is not None:
                    found = getattr(value, name)
                    return found, self.read(found, widen(static, lines))
        found = getattr(value, name)
        if isinstance(value, types.ModuleType) or callable(found):
            return found, lines
        return found, self.read(found, union(mask) | lines)

    def set_attribute(self, value: Any, name: str, item: Any, mask: Mask) -> None:
        """Set an attribute."""
        setattr(value, name, item)
        self._attributes[id(value), name] = mask
        self._alive.append(value)

    def widen_attribute(self, value: Any, name: str, lines: int) -> None:
        """Add lines to an attribute's mask."""
        key = (id(value), name)
        if key in self._attributes:
            self._attributes[key] = widen(self._attributes[key], lines)

    # Calls

    def call(self, function: Any, arguments: Sequence[Pair], keywords: Mapping[str, Pair], control: int) -> Pair:
        """Call anything: functions of the model are followed, all others are run."""
        inner = getattr(function, "__func__", None)
        receiver = getattr(function, "__self__", None)
        key = self._code_of(inner or function)
        if key is None:
            return self._call_native(function, arguments, keywords, control)
        if inner is not None:
            arguments = [(receiver, 0), *arguments]
        body = self._compile(key)
        defaults = [self.bit(value.lineno) for value in self._functions[key][0].args.defaults]
        bound = _bind(inner or function, arguments, keywords, defaults) if body is not None else None
        if body is None or bound is None:
            return self._call_opaque(inner or function, key[0], arguments, keywords, control)
        return body(bound, control)

    def _call_native(
        self, function: Any, arguments: Sequence[Pair], keywords: Mapping[str, Pair], control: int
    ) -> Pair:
        result = function(*[value for value, _ in arguments], **{name: value for name, (value, _) in keywords.items()})
        masks = [mask for _, mask in (*arguments, *keywords.values())]
        receiver = getattr(function, "__self__", None)
        name = getattr(function, "__name__", "")
        if receiver is not None and not isinstance(receiver, types.ModuleType) and name in _MUTATORS:
            self.mutate(receiver, control | union_of(masks))
        if isinstance(function, type) and hasattr(result, "__dataclass_fields__"):
            for field, (_, mask) in zip(result.__dataclass_fields__, arguments, strict=False):
                self._attributes[id(result), field] = mask
            self._attributes.update({(id(result), field): mask for field, (_, mask) in keywords.items()})
            self._alive.append(result)
        if isinstance(result, list | tuple | np.ndarray) and np.ndim(result) and 0 < len(result) <= MAX_ITEMS:
            itemwise = isinstance(function, np.ufunc) or name in _ITEMWISE or function in (list, tuple)
            named = hasattr(result, "_fields") and isinstance(function, type)
            if named and len(arguments) == len(result):
                return result, tuple(masks)
            if itemwise and all(isinstance(mask, int) or len(mask) == len(result) for mask in masks):
                return result, merge(masks, len(result))
        return result, union_of(masks) | control

    def _call_opaque(
        self, function: Any, name: str, arguments: Sequence[Pair], keywords: Mapping[str, Pair], control: int
    ) -> Pair:
        """Run a function of the model natively: all it returns or sets may come from all it could see."""
        receiver = arguments[0][0] if arguments else None
        before = dict(getattr(receiver, "__dict__", {}))
        lines = control | union_of([mask for _, mask in (*arguments, *keywords.values())]) | self.reach(name)
        for field in before:
            lines |= union(self._attributes.get((id(receiver), field), 0))
        result = function(*[value for value, _ in arguments], **{key: value for key, (value, _) in keywords.items()})
        for field, value in getattr(receiver, "__dict__", {}).items():
            if field not in before or before[field] is not value:
                self._attributes[id(receiver), field] = lines
        for value, _ in arguments:
            if isinstance(value, list | dict | set | np.ndarray):
                self.mutate(value, lines)
        return result, lines

    def reach(self, name: str) -> int:
        """The lines of a function of the model and of all it may call, by name."""
        found, waiting, lines = {name}, [name], 0
        while waiting:
            current = waiting.pop()
            lines |= self._lines.get(current, 0)
            for read in self._reads.get(current, set()):
                lines |= union(self.globals.get(read, 0)) | self._static_of.get(read, 0)
            fresh = self._calls.get(current, set()) - found
            found |= fresh
            waiting += fresh
        return lines

    def _code_of(self, function: Any) -> tuple[str, int] | None:
        code = getattr(function, "__code__", None)
        if code is None or code.co_filename != MODEL_FILENAME:
            return None
        key = (code.co_name, code.co_firstlineno)
        return key if key in self._functions else None

    def _compile(self, key: tuple[str, int]) -> Followed | None:
        if key not in self._compiled:
            function, owner = self._functions[key]
            try:
                self._compiled[key] = self._compiler(self, function, owner)
            except UnsupportedError:
                self._compiled[key] = None
        return self._compiled[key]

    # What is known before anything runs

    def _survey(self, tree: ast.Module) -> None:
        for statement in tree.body:
            self._survey_statement(statement, None)
        names = {name for name, _ in self._functions}
        for (name, _), (function, _) in self._functions.items():
            inside = [node for node in ast.walk(function) if isinstance(node, ast.expr)]
            self._lines[name] = self._lines.get(name, 0)
            for node in inside:
                self._lines[name] |= self.bit(node.lineno)
            called = {node.attr for node in inside if isinstance(node, ast.Attribute)}
            called |= {node.id for node in inside if isinstance(node, ast.Name)}
            self._calls.setdefault(name, set()).update(called & names)
            self._reads.setdefault(name, set()).update(called)
        for (_, member), mask in self._members.items():
            self._static_of[member] = self._static_of.get(member, 0) | union(mask)

    def _survey_statement(self, statement: ast.stmt, owner: str | None) -> None:
        match statement:
            case ast.FunctionDef():
                first = min([statement.lineno, *(node.lineno for node in statement.decorator_list)])
                self._functions[statement.name, first] = (statement, owner)
            case ast.ClassDef():
                for inner in statement.body:
                    self._survey_statement(inner, statement.name)
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._survey_target(target, self._static(value, owner), statement.lineno, owner)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._survey_target(target, self._static(value, owner), statement.lineno, owner)
            case ast.If() | ast.Try():
                for child in ast.iter_child_nodes(statement):
                    if isinstance(child, ast.stmt):
                        self._survey_statement(child, owner)

    def _survey_target(self, target: ast.expr, mask: Mask, line: int, owner: str | None) -> None:
        mask = widen(mask, self.bit(line))
        match target:
            case ast.Name(id=name) if owner is None:
                self.globals[name] = mask
            case ast.Name(id=name):
                self._members[owner or "", name] = mask
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                for part, item in zip(parts, items_of(None, mask, len(parts)), strict=True):
                    self._survey_target(part, item, line, owner)

    def _static(self, value: ast.expr, owner: str | None) -> Mask:
        here = self.bit(value.lineno)
        match value:
            case ast.Tuple(elts=parts) | ast.List(elts=parts) if len(parts) <= MAX_ITEMS:
                return tuple(widen(self._static(part, owner), here) for part in parts)
            case ast.Name(id=name):
                return self._members.get((owner or "", name), self.globals.get(name, here))
            case _:
                lines = here
                for node in ast.walk(value):
                    if isinstance(node, ast.expr):
                        lines |= self.bit(node.lineno)
                    if isinstance(node, ast.Name):
                        lines |= union(self._members.get((owner or "", node.id), self.globals.get(node.id, 0)))
                return lines


def iterate(shadow: Shadow, value: Any, mask: Mask) -> Iterable[Pair]:
    """The items of a value with their masks."""
    mask = shadow.read(value, mask)
    if isinstance(mask, tuple) and isinstance(value, list | tuple | np.ndarray) and len(mask) == len(value):
        return zip(value, mask, strict=True)
    whole = union(mask)
    return ((item, whole) for item in value)


def super_of(shadow: Shadow, owner: str | None, receiver: Any) -> Any:
    """What `super()` is in a method of the class `owner`."""
    return builtins.super(shadow.namespace[owner or ""], receiver)


def _bind(
    function: Any, arguments: Sequence[Pair], keywords: Mapping[str, Pair], default_masks: Sequence[int]
) -> list[Pair] | None:
    """Arguments in the order of the parameters; None where the signature is not a plain one."""
    code = function.__code__
    varying = code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
    if code.co_kwonlyargcount or varying or code.co_freevars not in ((), ("__class__",)):  # the cell `super` needs
        return None
    names = code.co_varnames[: code.co_argcount]
    if len(arguments) > len(names):
        raise TypeError(f"{function.__name__}() takes {len(names)} arguments, {len(arguments)} were given")
    bound: list[Pair | None] = [*arguments, *([None] * (len(names) - len(arguments)))]
    for name, pair in keywords.items():
        if name not in names or bound[names.index(name)] is not None:
            raise TypeError(f"{function.__name__}() got an unexpected argument {name!r}")
        bound[names.index(name)] = pair
    defaults = function.__defaults__ or ()
    for index, value, mask in zip(range(len(names) - len(defaults), len(names)), defaults, default_masks, strict=True):
        if bound[index] is None:
            bound[index] = (value, mask)
    if any(pair is None for pair in bound):
        raise TypeError(f"{function.__name__}() misses an argument")
    return [pair for pair in bound if pair is not None]
