"""Reports for people: each finding with its line of code, the smallest example and advice, then the figures."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from cwm_engine.checking.report import ModelReport, Repair, Report, Status
from cwm_engine.checking.show import (
    crop,
    field_rows,
    message_with_count,
    printable,
    show,
    show_count,
    show_share,
)
from cwm_engine.findings import Example, Finding, Severity, Span

_STYLES = {
    Severity.ERROR: "bold red",
    Severity.WARNING: "bold yellow",
    Severity.INFO: "bold cyan",
    Severity.HINT: "dim",
}
_MARKS = {Severity.ERROR: "^", Severity.WARNING: "^", Severity.INFO: "-", Severity.HINT: "-"}
_SUSPECTS = 3
_FIELDS = 8
_PIPE_WIDTH = 160
_ROUNDING = 1e-9


def print_report(report: Report, sources: Mapping[str, str], stream: TextIO, *, diffs: bool = False) -> None:
    """Write the report as text; colours and cropping to the width only on a terminal."""
    console = Console(file=stream, highlight=False, soft_wrap=not stream.isatty())
    for model in report.models:
        for lines in _model(model, sources.get(model.file, ""), _width(console), diffs=diffs):
            for line in lines:
                console.print(line)
            console.print()
    console.print(_summary(report))


def print_findings(model: ModelReport, source: str, console: Console) -> None:
    """Write the findings of a model alone."""
    for finding in model.findings:
        for line in _finding(model, finding, source.splitlines(), _width(console)):
            console.print(line)
        console.print()


def _width(console: Console) -> int:
    return console.width if console.is_terminal else _PIPE_WIDTH


def _model(model: ModelReport, source: str, width: int, *, diffs: bool) -> Iterable[list[Text]]:
    lines = source.splitlines()
    if model.message is not None:
        yield [Text.assemble((model.file, "bold"), ": ", ("error", "bold red"), f": {_one_line(model.message)}")]
    offered = [repair for repair in model.repairs if not repair.applied]
    if not (diffs and len(offered) == 1):  # else the difference says it all
        for finding in model.findings:
            yield _finding(model, finding, lines, width)
    if model.repairs:
        yield _repairs(model.repairs, diffs=diffs)
    if model.transitions.total:
        yield _figures(model)


# Findings


def _finding(model: ModelReport, finding: Finding, lines: Sequence[str], width: int) -> list[Text]:
    style, span = _STYLES[finding.severity], finding.span
    kind = "" if finding.severity is Severity.ERROR else f" {finding.severity}:"
    message = _one_line(message_with_count(finding, model.transitions.checked))
    shown = [
        Text.assemble(
            (f"{model.file}:{span.line}:{span.column}", "bold"), ": ", (finding.code + kind, style), f" {message}"
        )
    ]
    gutter = len(str(min(span.line + 1, len(lines))))
    shown += _code(finding, lines, gutter, width)
    if finding.severity is Severity.HINT:
        return shown
    margin = " " * (gutter + 1)
    confirmed = [repair.line for repair in model.repairs] == [span.line]
    suspects = [] if confirmed else [item for item in finding.suspects if item.line != span.line]
    for suspect in suspects[:_SUSPECTS]:
        code = crop(_line(lines, suspect.line).strip(), max(width - 32, 24))
        shown.append(Text.assemble(margin, ("= ", "blue"), f"or line {suspect.line}: ", (code, "dim")))
    for example in finding.examples[:1]:
        shown += [Text(margin) + line for line in _example(example, finding.message)]
    if finding.note:
        shown.append(Text.assemble(margin, ("= ", "blue"), ("help", "bold"), f": {_one_line(finding.note)}"))
    return shown


def _code(finding: Finding, lines: Sequence[str], gutter: int, width: int) -> list[Text]:
    """The line of the finding between its neighbours, with a mark below it."""
    span = finding.span
    if not 1 <= span.line <= len(lines):
        return []
    room = max(width - gutter - 3, 20)
    before, marked, after = _cut(_line(lines, span.line), span, room)
    offset, mark = cell_len(before), _MARKS[finding.severity] * max(cell_len(marked), 1)
    bar = Text.assemble(" " * gutter, (" | ", "blue"))
    shown = []
    for number in (span.line - 1, span.line, span.line + 1):
        if not 1 <= number <= len(lines):
            continue
        head = (f"{number:>{gutter}} | ", "blue")
        if number == span.line:
            shown.append(Text.assemble(head, before, marked, after))
            shown.append(bar + Text(" " * offset + mark, _STYLES[finding.severity]))
        elif finding.severity is not Severity.HINT and _line(lines, number).strip():
            shown.append(Text.assemble(head, (crop(_line(lines, number), room), "dim")))
    return shown


def _cut(line: str, span: Span, room: int) -> tuple[str, str, str]:
    """A line before, in and after a span, cut to a window of `room` characters around the span's start."""
    start = span.column - 1
    end = span.end_column - 1 if span.end_line == span.line else len(line)
    first = max(0, start - room // 2) if len(line) > room else 0
    window = line[first : first + room]
    return window[: start - first], window[start - first : end - first], window[end - first :]


def _one_line(text: str) -> str:
    return printable(" ".join(text.splitlines()))


def _line(lines: Sequence[str], number: int) -> str:
    """A line as it is shown: a tab is one space, so that columns stay columns."""
    return printable(lines[number - 1]).replace("\t", " ") if 1 <= number <= len(lines) else ""


def _example(example: Example, message: str) -> list[Text]:
    place = f"episode {example.episode}, step {example.step}"
    shown = [
        Text.assemble(("= ", "blue"), (place, "bold"), f": state {show(example.state)}, action {show(example.action)}")
    ]
    match example.predicted:
        case {"error": str(error)} if error.casefold() not in message.casefold():
            shown.append(Text(f"    {_one_line(crop(error, 120))}"))
    if not example.differs:
        return shown
    header = ("field", "state", "expected", "predicted", "difference")
    table = [
        header,
        *((row.field, row.state, row.expected, row.predicted, row.difference) for row in field_rows(example)),
    ]
    kept = [i for i, name in enumerate(header) if name in {"field", "expected", "predicted"} or _filled(table, i)]
    widths = [max(cell_len(row[i]) for row in table) for i in kept]
    for number, row in enumerate(table[: _FIELDS + 1]):
        cells = [row[i] + " " * (width - cell_len(row[i])) for i, width in zip(kept, widths, strict=True)]
        shown.append(Text("    " + "  ".join(cells).rstrip(), "dim" if number == 0 else ""))
    if len(table) > _FIELDS + 1:
        shown.append(Text(f"    and {show_count(len(table) - 1 - _FIELDS, 'more field')}", "dim"))
    return shown


def _filled(table: Sequence[Sequence[str]], column: int) -> bool:
    return any(row[column] for row in table[1:])


# Repairs and figures


def _repairs(repairs: Sequence[Repair], *, diffs: bool) -> list[Text]:
    shown = [
        Text.assemble(("fixed", "bold green"), f": line {repair.line}: {printable(repair.description)}")
        for repair in repairs
        if repair.applied
    ]
    offered = [repair for repair in repairs if not repair.applied]
    if len(offered) == 1:
        shown.append(
            Text.assemble(
                ("repair", "bold green"),
                f": line {offered[0].line}: {printable(offered[0].description)}; every transition passes with it",
                "" if diffs else " (--diff shows it, --fix applies it)",
            )
        )
    elif offered:
        shown.append(
            Text(f"{len(offered)} edits make every transition pass but differ elsewhere, so none is applied:", "bold")
        )
        shown += [_separated(repair) for repair in offered]
    if diffs:
        shown += [diff_line(line) for repair in repairs for line in repair.diff.splitlines()]
    return shown


def _separated(repair: Repair) -> Text:
    text = Text(f"  line {repair.line}: {printable(repair.description)}")
    if repair.separated_by is not None:
        named = ", ".join(f"{name} {show(value)}" for name, value in repair.separated_by.items())
        text.append(f"; record {named} to tell it from the first", "dim")
    return text


def diff_line(line: str) -> Text:
    """A line of a unified diff in its colour."""
    style = "bold" if line.startswith(("---", "+++")) else {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
    return Text(printable(line), style)


def _figures(model: ModelReport) -> list[Text]:
    counts = model.transitions
    source = " of ".join(filter(None, [show_count(counts.total, "transition"), model.environment]))
    if model.trajectories:
        source += f" in {near(model.trajectories)}"
    head = Text.assemble((model.name, "bold"), ": ")
    if counts.checked == 0:
        return [head.append("not checked", "bold red").append(f", none of {source}"), *_remarks(model)]
    head.append(f"{counts.passed:,} right of {source}")
    if model.status is not Status.COMPLETE:
        head.append(f"; {model.status}, only {counts.checked:,} checked", "bold yellow")
    figures = Text.assemble("  accuracy ", (show_share(model.accuracy), "bold green" if _right(model) else "bold red"))
    figures.append(f"  (baseline {show_share(model.baseline)}, ceiling {show_share(model.ceiling)})", "dim")
    if model.cwmb_score is not None:
        figures.append(f"  cwmb score {model.cwmb_score:.3f}")
    return [head, figures, *([_fields(model.fields)] if model.fields else []), *_remarks(model)]


def _remarks(model: ModelReport) -> Iterable[Text]:
    if model.note:
        yield Text.assemble(("  note", "bold yellow"), f": {_one_line(model.note)}")
    if model.isolation not in {None, "full"}:
        yield Text(f"  ran with {model.isolation} isolation; `cwm doctor` says what is missing", "yellow")


def _right(model: ModelReport) -> bool:
    """Whether every transition was checked and the model is as right as the data lets any model be."""
    best = 1.0 if model.ceiling is None else model.ceiling
    return model.status is Status.COMPLETE and model.accuracy is not None and model.accuracy >= best - _ROUNDING


def near(path: str) -> str:
    """A path below the working directory as it is seen from there."""
    here = f"{Path.cwd()}{os.sep}"
    return path.removeprefix(here)


def _fields(fields: Mapping[str, float]) -> Text:
    wrong = sorted((share, name) for name, share in fields.items() if share < 1.0)
    named = [f"{name} {show_share(share)}" for share, name in wrong[:_FIELDS]]
    if len(wrong) > _FIELDS:
        named.append(show_count(len(wrong) - _FIELDS, "more wrong field"))
    if len(wrong) < len(fields):
        named.append(f"{'the other' if wrong else 'all'} {show_count(len(fields) - len(wrong), 'field')} 100 %")
    return Text("  " + ", ".join(named))


def _summary(report: Report) -> Text:
    if not report.models:
        return Text("No model was checked.", "bold red")
    unchecked = sum(model.transitions.checked == 0 for model in report.models)
    right = sum(_right(model) for model in report.models)
    kinds = {"right": right, "wrong": len(report.models) - right - unchecked, "not checked": unchecked}
    text = f"{show_count(len(report.models), 'model')}: "
    text += ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count)
    severities = [finding.severity for model in report.models for finding in model.findings]
    tallies = [show_count(count, str(severity)) for severity in Severity if (count := severities.count(severity))]
    if tallies:
        text += f"; {', '.join(tallies)}"
    fine = right == len(report.models) and not any(severity.at_least(Severity.WARNING) for severity in severities)
    return Text(text, "bold green" if fine else "bold red")
