"""Reports as they come from a worker, put together again."""

from __future__ import annotations

from typing import Any

from cwm_engine.checking.report import ModelReport, Repair, Status, Transitions
from cwm_engine.findings import Example, Finding, Severity, Span, Suspect

Json = dict[str, Any]
LineNumbers = dict[tuple[str | None, int, int], int]


def report_of(data: Json) -> ModelReport:
    """The report that `ModelReport.to_json` wrote; repairs come without their text."""
    return ModelReport(
        file=data["file"],
        model=data["class"],
        dialect=data["dialect"],
        status=Status(data["status"]),
        transitions=Transitions(**data["transitions"]),
        accuracy=data["accuracy"],
        baseline=data["baseline"],
        ceiling=data["ceiling"],
        cwmb_score=data["cwmb_score"],
        fields=data["fields"],
        findings=tuple(_finding(finding) for finding in data["findings"]),
        repairs=tuple(_repair(repair) for repair in data["repairs"]),
        trajectories=data["trajectories"],
        environment=data["environment"],
        isolation=data["isolation"],
        seconds=data["seconds"],
        message=data["message"],
        note=data["note"],
    )


def lines_of(told: Json) -> LineNumbers:
    """By file, episode and step, the line at which a transition of a report stands in its data."""
    data = told["report"]["trajectories"]
    return {(data, episode, step): line for episode, step, line in told["lines"]}


def _finding(data: Json) -> Finding:
    return Finding(
        code=data["code"],
        severity=Severity(data["severity"]),
        message=data["message"],
        span=Span(data["line"], data["column"], data["end_line"], data["end_column"]),
        count=data["count"],
        fields=tuple(data["fields"]),
        suspects=tuple(Suspect(**suspect) for suspect in data["suspects"]),
        examples=tuple(Example(**{**example, "differs": tuple(example["differs"])}) for example in data["examples"]),
        note=data["note"],
    )


def _repair(data: Json) -> Repair:
    return Repair(
        line=data["line"],
        span=Span(data["line"], data["column"], data["end_line"], data["end_column"]),
        replacement=data["replacement"],
        description=data["description"],
        diff=data["diff"],
        applied=data["applied"],
        separated_by=data["separated_by"],
    )
