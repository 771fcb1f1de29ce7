"""The report of a check: one document that the terminal, CI and the editor all show."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any

from cwm_engine.errors import CwmError
from cwm_engine.findings import CODES, Example, Finding, Severity, Span

SCHEMA_VERSION = 1

# Accuracy counts the transitions these findings stand for, so an asked-for accuracy decides about them.
_COUNTED_BY_ACCURACY = ("CWM2", "CWM3", "CWM4")


class Status(StrEnum):
    """How far a check came; only `complete` says anything about every transition."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    TIMEOUT = "timeout"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Transitions:
    """How many transitions were compared, how many there are, and how many had every field right."""

    checked: int = 0
    total: int = 0
    passed: int = 0


@dataclass(frozen=True, slots=True)
class Repair:
    """An edit of one line after which every transition passes.

    Attributes:
        line: The edited line, from 1.
        span: What is replaced.
        replacement: What is put in its place.
        description: What the edit does, e.g. "replace `-` by `+`".
        diff: The edit as a unified diff.
        applied: Whether `--fix` wrote it to the file.
        text: The whole file after the edit; not part of the document.
        separated_by: With several repairs, a state and an action (JSON values under these names) for which this
            repair and the first one predict differently: the transition to record next.
    """

    line: int
    span: Span
    replacement: str
    description: str
    diff: str
    applied: bool = False
    text: str = ""
    separated_by: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class ModelReport:
    """What was found out about one model.

    Attributes:
        file: The model's file, as the user names it.
        model: Its class or function; None when none was found.
        dialect: `environment`, `functions` or `gymnasium`; None when no model was found.
        status: How far the check came.
        transitions: Counts over the stored transitions.
        accuracy: Fraction of transitions with every field right, 0..1; None when nothing was checked.
        baseline: Accuracy of doing nothing, 0..1.
        ceiling: Best accuracy any deterministic model can reach on this data, 0..1.
        cwmb_score: Score by the rules of the released CWMB evaluator, when asked for.
        fields: Accuracy of every field.
        findings: What is wrong, most telling first.
        repairs: Confirmed single edits; more than one means that the data does not decide between them.
        trajectories: The data the model was checked against.
        environment: The environment the data came from.
        isolation: The level at which the sandbox ran the model: `full`, `partial` or `process`.
        seconds: Wall time of the check.
        message: Why the model could not be checked, when it could not.
        note: What else has to be known to read the report, e.g. data that was left out.
    """

    file: str
    model: str | None = None
    dialect: str | None = None
    status: Status = Status.COMPLETE
    transitions: Transitions = Transitions()
    accuracy: float | None = None
    baseline: float | None = None
    ceiling: float | None = None
    cwmb_score: float | None = None
    fields: Mapping[str, float] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    repairs: tuple[Repair, ...] = ()
    trajectories: str | None = None
    environment: str | None = None
    isolation: str | None = None
    seconds: float | None = None
    message: str | None = None
    note: str | None = None

    @property
    def name(self) -> str:
        """`file::class`, or the file alone where no model was found in it."""
        return f"{self.file}::{self.model}" if self.model else self.file

    @property
    def worst(self) -> Severity | None:
        """The worst severity among the findings."""
        order = list(Severity)
        return min((finding.severity for finding in self.findings), key=order.index, default=None)

    def to_json(self) -> dict[str, Any]:
        """The model's entry in the report document."""
        return {
            "file": self.file,
            "class": self.model,
            "dialect": self.dialect,
            "status": str(self.status),
            "transitions": {
                "checked": self.transitions.checked,
                "total": self.transitions.total,
                "passed": self.transitions.passed,
            },
            "accuracy": self.accuracy,
            "baseline": self.baseline,
            "ceiling": self.ceiling,
            "cwmb_score": self.cwmb_score,
            "fields": dict(self.fields),
            "findings": [_finding_to_json(finding) for finding in self.findings],
            "repairs": [_repair_to_json(repair) for repair in self.repairs],
            "trajectories": self.trajectories,
            "environment": self.environment,
            "isolation": self.isolation,
            "seconds": self.seconds,
            "message": self.message,
            "note": self.note,
        }


@dataclass(frozen=True)
class Report:
    """The reports of all models of one check."""

    models: tuple[ModelReport, ...] = ()

    @property
    def status(self) -> Status:
        """The worst status of the models; `error` when there is none."""
        order = list(Status)
        return max((model.status for model in self.models), key=order.index, default=Status.ERROR)

    def to_json(self) -> dict[str, Any]:
        """The report document: JSON values only, valid against `report_schema()`.

        Numbers that JSON does not have are the strings `"NaN"`, `"Infinity"` and `"-Infinity"`, which
        `float()` of Python and `Number()` of JavaScript both read.
        """
        document = {
            "schema": SCHEMA_VERSION,
            "status": str(self.status),
            "models": [model.to_json() for model in self.models],
        }
        finite: dict[str, Any] = _finite(document)
        return finite


def exit_code(report: Report, *, fail_on: Severity | None = Severity.WARNING, min_accuracy: float | None = None) -> int:
    """What the process ends with: 0 fine, 1 findings or not verified, 2 could not be checked.

    Args:
        report: The report, after `filter_findings`.
        fail_on: The mildest severity that fails; None when findings alone never fail.
        min_accuracy: The accuracy each model has to reach, 0..1. It then decides alone about mismatches and
            exceptions, which accuracy already counts; all other findings still fail by their severity.

    "Could not check" is never "passes": a model of which nothing was compared ends with 2 unless a finding
    in it says why, and a check that did not reach every transition ends with 1.
    """
    codes = [_model_exit_code(model, fail_on, min_accuracy) for model in report.models]
    return max(codes, default=2)


def filter_findings(
    findings: Iterable[Finding],
    *,
    select: Sequence[str] = ("ALL",),
    ignore: Sequence[str] = (),
    suppressions: Mapping[int, frozenset[str] | None] | None = None,
) -> tuple[Finding, ...]:
    """The findings to show, chosen as ruff chooses: by prefixes of codes, the longer prefix winning.

    Args:
        findings: All findings of one file.
        select: Codes or prefixes to show; `ALL` is every code.
        ignore: Codes or prefixes to leave out; they win over a `select` of the same length.
        suppressions: By line, the codes that a comment in the file suppresses there; None is all codes.

    Raises:
        CwmError: A prefix belongs to no code.
    """
    for prefix in (*select, *ignore):
        _check_prefix(prefix)
    comments = suppressions or {}
    return tuple(
        finding
        for finding in findings
        if _longest(select, finding.code) > _longest(ignore, finding.code) and not _suppressed(finding, comments)
    )


@cache
def report_schema() -> Mapping[str, Any]:
    """The JSON Schema of the report document."""
    from importlib.resources import files

    text = files("cwm_engine.checking").joinpath("report.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def _model_exit_code(model: ModelReport, fail_on: Severity | None, min_accuracy: float | None) -> int:
    if model.status is Status.ERROR and model.message is not None:
        return 2
    if any(_fails(finding, fail_on, min_accuracy) for finding in model.findings):
        return 1
    if model.transitions.checked == 0:
        return 2
    if min_accuracy is not None and (model.accuracy is None or model.accuracy < min_accuracy):
        return 1
    return 0 if model.status is Status.COMPLETE else 1


def _fails(finding: Finding, fail_on: Severity | None, min_accuracy: float | None) -> bool:
    if min_accuracy is not None and finding.code.startswith(_COUNTED_BY_ACCURACY):
        return False
    return fail_on is not None and finding.severity.at_least(fail_on)


def _check_prefix(prefix: str) -> None:
    if prefix != "ALL" and not (prefix and any(code.startswith(prefix) for code in CODES)):
        raise CwmError(
            f"no code of a finding starts with {prefix!r}", hint="codes look like CWM201, prefixes like CWM2"
        )


def _longest(prefixes: Iterable[str], code: str) -> int:
    """Length of the longest prefix that fits, 0 for `ALL`, -1 for none."""
    fitting = (0 if prefix == "ALL" else len(prefix) for prefix in prefixes if _fits(prefix, code))
    return max(fitting, default=-1)


def _fits(prefix: str, code: str) -> bool:
    return prefix == "ALL" or code.startswith(prefix)


def _suppressed(finding: Finding, suppressions: Mapping[int, frozenset[str] | None]) -> bool:
    if finding.span.line not in suppressions:
        return False
    codes = suppressions[finding.span.line]
    return codes is None or any(_fits(prefix, finding.code) for prefix in codes)


def _finding_to_json(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": str(finding.severity),
        "message": finding.message,
        "line": finding.span.line,
        "column": finding.span.column,
        "end_line": finding.span.end_line,
        "end_column": finding.span.end_column,
        "count": finding.count,
        "fields": list(finding.fields),
        "suspects": [{"line": suspect.line, "score": suspect.score} for suspect in finding.suspects],
        "examples": [_example_to_json(example) for example in finding.examples],
        "note": finding.note,
    }


def _example_to_json(example: Example) -> dict[str, Any]:
    return {
        "episode": example.episode,
        "step": example.step,
        "state": example.state,
        "action": example.action,
        "expected": example.expected,
        "predicted": example.predicted,
        "differs": list(example.differs),
    }


def _repair_to_json(repair: Repair) -> dict[str, Any]:
    return {
        "line": repair.line,
        "column": repair.span.column,
        "end_line": repair.span.end_line,
        "end_column": repair.span.end_column,
        "replacement": repair.replacement,
        "description": repair.description,
        "diff": repair.diff,
        "applied": repair.applied,
        "separated_by": dict(repair.separated_by) if repair.separated_by is not None else None,
    }


def _finite(value: Any) -> Any:
    match value:
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case dict():
            return {name: _finite(item) for name, item in value.items()}
        case list() | tuple():
            return [_finite(item) for item in value]
        case _:
            return value
