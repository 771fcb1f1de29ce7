"""Carrying a report over to a text that means the same: nothing runs again, and everything is in its place."""

from __future__ import annotations

import pytest

from benchmarks.rollouts import recorded, source_of
from cwm_engine.checking.report import ModelReport
from cwm_engine.diagnosis.session import Session, Settings

WRONG = source_of("cartpole").replace("temp - self.polemass_length", "temp + self.polemass_length")


@pytest.fixture
def session(tmp_path):
    """A session that has checked a wrong CartPole, and counts how often it runs a program."""
    with Session(Settings(file="cartpole.py", path=tmp_path / "cartpole.py"), recorded("cartpole")) as opened:
        opened.check(WRONG)
        runs = []
        run = opened._runner.run
        opened._runner.run = lambda *args, **more: runs.append(args) or run(*args, **more)
        opened.runs = runs
        yield opened


def mismatch(report: ModelReport):
    """The finding about the wrong state."""
    (finding,) = [finding for finding in report.findings if finding.code == "CWM201"]
    return finding


def fault_line(text: str) -> int:
    """The line with the wrong sign, from 1."""
    return next(number for number, line in enumerate(text.splitlines(), 1) if "temp + self.polemass" in line)


def test_a_comment_re_runs_nothing_and_moves_the_finding(session):
    text = "# a comment\n# another\n" + WRONG
    (report,) = session.check(text)
    assert session.runs == []
    assert mismatch(report).span.line == fault_line(text)
    assert mismatch(report).suspects[0].line == fault_line(text)


def test_the_repair_is_carried_along_and_still_applies(session):
    text = WRONG.replace("\n    def step", "\n    # one step of Euler's method\n    def step")
    (report,) = session.check(text)
    assert session.runs == []
    assert report.repairs[0].line == fault_line(text)
    assert report.repairs[0].text == text.replace("temp + self.polemass_length", "temp - self.polemass_length")


def test_a_comment_on_the_line_of_the_repair_is_never_lost(session):
    text = "\n".join(f"{line}  # why?" if "xacc = " in line else line for line in WRONG.splitlines()) + "\n"
    (report,) = session.check(text)
    assert "# why?" in report.repairs[0].text
    assert "temp - self.polemass_length" in report.repairs[0].text


def test_a_changed_program_is_run_again(session):
    (report,) = session.check(WRONG.replace("temp + self.polemass_length", "temp - self.polemass_length"))
    assert session.runs
    assert report.accuracy == 1.0


def test_a_new_ignore_comment_counts_although_nothing_runs(session):
    text = WRONG.splitlines()
    text[fault_line(WRONG) - 1] += "  # cwm: ignore[CWM201]"
    (report,) = session.check("\n".join(text) + "\n")
    assert "CWM201" not in [finding.code for finding in report.findings]
