"""Notes: what a run shows besides mistakes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cwm_engine.checking.report import Status
from cwm_engine.findings import Severity
from cwm_engine.sandbox.limits import Limits
from tests.checks import Desk, check
from tests.recordings import made, recorded, right_model

WALK = """\
class Environment:
    def set_state(self, state):
        self.state = state

    def step(self, action):
        return self.state + action, 0.0, False
"""
ROWS = [(state, action, state + action, 0.0, False) for state in range(10) for action in range(3)]


@pytest.fixture(scope="module")
def walk():
    """A walk along the whole numbers."""
    with Desk(made(ROWS), limits=Limits(step_seconds=0.5)) as desk:
        yield desk


def doing(statement: str, before: str = "") -> str:
    return before + WALK.replace("        return", f"        {statement}\n        return")


# Prints


def test_a_model_that_prints_is_told_so_once_with_the_first_line(walk):
    checked = walk.check(doing("print('at', self.state)"))
    assert checked.says("CWM112", "The model prints while it runs, first: 'at ")
    assert checked.codes.count("CWM112") == 1
    assert checked.finding("CWM112").severity is Severity.INFO
    assert checked.accuracy == 1.0


@pytest.mark.parametrize("statement", ["print('hello')", "import sys; sys.stderr.write('hello')"])
def test_what_is_printed_at_import_or_as_an_error_counts_too(walk, statement):
    assert walk.check(f"{statement}\n{WALK}").says("CWM112", "first: 'hello'")


def test_what_a_model_printed_before_it_failed_to_load_is_shown(walk):
    assert walk.check(f"print('so far')\n{WALK}\nraise ValueError\n").says("CWM112", "first: 'so far'")


def test_a_flood_of_text_does_no_harm(walk):
    checked = walk.check(doing("print('x' * 10_000_000)"))
    assert checked.accuracy == 1.0
    assert len(checked.finding("CWM112").message) < 200


def test_what_is_printed_cannot_steer_the_terminal(walk):
    assert "\x1b[31m" not in walk.check(doing(r"print('\x1b[31mred')")).text


# Randomness, memory, changed arguments


@pytest.mark.parametrize("draw", ["random.random()", "time.perf_counter()"])
def test_a_random_model_and_one_that_looks_at_the_clock_are_told_so(walk, draw):
    checked = walk.check(f"import random, time\n{WALK.replace('0.0', draw)}")
    assert checked.says("CWM501", "gave different predictions when asked twice, in 12 of 12 transitions", line=6)
    assert checked.finding("CWM501").severity is Severity.WARNING
    assert len(checked.finding("CWM501").examples) == 1


def test_a_model_declared_stochastic_may_be_random():
    source = f"import random\n{WALK.replace('0.0', 'random.random()')}"
    checked = check(source, made(ROWS), stochastic=True)
    assert "CWM501" not in checked.codes


def test_a_model_that_counts_its_steps_is_told_so(walk):
    source = doing("self.steps += 1", before="").replace("0.0", "float(self.steps)")
    checked = walk.check(f"{source}\n    def __init__(self):\n        self.steps = 0\n")
    assert checked.says("CWM502", "depends on the steps before it, not on state and action alone, in 12 of 12")
    assert "episode mode" in checked.finding("CWM502").note


def test_a_model_that_changes_the_state_it_was_given_is_told_so():
    rows = [(np.array([state, 0.0]), 0, np.array([state, 0.0]), 0.0, False) for state in range(20)]
    source = WALK.replace("self.state + action", "(self.state[0], 0.0)")
    source = source.replace("        return", "        self.state[1] += 1\n        return")
    checked = check(source, made(rows))
    assert checked.says("CWM503", "The model changes the state or action it was given, in 12 of 12 transitions")
    assert "CWM501" not in checked.codes
    assert checked.accuracy == 1.0


@pytest.mark.parametrize(
    "change",
    ["self.state['at'] = 5", "self.state['me'] = self", "self.state['me'] = self.state", "self.state.clear()"],
)
def test_whatever_a_model_puts_into_its_state_is_noticed(change):
    rows = [({"at": state}, 0, {"at": 0}, 0.0, False) for state in range(6)]
    source = WALK.replace("self.state + action", "{'at': 0}").replace(
        "        return", f"        {change}\n        return"
    )
    checked = check(source, made(rows))
    assert "CWM503" in checked.codes
    assert checked.accuracy == 1.0


# Code that no transition executes


def test_code_that_no_transition_executes_is_marked_at_its_outermost(walk):
    source = doing("if self.state > 50:\n            x = 1\n            if action:\n                x = 2")
    checked = walk.check(source)
    finding = checked.finding("CWM601")
    assert (finding.span.line, finding.span.end_line) == (7, 8)
    assert finding.severity is Severity.HINT


def test_the_condition_that_keeps_code_from_running_is_named_with_it(walk):
    checked = walk.check(doing("if self.state > 50:\n            x = 1"))
    finding = checked.finding("CWM601")
    assert finding.message == "No transition executes this code: the condition on line 6 never holds."
    assert [suspect.line for suspect in finding.suspects] == [6]


def test_a_constant_in_such_a_condition_is_named_too(walk):
    checked = walk.check(f"LIMIT = 50\n\n{doing('if self.state > LIMIT:' + chr(10) + '            x = 1')}")
    finding = checked.finding("CWM601")
    assert finding.message.endswith("the condition on line 8 never holds; it depends on `LIMIT` on line 1.")
    assert [suspect.line for suspect in finding.suspects] == [8, 1]


@pytest.mark.parametrize(
    "code",
    ["if self.state < 50:\n            x = 1\n        else:\n            x = 2", "for x in []:\n            x = 1"],
    ids=["else", "loop"],
)
def test_other_code_that_never_runs_has_no_such_condition(walk, code):
    finding = walk.check(doing(code)).finding("CWM601")
    assert (finding.message, finding.suspects) == ("No transition executes this code.", ())


def test_code_that_runs_at_loading_or_until_it_raises_has_run(walk):
    source = doing("if self.state == 3:\n            x = 1\n            x = 1 / 0")
    checked = walk.check(f"{source}\n    def __init__(self):\n        self.state = 0\n")
    assert "CWM601" not in checked.codes


def test_where_not_every_transition_ran_nothing_is_said_about_code(walk):
    source = doing("if self.state > 50:\n            x = 1\n        9 ** 9 ** 9")
    checked = walk.check(source)
    assert checked.report.status is Status.TIMEOUT
    assert "CWM601" not in checked.codes


def test_the_code_of_another_model_in_the_file_is_not_this_ones_business(walk):
    other = WALK.replace("Environment", "Other")
    reports = walk.check(f"{WALK}\n\n{other}").reports
    assert [report.model for report in reports] == ["Environment", "Other"]
    assert not [finding for report in reports for finding in report.findings]


# The data


def test_data_that_contradicts_itself_bounds_every_model():
    rows = [*ROWS, (0, 0, 7, 0.0, False)]
    checked = check(WALK, made(rows))
    assert checked.says("CWM803", "no deterministic model can exceed an accuracy of 96.77%")
    assert checked.accuracy == checked.report.ceiling == 30 / 31


def test_a_model_that_is_right_as_often_as_possible_is_not_blamed_for_the_rest():
    checked = check(WALK, made([*ROWS, (0, 0, 7, 0.0, False)]))
    assert checked.codes == ["CWM803"]
    wrong = check(
        WALK.replace("self.state + action", "7 if self.state + action == 0 else self.state + action"),
        made([*ROWS, (0, 0, 0, 0.0, False), (0, 0, 7, 0.0, False)]),
    )
    assert "CWM201" in wrong.codes


def test_a_time_limit_stored_as_an_end_is_said_and_not_held_against_the_model():
    dataset = recorded("Taxi-v4", count=800)
    cut = replace(dataset, terminated=dataset.terminated | dataset.truncated, truncated=np.zeros(800, dtype=np.bool_))
    assert (cut.terminated != dataset.terminated).any()
    checked = check(right_model("Taxi-v4"), cut)
    assert checked.says("CWM802", "transitions end at the time limit but are stored as terminated")
    assert checked.accuracy == 1.0


def test_a_model_with_memory_is_not_bound_by_contradictions():
    rows = [(0, 0, 1, 0.0, False), (0, 0, 2, 0.0, False)]
    source = WALK.replace("self.state + action", "self.count").replace(
        "        return", "        self.count += 1\n        return"
    )
    checked = check(f"{source}\n    def __init__(self):\n        self.count = 0\n", made(rows), mode="episode")
    assert checked.codes == []
    assert (checked.accuracy, checked.report.ceiling) == (1.0, None)
