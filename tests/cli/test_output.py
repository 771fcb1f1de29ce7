"""Choosing the form of a report, and the JSON form."""

import io
import json

import jsonschema
import pytest

from cwm_engine.checking.report import Report, report_schema
from cwm_engine.cli.output import OutputFormat, write_report


def test_the_json_form_is_the_report_document(report: Report, sources: dict[str, str]) -> None:
    stream = io.StringIO()
    write_report(report, sources, OutputFormat.JSON, stream)
    document = json.loads(stream.getvalue())
    jsonschema.validate(document, report_schema())
    assert document == report.to_json()


@pytest.mark.parametrize("output_format", OutputFormat)
def test_every_form_names_each_finding_and_ends_its_last_line(
    report: Report, sources: dict[str, str], output_format: OutputFormat
) -> None:
    stream = io.StringIO()
    write_report(report, sources, output_format, stream)
    assert stream.getvalue().endswith("\n")
    for code in ("CWM201", "CWM602", "CWM601"):
        assert code in stream.getvalue()


@pytest.mark.parametrize("output_format", OutputFormat)
def test_a_terminal_without_unicode_still_gets_the_report(report: Report, output_format: OutputFormat) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    write_report(report, {"models/wrong.py": "x = 'é'\n" * 20}, output_format, stream)
    stream.flush()
    assert b"CWM201" in raw.getvalue()
