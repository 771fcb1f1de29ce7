"""Running a file of tests: what pytest and Hypothesis say of it, from inside the sandbox."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from cwm_engine.errors import CwmError
from cwm_engine.properties.running import Run, run_tests
from cwm_engine.sandbox.limits import Limits
from cwm_engine.sandbox.stop import Stop, Stopped
from tests.properties.running.files import HEAD, MODEL, TESTS, line_of, walk_in


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    """All tests of the file, run."""
    return run_tests(walk_in(tmp_path_factory.mktemp("walk")), Limits(loop_iterations=10_000))


def outcome(run, name):
    return next(one for one in run.outcomes if one.test == name)


# What comes of each test


def test_all_tests_are_told_in_their_order_with_their_lines(run):
    assert [one.test for one in run.outcomes] == [
        "test_it_always_answers",
        "test_the_state_never_falls",
        "test_nothing_is_paid",
        "test_the_third_action_goes_back",
        "test_there_is_a_place[0]",
        "test_there_is_a_place[4]",
        "test_four_is_no_action",
        "test_left_out",
        "test_that_reads_files",
    ]
    text = (HEAD + TESTS).splitlines()
    assert text[outcome(run, "test_nothing_is_paid").line - 1].startswith(("@given", "def test_nothing_is_paid"))
    assert (run.status, run.isolation) == ("complete", "full")


def test_what_holds_passes(run):
    assert outcome(run, "test_it_always_answers").status == "passed"
    assert outcome(run, "test_there_is_a_place[0]").status == "passed"


def test_what_does_not_hold_fails_with_the_simplest_case(run):
    (failure,) = outcome(run, "test_the_state_never_falls").failures
    assert failure.counterexample == (("state", "21"), ("action", "2"))
    assert failure.seen == (("next_state", "20"),)
    assert failure.test_line == line_of(HEAD + TESTS, "assert next_state")
    assert (failure.type, failure.message, failure.line) == ("AssertionError", "", None)


def test_an_example_that_is_written_down_is_a_case_too(run):
    (failure,) = outcome(run, "test_nothing_is_paid").failures
    assert failure.counterexample == (("state", "17"),)
    assert "something is paid" in failure.message


def test_an_exception_of_the_model_has_its_line(run):
    (failure,) = outcome(run, "test_four_is_no_action").failures
    assert (failure.type, failure.message) == ("IndexError", "no such place")
    assert failure.line == line_of(MODEL, "raise IndexError")
    assert failure.counterexample == (("state", "0"),)


def test_a_loop_that_does_not_end_is_found_and_the_case_made_simple(run):
    (failure,) = outcome(run, "test_the_third_action_goes_back").failures
    assert failure.message == "a loop does not end"
    assert failure.line in {line_of(MODEL, "while"), line_of(MODEL, "x = x + 0")}
    assert failure.counterexample == (("state", "0"),)


def test_parameters_of_pytest_are_the_case(run):
    (failure,) = outcome(run, "test_there_is_a_place[4]").failures
    assert failure.counterexample == (("action", "4"),)


def test_what_pytest_skips_is_skipped(run):
    assert outcome(run, "test_left_out").status == "skipped"
    assert "not now" in outcome(run, "test_left_out").reason


def test_what_the_sandbox_refuses_the_test_is_no_failure_of_the_model(run):
    found = outcome(run, "test_that_reads_files")
    assert (found.status, found.reason) == ("skipped", "it needs what the sandbox does not offer")


def test_the_paths_of_cases_that_pass_are_counted(run):
    passing = outcome(run, "test_it_always_answers").passing
    assert len(passing) >= 2
    assert sum(passing.values()) >= 50


# What a person may write


def test_fixtures_classes_and_own_modules_work(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/helping.py").write_text("def double(x): return 2 * x\n")
    tests = """
from helping import double


@pytest.fixture
def five():
    return 5


class TestClass:
    def test_in_a_class(self, five):
        assert double(predict(five, 1)[0]) == 12

    @given(state=states)
    @settings(max_examples=5)
    def test_cases_in_a_class(self, state):
        assert predict(state, 0)[0] == state
"""
    run = run_tests(walk_in(tmp_path, tests))
    assert [(one.test, one.status) for one in run.outcomes] == [
        ("test_in_a_class", "passed"),
        ("test_cases_in_a_class", "passed"),
    ]


def test_some_of_the_tests_can_be_run_alone(tmp_path):
    only = ("test_there_is_a_place", "test_left_out")
    run = run_tests(walk_in(tmp_path, only=only))
    assert [one.test for one in run.outcomes] == [
        "test_there_is_a_place[0]", "test_there_is_a_place[4]", "test_left_out",
    ]  # fmt: skip


def test_a_model_in_a_package_is_imported_by_name(tmp_path):
    folder = tmp_path / "worlds"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "places.py").write_text("STEP = 1\n")
    model = "from .places import STEP\n" + MODEL.replace("x = x + action", "x = x + STEP * action")
    tests = walk_in(tmp_path, "")
    (folder / "walk.py").write_text(model)
    text = (
        "import sys\nfrom pathlib import Path\n\nsys.path.insert(0, str(Path(__file__).parents[1]))\n"
        "import importlib\n\nMODEL = importlib.import_module('worlds.walk')\n\n"
        "def test_it():\n    model = MODEL.Environment()\n    model.set_state(3)\n    assert model.step(1)[0] == 4\n"
    )
    tests = type(tests)(tests.path, text, folder / "walk.py", model, tmp_path)
    assert [one.status for one in run_tests(tests).outcomes] == ["passed"]


# What failed before


def test_what_failed_is_tried_first_here_and_by_bare_pytest(tmp_path):
    tests = """
@given(state=st.integers(0, 10**9))
@settings(max_examples=300)
def test_it_is_never_that_number(state):
    assert not 10**6 < predict(state, 0)[0] < 10**8
"""
    asked = walk_in(tmp_path, tests, only=None)
    first = run_tests(asked)
    while not first.failed:  # chance may miss it
        first = run_tests(asked)
    (failure,) = first.failed[0].failures
    assert failure.counterexample == (("state", "1000001"),)
    again = run_tests(asked)
    assert again.failed[0].failures[0].counterexample == failure.counterexample
    assert not again.failed[0].passing  # the first case failed
    bare = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--hypothesis-show-statistics", "tests"],
        cwd=tmp_path, capture_output=True, text=True, check=False, env={},  # with `CI` Hypothesis keeps no examples
    )  # fmt: skip
    assert "during reuse phase" in bare.stdout
    assert "state=1000001" in bare.stdout.replace(" ", "")


# What goes wrong


def test_the_others_go_on_when_the_model_ends_its_process(tmp_path):
    tests = """
def test_ends():
    import os
    os._exit(3)


def test_goes_on():
    assert predict(1, 1)[0] == 2
"""
    run = run_tests(walk_in(tmp_path, tests))
    assert [(one.test, one.status) for one in run.outcomes] == [("test_ends", "failed"), ("test_goes_on", "passed")]
    assert "it ends its process" in run.outcomes[0].failures[0].message


def test_what_does_not_finish_says_so_and_names_the_line_on_which_the_model_hangs(tmp_path):
    model = MODEL.replace("        x = self.state\n", "        x = self.state\n        sum(range(10**12))\n", 1)
    run = run_tests(walk_in(tmp_path, "\ndef test_hangs():\n    predict(1, 1)\n", model), seconds=2.0)
    assert run.status == "partial"
    assert run.outcomes[0].status == "unfinished"
    assert run.outcomes[0].hung == line_of(model, "sum(range")
    assert run.seconds < 30


def test_a_failure_is_told_although_there_is_no_time_to_make_it_simple(tmp_path):
    model = MODEL.replace("        x = self.state\n", "        x = self.state\n        sum(range(4 * 10**7))\n", 1)
    tests = """
@given(state=st.integers(0, 10**9), action=st.lists(st.integers()))
def test_slow(state, action):
    assert predict(state, 1)[0] == state
"""
    run = run_tests(walk_in(tmp_path, tests, model), seconds=4.0)
    (failure,) = run.outcomes[0].failures
    assert not failure.shrunk
    assert dict(failure.counterexample).keys() == {"state", "action"}


def test_a_model_that_cannot_be_loaded_is_the_problem_of_the_run(tmp_path):
    run = run_tests(walk_in(tmp_path, model="raise ValueError('no')\n" + MODEL))
    assert (run.status, run.problem, run.problem_line) == ("error", "ValueError: no", 1)
    assert run.outcomes == ()


def test_what_raises_below_the_model_is_on_the_line_of_the_model(tmp_path):
    model = "import numpy as np\n" + MODEL.replace("x = x + action", "np.linalg.inv(np.zeros((2, 2)))")
    run = run_tests(walk_in(tmp_path, "\ndef test_it():\n    predict(1, 1)\n", model))
    (failure,) = run.outcomes[0].failures
    assert (failure.type, failure.line) == ("LinAlgError", line_of(model, "np.linalg.inv"))


def test_tests_that_are_no_python_are_named(tmp_path):
    with pytest.raises(CwmError, match=r"test_walk\.py: is not valid Python in line"):
        run_tests(walk_in(tmp_path, "\ndef test(:\n"))


def test_modules_that_the_sandbox_does_not_hold_are_named(tmp_path):
    with pytest.raises(CwmError, match="The module `pygls` is not among"):
        run_tests(walk_in(tmp_path, "\nimport pygls\n"))


def test_a_model_may_import_no_more_than_when_it_is_checked(tmp_path):
    run = run_tests(walk_in(tmp_path, model="__import__('subprocess')\n" + MODEL))
    assert run.status == "error"
    assert "may not import 'subprocess'" in run.problem


def test_a_run_can_be_stopped(tmp_path):
    stop = Stop()
    threading.Timer(1.5, stop.now).start()
    started = time.monotonic()
    model = MODEL.replace("        x = self.state\n", "        x = self.state\n        sum(range(10**12))\n", 1)
    with pytest.raises(Stopped):
        run_tests(walk_in(tmp_path, "\ndef test_hangs():\n    predict(1, 1)\n", model), stop=stop)
    assert time.monotonic() - started < 40
