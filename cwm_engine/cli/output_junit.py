"""Reports as JUnit XML: a suite for each model, in it one case for the check and one for each finding that fails."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from cwm_engine.checking.report import ModelReport, Report, Status
from cwm_engine.checking.show import field_rows, message_with_count, show, show_count, show_share
from cwm_engine.findings import CODES, Finding, Severity

# Everything XML 1.0 cannot hold, escaped or not.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_junit(report: Report) -> str:
    """The report as one XML document; infos and hints are listed in the output of the check's case."""
    root = ET.Element("testsuites", name="cwm check")
    for model in report.models:
        root.append(_suite(model))
    suites = list(root)
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(model: ModelReport) -> ET.Element:
    failing = [finding for finding in model.findings if finding.severity.at_least(Severity.WARNING)]
    notes = [finding for finding in model.findings if finding not in failing]
    suite = ET.Element("testsuite", name=_text(model.name), time=f"{model.seconds or 0.0:.3f}")

    check = _case(suite, model, "check")
    errors = int(model.status is not Status.COMPLETE)
    if errors:
        reason = model.message or f"{model.status}: {_counts(model)}"
        ET.SubElement(check, "error", message=_text(reason), type=str(model.status))
    lines = [f"{_counts(model)}, accuracy {show_share(model.accuracy)}"]
    lines += [f"line {note.span.line}: {note.code} {note.message}" for note in notes]
    ET.SubElement(check, "system-out").text = _text("\n".join(lines))

    for finding in failing:
        case = _case(suite, model, f"{finding.code} {CODES[finding.code].name} line {finding.span.line}")
        case.set("line", str(finding.span.line))
        failure = ET.SubElement(case, "failure", message=_text(finding.message), type=finding.code)
        failure.text = _text(_details(model, finding))

    suite.set("tests", str(1 + len(failing)))
    suite.set("failures", str(len(failing)))
    suite.set("errors", str(errors))
    return suite


def _case(suite: ET.Element, model: ModelReport, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=_text(model.name), name=name, file=_text(model.file))


def _counts(model: ModelReport) -> str:
    return f"{model.transitions.checked:,} of {show_count(model.transitions.total, 'transition')} checked"


def _details(model: ModelReport, finding: Finding) -> str:
    span = finding.span
    message = message_with_count(finding, model.transitions.checked)
    lines = [f"{model.file}:{span.line}:{span.column}: {finding.code} {message}"]
    for example in finding.examples[:1]:
        lines.append(
            f"episode {example.episode}, step {example.step}: {show(example.state)}, action {show(example.action)}"
        )
        lines += [f"{row.field}: expected {row.expected}, predicted {row.predicted}" for row in field_rows(example)]
    if finding.note:
        lines.append(finding.note)
    return "\n".join(lines)


def _text(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
