"""Mismatches on the lines: publishes the findings of the newest text, and never those of an older one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lsprotocol import types
from pygls.uris import from_fs_path

from cwm_engine.checking.report import ModelReport
from cwm_engine.checking.show import field_rows, message_with_count, show
from cwm_engine.findings import Example, Finding, Severity
from cwm_server.app import CwmServer
from cwm_server.broken import Broken
from cwm_server.convert import SEVERITIES, Encoding, line_range, range_of
from cwm_server.documents import Checked
from cwm_server.messages import SCHEMA
from cwm_server.pages import page_of

MOST = 100
"""Diagnostics of one file."""

_FIELDS = 4
_SUSPECTS = 4
_EXAMPLES = 3


def register(server: CwmServer) -> None:
    """Add the observer that publishes, and clear what is closed."""
    published: dict[str, list[types.Diagnostic]] = {}

    def publish(checked: Checked) -> None:
        uri = checked.snapshot.uri
        snapshot = server.documents.snapshot(uri)
        if snapshot is None or snapshot.version != checked.snapshot.version:
            return
        found = diagnostics_of(checked, server.documents.encoding, server.broken.of(uri))
        if found != published.get(uri) and (found or checked.complete):
            published[uri] = found
            server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, found, snapshot.version))

    def clear(uri: str) -> None:
        if published.pop(uri, None):
            server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    def publish_current(uri: str) -> None:
        checked = server.documents.current(uri)
        if checked is not None:
            publish(checked)

    server.checks.observe(publish)
    server.broken.observe(publish_current)
    server.documents.on_close(clear)


def diagnostics_of(checked: Checked, encoding: Encoding, broken: Sequence[Broken] = ()) -> list[types.Diagnostic]:
    """The diagnostics of a file, the most telling first.

    Args:
        checked: What is known about it.
        encoding: The client's units.
        broken: What its property tests have shown.
    """
    severities = list(Severity)
    properties = ((finding, one.report) for one in broken for finding in one.report.findings)
    findings = [*checked.findings, *(properties if not checked.interface else ())]  # a broken text breaks no property
    ordered = sorted(findings, key=lambda pair: (severities.index(pair[0].severity), -pair[0].count))
    found = [_diagnostic(finding, report, checked, encoding) for finding, report in ordered[:MOST]]
    return [*found, *_could_not_be_checked(checked, encoding)]


def _diagnostic(finding: Finding, report: ModelReport | None, checked: Checked, encoding: Encoding) -> types.Diagnostic:
    page = page_of(finding.code)
    example = finding.examples[0] if finding.examples else None
    return types.Diagnostic(
        range=_first_line(range_of(finding.span, checked.snapshot.lines, encoding), checked, encoding),
        message=_message(finding, report, example),
        severity=SEVERITIES[finding.severity],
        code=finding.code,
        code_description=types.CodeDescription(page) if page is not None else None,
        source="cwm",
        tags=_tags(finding, checked),
        related_information=list(_related(finding, report, checked, encoding)),
        data={
            "schema": SCHEMA,
            "model": report.model if report is not None else None,
            "code": finding.code,
            "fields": list(finding.fields),
            "count": finding.count,
            "examples": [{"episode": example.episode, "step": example.step} for example in finding.examples],
        },
    )


def _message(finding: Finding, report: ModelReport | None, example: Example | None) -> str:
    """What is wrong, the smallest example field by field, and what to do."""
    lines = [message_with_count(finding, report.transitions.checked if report is not None else 0)]
    if example is not None:
        place = f"episode {example.episode}, step {example.step}"
        lines.append(f"{place}: state {show(example.state)}, action {show(example.action)}")
        rows = field_rows(example)
        for row in rows[:_FIELDS]:
            difference = f" ({row.difference})" if row.difference else ""
            lines.append(
                f"  {row.field}: expected {row.expected or 'none'}, predicted {row.predicted or 'none'}{difference}"
            )
        if len(rows) > _FIELDS:
            lines.append(f"  and {len(rows) - _FIELDS} more")
    if finding.note:
        lines.append(f"help: {finding.note}")
    return "\n".join(lines)


def _related(
    finding: Finding, report: ModelReport | None, checked: Checked, encoding: Encoding
) -> Iterator[types.DiagnosticRelatedInformation]:
    """Other lines that may be the cause, and where the examples are stored."""
    snapshot = checked.snapshot
    for suspect in [suspect for suspect in finding.suspects if suspect.line != finding.span.line][:_SUSPECTS]:
        location = types.Location(snapshot.uri, line_range(suspect.line, snapshot.lines, encoding))
        yield types.DiagnosticRelatedInformation(location, "this line may be the cause too")
    stored = report.trajectories if report is not None else None
    if stored is None or not from_fs_path(stored):
        return
    for example in finding.examples[:_EXAMPLES]:
        line = checked.lines.get((stored, example.episode, example.step), 1)
        start = types.Position(line - 1, 0)
        location = types.Location(str(from_fs_path(stored)), types.Range(start, start))
        yield types.DiagnosticRelatedInformation(
            location, f"observed in episode {example.episode}, step {example.step}"
        )


def _could_not_be_checked(checked: Checked, encoding: Encoding) -> Iterator[types.Diagnostic]:
    """Why a model could not be checked at all, on its first line: silence would look like success."""
    for report in checked.reports:
        if report.message is not None:
            yield types.Diagnostic(
                range=line_range(1, checked.snapshot.lines, encoding),
                message=report.message,
                severity=types.DiagnosticSeverity.Warning,
                source="cwm",
            )


def _first_line(place: types.Range, checked: Checked, encoding: Encoding) -> types.Range:
    """The part of a range in its first line."""
    if place.end.line == place.start.line:
        return place
    end = line_range(place.start.line + 1, checked.snapshot.lines, encoding).end
    return types.Range(place.start, max(place.start, end))


def _tags(finding: Finding, checked: Checked) -> list[types.DiagnosticTag] | None:
    if finding.code == "CWM601" and checked.snapshot.settings.fade_unexercised:
        return [types.DiagnosticTag.Unnecessary]
    return None
