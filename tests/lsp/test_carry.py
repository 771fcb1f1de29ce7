"""Findings about an older text stay with their lines."""

from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.checking.report import ModelReport
from cwm_engine.findings import Finding, Severity, Span, Suspect
from cwm_server.carry import Lines, carried


def lines_named(name):
    """Some lines, no two alike."""
    return st.integers(0, 5).map(lambda count: [f"{name} {number}" for number in range(count)])


@given(lines_named("head"), lines_named("old"), lines_named("new"), lines_named("tail"))
def test_lines_before_and_after_an_edit_keep_what_they_say(head, old, new, tail):
    before, now = ["first", *head, *old, *tail, "last"], ["first", *head, *new, *tail, "last"]
    lines = Lines(before, now)
    for number, text in enumerate(before, 1):
        assert 1 <= lines.now(number) <= len(now)
        if number <= len(head) + 1 or number > len(before) - len(tail) - 1:
            assert now[lines.now(number) - 1] == text


def test_a_finding_moves_with_its_line_and_its_suspects():
    finding = Finding(
        code="CWM201",
        severity=Severity.ERROR,
        message="wrong",
        span=Span(2, 3, 2, 4),
        suspects=(Suspect(2, 1.0), Suspect(1, 0.5)),
    )
    lines = Lines(["a", "b"], ["a", "new", "b"])
    (report,) = carried([ModelReport(file="model.py", findings=(finding,))], lines)
    (moved,) = report.findings
    assert (moved.span, [suspect.line for suspect in moved.suspects]) == (Span(3, 3, 3, 4), [3, 1])
