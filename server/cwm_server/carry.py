"""Findings about an older text, moved to where their lines are now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cwm_engine.checking.report import ModelReport
from cwm_engine.findings import Finding, Span, Suspect


class Lines:
    """Where the lines of a text are after an edit: those before it stay, those after it move.

    A line inside the edit is taken to its nearest line in the new text.
    """

    def __init__(self, before: Sequence[str], now: Sequence[str]) -> None:
        self._head = _same(before, now)
        rest_before, rest_now = before[self._head :], now[self._head :]
        self._tail = _same(rest_before[::-1], rest_now[::-1])
        self._before, self._now = len(before), len(now)

    def now(self, line: int) -> int:
        """Where a line of the old text is, both counted from 1."""
        if line <= self._head:
            return line
        if line > self._before - self._tail:
            return line + self._now - self._before
        return max(1, min(line, self._now - self._tail))


def carried(reports: Sequence[ModelReport], lines: Lines) -> tuple[ModelReport, ...]:
    """Reports about the old text with the places of the new one; repairs, which are edits of the old, are left out."""
    return tuple(
        replace(report, findings=tuple(_carried(finding, lines) for finding in report.findings), repairs=())
        for report in reports
    )


def _same(before: Sequence[str], now: Sequence[str]) -> int:
    """With how many equal lines two texts begin."""
    pairs = enumerate(zip(before, now, strict=False))
    return next((number for number, (left, right) in pairs if left != right), min(len(before), len(now)))


def _carried(finding: Finding, lines: Lines) -> Finding:
    span = finding.span
    line = lines.now(span.line)
    moved = Span(line, span.column, max(line, lines.now(span.end_line)), span.end_column)
    suspects = tuple(Suspect(lines.now(suspect.line), suspect.score) for suspect in finding.suspects)
    return replace(finding, span=moved, suspects=suspects)
