"""Thresholds that no transition reaches: numeric comparisons whose outcome never changes.

`x < -2.4 or x > 2.4 or abs(angle) > limit` ends episodes even where `x` never came near 2.4; then every
branch has run and still nothing is known about the 2.4. So each comparison is watched by itself.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from cwm_engine.checking.evidence import Evidence
from cwm_engine.checking.run import Runner
from cwm_engine.findings import CODES, Finding
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

_WATCH = "_cwm_watch"
_FALSE, _TRUE = 1, 2
_ORDERED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_OF_INTEREST = (ast.Compare, ast.If, ast.While, ast.IfExp, ast.ClassDef, ast.FunctionDef)


def unreached_thresholds(runner: Runner, evidence: Evidence, tree: ast.Module, lines: tuple[str, ...]) -> list[Finding]:
    """A note for each comparison with a constant that came out the same for every transition.

    A comparison that is the whole test of an `if` is left out: the branch not taken is a finding of its own.

    Args:
        runner: Gives fresh sandboxed processes over the same data.
        evidence: What a complete run showed.
        tree: The model's file, parsed.
        lines: Its lines.
    """
    comparisons = _comparisons(tree)
    if not comparisons:
        return []
    seen = _outcomes(runner, evidence)
    found = []
    for comparison, outcome in zip(comparisons, seen, strict=False):
        if outcome in (_FALSE, _TRUE):
            never = "true" if outcome == _FALSE else "false"
            span = span_of(comparison, lines)
            written = ast.unparse(comparison)
            if span.line == span.end_line:
                written = lines[span.line - 1][span.column - 1 : span.end_column - 1]
            text = f"`{written}` is never {never} in these transitions: nothing is known about its limit."
            code = CODES["CWM602"]
            found.append(Finding(code=code.code, severity=code.severity, message=text, span=span, note=code.fix))
    return found


def watch(context: Any, request: dict[str, Any], _blob: bytes) -> None:
    """The job: run the model with every comparison watched and send which outcomes each had, as bits."""
    tree = ast.parse(request["source"])
    comparisons = _comparisons(tree)
    seen = [0] * len(comparisons)

    def note(number: int, outcome: Any) -> Any:
        seen[number] |= _TRUE if outcome else _FALSE
        return outcome

    instrumented = instrument(_Watched(comparisons).visit(tree))
    counters = Counters(context.limits.loop_iterations)
    namespace = load_program(
        instrumented.tree,
        siblings=request["siblings"],
        package=request["package"],
        namespace={**counters.names, _WATCH: note},
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


def _comparisons(tree: ast.Module) -> list[ast.Compare]:
    """Ordered comparisons of something with a constant, in the order of the tree; never the whole test of an `if`."""
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
    found = []
    for node in ordered:
        sides = [_is_constant(side, constants) for side in (node.left, node.comparators[0])]
        if any(sides) and not all(sides):
            found.append(node)
    return found


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
    """Hands the outcome of each comparison over to the watcher."""

    def __init__(self, comparisons: list[ast.Compare]) -> None:
        self._number = {id(comparison): number for number, comparison in enumerate(comparisons)}

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        """Wrap one comparison."""
        number = self._number.get(id(node))
        self.generic_visit(node)
        if number is None:
            return node
        call = ast.Call(ast.Name(_WATCH, ast.Load()), [ast.Constant(number), node], [])
        return ast.fix_missing_locations(ast.copy_location(call, node))
