"""Findings that a run shows besides mismatches: randomness, hidden state, prints, untested code, odd data."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cwm_engine.checking.evidence import Evidence
from cwm_engine.checking.report import Status
from cwm_engine.diagnosis.exhaustive import exhaustive
from cwm_engine.diagnosis.places import Places
from cwm_engine.diagnosis.thresholds import constants_in
from cwm_engine.findings import CODES, Finding, Span, Suspect
from cwm_engine.sandbox.results import PREDICTED, most_paths
from cwm_engine.world_model.blocks import Block
from cwm_engine.world_model.probes import Instrumented

_ALMOST_ONE = 1.0 - 1e-12


def run_notes(
    evidence: Evidence, places: Places, instrumented: Instrumented, tree: ast.Module, *, stochastic: bool
) -> list[Finding]:
    """Everything worth saying about a run apart from wrong predictions.

    Args:
        evidence: What the run showed.
        places: The places of the model's file.
        instrumented: The model with its probes.
        tree: The model's file, parsed.
        stochastic: Whether the model is declared to answer differently each time.
    """
    notes = [*_reruns(evidence, places, stochastic=stochastic), *_prints(evidence, places), *_data(evidence, places)]
    if evidence.status is Status.COMPLETE and (evidence.row_status == PREDICTED).any():
        notes += unexercised(evidence, places, instrumented, tree)
    return notes


def unexercised(evidence: Evidence, places: Places, instrumented: Instrumented, tree: ast.Module) -> list[Finding]:
    """The outermost pieces of code that no transition executes, and the branches without code that none takes.

    Nothing where it is not known of every transition; a branch that no action can take is none.
    """
    silent = silent_blocks(evidence, places, instrumented)
    if not silent:
        return []
    impossible = exhaustive(tree, evidence.prepared.dataset.spaces.action)
    tests = _tests(tree)
    return [
        *(_unexecuted(block, tests.get(block.line) if block.kind == "then" else None, places, tree)
          for block in silent if block.lines),
        *(_note("CWM603", "No transition skips this: the condition is always fulfilled.", places.line(block.line))
          for block in silent if block.kind == "skip" and block.line not in impossible),
    ]  # fmt: skip


def _unexecuted(block: Block, test: ast.expr | None, places: Places, tree: ast.Module) -> Finding:
    """A note on code that never runs, and on the condition that keeps it from running: either may be wrong."""
    span = _span_of_lines(places, block.lines)
    if test is None:
        return _note("CWM601", "No transition executes this code.", span)
    constants = constants_in([test], tree)
    where = ", ".join(f"`{name}` on line {line}" for name, line in constants.items() if line != test.lineno)
    text = f"No transition executes this code: the condition on line {test.lineno} never holds"
    note = _note("CWM601", f"{text}; it depends on {where}." if where else f"{text}.", span)
    lines = {*range(test.lineno, (test.end_lineno or test.lineno) + 1), *constants.values()}
    return replace(note, suspects=tuple(Suspect(line, 1.0) for line in sorted(lines, reverse=True)))


def _tests(tree: ast.Module) -> dict[int, ast.expr]:
    """The conditions of branches, by the first line of the branch where that stands below."""
    return {
        node.body[0].lineno: node.test
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and node.body[0].lineno > (node.test.end_lineno or node.test.lineno)
    }


def silent_blocks(evidence: Evidence, places: Places, instrumented: Instrumented) -> list[Block]:
    """The outermost blocks that no transition executes; nothing where it is not known of every transition."""
    probes = len(instrumented.probes)
    if len(evidence.loading) != probes or len(evidence.paths) >= most_paths(probes):
        return []  # not told in full
    executed = set(instrumented.executed(evidence.loading))
    raised = {failure.line for failure in evidence.failures if failure.line is not None}
    for hits in evidence.paths:
        executed |= instrumented.executed(hits)
    for line in raised:
        executed |= instrumented.executed(bytes(len(instrumented.probes)), raised=[line])
    silent = [
        block
        for block in instrumented.blocks
        if block.index not in executed and not any(span.line <= block.line <= span.end_line for span in places.others)
    ]
    inside = {block.index for block in silent}
    return [block for block in silent if block.parent not in inside]


def _reruns(evidence: Evidence, places: Places, *, stochastic: bool) -> list[Finding]:
    reruns, found = evidence.reruns, []
    again = f"of {len(reruns.asked)} transitions that were run again"
    if reruns.random and not stochastic:
        message = (
            f"The same state and action gave different predictions when asked twice, in {len(reruns.random)} {again}."
        )
        found.append(_with_examples("CWM501", message, places.step, evidence, reruns.random))
    if reruns.hidden:
        message = (
            f"The prediction depends on the steps before it, not on state and action alone, "
            f"in {len(reruns.hidden)} {again}."
        )
        found.append(_with_examples("CWM502", message, places.step, evidence, reruns.hidden))
    if reruns.mutated:
        message = f"The model changes the state or action it was given, in {len(reruns.mutated)} {again}."
        found.append(_with_examples("CWM503", message, places.step, evidence, reruns.mutated))
    return found


def _prints(evidence: Evidence, places: Places) -> list[Finding]:
    if not evidence.printed:
        return []
    first = evidence.printed.strip().splitlines()[:1]
    return [_note("CWM112", f"The model prints while it runs, first: {first[0] if first else ''!r:.80}", places.step)]


def _data(evidence: Evidence, places: Places) -> list[Finding]:
    prepared, found = evidence.prepared, []
    disguised = np.flatnonzero(prepared.unexplainable & evidence.checked)
    if len(disguised):
        message = f"{len(disguised)} transitions end at the time limit but are stored as terminated."
        found.append(_with_examples("CWM802", message, places.model, evidence, disguised.tolist()))
    if prepared.ceiling is not None and prepared.ceiling < _ALMOST_ONE:
        message = (
            f"The data contradicts itself: no deterministic model can exceed an accuracy of {prepared.ceiling:.2%}."
        )
        found.append(_note("CWM803", message, places.model))
    return found


def _with_examples(code: str, message: str, span: Span, evidence: Evidence, rows: Sequence[int]) -> Finding:
    return Finding(
        code=code,
        severity=CODES[code].severity,
        message=message,
        span=span,
        count=len(rows),
        examples=tuple(evidence.situation(row) for row in rows[:1]),
        note=CODES[code].fix,
    )


def _note(code: str, message: str, span: Span) -> Finding:
    return Finding(code=code, severity=CODES[code].severity, message=message, span=span, note=CODES[code].fix)


def _span_of_lines(places: Places, lines: Sequence[int]) -> Span:
    first, last = places.line(min(lines)), places.line(max(lines))
    return Span(first.line, first.column, last.end_line, last.end_column)
