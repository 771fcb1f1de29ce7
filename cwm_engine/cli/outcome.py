"""What came of a search: the diff, the figures, what was written where, and how to go on."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from cwm_engine.checking.show import printable, show_count, show_share
from cwm_engine.cli.output_text import diff_line
from cwm_engine.findings import Severity
from cwm_engine.synthesis.evaluation import Evaluation
from cwm_engine.synthesis.result import SearchResult, SearchStatus

_FINDINGS = 3
_STATUS_STYLES = {
    SearchStatus.VERIFIED: "bold green",
    SearchStatus.PARTIAL: "bold yellow",
    SearchStatus.FAILED: "bold red",
    SearchStatus.CANCELLED: "bold yellow",
}


@dataclass(frozen=True, kw_only=True)
class Ending:
    """A search that has ended.

    Attributes:
        file: The model's file as the user names it.
        result: What was found.
        before: The program it began with as it was checked; None where there was none.
        best: The best program as it was checked; None where there is none.
        alternatives: What was said of other programs that are right on everything that was searched too.
        written: Where the program was written to; None if nowhere.
        note: What else has to be said, e.g. why nothing was written.
        can_go_on: Whether the run can find more if it goes on.
    """

    file: str
    result: SearchResult
    before: Evaluation | None = None
    best: Evaluation | None = None
    alternatives: tuple[str, ...] = ()
    written: str | None = None
    note: str | None = None
    can_go_on: bool = False

    def to_json(self) -> dict[str, Any]:
        """The document of the command line."""
        return {
            **self.result.to_json(),
            "file": self.file,
            "alternatives": list(self.alternatives),
            "written": self.written,
            "note": self.note,
        }


def print_ending(ending: Ending, *, as_json: bool) -> None:
    """Print what came of a search on standard output."""
    if as_json:
        sys.stdout.write(json.dumps(ending.to_json(), indent=2, allow_nan=False) + "\n")
        return
    console = Console(highlight=False, soft_wrap=True)
    for line in ending_lines(ending):
        console.print(line)


def ending_lines(ending: Ending) -> Iterable[Text]:
    """What came of a search, as lines for a terminal."""
    result = ending.result
    if result.diff:
        yield from (diff_line(line) for line in result.diff.splitlines())
        yield Text()
    yield Text.assemble((ending.file, "bold"), ": ", (str(result.status), _STATUS_STYLES[result.status]), _why(ending))
    if result.searched is not None:
        yield _accuracies(ending)
    yield _taken(result)
    yield from _still_wrong(ending)
    for alternative in ending.alternatives:
        yield Text.assemble(("  or", "bold yellow"), f": {_one_line(alternative)}")
    if ending.note:
        yield Text.assemble(("  note", "bold"), f": {_one_line(ending.note)}")
    yield from _next(ending)


def _why(ending: Ending) -> str:
    result = ending.result
    if result.status is SearchStatus.VERIFIED:
        if not result.diff and ending.before is not None:
            return ": all searched and held-out transitions were right from the beginning"
        return ": all searched and held-out transitions are right"
    return f": {_half(_one_line(result.message))}" if result.message else ""


def _accuracies(ending: Ending) -> Text:
    result = ending.result
    line = Text("  accuracy ")
    line.append(show_share(result.searched), "bold green" if result.searched == 1 else "bold red")
    line.append(" of the searched transitions")
    if ending.before is not None and result.diff:
        line.append(f" ({show_share(ending.before.accuracy)} before)", "dim")
    if result.heldout is not None:
        line.append(", ").append(show_share(result.heldout), "bold green" if result.heldout == 1 else "bold red")
        line.append(" of those held out")
    return line


def _taken(result: SearchResult) -> Text:
    spent = result.spent
    parts = [show_count(result.nodes, "program")]
    if spent.calls:
        parts += [show_count(spent.calls, "call"), show_count(spent.tokens, "token")]
    if spent.cost:
        parts.append(f"${spent.cost:,.4f}" if spent.cost < 0.01 else f"${spent.cost:,.2f}")
    parts.append(f"{result.seconds:.1f} seconds")
    return Text(f"  {', '.join(parts)}; run {result.run}")


def _still_wrong(ending: Ending) -> Iterable[Text]:
    """What the best program gets wrong, in a few lines."""
    if ending.best is None or ending.best.passed or ending.result.status is SearchStatus.VERIFIED:
        return
    serious = [finding for finding in ending.best.findings if finding.severity.at_least(Severity.WARNING)]
    for finding in serious[:_FINDINGS]:
        yield Text.assemble(("  still", "bold"), f": line {finding.span.line}: {_one_line(finding.message)}")
    if len(serious) > _FINDINGS:
        yield Text(f"  and {show_count(len(serious) - _FINDINGS, 'more finding')}", "dim")


def _next(ending: Ending) -> Iterable[Text]:
    result, resume = ending.result, f"cwm synthesize --resume {ending.result.run}"
    if ending.written is not None:
        yield Text.assemble(("  written", "bold green"), f": {ending.written}")
    elif result.diff:
        yield Text(f"  `{resume} --write` puts it into the file, `-o FILE` elsewhere", "dim")
    if result.status is SearchStatus.CANCELLED:
        yield Text(f"  `{resume}` goes on", "dim")
    elif ending.can_go_on:
        advice = "" if result.broken else ", if it may spend more"
        yield Text(f"  `{resume}` goes on{advice}", "dim")
    if result.status is not SearchStatus.VERIFIED and result.nodes:
        yield Text(f"  `cwm show {result.run}` shows what was tried", "dim")


def _half(sentence: str) -> str:
    """A sentence as it stands after a colon."""
    first, _, rest = sentence.rstrip(".").partition(" ")
    return f"{first.lower() if first.istitle() else first} {rest}"


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))
