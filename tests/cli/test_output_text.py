"""The report for people: what stands on which line, on terminals, in pipes, and from hostile files."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cwm_engine.checking.report import ModelReport, Repair, Report, Status, Transitions
from cwm_engine.cli.output_text import print_report
from cwm_engine.findings import Example, Finding, Severity, Span


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def printed(report: Report, sources: dict[str, str], **how: Any) -> str:
    stream = io.StringIO()
    print_report(report, sources, stream, **how)
    return stream.getvalue()


def test_a_finding_stands_on_its_line_with_a_mark_below_it(report: Report, sources: dict[str, str]) -> None:
    unrepaired = Report((replace(report.models[0], repairs=()),))
    assert (
        "models/wrong.py:8:9: CWM201 `obs[1]` is wrong (37 of 1,000 transitions)\n"
        "7 |         self.x += self.v\n"
        "8 |         self.v -= force\n"
        "  |         ^^^^^^^^^^^^^^^\n"
        "9 |         if self.v > 100:\n"
        "  = or line 6: force = 1.0 if action else -1.0\n"
        "  = episode 2, step 5: state [0.5, 0.25], action 1\n"
        "      field   state  expected  predicted  difference\n"
        "      obs[1]  0.25   1.25      -0.75      -2\n"
        "  = help: Correct the dynamics on the marked line.\n"
    ) in printed(unrepaired, sources)


def test_a_line_that_a_repair_confirms_has_no_rivals(report: Report, sources: dict[str, str]) -> None:
    assert "or line 6" not in printed(report, sources)


def test_infos_and_hints_say_what_they_are(report: Report, sources: dict[str, str]) -> None:
    shown = printed(report, sources)
    assert "models/wrong.py:9:21: CWM602 info: No transition reaches 100.\n" in shown
    assert "models/wrong.py:10:13: CWM601 hint: No transition executes this code.\n" in shown


def test_each_model_ends_with_its_figures(report: Report, sources: dict[str, str]) -> None:
    shown = printed(report, sources)
    assert (
        "models/wrong.py::Environment: 963 right of 1,000 transitions of Cart-v0 in trajectories/wrong.jsonl\n"
        "  accuracy 96.3 %  (baseline 0.0 %, ceiling 100 %)\n"
        "  obs[1] 96.3 %, the other 3 fields 100 %\n"
    ) in shown
    assert "  all 3 fields 100 %\n" in shown


def test_the_cwmb_score_is_shown_when_it_was_asked_for(report: Report, sources: dict[str, str]) -> None:
    assert "cwmb" not in printed(report, sources)
    scored = Report((replace(report.models[0], cwmb_score=0.98765),))
    assert "cwmb score 0.988" in printed(scored, sources)


def test_the_last_line_sums_up(report: Report, sources: dict[str, str]) -> None:
    last = printed(report, sources).splitlines()[-1]
    assert last == "3 models: 1 right, 1 wrong, 1 not checked; 1 error, 1 info, 1 hint"
    assert printed(Report((report.models[1],)), {}).splitlines()[-1] == "1 model: 1 right"
    assert printed(Report(), {}) == "No model was checked.\n"


def test_a_model_that_could_not_be_checked_says_why(report: Report, sources: dict[str, str]) -> None:
    assert "models/lost.py: error: there are no trajectories for this model\n" in printed(report, sources)


def test_a_model_at_the_ceiling_of_its_data_is_right(report: Report) -> None:
    best = replace(report.models[1], accuracy=5 / 6, ceiling=0.8333333333333334)
    assert printed(Report((best,)), {}).endswith("1 model: 1 right\n")


def test_a_model_that_did_not_run_has_no_figures(report: Report) -> None:
    stopped = replace(report.models[0], status=Status.ERROR, transitions=Transitions(0, 1000, 0), accuracy=None)
    shown = printed(Report((stopped,)), {})
    assert "models/wrong.py::Environment: not checked, none of 1,000 transitions of Cart-v0" in shown
    assert "accuracy" not in shown


def test_an_unfinished_check_is_not_shown_as_right(report: Report) -> None:
    late = replace(report.models[1], status=Status.TIMEOUT, transitions=Transitions(300, 1000, 300))
    shown = printed(Report((late,)), {})
    assert "timeout, only 300 checked" in shown
    assert shown.endswith("1 model: 1 wrong\n")


def test_a_repair_is_offered_and_shown_as_a_diff_on_request(report: Report, sources: dict[str, str]) -> None:
    offered = "repair: line 8: replace `-=` by `+=`; every transition passes with it"
    assert offered + " (--diff shows it, --fix applies it)\n" in printed(report, sources)
    assert offered + "\n--- a/models/wrong.py\n+++ b/models/wrong.py\n" in printed(report, sources, diffs=True)


def test_a_diff_is_shown_in_place_of_the_findings_it_mends(report: Report, sources: dict[str, str]) -> None:
    assert "CWM201" not in printed(report, sources, diffs=True)
    unrepaired = Report((replace(report.models[0], repairs=()),))
    assert "CWM201" in printed(unrepaired, sources, diffs=True)


def test_an_applied_repair_is_said_to_be_applied(report: Report, sources: dict[str, str]) -> None:
    wrong = report.models[0]
    fixed = replace(wrong, repairs=(replace(wrong.repairs[0], applied=True),))
    assert "fixed: line 8: replace `-=` by `+=`\n" in printed(Report((fixed,)), sources)


def test_a_repair_after_one_that_was_applied_is_still_only_one(report: Report, sources: dict[str, str]) -> None:
    wrong = report.models[0]
    both = replace(wrong, repairs=(replace(wrong.repairs[0], applied=True), *wrong.repairs))
    shown = printed(Report((both,)), sources)
    assert "fixed: line 8" in shown
    assert "repair: line 8" in shown
    assert "differ elsewhere" not in shown


def test_what_else_there_is_to_know_is_said(report: Report, sources: dict[str, str]) -> None:
    noted = replace(report.models[1], note="left out 3 bad records of the data")
    assert "  note: left out 3 bad records of the data\n" in printed(Report((noted,)), sources)


def test_data_below_the_working_directory_is_named_from_there(
    report: Report, sources: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    moved = replace(report.models[1], trajectories=str(Path.cwd() / "trajectories" / "right.jsonl"))
    assert "transitions in trajectories/right.jsonl\n" in printed(Report((moved,)), sources)


def test_several_repairs_are_listed_with_what_would_tell_them_apart(report: Report, sources: dict[str, str]) -> None:
    separated = Repair(
        9, Span(9, 5, 9, 8), "99", "replace `100` by `99`", "", separated_by={"state": [0.0, 99.5], "action": 1}
    )
    both = replace(report.models[0], repairs=(*report.models[0].repairs, separated))
    assert (
        "2 edits make every transition pass but differ elsewhere, so none is applied:\n"
        "  line 8: replace `-=` by `+=`\n"
        "  line 9: replace `100` by `99`; record state [0.0, 99.5], action 1 to tell it from the first\n"
    ) in printed(Report((both,)), sources)


def test_less_than_full_isolation_is_said(report: Report, sources: dict[str, str]) -> None:
    weaker = replace(report.models[1], isolation="process")
    assert "ran with process isolation" in printed(Report((weaker,)), sources)
    assert "isolation" not in printed(report, sources)


def test_an_exception_in_an_example_is_shown(report: Report, sources: dict[str, str]) -> None:
    raised = Example(0, 1, [0.0], 0, {"observation": [0.0]}, {"error": "ZeroDivisionError: division\nby zero"}, ())
    finding = replace(report.models[0].findings[0], code="CWM401", examples=(raised,))
    shown = printed(Report((replace(report.models[0], findings=(finding,)),)), sources)
    assert "\n      ZeroDivisionError: division by zero\n" in shown
    finding = replace(finding, message="ZeroDivisionError: division\nby zero")
    shown = printed(Report((replace(report.models[0], findings=(finding,)),)), sources)
    assert shown.count("ZeroDivisionError") == 1


def test_colours_are_for_terminals_only(
    report: Report, sources: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[" not in printed(report, sources)
    stream = Terminal()
    print_report(report, sources, stream)
    assert "\x1b[" in stream.getvalue()


def test_a_pipe_gets_each_message_on_one_line(report: Report, sources: dict[str, str]) -> None:
    words = "word " * 60 + "end"
    finding = replace(report.models[0].findings[0], message=words)
    shown = printed(Report((replace(report.models[0], findings=(finding,)),)), sources)
    assert any("end (37 of" in line and line.startswith("models/wrong.py:8:9") for line in shown.splitlines())


def one_finding(source: str, span: Span, message: str = "odd") -> tuple[Report, dict[str, str]]:
    finding = Finding(code="CWM201", severity=Severity.ERROR, message=message, span=span)
    return Report((ModelReport(file="m.py", findings=(finding,)),)), {"m.py": source}


def test_a_very_long_line_is_cut_to_a_window_around_the_mark() -> None:
    source = "x = [" + "1, " * 5000 + "2]\n"
    shown = printed(*one_finding(source, Span(1, 9006, 1, 9007)))
    assert max(map(len, shown.splitlines())) <= 200
    code, mark = shown.splitlines()[1:3]
    assert code[mark.index("^")] == source[9005]


def test_the_mark_stands_under_wide_characters_too() -> None:
    shown = printed(*one_finding('名前 = "値" + x\n', Span(1, 12, 1, 13)))
    code, mark = shown.splitlines()[1:3]
    assert code.endswith("x")
    assert mark == "  | " + " " * 14 + "^"


@pytest.mark.parametrize("line", [0, 99])
def test_a_place_outside_the_file_does_not_break_the_report(line: int) -> None:
    assert "CWM201 odd" in printed(*one_finding("x = 1\n", Span(line, 1, line, 1)))


def test_neither_code_nor_messages_can_steer_the_terminal() -> None:
    """Escape sequences and marks that turn the reading order come out as visible characters."""
    source = "x = '\x1b[2J' # \u202e\n"
    shown = printed(*one_finding(source, Span(1, 1, 1, 2), message="raised \x1b]0;title\x07\nsecond line"))
    assert not set(shown) & {"\x1b", "\x07", "\u202e"}
    assert "second line\n1 |" in shown
