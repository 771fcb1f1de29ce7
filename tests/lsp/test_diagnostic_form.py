"""How findings become diagnostics, without a server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lsprotocol import types

from cwm_engine.checking.report import ModelReport, Status, Transitions
from cwm_engine.findings import Example, Finding, Severity, Span
from cwm_server.documents import Checked, Snapshot
from cwm_server.features.diagnostics import MOST, diagnostics_of

UTF16 = types.PositionEncodingKind.Utf16
TEXT = "def step(a):\n    if (a and\n            a):\n        return a\n"
FINDING = Finding(code="CWM201", severity=Severity.ERROR, message="wrong", span=Span(2, 5, 2, 7), count=3)
EXAMPLE = Example(
    episode=2,
    step=7,
    state=[0.5, float("nan")],
    action=1,
    expected={"observation": list(range(9)), "reward": 0.0, "terminated": False},
    predicted={"observation": [0.5] * 9, "reward": 0.0, "terminated": False},
    differs=tuple(f"obs[{index}]" for index in range(9)),
)


def shown(*findings, **more):
    """The diagnostics of a report with some findings."""
    report = ModelReport(file="model.py", findings=findings, transitions=Transitions(10, 10, 7), **more)
    snapshot = Snapshot("file:///model.py", Path("/model.py"), 1, TEXT)
    return diagnostics_of(Checked(snapshot, (report,), 1), UTF16)


def test_the_worst_and_most_frequent_come_first():
    hint = replace(FINDING, severity=Severity.HINT, count=9, message="hint")
    rare, frequent = replace(FINDING, message="rare", count=1), replace(FINDING, message="frequent", count=5)
    first = [item.message.partition(" ")[0] for item in shown(hint, rare, frequent)]
    assert first == ["frequent", "rare", "hint"]


def test_no_file_has_more_diagnostics_than_can_be_read():
    found = shown(*(replace(FINDING, count=number) for number in range(MOST + 50)))
    assert len(found) == MOST
    assert found[0].data["count"] == MOST + 49


def test_only_the_first_line_of_a_long_place_is_underlined():
    (item,) = shown(replace(FINDING, span=Span(2, 5, 4, 17)))
    assert item.range == types.Range(types.Position(1, 4), types.Position(1, 13))


def test_a_place_beyond_the_text_is_its_end():
    (item,) = shown(replace(FINDING, span=Span(99, 1, 99, 2)))
    assert item.range.start.line == 4


def test_the_example_is_shown_field_by_field_and_the_rest_counted():
    (item,) = shown(replace(FINDING, examples=(EXAMPLE,)))
    assert item.message.splitlines()[1:] == [
        "episode 2, step 7: state [0.5, nan], action 1",
        "  obs[0]: expected 0, predicted 0.5 (+0.5)",
        "  obs[1]: expected 1, predicted 0.5 (-0.5)",
        "  obs[2]: expected 2, predicted 0.5 (-1.5)",
        "  obs[3]: expected 3, predicted 0.5 (-2.5)",
        "  and 5 more",
    ]


def test_how_often_it_happens_is_said_once():
    (item,) = shown(FINDING)
    assert item.message == "wrong (3 of 10 transitions)"


def test_a_model_that_could_not_be_checked_says_why():
    (item,) = shown(status=Status.ERROR, message="the data is gone")
    assert (item.message, item.severity, item.range.start.line) == (
        "the data is gone",
        types.DiagnosticSeverity.Warning,
        0,
    )


def test_severities_are_those_of_the_findings():
    found = shown(*(replace(FINDING, severity=severity) for severity in Severity))
    assert [item.severity for item in found] == list(types.DiagnosticSeverity)
