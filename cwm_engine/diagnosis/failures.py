"""Findings about predictions that never came: exceptions, hangs, malformed returns, and models that do not load."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

import numpy as np

from cwm_engine.checking.evidence import Evidence, Hang
from cwm_engine.diagnosis.places import Places
from cwm_engine.findings import CODES, Finding, Span
from cwm_engine.sandbox.outputs import Failure, FailureKind
from cwm_engine.world_model.blocks import Instrumented

_CODES: dict[FailureKind, str] = {
    "exception": "CWM401",
    "forbidden": "CWM405",
    "memory": "CWM404",
    "loop": "CWM406",
    "arity": "CWM108",
    "shape": "CWM109",
    "type": "CWM110",
}
_HANGS = {
    "timeout": "CWM402",
    "slow": "CWM402",
    "crash": "CWM403",
    "forbidden": "CWM405",
    "memory": "CWM404",
    "output": "CWM404",
}
_MORE_TIME = "Give it more time with `--timeout`, or check it against fewer transitions."

# What taking a state apart that is not of the expected form raises.
_TAKING_APART = {"TypeError", "ValueError", "IndexError", "KeyError", "AttributeError"}
_WRONG_STATE = (
    "unpack",
    "out of range",
    "out of bounds",
    "not iterable",
    "not subscriptable",
    "truth value of an array",
)

_NOTES = {
    "AttributeError": "Set the attribute before it is read, or correct its spelling.",
    "NameError": "Define the name before it is used, or correct its spelling.",
    "UnboundLocalError": "Give the variable a value on every path that leads here.",
    "ZeroDivisionError": "Guard the division for this state.",
}
_EXAMPLES = 3
_SEEN = 64


def failures(evidence: Evidence, places: Places) -> list[Finding]:
    """One finding for each kind of failure at each line, the most frequent first."""
    if evidence.load_failure is not None:
        return [_load_failure(evidence.load_failure, places)]
    found = [_failing_rows(evidence, places, group, rows) for group, rows in _groups(evidence)]
    found.sort(key=lambda finding: -finding.count)
    if evidence.hang is not None:
        found.insert(0, _hang(evidence, evidence.hang, places))
    return found


def wrong_data(
    evidence: Evidence, places: Places, instrumented: Instrumented, environment: str | None
) -> list[Finding]:
    """Whether the data comes from another environment than the model was written for.

    Args:
        evidence: What the run showed.
        places: The places of the model's file.
        instrumented: The model with its probes.
        environment: The environment the configuration names for this model, if any.
    """
    dataset = evidence.prepared.dataset
    source = dataset.provenance.environment
    described = f"the trajectories of {source}" if source else "these trajectories"
    if environment and source and _base_name(environment) != _base_name(source):
        message = f"The configuration says that this is a model of {environment}, the trajectories come from {source}."
        return [_finding("CWM113", message, places.model)]
    if evidence.load_failure is not None or not evidence.checked.any() or evidence.passed:
        return []
    reasons = [evidence.failure_of(int(row)) for row in np.flatnonzero(evidence.checked)[:_SEEN]]
    takes, uses = (_lines_of(instrumented, names) for names in (("set_state",), ("step", "transition")))
    if all(reason is not None and _says_wrong_state(reason, takes, uses) for reason in reasons):
        shape = _shape_text(evidence)
        message = f"Not one state of {described} fits this model: they are {shape}."
        return [_finding("CWM113", message, places.model)]
    return []


def _groups(evidence: Evidence) -> list[tuple[Failure, list[int]]]:
    """Rows without a prediction by kind, type and line; the failure is that of the first row."""
    rows_of: defaultdict[tuple[str, str, int | None], list[int]] = defaultdict(list)
    failures_of: dict[tuple[str, str, int | None], Failure] = {}
    numbers = evidence.row_status
    for status in np.unique(numbers[evidence.checked]).tolist():
        rows = np.flatnonzero((numbers == status) & evidence.checked)
        failure = evidence.failure_of(int(rows[0]))
        if failure is not None:
            key = (failure.kind, failure.type, failure.line)
            failures_of.setdefault(key, failure)
            rows_of[key].extend(rows.tolist())
    return [(failures_of[key], sorted(rows)) for key, rows in rows_of.items()]


def _failing_rows(evidence: Evidence, places: Places, failure: Failure, rows: Sequence[int]) -> Finding:
    code = "CWM403" if failure.type == "SystemExit" else _CODES[failure.kind]
    what = _sentence(_said(failure))
    where = places.line(failure.line) if failure.line else places.step
    if failure.line is None and failure.message.startswith("`reward`") and places.spec.reward is not None:
        where = places.spec.reward
    total = int(evidence.checked.sum())
    return Finding(
        code=code,
        severity=CODES[code].severity,
        message=f"{what} ({len(rows)} of {total} transitions)",
        span=where,
        count=len(rows),
        examples=tuple(evidence.example(row) for row in rows[:_EXAMPLES]),
        note=_NOTES.get(failure.type, CODES[code].fix),
    )


def _load_failure(failure: Failure, places: Places) -> Finding:
    code = _CODES[failure.kind] if failure.kind != "exception" else "CWM107"
    message = f"The model could not be loaded: {_said(failure)}."
    return _finding(code, message, places.line(failure.line) if failure.line else places.model)


def _hang(evidence: Evidence, hang: Hang, places: Places) -> Finding:
    code = _HANGS[hang.kind]
    ending = "nothing was checked" if hang.row is None else "the check ended there"
    what = hang.message.rstrip(".")
    message = f"{_sentence(f'the model {what[3:]}' if what.startswith('it ') else what)}; {ending}"
    return Finding(
        code=code,
        severity=CODES[code].severity,
        message=message,
        span=places.line(hang.line) if hang.line else places.model if hang.row is None else places.step,
        count=0 if hang.row is None else 1,
        examples=() if hang.row is None else (evidence.situation(hang.row),),
        note=_MORE_TIME if hang.kind == "slow" else CODES[code].fix,
    )


def _finding(code: str, message: str, span: Span) -> Finding:
    return Finding(code=code, severity=CODES[code].severity, message=message, span=span, note=CODES[code].fix)


def _said(failure: Failure) -> str:
    message = failure.message.rstrip(".")
    return f"{failure.type}: {message}" if failure.type and message else failure.type or message


def _says_wrong_state(failure: Failure, takes: Collection[int], uses: Collection[int]) -> bool:
    """Whether a failure is what a state of another form causes, where the model takes it or takes it apart."""
    if failure.kind != "exception" or failure.type not in _TAKING_APART:
        return False
    return failure.line in takes or (failure.line in uses and any(text in failure.message for text in _WRONG_STATE))


def _lines_of(instrumented: Instrumented, functions: Collection[str]) -> frozenset[int]:
    blocks = (block for block in instrumented.blocks if block.function.rpartition(".")[2] in functions)
    return frozenset(line for block in blocks for line in block.lines)


def _shape_text(evidence: Evidence) -> str:
    value = evidence.prepared.dataset.observations.row(0)
    if isinstance(value, np.ndarray):
        return f"arrays of shape {value.shape}"
    if isinstance(value, tuple):
        return f"tuples of {len(value)} items"
    if isinstance(value, dict):
        return f"dictionaries with the keys {', '.join(map(repr, value))}"
    return f"values such as {value!r}"


def _base_name(environment: str) -> str:
    """The name without namespace and version: Taxi-v3 and Taxi-v4 are the same world."""
    return environment.rsplit("/", 1)[-1].rsplit(":", 1)[-1].partition("-v")[0]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
