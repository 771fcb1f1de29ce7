"""Which lines of a model give a value to which field of its prediction, read from the syntax tree alone.

Names are followed back from what `step` returns: in `self.state = (x, v); return self.state, 1.0, done`, assignments to
`x` give a value to `obs[0]`. What goes through a call or a computed index is not followed.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from cwm_engine.world_model.discovery import Dialect, ModelSpec
from cwm_engine.world_model.signatures import FunctionNode
from cwm_engine.world_model.syntax import all_nodes, dotted_name

_ROUNDS = 8  # of following names to names; each goes one assignment deeper
_PARTS = {3: ("obs", "reward", "terminated"), 4: ("obs", "", "reward", "terminated")}
_PARTS[5] = ("obs", "reward", "terminated", "", "")
_PAYMENT = ("reward", "terminated")


def assigned_fields(tree: ast.Module, model: ModelSpec) -> dict[int, tuple[str, ...]]:
    """The fields that each line assigns, for the lines that assign any.

    Args:
        tree: The file.
        model: The model in it.

    Returns:
        By line, from 1: fields as reports name them (`obs[2]`, `obs.board`, `reward`), or what several of them begin
        with (`obs`); `belongs` tells which.
    """
    found: dict[int, set[str]] = defaultdict(set)
    for function, parts in _predictors(tree, model):
        for line, fields in _Function(function, parts).lines().items():
            found[line] |= fields
    return {line: tuple(sorted(fields)) for line, fields in sorted(found.items())}


def belongs(field: str, to: str) -> bool:
    """Whether a field of a report is the assigned one or part of it."""
    return field == to or field.startswith((f"{to}.", f"{to}[", f"{to.removesuffix(']')},"))


def _predictors(tree: ast.Module, model: ModelSpec) -> Iterator[tuple[FunctionNode, Mapping[int, Sequence[str]]]]:
    """The functions that return predictions, and the fields in what they return, by its length."""
    by_line = {}
    for node in all_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            by_line[node.lineno] = node
    if model.step.line in by_line:
        yield by_line[model.step.line], {} if model.dialect is Dialect.FUNCTIONS else _PARTS
    if model.reward is not None and model.reward.line in by_line:
        yield by_line[model.reward.line], {len(_PAYMENT): _PAYMENT}


class _Function:
    """One function: the fields that its names stand for.

    Args:
        function: The function.
        parts: The fields in a returned tuple, by its length; what is returned is the observation where it is empty.
    """

    def __init__(self, function: FunctionNode, parts: Mapping[int, Sequence[str]]) -> None:
        self._statements = list(_own_statements(function))
        self._parts = parts
        self._names: dict[str, set[str]] = defaultdict(set)
        self._lines: dict[int, set[str]] = defaultdict(set)

    def lines(self) -> Mapping[int, set[str]]:
        """The fields that each line assigns."""
        for statement in self._statements:
            if isinstance(statement, ast.Return) and statement.value is not None:
                self._returned(statement, statement.value)
        for _ in range(_ROUNDS):
            known = sum(map(len, self._names.values()))
            for statement in self._statements:
                for target, value in _assignments(statement):
                    self._assigned(statement, target, value)
            if sum(map(len, self._names.values())) == known:
                break
        return self._lines

    def _returned(self, statement: ast.Return, value: ast.expr) -> None:
        if not self._parts:
            self._stands_for(value, "obs")
            self._mark(statement, "obs")
        elif isinstance(value, ast.Tuple) and len(value.elts) in self._parts:
            for part, field in zip(value.elts, self._parts[len(value.elts)], strict=True):
                if field:
                    self._stands_for(part, field)
                    self._mark(statement, field)

    def _assigned(self, statement: ast.stmt, target: ast.expr, value: ast.expr | None) -> None:
        match target:
            case ast.Tuple(elts) | ast.List(elts):
                if value is not None and _key(value) in self._names:
                    return  # takes the observation apart, which gives no field a value
                parts = value.elts if isinstance(value, ast.Tuple | ast.List) else []
                for number, part in enumerate(elts):
                    same = len(parts) == len(elts)
                    self._assigned(statement, part, parts[number] if same else None)
            case ast.Subscript(ast.expr() as whole, index):
                for field in self._names.get(_key(whole), ()):
                    self._mark(statement, f"{field}{_step(index)}")
            case _:
                for field in tuple(self._names.get(_key(target), ())):
                    self._mark(statement, field)
                    if value is not None:
                        self._stands_for(value, field)

    def _stands_for(self, value: ast.expr, field: str) -> None:
        """An expression is the value of a field; so are its parts of the parts of the field."""
        match value:
            case ast.Tuple(elts) | ast.List(elts):
                for number, part in enumerate(elts):
                    self._stands_for(part, f"{field}[{number}]")
            case ast.Dict(keys, values):
                for key, part in zip(keys, values, strict=True):
                    if isinstance(key, ast.Constant) and isinstance(key.value, str):
                        self._stands_for(part, f"{field}.{key.value}")
            case ast.Call(ast.Attribute(whole, "copy"), []):
                self._stands_for(whole, field)
            case ast.Call(_, [only, *_]) if len(value.args) == 1:  # np.array([...]), tuple(...), float(...)
                self._stands_for(only, field)
            case ast.Name() | ast.Attribute():
                self._names[_key(value)].add(field)

    def _mark(self, statement: ast.stmt, field: str) -> None:
        for line in range(statement.lineno, (statement.end_lineno or statement.lineno) + 1):
            self._lines[line].add(field)


def _own_statements(node: ast.AST) -> Iterator[ast.stmt]:
    """All statements of a function but those of functions and classes in it."""
    for name in ("body", "handlers", "cases", "orelse", "finalbody"):
        for part in getattr(node, name, ()):
            if isinstance(part, ast.stmt):
                yield part
            if not isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield from _own_statements(part)


def _assignments(statement: ast.stmt) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    match statement:
        case ast.Assign(targets, value):
            yield from ((target, value) for target in targets)
        case ast.AnnAssign(target, _, value) if value is not None:
            yield target, value
        case ast.AugAssign(target):
            yield target, None


def _key(expression: ast.expr) -> str:
    """What a name or attribute is called; an empty text for anything else."""
    name = dotted_name(expression) if isinstance(expression, ast.Name | ast.Attribute) else ""
    return "" if name.startswith(".") else name


def _step(index: ast.expr) -> str:
    """From a value to its part, as fields are written; nothing where it is computed."""
    match index:
        case ast.Constant(int() as number) if not isinstance(number, bool) and number >= 0:
            return f"[{number}]"
        case ast.Constant(str() as name):
            return f".{name}"
        case ast.Tuple(elts) if elts and all(
            isinstance(item, ast.Constant) and isinstance(item.value, int) and item.value >= 0 for item in elts
        ):
            return f"[{','.join(str(item.value) for item in elts if isinstance(item, ast.Constant))}]"
        case _:
            return ""
