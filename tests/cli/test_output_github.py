"""Workflow commands: what GitHub needs escaped is escaped."""

from dataclasses import replace

from cwm_engine.checking.report import ModelReport, Report
from cwm_engine.cli.output_github import to_github
from cwm_engine.findings import Finding, Severity, Span


def test_each_finding_is_a_command_with_its_place_and_level(report: Report) -> None:
    assert to_github(report).splitlines() == [
        (
            "::error file=models/wrong.py,line=8,col=9,endLine=8,endColumn=23,title=CWM201 state-mismatch::"
            "`obs[1]` is wrong (37 of 1,000 transitions)%0ACorrect the dynamics on the marked line."
        ),
        (
            "::notice file=models/wrong.py,line=9,col=21,endLine=9,endColumn=23,title=CWM602 unreached-threshold::"
            "No transition reaches 100.%0ARecord transitions beyond the threshold."
        ),
        (
            "::notice file=models/wrong.py,line=10,col=13,endLine=10,endColumn=24,title=CWM601 unexercised-code::"
            "No transition executes this code."
        ),
        "::error file=models/lost.py,title=not checked::there are no trajectories for this model",
    ]


def told(file: str, message: str, span: Span, severity: Severity = Severity.ERROR) -> str:
    finding = Finding(code="CWM201", severity=severity, message=message, span=span)
    return to_github(Report((ModelReport(file=file, findings=(finding,)),)))


def test_a_message_cannot_end_its_command() -> None:
    """A model decides what its exceptions say; a line of its own could be another command."""
    lines = told("m.py", "100 %\r\n::error::fake", Span(1, 1, 1, 2)).splitlines()
    assert len(lines) == 1
    assert lines[0].endswith("::100 %25%0D%0A::error::fake")


def test_a_file_name_cannot_end_its_property() -> None:
    assert "file=a%2Cb%3Ac.py,line=1" in told("a,b:c.py", "odd", Span(1, 1, 1, 2))


def test_a_finding_over_several_lines_has_no_columns_at_its_end() -> None:
    command = told("m.py", "odd", Span(3, 5, 6, 2))
    assert "line=3,col=5,endLine=6,title=" in command


def test_a_warning_is_a_warning() -> None:
    assert told("m.py", "odd", Span(1, 1, 1, 2), Severity.WARNING).startswith("::warning ")


def test_a_right_model_has_no_commands(report: Report) -> None:
    assert to_github(replace(report, models=(report.models[1],))) == ""
