"""The forms a report can be written in."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import TextIO

from cwm_engine.checking.report import Report


class OutputFormat(StrEnum):
    """Values of `--output-format`."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    JUNIT = "junit"
    SARIF = "sarif"


def write_report(
    report: Report,
    sources: Mapping[str, str],
    output_format: OutputFormat,
    stream: TextIO,
    *,
    diffs: bool = False,
) -> None:
    """Write a report.

    Args:
        report: The report, after filtering.
        sources: The text of the model files, by the name the report gives them; missing ones are shown without code.
        output_format: The form to write.
        stream: Where to; colours only if it is a terminal.
        diffs: Whether the text form shows repairs as diffs.
    """
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")  # a model may hold characters that the terminal has not
    match output_format:
        case OutputFormat.TEXT:
            from cwm_engine.cli.output_text import print_report

            print_report(report, sources, stream, diffs=diffs)
        case OutputFormat.JSON:
            stream.write(json.dumps(report.to_json(), indent=2, allow_nan=False) + "\n")
        case OutputFormat.GITHUB:
            from cwm_engine.cli.output_github import to_github

            stream.write(to_github(report))
        case OutputFormat.JUNIT:
            from cwm_engine.cli.output_junit import to_junit

            stream.write(to_junit(report))
        case OutputFormat.SARIF:
            from cwm_engine.cli.output_sarif import to_sarif

            stream.write(json.dumps(to_sarif(report), indent=2, allow_nan=False) + "\n")
