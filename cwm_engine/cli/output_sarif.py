"""Reports as SARIF 2.1.0, the format code scanning services read."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cwm_engine.checking.report import ModelReport, Report
from cwm_engine.checking.show import message_with_count
from cwm_engine.findings import CODES, Code, Finding, Severity, Span

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note", Severity.HINT: "note"}


def to_sarif(report: Report) -> dict[str, Any]:
    """The report as a SARIF log with one run; its rules are the codes that occur."""
    codes = sorted({finding.code for model in report.models for finding in model.findings})
    indices = {code: index for index, code in enumerate(codes)}
    failures = [model for model in report.models if model.message is not None]
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "cwm",
                        "version": version("code-world-models"),
                        "rules": [_rule(CODES[code]) for code in codes],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "invocations": [
                    {
                        "executionSuccessful": bool(report.models) and not failures,
                        "toolExecutionNotifications": [_notification(model) for model in failures],
                    }
                ],
                "results": [_result(model, finding, indices) for model in report.models for finding in model.findings],
            }
        ],
    }


def _rule(code: Code) -> dict[str, Any]:
    return {
        "id": code.code,
        "name": code.name,
        "shortDescription": {"text": code.summary},
        "help": {"text": code.fix},
        "defaultConfiguration": {"level": _LEVELS[code.severity]},
    }


def _notification(model: ModelReport) -> dict[str, Any]:
    return {
        "level": "error",
        "message": {"text": model.message},
        "locations": [{"physicalLocation": {"artifactLocation": _artifact(model)}}],
    }


def _result(model: ModelReport, finding: Finding, indices: Mapping[str, int]) -> dict[str, Any]:
    others = [suspect for suspect in finding.suspects if suspect.line != finding.span.line]
    return {
        "ruleId": finding.code,
        "ruleIndex": indices[finding.code],
        "level": _LEVELS[finding.severity],
        "message": {"text": message_with_count(finding, model.transitions.checked)},
        "locations": [{"physicalLocation": {"artifactLocation": _artifact(model), "region": _region(finding.span)}}],
        "relatedLocations": [
            {
                "id": number,
                "message": {"text": "This line may be the cause too."},
                "physicalLocation": {"artifactLocation": _artifact(model), "region": {"startLine": suspect.line}},
            }
            for number, suspect in enumerate(others, start=1)
        ],
        "properties": {"count": finding.count, "fields": list(finding.fields)},
    }


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def _artifact(model: ModelReport) -> dict[str, str]:
    path = Path(model.file)
    return {"uri": path.as_uri() if path.is_absolute() else quote(path.as_posix())}
