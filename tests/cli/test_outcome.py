"""What is printed about a search that has ended."""

from __future__ import annotations

from dataclasses import replace

from cwm_engine.cli.outcome import Ending, ending_lines
from cwm_engine.findings import Finding, Severity, Span
from cwm_engine.synthesis.budget import Spent
from cwm_engine.synthesis.evaluation import Evaluation
from cwm_engine.synthesis.result import SearchResult, SearchStatus

FINDING = Finding(code="CWM201", severity=Severity.ERROR, message="`obs[1]` is wrong", span=Span(7, 1, 7, 9))
PARTIAL = SearchResult(
    status=SearchStatus.PARTIAL,
    program="x = 1\n",
    searched=0.934,
    heldout=0.9,
    nodes=12,
    spent=Spent(11, 31_204, 0.123),
    seconds=92.04,
    run="crane-1",
    diff="--- a/crane.py\n+++ b/crane.py\n@@ -1 +1 @@\n-x = 0\n+x = 1\n",
    message="The limit of 11 calls would be exceeded.",
)
ENDING = Ending(
    file="crane.py",
    result=PARTIAL,
    before=Evaluation(accuracy=0.5),
    best=Evaluation(accuracy=0.934, findings=(FINDING,) * 5),
    can_go_on=True,
)


def text(ending: Ending) -> str:
    return "\n".join(line.plain for line in ending_lines(ending))


def test_a_partial_result_has_both_figures_what_it_took_and_what_is_still_wrong() -> None:
    assert text(ENDING).split("\n\n")[1].splitlines() == [
        "crane.py: partial: the limit of 11 calls would be exceeded",
        "  accuracy 93.4 % of the searched transitions (50.0 % before), 90.0 % of those held out",
        "  12 programs, 11 calls, 31,204 tokens, $0.12, 92.0 seconds; run crane-1",
        *["  still: line 7: `obs[1]` is wrong"] * 3,
        "  and 2 more findings",
        "  `cwm synthesize --resume crane-1 --write` puts it into the file, `-o FILE` elsewhere",
        "  `cwm synthesize --resume crane-1` goes on, if it may spend more",
        "  `cwm show crane-1` shows what was tried",
    ]


def test_other_repairs_that_pass_are_named_with_what_tells_them_apart() -> None:
    said = "line 9: ...; then all 24 searched transitions pass. They differ in state [0, 1], action 2."
    assert f"  or: {said}" in text(replace(ENDING, alternatives=(said,)))


def test_what_a_program_says_cannot_steer_the_terminal() -> None:
    finding = replace(FINDING, message="\x1b[2J boom")
    assert "\x1b" not in text(replace(ENDING, best=Evaluation(accuracy=0.9, findings=(finding,))))


def test_nothing_found_is_said_shortly() -> None:
    nothing = replace(PARTIAL, status=SearchStatus.FAILED, program=None, searched=None, heldout=None, diff="", nodes=0)
    lines = text(replace(ENDING, result=nothing, before=None, best=None, can_go_on=False)).splitlines()
    assert lines == [
        "crane.py: failed: the limit of 11 calls would be exceeded",
        "  0 programs, 11 calls, 31,204 tokens, $0.12, 92.0 seconds; run crane-1",
    ]
