"""What is known about a candidate once it was checked, and the same as JSON for the journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cwm_engine.findings import Example, Finding, Severity, Span, Suspect
from cwm_engine.synthesis.interfaces import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """How good a candidate is on the searched transitions.

    Attributes:
        accuracy: Fraction of all searched transitions with every field right, 0..1.
        buggy: Whether it does not run: no program, not loadable, or it failed on some transition.
        solved: Whether no deterministic program can do better on this data.
        passed: Whether every searched transition passes.
        reason: Why it does not run, as a sentence; None where it does.
        fields: Accuracy of every field, 0..1.
        findings: What is wrong, most telling first.
        nothing_left: Whether the proposer has nothing more to say about the program that this was to be made from.
    """

    accuracy: float = 0.0
    buggy: bool = False
    solved: bool = False
    passed: bool = False
    reason: str | None = None
    fields: Mapping[str, float] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    nothing_left: bool = False

    @property
    def outcome(self) -> Outcome:
        """What a strategy is told."""
        return Outcome(0.0 if self.buggy else self.accuracy, self.buggy, self.solved, self.nothing_left)

    @property
    def rank(self) -> tuple[float, bool]:
        """Orders evaluations from worse to better."""
        return self.accuracy, not self.buggy

    def to_json(self) -> dict[str, Any]:
        """The evaluation as JSON values (and NaN, which Python's JSON knows)."""
        return {
            "accuracy": self.accuracy,
            "buggy": self.buggy,
            "solved": self.solved,
            "passed": self.passed,
            "reason": self.reason,
            "fields": dict(self.fields),
            "findings": [_finding_to_json(finding) for finding in self.findings],
            "nothing_left": self.nothing_left,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Evaluation:
        """The evaluation that `to_json` wrote."""
        findings = tuple(_finding_from_json(finding) for finding in document["findings"])
        return cls(**{**document, "findings": findings})


def no_program(reason: str, *, nothing_left: bool = False) -> Evaluation:
    """The evaluation of a reply that holds no program, or of no reply."""
    return Evaluation(buggy=True, reason=reason, nothing_left=nothing_left)


def _finding_to_json(finding: Finding) -> dict[str, Any]:
    span = finding.span
    return {
        "code": finding.code,
        "severity": str(finding.severity),
        "message": finding.message,
        "span": [span.line, span.column, span.end_line, span.end_column],
        "count": finding.count,
        "fields": list(finding.fields),
        "suspects": [[suspect.line, suspect.score] for suspect in finding.suspects],
        "examples": [
            [e.episode, e.step, e.state, e.action, e.expected, e.predicted, list(e.differs)] for e in finding.examples
        ],
        "note": finding.note,
    }


def _finding_from_json(document: Mapping[str, Any]) -> Finding:
    return Finding(
        code=document["code"],
        severity=Severity(document["severity"]),
        message=document["message"],
        span=Span(*document["span"]),
        count=document["count"],
        fields=tuple(document["fields"]),
        suspects=tuple(Suspect(line, score) for line, score in document["suspects"]),
        examples=tuple(_example_from_json(values) for values in document["examples"]),
        note=document["note"],
    )


def _example_from_json(values: Sequence[Any]) -> Example:
    episode, step, state, action, expected, predicted, differs = values
    return Example(episode, step, state, action, expected, predicted, tuple(differs))
