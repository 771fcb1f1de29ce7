"""Reports as workflow commands: GitHub shows each finding beside the line in the pull request."""

from __future__ import annotations

from cwm_engine.checking.report import ModelReport, Report
from cwm_engine.checking.show import message_with_count
from cwm_engine.findings import CODES, Finding, Severity

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice", Severity.HINT: "notice"}


def to_github(report: Report) -> str:
    """One workflow command a finding and a line."""
    commands = []
    for model in report.models:
        if model.message is not None:
            commands.append(_command("error", {"file": model.file, "title": "not checked"}, model.message))
        commands.extend(_finding(model, finding) for finding in model.findings)
    return "".join(f"{command}\n" for command in commands)


def _finding(model: ModelReport, finding: Finding) -> str:
    span = finding.span
    properties = {"file": model.file, "line": str(span.line), "col": str(span.column), "endLine": str(span.end_line)}
    if span.end_line == span.line:
        # GitHub counts the last column in, and takes it only where a finding stays on one line.
        properties["endColumn"] = str(max(span.column, span.end_column - 1))
    properties["title"] = f"{finding.code} {CODES[finding.code].name}"
    message = message_with_count(finding, model.transitions.checked)
    if finding.note:
        message += f"\n{finding.note}"
    return _command(_LEVELS[finding.severity], properties, message)


def _command(level: str, properties: dict[str, str], message: str) -> str:
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{level} {listed}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
