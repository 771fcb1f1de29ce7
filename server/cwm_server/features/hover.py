"""Hover: the transition that shows what is wrong on a line, and how often a field that is assigned there is right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lsprotocol import types

from cwm_engine.checking.report import ModelReport
from cwm_engine.checking.show import field_rows, message_with_count, show, show_count, show_share
from cwm_engine.findings import Example, Finding
from cwm_engine.world_model.outcomes import belongs
from cwm_server.app import CwmServer
from cwm_server.carry import Lines
from cwm_server.convert import place_of
from cwm_server.documents import Checked
from cwm_server.outlines import Outline

_FINDINGS = 3
_ROWS = 12
_FIELDS = 12


def register(server: CwmServer) -> None:
    """Add the handler."""

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def hover(params: types.HoverParams) -> types.Hover | None:
        uri = params.text_document.uri
        checked, snapshot = server.documents.current(uri), server.documents.snapshot(uri)
        if checked is None or snapshot is None:
            return None
        line, _ = place_of(params.position, snapshot.lines, server.documents.encoding)
        text = hover_text(checked, server.outlines.of(uri), line, snapshot.lines)
        return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, text)) if text else None


def hover_text(checked: Checked, outline: Outline, line: int, lines: Sequence[str]) -> str:
    """What there is to say about a line, as Markdown; an empty text for nothing.

    Args:
        checked: What is known about the file.
        outline: Where things are in the newest text.
        line: The line in the newest text, from 1.
        lines: The newest text.
    """
    then = Lines(lines, checked.snapshot.lines).now(line)
    flagged = [(finding, report) for finding, report in checked.findings if finding.span.line == then]
    parts = [_finding(finding, report) for finding, report in flagged[:_FINDINGS]]
    for model in outline:
        for report in checked.reports:
            if report.model != model.name or not report.transitions.checked:
                continue
            if line == model.step:
                parts += _step(report, but=[finding for finding, _ in flagged])
            elif line in model.assigned:
                parts += _fields(report, model.assigned[line])
    if parts and checked.stale:
        parts.append("*Of an older version; the check goes on.*")
    return "\n\n---\n\n".join(parts)


def _finding(finding: Finding, report: ModelReport | None) -> str:
    checked = report.transitions.checked if report is not None else 0
    parts = [f"**{finding.code}** {_prose(message_with_count(finding, checked))}"]
    if finding.examples:
        parts.append(_example(finding.examples[0]))
    if finding.note:
        parts.append(_prose(finding.note))
    return "\n\n".join(parts)


def _step(report: ModelReport, but: Sequence[Finding]) -> Iterator[str]:
    """How right the model is, and the example of the finding that weighs most, unless it is shown already."""
    transitions = report.transitions
    share = f"{show_share(report.accuracy)} of {show_count(transitions.checked, 'transition')} right"
    parts = [f"**{report.model}**: {share}"]
    worst = next((finding for finding in report.findings if any(example.differs for example in finding.examples)), None)
    if worst is not None and worst not in but:
        parts += [_prose(f"{worst.message} (line {worst.span.line})"), _example(worst.examples[0])]
    yield "\n\n".join(parts)


def _fields(report: ModelReport, assigned: Sequence[str]) -> Iterator[str]:
    """The accuracy of fields that a line assigns."""
    found = [(name, share) for name, share in report.fields.items() if any(belongs(name, to) for to in assigned)]
    if not found:
        return
    found.sort(key=lambda field: field[1])
    count = show_count(report.transitions.checked, "transition")
    rows = [(_code(name), show_share(share)) for name, share in found[:_FIELDS]]
    table = _table(("field", f"right of {count}"), rows)
    yield table if len(found) <= _FIELDS else f"{table}\n\nand {len(found) - _FIELDS} more"


def _example(example: Example) -> str:
    """One transition as a table of the fields that differ."""
    place = f"Episode {example.episode}, step {example.step}:"
    head = f"{place} state {_code(show(example.state))}, action {_code(show(example.action))}"
    rows = field_rows(example)
    if not rows:
        error = example.predicted.get("error") if isinstance(example.predicted, dict) else None
        return f"{head}\n\n{_prose(str(error))}" if error else head
    cells = [
        (_code(row.field), _code(row.state), _code(row.expected), _code(row.predicted), _code(row.difference))
        for row in rows[:_ROWS]
    ]
    table = _table(("field", "state", "expected", "predicted", "difference"), cells)
    more = f"\n\nand {len(rows) - _ROWS} more" if len(rows) > _ROWS else ""
    return f"{head}\n\n{table}{more}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _code(text: str) -> str:
    """A text as code that fits into a table, whatever a stranger has put into it."""
    if not text:
        return ""
    fence = "`" * (1 + max((len(run) for run in _runs_of_ticks(text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text.replace('|', chr(92) + '|').replace(chr(10), ' ')}{pad}{fence}"


def _runs_of_ticks(text: str) -> list[str]:
    return [run for run in "".join(mark if mark == "`" else " " for mark in text).split() if run]


def _prose(text: str) -> str:
    """A message as Markdown: its code stays code, and nothing else of it is read as markup."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return _escaped(text)
    return "`".join(part if number % 2 else _escaped(part) for number, part in enumerate(parts))


def _escaped(text: str) -> str:
    return "".join(f"\\{mark}" if mark in "\\`*_[]<>#|" else mark for mark in text)
