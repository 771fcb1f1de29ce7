"""Findings about predictions that never came: each says what happened, where, and what to do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cwm_engine.checking.report import Status
from cwm_engine.findings import CODES
from cwm_engine.sandbox.limits import Limits
from tests.checks import Desk, check
from tests.recordings import made, recorded, right_model

CART = """\
import math

class Environment:
    def __init__(self):
        self.ready = True

    def set_state(self, state):
        self.state = tuple(state)

    def step(self, action):
        x, v, angle, w = self.state
        return (x, v, angle, w), 1.0, False
"""


@pytest.fixture(scope="module")
def cart():
    """CartPole, and a model that does nothing."""
    with Desk(recorded("CartPole-v1"), limits=Limits(step_seconds=0.5, loop_iterations=20_000)) as desk:
        yield desk


def returning(values: str) -> str:
    return CART.replace("(x, v, angle, w), 1.0, False", values)


def doing(statement: str) -> str:
    return CART.replace("        return", f"        {statement}\n        return")


def loading(statement: str) -> str:
    return f"{CART}\n{statement}\n"


# What was returned


@pytest.mark.parametrize(
    ("values", "code", "message"),
    [
        ("None", "CWM108", "`step` returned None, not 3 values (observation, reward, done)"),
        ("(x, v, angle, w), 1.0", "CWM108", "`step` returned 2 values, not 3 values"),
        ("(x, v, angle, w), 1.0, False, False, {}", "CWM108", "`step` returned 5 values, not 3 values"),
        ("(x, v, angle), 1.0, False", "CWM109", "The observation has shape (3,), the data has shape (4,)"),
        ("x, 1.0, False", "CWM109", "The observation has shape (), the data has shape (4,)"),
        ("(str(x), v, angle, w), 1.0, False", "CWM110", "`obs[0]` is the text"),
        ("(x, None, angle, w), 1.0, False", "CWM110", "`obs[1]` is None, not a number"),
        ("None, 1.0, False", "CWM110", "The observation is None, the data has numbers of shape (4,)"),
        ("(x, v, angle, w), '1.0', False", "CWM110", "`reward` is the text '1.0', not a number"),
        ("(x, v, angle, w), 1.0, None", "CWM110", "`done` is None, not True or False"),
    ],
)
def test_what_is_no_prediction_is_said_at_the_step_with_its_count(cart, values, code, message):
    checked = cart.check(returning(values))
    assert checked.says(code, message, line=10)
    finding = checked.finding(code)
    assert finding.count == 300
    assert finding.note == CODES[code].fix
    assert "(300 of 300 transitions)" in checked.text
    assert (checked.accuracy, set(checked.report.fields.values())) == (0.0, {0.0})


def test_a_wrong_shape_is_not_taken_for_data_of_another_environment(cart):
    assert "CWM113" not in cart.check(returning("(x, v, angle), 1.0, False")).codes


@pytest.mark.parametrize(
    ("value", "code"), [("float('nan')", "CWM202"), ("float('inf')", "CWM202"), ("-math.inf", "CWM202")]
)
def test_a_number_that_is_not_finite_is_a_finding_of_its_own(cart, value, code):
    checked = cart.check(returning(f"({value}, v, angle, w), 1.0, False"))
    assert code in checked.codes
    assert "are wrong in 300 of 300 transitions" in checked.text


# What was raised


@pytest.mark.parametrize(
    ("statement", "code", "message"),
    [
        ("1 / 0", "CWM401", "ZeroDivisionError: division by zero (300 of 300 transitions)"),
        ("assert False", "CWM401", "AssertionError (300 of 300 transitions)"),
        ("raise ValueError('a. b.')", "CWM401", "ValueError: a. b (300 of 300 transitions)"),
        ("raise StopIteration", "CWM401", "StopIteration (300 of 300 transitions)"),
        ("raise KeyboardInterrupt", "CWM401", "KeyboardInterrupt (300 of 300 transitions)"),
        ("self.step(action)", "CWM401", "RecursionError: maximum recursion depth exceeded"),
        ("import sys; sys.exit(3)", "CWM403", "SystemExit: 3 (300 of 300 transitions)"),
        ("open('/etc/passwd')", "CWM405", "PermissionError"),
        ("__import__('os')", "CWM405", "ForbiddenImportError: a world model may not import 'os'"),
        ("[0] * (1 << 40)", "CWM404", "MemoryError (20 of 20 transitions)"),
        ("while True: pass", "CWM406", "Loops turned more than 20,000 times (20 of 20 transitions)"),
    ],
)
def test_an_exception_is_said_on_its_line(cart, statement, code, message):
    checked = cart.check(doing(statement) if statement[0] != "w" else doing(f"\n        {statement}"))
    line = 12 + (statement[0] == "w")
    assert checked.says(code, message, line=line)
    assert checked.finding(code).note


@pytest.mark.parametrize(
    ("statement", "advice"),
    [
        ("1 / 0", "Guard the division for this state."),
        ("print(nowhere)", "Define the name before it is used, or correct its spelling."),
        ("self.nothing", "Set the attribute before it is read, or correct its spelling."),
        ("raise ValueError", CODES["CWM401"].fix),
    ],
)
def test_advice_is_for_the_exception_at_hand(cart, statement, advice):
    assert cart.check(doing(statement)).finding("CWM401").note == advice


def test_an_exception_in_some_states_is_counted_with_the_first_three_as_examples(cart):
    checked = cart.check(doing("assert action == 1 or angle < 0"))
    finding = checked.finding("CWM401")
    dataset = recorded("CartPole-v1")
    rows = np.flatnonzero((dataset.actions.arrays[0] != 1) & (dataset.observations.arrays[0][:, 2] >= 0))
    assert finding.count == len(rows)
    assert [(one.episode, one.step) for one in finding.examples] == [
        (dataset.episode[row], dataset.step[row]) for row in rows[:3]
    ]
    assert finding.examples[0].predicted == {"error": ""}


def test_failures_at_several_lines_are_told_apart_the_most_frequent_first(cart):
    source = doing("assert angle < 0\n        assert action")
    found = [finding for finding in cart.check(source).report.findings if finding.code == "CWM401"]
    assert sorted(finding.span.line for finding in found) == [12, 13]
    assert found[0].count >= found[1].count


def test_messages_that_differ_by_state_are_one_finding(cart):
    finding = cart.check(doing("raise ValueError(f'no {angle}')")).finding("CWM401")
    assert finding.count == 300


def test_a_failing_reward_function_is_marked_itself():
    source = (
        "def transition(state, action):\n    return state\n\ndef reward(state, action, next_state):\n    return 1.0\n"
    )
    checked = check(source, recorded("FrozenLake-v1"))
    assert checked.says("CWM108", "`reward` returned 1.0 of type float, not 2 values (reward, done)", line=4)


# Where it ended


def test_a_step_that_never_ends_is_said_on_its_line_with_its_transition(cart):
    checked = cart.check(doing("9 ** 9 ** 9"))
    assert checked.report.status is Status.TIMEOUT
    assert checked.says("CWM402", "One step took longer than 0.5 s; the check ended there", line=12)
    assert len(checked.finding("CWM402").examples) == 1


def test_a_check_that_takes_too_long_is_told_how_to_get_more_time():
    source = f"import time\n{doing('time.sleep(0.02)')}"
    checked = check(source, recorded("CartPole-v1"), limits=Limits(wall_seconds=0.5))
    assert checked.says("CWM402", "The check took longer than 0.5 s")
    assert "--timeout" in checked.finding("CWM402").note


def test_a_process_that_ends_itself_is_a_crash(cart):
    checked = cart.check(doing("import sys; sys.modules['os']._exit(0)"))
    assert checked.report.status is Status.PARTIAL
    assert checked.says("CWM403", "The model ended without an answer (exit code 0); the check ended there")


def test_a_crash_of_the_interpreter_is_said_on_its_line(cart):
    """A code object made of nothing."""
    crash = "f = lambda: 0; f.__code__ = f.__code__.replace(co_code=bytes([255] * 8)); f()"
    checked = cart.check(doing(crash))
    assert checked.report.status is not Status.COMPLETE or checked.accuracy == 0.0
    assert {"CWM401", "CWM403"} & set(checked.codes)


def test_a_model_that_interferes_with_the_check_is_caught(cart):
    source = doing("""\
import sys
        frame = sys._getframe()
        while 'context' not in frame.f_locals: frame = frame.f_back
        frame.f_locals['context'].send({'event': 'done', 'complete': True, 'printed': ''})""")
    assert cart.check(source).says("CWM405", "The model interfered with the check")


# Loading


@pytest.mark.parametrize(
    ("source", "code", "message", "line"),
    [
        (loading("raise RuntimeError('no')"), "CWM107", "The model could not be loaded: RuntimeError: no.", 14),
        (loading("import sys; sys.exit(2)"), "CWM107", "The model could not be loaded: SystemExit: 2.", 14),
        (
            CART.replace("self.ready = True", "self.ready = 1 / 0"),
            "CWM107",
            "could not be loaded: ZeroDivisionError",
            5,
        ),
        (CART.replace("self.ready = True", "[0] * (1 << 40)"), "CWM404", "could not be loaded: MemoryError.", 5),
        (loading("while True: pass"), "CWM406", "could not be loaded: loops turned more than 20,000 times.", 14),
        (loading("open('/etc/passwd')"), "CWM405", "could not be loaded: PermissionError", 14),
        (loading("9 ** 9 ** 9"), "CWM402", "Loading the model took longer than 2.5 s; nothing was checked", 14),
        (
            loading("import sys; sys.modules['os']._exit(3)"),
            "CWM403",
            "The model ended without an answer (exit code 3); nothing was checked",
            3,
        ),
    ],
    ids=["raise", "exit", "constructor", "memory", "loop", "file", "hang", "crash"],
)
def test_a_model_that_cannot_be_loaded_says_why_and_where(cart, source, code, message, line):
    checked = cart.check(source)
    assert checked.says(code, message, line=line)
    assert checked.report.status in {Status.ERROR, Status.TIMEOUT}
    assert checked.report.transitions.checked == 0
    assert checked.accuracy is None
    assert "not checked" in checked.text


def test_a_goal_that_is_not_there_is_named():
    source = right_model("FrozenLake-v1") + "\nREWARDS = {'goal': reward}\n"
    checked = check(source, recorded("FrozenLake-v1"), goal="gaol")
    assert checked.says("CWM107", "`REWARDS` has no goal 'gaol', only 'goal'")


# Data of another environment


@pytest.mark.parametrize(
    ("model", "data", "described"),
    [
        ("CartPole-v1", "Taxi-v4", "values such as"),
        ("Taxi-v4", "CartPole-v1", "arrays of shape (4,)"),
        ("Acrobot-v1", "CartPole-v1", "arrays of shape (4,)"),
        ("CartPole-v1", "Acrobot-v1", "arrays of shape (6,)"),
        ("FrozenLake-v1", "CartPole-v1", "arrays of shape (4,)"),
    ],
)
def test_states_that_do_not_fit_the_model_are_said_to_be_of_another_environment(model, data, described):
    checked = check(right_model(model), recorded(data))
    assert checked.says("CWM113", f"Not one state of the trajectories of {data} fits this model: they are {described}")
    assert checked.accuracy == 0.0


def test_states_of_other_forms_are_described():
    source = "class Environment:\n    def set_state(self, state):\n        self.x, self.y, self.z = state\n"
    source += "    def step(self, action):\n        return self.x, 0.0, False\n"
    for state, described in (((1, 2), "tuples of 2 items"), ({"a": 1}, "dictionaries with the keys 'a'")):
        checked = check(source, made([(state, 0, state, 0.0, False)] * 3))
        assert checked.says("CWM113", f"Not one state of these trajectories fits this model: they are {described}")


def test_a_configured_environment_that_is_another_is_said_even_where_states_fit():
    checked = check(right_model("CliffWalking-v1"), recorded("FrozenLake-v1"), environment="CliffWalking-v1")
    message = (
        "The configuration says that this is a model of CliffWalking-v1, the trajectories come from FrozenLake-v1."
    )
    assert checked.says("CWM113", message)


@pytest.mark.parametrize("named", ["Taxi-v3", "Taxi-v4", "toy/Taxi-v0", "module:Taxi-v1"])
def test_versions_and_namespaces_make_no_other_environment(named):
    checked = check(right_model("Taxi-v4"), recorded("Taxi-v4"), environment=named)
    assert checked.codes.count("CWM113") == 0
    assert checked.accuracy == 1.0


def test_a_reward_that_always_fails_says_nothing_about_the_data():
    source = right_model("FrozenLake-v1").replace('LAKE[next_state] == "G"', "None[0]")
    checked = check(source, recorded("FrozenLake-v1"))
    assert "CWM113" not in checked.codes
    assert "CWM401" in checked.codes


def test_one_state_that_fits_is_enough(cart):
    source = CART.replace("tuple(state)", "tuple(state) if state[2] > -0.05 else 1 / 0")
    dataset = recorded("CartPole-v1")
    assert (dataset.observations.arrays[0][:64, 2] <= -0.05).any()
    assert "CWM113" not in cart.check(source).codes


def test_provenance_is_not_needed():
    dataset = replace(recorded("CartPole-v1"), provenance=replace(recorded("CartPole-v1").provenance, environment=None))
    assert check(right_model("Taxi-v4"), dataset, environment="Taxi-v4").says("CWM113", "these trajectories")
