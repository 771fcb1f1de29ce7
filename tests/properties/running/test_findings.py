"""Findings about properties: on the line of the model that breaks them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cwm_engine.findings import Severity
from cwm_engine.properties.running import Failure, Outcome, Run, findings_of, run_tests
from cwm_engine.sandbox.limits import Limits
from tests.properties.running.files import HEAD, MODEL, TESTS, line_of, walk_in


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    """What is said of the model, by code."""
    tests = walk_in(tmp_path_factory.mktemp("walk"))
    return findings_of(run_tests(tests, Limits(loop_iterations=10_000)), MODEL, tests.text, tests.path)


def about(findings, words):
    return next(finding for finding in findings if words in finding.message)


def test_a_broken_property_is_on_the_line_that_breaks_it(findings):
    finding = about(findings, "`the state never falls`")
    assert finding.code == "CWM701"
    assert finding.severity is Severity.WARNING
    assert finding.message == "`the state never falls` does not hold for state=21, action=2, where next_state is 20."
    assert finding.span.line == line_of(MODEL, "x = x - 1")
    assert finding.fields == ("obs",)
    assert f"test_walk.py:{line_of(HEAD + TESTS, 'assert next_state')}" in finding.note


def test_fields_that_no_marker_names_are_read_from_the_assertion(findings):
    finding = about(findings, "`nothing is paid`")
    assert finding.fields == ("reward",)
    assert finding.span.line == line_of(MODEL, "reward = 1.0")
    assert "(AssertionError" not in finding.message


def test_an_exception_is_told_once_on_its_line(findings):
    (finding,) = [one for one in findings if one.code == "CWM702" and "IndexError" in one.message]
    assert finding.span.line == line_of(MODEL, "raise IndexError")
    assert "IndexError: no such place" in finding.message
    assert "and 1 more" in finding.message


def test_an_endless_loop_is_on_the_loop(findings):
    finding = about(findings, "a loop does not end")
    assert finding.code == "CWM702"
    assert "for state=0" in finding.message


def test_what_passes_and_what_is_skipped_says_nothing(findings):
    assert {finding.code for finding in findings} == {"CWM701", "CWM702"}
    assert not [one for one in findings if "left out" in one.message or "reads files" in one.message]


def said(outcome, text=MODEL, tests=HEAD + TESTS):
    return findings_of(Run((outcome,)), text, tests, Path("test_walk.py"))


def test_a_hang_is_undecided_on_its_line():
    outcome = Outcome("test_slow", 30, "unfinished", reason="it did not finish within 60 seconds", hung=6)
    (finding,) = said(outcome)
    assert (finding.code, finding.span.line, finding.severity) == ("CWM703", 6, Severity.INFO)


def test_where_nothing_is_known_it_is_the_function_that_predicts():
    (finding,) = said(Outcome("test_x", 30, "failed", failures=(Failure("AssertionError", ""),)))
    assert finding.span.line == line_of(MODEL, "def step")


def test_a_comment_suppresses_it_as_any_other():
    text = MODEL.replace("def step(self, action):", "def step(self, action):  # cwm: ignore[CWM701]")
    assert said(Outcome("test_x", 30, "failed", failures=(Failure("AssertionError", ""),)), text) == ()


def test_a_docstring_says_what_is_stated_in_a_whole_sentence():
    told = '"""No state comes up\n    but 1.5 and 2: while it goes on. It was so.\n\n    Mined.\n    """'
    tests = f"def test_x():\n    {told}\n    assert False\n"
    outcome = Outcome("test_x", 1, "failed", failures=(Failure("AssertionError", ""),))
    (finding,) = said(outcome, tests=tests)
    assert finding.message == "`No state comes up but 1.5 and 2` does not hold."


def test_a_field_of_a_dictionary_is_named_as_reports_do():
    tests = "def test_x():\n    assert next_state['board'][2] == 1 and not done\n"
    outcome = Outcome("test_x", 1, "failed", failures=(Failure("AssertionError", "", test_line=2),))
    (finding,) = said(outcome, tests=tests)
    assert finding.fields == ("obs.board[2]", "terminated")
