"""Order: the first transitions that run are those that most likely show a mistake."""

from __future__ import annotations

import ast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.checking.order import FIRST, after, blamed, spread
from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.run import Runner
from cwm_engine.world_model.probes import instrument
from tests.checks import program_of
from tests.recordings import made, recorded

MODEL = """\
class Environment:
    def set_state(self, state):
        self.state = state

    def step(self, action):
        if self.state >= 190:
            return self.state + 1, 9.0, False
        elif self.state >= 100:
            return self.state + 1, 0.0, False
        return self.state + 1, 0.0, False
"""


@pytest.fixture(scope="module")
def runner():
    """Two hundred different states; the model is wrong about the last ten."""
    rows = [(state, state % 3, state + 1, 0.0, False) for state in range(200)]
    with Runner(Prepared(made(rows))) as runner:
        yield runner


@pytest.fixture(scope="module")
def before(runner):
    """What the model showed."""
    return runner.run(program_of(MODEL))


def state_of(prepared, runs):
    return [prepared.transitions.states.row(int(run)) for run in runs]


# A program nothing is known of


def test_first_transitions_are_spread_over_the_data_and_the_actions():
    prepared = Prepared(recorded("Taxi-v4"))
    runs = spread(prepared)
    actions = prepared.transitions.actions.arrays[0][runs]
    assert len(runs) == FIRST
    assert np.bincount(actions).min() >= FIRST // 6 - 1
    assert runs.max() > len(prepared.transitions) * 0.5


@pytest.mark.parametrize("count", [1, 2, FIRST, FIRST + 1])
def test_little_data_is_all_among_the_first(count):
    prepared = Prepared(made([(float(row), 0, 0.0, 0.0, False) for row in range(count)]))
    assert sorted(spread(prepared)) == list(range(min(count, FIRST)))


@given(st.integers(1, 3000), st.sampled_from(["int", "float", "array", "text", "nested"]))
def test_first_transitions_exist_and_differ_whatever_actions_are(count, kind):
    one = {"int": 1, "float": 0.5, "array": np.zeros(2), "text": "go", "nested": {"a": 1, "b": np.zeros(2)}}[kind]
    prepared = Prepared(made([(float(row), one, 0.0, 0.0, False) for row in range(count)]))
    runs = spread(prepared).tolist()
    assert len(set(runs)) == len(runs) == min(count, FIRST)
    assert set(runs) <= set(range(count))


# The next version of a program


def test_what_failed_runs_first(before):
    runs = after(before, instrument(ast.parse(MODEL)), [])
    assert set(state_of(before.prepared, runs[:10])) == set(range(190, 200))


def test_then_what_ran_through_the_lines_that_changed(before):
    runs = after(before, instrument(ast.parse(MODEL)), [9])
    assert all(100 <= state < 190 for state in state_of(before.prepared, runs[10:]))


def test_paths_and_actions_take_turns_among_the_rest(before):
    """The path of the failing ones is used up by them; two others remain."""
    rest = after(before, instrument(ast.parse(MODEL)), [])[10:]
    kinds = {(state >= 100, state % 3) for state in state_of(before.prepared, rest[:3])}
    assert len(rest) == FIRST - 10
    assert len(kinds) == 3


def test_no_transition_is_among_the_first_twice(before):
    runs = after(before, instrument(ast.parse(MODEL)), [6, 7, 8, 9, 10])
    assert len(set(runs.tolist())) == len(runs) == FIRST


def test_a_version_that_crashed_leaves_an_order_all_the_same(runner):
    crashed = runner.run(program_of(MODEL.replace("return self.state + 1, 9.0", "return self.state + 1 / 0, 9.0")))
    assert set(state_of(crashed.prepared, after(crashed, instrument(ast.parse(MODEL)), [])[:10])) == set(
        range(190, 200)
    )


# Where it went wrong


def test_a_few_of_the_wrong_ones_stand_for_all(runner):
    wrong = runner.run(program_of(MODEL.replace("0.0", "1.0")))
    states = state_of(wrong.prepared, blamed(wrong))
    assert len(states) == FIRST
    assert {state >= 100 for state in states} == {False, True}
    assert any(state >= 190 for state in states)


def test_nothing_stands_for_nothing(runner):
    assert not len(blamed(runner.run(program_of(MODEL.replace("9.0", "0.0")))))
