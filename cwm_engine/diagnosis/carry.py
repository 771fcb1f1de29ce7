"""Carrying a report over to a text that means the same: comments and white space re-run nothing."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cwm_engine.checking.report import ModelReport, Repair
from cwm_engine.findings import Finding, Span
from cwm_engine.world_model.source import split_lines


@dataclass(frozen=True)
class Carrier:
    """Moves places from one text to another with the same syntax tree.

    Attributes:
        before: Lines of the text the report is about.
        now: Lines of the text it is carried to.
        line_of: For each line that has code, its line in the other text.
    """

    before: Sequence[str]
    now: Sequence[str]
    line_of: Mapping[int, int]

    @classmethod
    def between(
        cls, before: ast.Module, now: ast.Module, lines_before: Sequence[str], lines_now: Sequence[str]
    ) -> Carrier:
        """The carrier between two equal trees."""
        line_of: dict[int, int] = {}
        for old, new in zip(ast.walk(before), ast.walk(now), strict=True):
            if isinstance(old, ast.stmt | ast.expr | ast.excepthandler | ast.arg) and isinstance(new, type(old)):
                line_of.setdefault(old.lineno, new.lineno)
                line_of.setdefault(old.end_lineno or old.lineno, new.end_lineno or new.lineno)
        return cls(lines_before, lines_now, line_of)

    def carry(self, report: ModelReport, file: str) -> ModelReport | None:
        """The report for the new text; None if a repair touches a line that was written differently."""
        repairs = [self._repair(repair, file) for repair in report.repairs]
        carried = tuple(repair for repair in repairs if repair is not None)
        if len(carried) < len(repairs):
            return None
        return replace(report, findings=tuple(self._finding(finding) for finding in report.findings), repairs=carried)

    def _finding(self, finding: Finding) -> Finding:
        suspects = tuple(replace(suspect, line=self._line(suspect.line)) for suspect in finding.suspects)
        return replace(finding, span=self._span(finding.span), suspects=suspects)

    def _line(self, line: int) -> int:
        return self.line_of.get(line, min(line, len(self.now)))

    def _span(self, span: Span) -> Span:
        line, end_line = self._line(span.line), self._line(span.end_line)
        return Span(line, self._column(span.line, span.column), end_line, self._column(span.end_line, span.end_column))

    def _column(self, line: int, column: int) -> int:
        """The column after a change of indentation; within the line where its inside was spaced differently."""
        old, new = self.before[line - 1], self.now[self._line(line) - 1]
        return max(1, min(column + _indentation(new) - _indentation(old), len(new) + 1))

    def _repair(self, repair: Repair, file: str) -> Repair | None:
        """The same lines exchanged in the new text."""
        text, edited = list(self.now), split_lines(repair.text)
        matcher = difflib.SequenceMatcher(None, self.before, edited, autojunk=False)
        for tag, start, stop, into, end in reversed(matcher.get_opcodes()):
            if tag == "equal":
                continue
            lines = [self._line(number) for number in range(start + 1, stop + 1)]
            same = [self.now[line - 1] for line in lines] == list(self.before[start:stop])
            if not lines or lines != list(range(lines[0], lines[0] + len(lines))) or not same:
                return None
            text[lines[0] - 1 : lines[-1]] = edited[into:end]
        repaired = "\n".join(text)
        before = "\n".join(self.now).splitlines(keepends=True)
        diff = "".join(difflib.unified_diff(before, repaired.splitlines(keepends=True), fromfile=file, tofile=file))
        return replace(repair, line=self._line(repair.line), span=self._span(repair.span), text=repaired, diff=diff)


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())
