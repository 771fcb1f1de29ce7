"""Seeded faults for the localization benchmark: small textual slips in a right program, and things left out.

The operators here work on the text and know nothing of the repairs that `cwm_engine.diagnosis` searches.
A fault counts when the program still runs, some recorded transition shows it, and it is not a crash.
"""

from __future__ import annotations

import ast
import random
import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.dataset import Dataset

Edit = tuple[str, int, int, str]  # operator, start and end offset in the text, replacement

PLAN = {"constant": 11, "arithmetic": 6, "condition": 5, "form": 4, "variable": 4}
OMISSIONS = {"dropped term": 4, "dropped condition": 3, "deleted statement": 4, "dead or unconditional branch": 3}

_ARITHMETIC = {"+": "-", "-": "+", "*": "/", "/": "*", "**": "*", "//": "%", "%": "//"}
_COMPARISON = {"<": ("<=", ">"), "<=": ("<",), ">": (">=", "<"), ">=": (">",), "==": ("!=",), "!=": ("==",),
               "in": ("not in",), "not in": ("in",)}  # fmt: skip
_FUNCTIONS = {"min": "max", "max": "min", "cos": "sin", "sin": "cos"}
_BUILTIN = {
    "self",
    "min",
    "max",
    "abs",
    "int",
    "float",
    "bool",
    "len",
    "zip",
    "range",
    "cos",
    "sin",
    "atan2",
    "pi",
    "math",
}


@dataclass(frozen=True)
class Fault:
    """A wrong program; `lines` are those that count as the place of the fault (two where a line is missing)."""

    operator: str
    lines: frozenset[int]
    source: str
    was: str
    now: str

    def __str__(self) -> str:
        return f"{self.operator} at {sorted(self.lines)}: {self.was!r} -> {self.now!r}"


def single_faults(source: str, dataset: Dataset, seed: int, plan: dict[str, int] = PLAN) -> list[Fault]:
    """Silent, non-equivalent single faults, spread over the lines."""
    return _choose(source, dataset, seed, plan, _slips(source))


def omission_faults(source: str, dataset: Dataset, seed: int, plan: dict[str, int] = OMISSIONS) -> list[Fault]:
    """Programs in which a term, a condition, a statement or the meaning of a branch is missing."""
    return _choose(source, dataset, seed, plan, _omissions(source))


def every_fault(source: str) -> list[Fault]:
    """All slips and omissions in a text, whether or not anything shows them."""
    found: dict[str, Fault] = {}
    for kind, edit in (*_slips(source)(), *_omissions(source)()):
        fault = _apply(source, edit)
        if fault is not None:
            found.setdefault(fault.source, replace(fault, operator=kind))
    return list(found.values())


def double_faults(source: str, dataset: Dataset, seed: int, count: int, plan: dict[str, int] = PLAN) -> list[Fault]:
    """Programs with two slips at different places, each of which is seen in the data by itself."""
    rng = random.Random(seed)
    pools: dict[str, list[tuple[Edit, Fault]]] = {kind: [] for kind in plan}
    for kind, edit in _slips(source)():
        if kind in pools and (fault := _apply(source, edit)) is not None:
            pools[kind].append((edit, fault))
    kinds, shares = [kind for kind in plan if pools[kind]], [plan[kind] for kind in plan if pools[kind]]
    expected = outcomes(dataset)
    seen: dict[str, bool] = {}
    chosen: dict[str, Fault] = {}
    while len(chosen) < count:
        (first, one), (second, two) = sorted(
            (rng.choice(pools[kind]) for kind in rng.choices(kinds, shares, k=2)), key=lambda entry: entry[0][1]
        )
        if first[2] >= second[1]:
            continue
        if not all(seen.setdefault(fault.source, _counts(fault, dataset, expected)) for fault in (one, two)):
            continue
        both = _apply(two.source, first)
        if both is not None and both.source not in chosen and _counts(both, dataset, expected):
            chosen[both.source] = Fault(
                f"{one.operator} and {two.operator}", one.lines | two.lines, both.source,
                f"{one.was}, {two.was}", f"{one.now}, {two.now}",
            )  # fmt: skip
    return list(chosen.values())


def predictions(source: str, states: Columns, actions: Columns, seconds: float = 5.0) -> np.ndarray | None:
    """What the program predicts, a row of numbers each (NaN after an exception); None if it does not run."""
    namespace: dict[str, Any] = {"__name__": "model"}
    rows: list[Any] = []
    try:
        with _alarm(seconds):
            exec(compile(source, "<model>", "exec"), namespace)
            model = namespace["Environment"]()
            for state, action in zip(states.plain(0, len(states)), actions.plain(0, len(actions)), strict=True):
                try:
                    model.set_state(state)
                    observation, reward, done = model.step(action)
                    rows.append((*np.ravel(observation), reward, done))
                except Exception:  # noqa: BLE001 - a wrong program may raise anything
                    rows.append(None)
    except Exception:  # noqa: BLE001
        return None
    width = max((len(row) for row in rows if row is not None), default=0)
    if not width or any(row is not None and len(row) != width for row in rows):
        return None
    try:
        return np.array([row if row is not None else (np.nan,) * width for row in rows], dtype=np.float64)
    except (TypeError, ValueError):
        return None


def wrong(predicted: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Which numbers differ, by the project's default tolerance."""
    return ~(np.abs(predicted - expected) <= 1e-5 + 1e-5 * np.abs(expected))


def outcomes(dataset: Dataset) -> np.ndarray:
    """What was observed, in the form of `predictions`."""
    following = dataset.next_observations.arrays[0].reshape(len(dataset), -1)
    return np.column_stack([following, dataset.rewards, dataset.terminated]).astype(np.float64)


class _Alarm(BaseException):
    pass


class _alarm:  # noqa: N801 - used like a function
    """Ends a block that runs too long: a fault may be an endless loop."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __enter__(self) -> None:
        def ring(*_: Any) -> None:
            raise _Alarm

        self.before = signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, self.seconds)

    def __exit__(self, kind: Any, *_: Any) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self.before)
        if kind is _Alarm:
            raise TimeoutError


def _choose(
    source: str, dataset: Dataset, seed: int, plan: dict[str, int], edits: Callable[[], Iterator[tuple[str, Edit]]]
) -> list[Fault]:
    rng = random.Random(seed)
    pools: dict[str, list[Fault]] = {kind: [] for kind in plan}
    for kind, edit in edits():
        if kind in pools and (fault := _apply(source, edit)) is not None:
            pools[kind].append(fault)
    expected = outcomes(dataset)
    chosen: list[Fault] = []
    rest: list[Fault] = []
    for kind, wanted in plan.items():
        pool = list({fault.source: fault for fault in pools[kind]}.values())
        rng.shuffle(pool)
        taken: list[Fault] = []
        used: set[frozenset[int]] = set()
        spread = [f for f in pool if not (f.lines in used or used.add(f.lines))]  # one a line first
        waiting = iter([*spread, *(f for f in pool if f not in spread)])
        while len(taken) < wanted and (fault := next(waiting, None)) is not None:
            if _counts(fault, dataset, expected):
                taken.append(fault)
        chosen += taken
        rest += waiting
    rng.shuffle(rest)
    for fault in rest:  # a model may have too few places for one kind
        if len(chosen) >= sum(plan.values()):
            break
        if _counts(fault, dataset, expected):
            chosen.append(fault)
    return chosen


def _counts(fault: Fault, dataset: Dataset, expected: np.ndarray) -> bool:
    head = slice(0, 50)
    if predictions(fault.source, dataset.observations.take(head), dataset.actions.take(head), 0.5) is None:
        return False
    predicted = predictions(fault.source, dataset.observations, dataset.actions, 2.0)
    if predicted is None or predicted.shape != expected.shape:
        return False
    bad = wrong(predicted, expected).any(axis=1)
    return bool(bad.any()) and np.isnan(predicted).any(axis=1).sum() < 0.5 * bad.sum()


def _apply(source: str, edit: Edit) -> Fault | None:
    operator, start, end, replacement = edit
    text = source[:start] + replacement + source[end:]
    if not replacement and not source[source.rfind("\n", 0, start) + 1 : start].strip():
        line_end = source.find("\n", end)
        if not source[end:line_end].strip():  # nothing is left of the line
            text = source[: source.rfind("\n", 0, start) + 1] + source[line_end + 1 :]
    try:
        same = ast.dump(ast.parse(text)) == ast.dump(ast.parse(source))
    except SyntaxError:
        return None
    return None if same else Fault(operator, _place(source, text), text, source[start:end], replacement)


def _place(before: str, after: str) -> frozenset[int]:
    """The first line that differs; where lines are missing, the code lines on both sides of the gap."""
    old, new = before.splitlines(), after.splitlines()
    first = next(i for i, (a, b) in enumerate(zip([*old, None], [*new, None], strict=False)) if a != b)
    if len(old) == len(new):
        return frozenset([first + 1])

    def code(lines: Any) -> int:
        code_lines = (i for i in lines if new[i].strip() and not new[i].strip().startswith("#"))
        return next(code_lines, len(new) - 1) + 1  # nothing follows what ends the text

    return frozenset([code(range(first - 1, -1, -1)), code(range(first, len(new)))])


class _Text:
    """Offsets of syntax in a text (ASCII, as the benchmark's models are)."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.tree = ast.parse(source)
        self.starts = [0]
        for line in source.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.functions = [node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)]
        nodes = list(ast.walk(self.tree))
        stored = {n.attr for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)}
        members = [s for n in nodes if isinstance(n, ast.ClassDef) for s in n.body if isinstance(s, ast.Assign)]
        members = [s for s in members if isinstance(s.value, (ast.Constant, ast.BinOp))]
        stored |= {target.id for s in members for target in s.targets if isinstance(target, ast.Name)}
        self.attributes = sorted(stored - {"state"})

    def span(self, node: Any) -> tuple[int, int]:
        return self.starts[node.lineno - 1] + node.col_offset, self.starts[node.end_lineno - 1] + node.end_col_offset

    def text(self, node: Any) -> str:
        start, end = self.span(node)
        return self.source[start:end]

    def between(self, left: Any, right: Any, token: str) -> tuple[int, int] | None:
        """The operator between two operands."""
        start, end = self.span(left)[1], self.span(right)[0]
        pattern = re.escape(token).replace(r"\ ", r"\s+")
        found = re.search(pattern if not token.isalpha() else rf"\b{pattern}\b", self.source[start:end])
        return (start + found.start(), start + found.end()) if found else None

    def outer(self, node: Any) -> tuple[int, int]:
        """The span of an operand with the parentheses around it."""
        start, end = self.span(node)
        while True:
            left, right = (
                len(self.source[:start].rstrip()),
                end + len(self.source[end:]) - len(self.source[end:].lstrip()),
            )
            if self.source[left - 1] != "(" or self.source[right : right + 1] != ")" or self.source[left - 2].isalnum():
                return start, end
            start, end = left - 1, right + 1


_TOKENS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**", ast.FloorDiv: "//", ast.Mod: "%",
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip


def _slips(source: str) -> Callable[[], Iterator[tuple[str, Edit]]]:
    def edits() -> Iterator[tuple[str, Edit]]:
        text = _Text(source)
        inside = [(node, function) for function in text.functions for node in ast.walk(function)]
        known = {id(node) for node, _ in inside}
        for node in ast.walk(text.tree):
            if isinstance(node, ast.Constant):
                yield from _constant(text, node)
            if id(node) not in known and isinstance(node, ast.BinOp):
                yield from _arithmetic(text, node)
        for node, function in inside:
            if isinstance(node, ast.BinOp):
                yield from _arithmetic(text, node)
            elif isinstance(node, (ast.Compare, ast.BoolOp)):
                yield from _condition(text, node)
            elif isinstance(node, (ast.UnaryOp, ast.Call, ast.stmt)):
                yield from _form(text, node, function)
            if isinstance(node, (ast.Name, ast.Attribute)):
                yield from _variable(text, node, function)

    return edits


def _constant(text: _Text, node: ast.Constant) -> Iterator[tuple[str, Edit]]:
    start, end = text.span(node)
    value = node.value
    if isinstance(value, bool):
        yield "constant", ("constant", start, end, str(not value))
    elif isinstance(value, int):
        for other in (value + 1, value - 1, value * 2):
            if other != value:
                yield "constant", ("constant", start, end, f"({other})" if other < 0 else str(other))
    elif isinstance(value, float):
        for other in (value * 1.1, value + 1, value * 2, value / 2, -value, value * 0.9):
            if other != value:
                shown = repr(round(other, 12))
                yield "constant", ("constant", start, end, f"({shown})" if other < 0 else shown)
    elif isinstance(value, str) and value.startswith("|"):
        for i, character in enumerate(value[1:-1], start=1):
            if character in "|:":
                flipped = value[:i] + (":" if character == "|" else "|") + value[i + 1 :]
                yield "constant", ("map", start, end, f'"{flipped}"')


def _arithmetic(text: _Text, node: ast.BinOp) -> Iterator[tuple[str, Edit]]:
    token = _TOKENS.get(type(node.op))
    if token and (place := text.between(node.left, node.right, token)):
        yield "arithmetic", ("arithmetic", *place, _ARITHMETIC[token])
        if token in ("-", "/", "//", "%", "**"):
            (a, b), (c, d) = text.outer(node.left), text.outer(node.right)
            swapped = text.source[c:d] + text.source[b:c] + text.source[a:b]
            yield "arithmetic", ("swap", a, d, swapped)


def _condition(text: _Text, node: ast.Compare | ast.BoolOp) -> Iterator[tuple[str, Edit]]:
    if isinstance(node, ast.Compare):
        token = _TOKENS.get(type(node.ops[0]))
        if token and (place := text.between(node.left, node.comparators[0], token)):
            for other in _COMPARISON[token]:
                yield "condition", ("comparison", *place, other)
        return
    token = "and" if isinstance(node.op, ast.And) else "or"
    for left, right in zip(node.values, node.values[1:], strict=False):
        if place := text.between(left, right, token):
            yield "condition", ("boolean", *place, "or" if token == "and" else "and")


def _form(text: _Text, node: ast.AST, function: ast.FunctionDef) -> Iterator[tuple[str, Edit]]:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not)):
        yield "form", ("unary", text.span(node)[0], text.span(node.operand)[0], "")
    elif isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        _, end = text.span(node.func)
        if name in _FUNCTIONS:
            yield "form", ("function", end - len(name), end, _FUNCTIONS[name])
        if name == "atan2":
            (a, b), (c, d) = text.span(node.args[0]), text.span(node.args[1])
            yield "form", ("swap", a, d, text.source[c:d] + text.source[b:c] + text.source[a:b])
    elif isinstance(node, (ast.Assign, ast.AugAssign)) and function.name != "__init__":
        yield "form", ("deletion", *text.span(node), "pass" if _alone(node, function) else "")


def _alone(statement: ast.stmt, function: ast.FunctionDef) -> bool:
    bodies = [getattr(node, name) for node in ast.walk(function) for name in ("body", "orelse") if hasattr(node, name)]
    return any(body == [statement] for body in bodies if isinstance(body, list))


def _variable(text: _Text, node: ast.Name | ast.Attribute, function: ast.FunctionDef) -> Iterator[tuple[str, Edit]]:
    if not isinstance(node.ctx, ast.Load) or function.name == "__init__":
        return
    start, end = text.span(node)
    if isinstance(node, ast.Attribute):
        if node.attr in text.attributes:
            for other in text.attributes:
                if other != node.attr:
                    yield "variable", ("attribute", end - len(node.attr), end, other)
        return
    local = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    local |= {argument.arg for argument in function.args.args}
    if node.id in local - _BUILTIN:
        for other in sorted(local - _BUILTIN - {node.id}):
            yield "variable", ("variable", start, end, other)


def _omissions(source: str) -> Callable[[], Iterator[tuple[str, Edit]]]:
    def edits() -> Iterator[tuple[str, Edit]]:
        text = _Text(source)
        for function in text.functions:
            if function.name == "__init__":
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
                    (a, b), (c, d) = text.outer(node.left), text.outer(node.right)
                    yield "dropped term", ("dropped term", b, d, "")
                    if isinstance(node.op, ast.Add):
                        yield "dropped term", ("dropped term", a, c, "")
                elif isinstance(node, ast.BoolOp):
                    for left, right in zip(node.values, node.values[1:], strict=False):
                        yield "dropped condition", ("dropped condition", text.outer(left)[1], text.outer(right)[1], "")
                    first, second = node.values[:2]
                    yield "dropped condition", ("dropped condition", text.outer(first)[0], text.outer(second)[0], "")
                elif isinstance(node, (ast.Assign, ast.AugAssign)):
                    yield (
                        "deleted statement",
                        ("deleted statement", *text.span(node), "pass" if _alone(node, function) else ""),
                    )
                if isinstance(node, (ast.If, ast.While, ast.IfExp)):
                    for value in ("False", "True"):
                        yield "dead or unconditional branch", (f"branch {value}", *text.span(node.test), value)

    return edits
