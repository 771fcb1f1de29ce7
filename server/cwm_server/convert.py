"""Between the engine's places, in characters from 1, and the protocol's, in the client's units from 0."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lsprotocol import types

from cwm_engine.findings import Severity, Span

Encoding = types.PositionEncodingKind | str

SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFO: types.DiagnosticSeverity.Information,
    Severity.HINT: types.DiagnosticSeverity.Hint,
}

_NEWLINE = re.compile(r"\r\n|\r|\n")


def range_of(span: Span, lines: Sequence[str], encoding: Encoding) -> types.Range:
    """The range of a span in a text of these lines; what lies outside the text is moved to its nearest place."""
    return types.Range(
        position_of(span.line, span.column, lines, encoding),
        position_of(span.end_line, span.end_column, lines, encoding),
    )


def line_range(line: int, lines: Sequence[str], encoding: Encoding) -> types.Range:
    """The code of a line, counted from 1, without its indentation."""
    text = lines[line - 1] if 1 <= line <= len(lines) else ""
    start = len(text) - len(text.lstrip())
    return range_of(Span(line, start + 1, line, max(len(text.rstrip()), start) + 1), lines, encoding)


def position_of(line: int, column: int, lines: Sequence[str], encoding: Encoding) -> types.Position:
    """The position of a character, both counted from 1."""
    if line > len(lines):
        line, column = len(lines), len(lines[-1]) + 1
    line = max(line, 1)
    return types.Position(line - 1, units_of(lines[line - 1][: max(column, 1) - 1], encoding))


def place_of(position: types.Position, lines: Sequence[str], encoding: Encoding) -> tuple[int, int]:
    """The line and the column of a client's position, both counted from 1."""
    if position.line >= len(lines):
        return len(lines), len(lines[-1]) + 1
    return position.line + 1, characters_of(lines[position.line], position.character, encoding) + 1


def units_of(text: str, encoding: Encoding) -> int:
    """How long a text is in the client's units."""
    if text.isascii() or encoding == types.PositionEncodingKind.Utf32:
        return len(text)
    if encoding == types.PositionEncodingKind.Utf8:
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text) + sum(character > "\uffff" for character in text)


def characters_of(text: str, units: int, encoding: Encoding) -> int:
    """How many characters of a text lie before a place in the client's units; a place within one is before it."""
    if text.isascii() or encoding == types.PositionEncodingKind.Utf32:
        return min(units, len(text))
    passed = 0
    for number, character in enumerate(text):
        passed += units_of(character, encoding)
        if passed > units:
            return number
    return len(text)


def offset_of(text: str, position: types.Position, encoding: Encoding) -> int:
    """Where in a text a client's position is."""
    start = 0
    for _ in range(position.line):
        newline = _NEWLINE.search(text, start)
        if newline is None:
            return len(text)
        start = newline.end()
    newline = _NEWLINE.search(text, start)
    end = newline.start() if newline is not None else len(text)
    return start + characters_of(text[start:end], position.character, encoding)
