"""Thresholds that no transition reaches: comparisons whose outcome never changes, and limits that never act.

`x < -2.4 or x > 2.4 or abs(angle) > limit` ends episodes even where `x` never came near 2.4; then every
branch has run and still nothing is known about the 2.4. So each comparison is watched by itself, and so is each
`min(speed, limit)` that always gives the speed.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from cwm_engine.checking.evidence import Evidence
from cwm_engine.checking.run import Runner
from cwm_engine.findings import CODES, Finding, Suspect
from cwm_engine.sandbox.handles import ChildDied
from cwm_engine.sandbox.program import load_program
from cwm_engine.sandbox.runner import instances, outputs_of
from cwm_engine.sandbox.transitions import Transitions
from cwm_engine.world_model.counters import Counters
from cwm_engine.world_model.discovery import Dialect
from cwm_engine.world_model.probes import instrument
from cwm_engine.world_model.source import span_of

WATCHED_ROWS = 20_000
"""Transitions that are watched; a threshold that so many never reach is not reached."""

_WATCH, _WATCH_LIMIT = "_cwm_watch", "_cwm_watch_limit"
_FALSE, _TRUE = 1, 2
_FIRST, _SECOND = 1, 2
"""Which argument of `min` or `max` was the result."""

_LEAST, _GREATEST = frozenset({"min", "minimum", "fmin"}), frozenset({"max", "maximum", "fmax"})
_ORDERED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_OF_INTEREST = (ast.Compare, ast.Call, ast.If, ast.While, ast.IfExp, ast.ClassDef, ast.FunctionDef)


def unreached_thresholds(runner: Runner, evidence: Evidence, tree: ast.Module, lines: tuple[str, ...]) -> list[Finding]:
    """A note for each comparison with a constant, and each limit, that came out the same for every transition.

    A comparison that is the whole test of an `if` is left out: the branch not taken is a finding of its own.

    Args:
        runner: Gives fresh sandboxed processes over the same data.
        evidence: What a complete run showed.
        tree: The model's file, parsed.
        lines: Its lines.
    """
    watched = _watched(tree)
    if not watched:
        return []
    seen = _outcomes(runner, evidence)
    return [
        _finding(node, outcome, tree, lines)
        for node, outcome in zip(watched, seen, strict=False)
        if outcome in (_FALSE, _TRUE)
    ]


def _finding(node: ast.Compare | ast.Call, outcome: int, tree: ast.Module, lines: tuple[str, ...]) -> Finding:
    written = _written(node, lines)
    if isinstance(node, ast.Compare):
        never = "true" if outcome == _FALSE else "false"
        sides = [node.left, node.comparators[0]]
        text = f"`{written}` is never {never} in these transitions: nothing is known about its limit."
    else:
        always, unknown = node.args if outcome == _FIRST else reversed(node.args)
        sides = [unknown]
        text = (
            f"`{written}` is always `{_written(always, lines)}` in these transitions: "
            f"nothing is known about `{_written(unknown, lines)}`."
        )
    span, code = span_of(node, lines), CODES["CWM602"]
    lines_set = sorted(set(constants_in(sides, tree).values()))
    return Finding(
        code=code.code, severity=code.severity, message=text, span=span, note=code.fix,
        suspects=tuple(Suspect(line, 1.0) for line in lines_set if line != span.line),
    )  # fmt: skip


def _written(node: ast.expr, lines: tuple[str, ...]) -> str:
    span = span_of(node, lines)
    if span.line == span.end_line:
        return lines[span.line - 1][span.column - 1 : span.end_column - 1]
    return ast.unparse(node)


def constants_in(expressions: Sequence[ast.expr], tree: ast.Module) -> dict[str, int]:
    """The constants that expressions read, by name, and the lines that set them."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, _OF_INTEREST)]
    parts = [part for one in expressions for part in ast.walk(one) if isinstance(part, ast.Name | ast.Attribute)]
    places: dict[str, list[int]] = {name: [] for name in {ast.unparse(part) for part in parts}}
    places = {name: [] for name in sorted(places.keys() & _constant_names(tree, nodes))}
    for holder in [tree, *nodes]:
        if isinstance(holder, ast.Module | ast.ClassDef) or getattr(holder, "name", "") == "__init__":
            for statement in getattr(holder, "body", ()):
                for name in _targets(statement):
                    own = f"self.{name}" if isinstance(holder, ast.ClassDef) else name
                    if own in places:
                        places[own].append(statement.lineno)
    return {name: found[0] for name, found in places.items() if len(found) == 1}


def watch(context: Any, request: dict[str, Any], _blob: bytes) -> None:
    """The job: run the model with comparisons and limits watched and send which outcomes each had, as bits."""
    tree = ast.parse(request["source"])
    watched = _watched(tree)
    seen = [0] * len(watched)
    directions = [1 if isinstance(node, ast.Call) and _name_of(node.func) in _GREATEST else -1 for node in watched]

    def note(number: int, outcome: Any) -> Any:
        seen[number] |= _TRUE if outcome else _FALSE
        return outcome

    def note_limit(number: int, function: Callable[[Any, Any], Any], one: Any, other: Any) -> Any:
        result = function(one, other)
        try:
            ahead = directions[number] * (one - other)
            seen[number] |= _FIRST if ahead > 0 else _SECOND if ahead < 0 else 0
        except Exception:  # noqa: BLE001 - arrays, texts: nothing is said about them
            seen[number] |= _FIRST | _SECOND
        return result

    instrumented = instrument(_Watched(watched).visit(tree))
    counters = Counters(context.limits.loop_iterations)
    namespace = load_program(
        instrumented.tree,
        siblings=request["siblings"],
        package=request["package"],
        namespace={**counters.names, _WATCH: note, _WATCH_LIMIT: note_limit},
        allowed=request["allowed"],
    )
    model = request["model"]
    construct = instances(namespace, model["name"], Dialect(model["dialect"]), model["goal"])
    transitions: Transitions = context.shared["transitions"]
    count = len(transitions)
    rows = np.unique(np.linspace(0, count - 1, min(count, WATCHED_ROWS)).astype(np.intp))
    instance = construct()
    for state, action in zip(*transitions.chosen(request["form"], rows), strict=True):
        outputs_of(instance, [state], [action], counters.refill)
    context.send({"seen": seen})


def _outcomes(runner: Runner, evidence: Evidence) -> list[int]:
    with runner.child(evidence.program.preload) as child:
        child.send({**evidence.program.request, "job": "cwm_engine.diagnosis.thresholds:watch", "form": evidence.form})
        try:
            message = child.receive(runner.limits.wall_seconds)
        except ChildDied:
            return []
    seen = message.data.get("seen") if message is not None else None
    return seen if isinstance(seen, list) else []


def _watched(tree: ast.Module) -> list[ast.Compare | ast.Call]:
    """What is watched, in the order of the tree: comparisons with a constant, and limits.

    A comparison that is the whole test of an `if` is left out.
    """
    nodes = [node for node in ast.walk(tree) if isinstance(node, _OF_INTEREST)]
    tests = {id(node.test) for node in nodes if isinstance(node, ast.If | ast.While | ast.IfExp)}
    ordered = [
        node
        for node in nodes
        if isinstance(node, ast.Compare)
        and len(node.ops) == 1
        and isinstance(node.ops[0], _ORDERED)
        and id(node) not in tests
    ]
    constants = _constant_names(tree, nodes) if ordered else frozenset()
    found: list[ast.Compare | ast.Call] = [node for node in nodes if isinstance(node, ast.Call) and _is_limit(node)]
    for node in ordered:
        sides = [_is_constant(side, constants) for side in (node.left, node.comparators[0])]
        if any(sides) and not all(sides):
            found.append(node)
    return found


def _is_limit(node: ast.Call) -> bool:
    """Whether it is the smaller or the larger of two values, one of which varies."""
    plain = len(node.args) == 2 and not node.keywords and not any(isinstance(item, ast.Starred) for item in node.args)
    return (
        plain
        and _name_of(node.func) in _LEAST | _GREATEST
        and not all(isinstance(item, ast.Constant) for item in node.args)
    )


def _name_of(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def _is_constant(node: ast.expr, constants: frozenset[str]) -> bool:
    match node:
        case ast.Constant(value=bool()):
            return False
        case ast.Constant(value=int() | float()):
            return True
        case ast.UnaryOp(operand=operand):
            return _is_constant(operand, constants)
        case ast.BinOp(left=left, right=right):
            return _is_constant(left, constants) and _is_constant(right, constants)
        case ast.Name(id=name):
            return name in constants
        case ast.Attribute(value=ast.Name(id=owner), attr=name):
            return f"{owner}.{name}" in constants or f"self.{name}" in constants or owner == "math"
        case _:
            return False


def _constant_names(tree: ast.Module, nodes: Sequence[ast.AST]) -> frozenset[str]:
    """Names that are set once, at module or class level or in `__init__`: `LIMIT`, `self.limit`."""
    fixed = {name for statement in tree.body for name in _targets(statement)}
    changing: set[str] = set()
    for holder in nodes:
        if isinstance(holder, ast.ClassDef):
            fixed |= {f"self.{name}" for statement in holder.body for name in _targets(statement)}
        elif isinstance(holder, ast.FunctionDef):
            bound = {name for node in ast.walk(holder) for name in _targets(node)}
            kept = {name for name in bound if holder.name == "__init__" and name.startswith("self.")}
            fixed |= kept
            changing |= bound - kept
            changing |= {argument.arg for argument in ast.walk(holder.args) if isinstance(argument, ast.arg)}
    return frozenset(fixed - changing)


def _targets(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Assign(targets=targets) | ast.Tuple(elts=targets, ctx=ast.Store()):
            for target in targets:
                yield from _targets(target)
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
            yield from _targets(target)
        case ast.Name(id=name, ctx=ast.Store()):
            yield name
        case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
            yield f"self.{name}"


class _Watched(ast.NodeTransformer):
    """Hands the outcome of each comparison, and what each limit chooses from, over to the watcher."""

    def __init__(self, watched: Sequence[ast.Compare | ast.Call]) -> None:
        self._number = {id(node): number for number, node in enumerate(watched)}

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        """Wrap one comparison."""
        number = self._number.get(id(node))
        self.generic_visit(node)
        if number is None:
            return node
        call = ast.Call(ast.Name(_WATCH, ast.Load()), [ast.Constant(number), node], [])
        return ast.fix_missing_locations(ast.copy_location(call, node))

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """Call one limit through the watcher."""
        number = self._number.get(id(node))
        self.generic_visit(node)
        if number is None:
            return node
        call = ast.Call(ast.Name(_WATCH_LIMIT, ast.Load()), [ast.Constant(number), node.func, *node.args], [])
        return ast.fix_missing_locations(ast.copy_location(call, node))
