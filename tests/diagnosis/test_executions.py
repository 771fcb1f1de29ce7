"""Executions: how many transitions run each branch of a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from cwm_engine.diagnosis.executions import executions, line_executions
from cwm_engine.diagnosis.session import Session, Settings
from tests.recordings import made

ROWS = [(state, action, state + action, 0.0, False) for state in range(10) for action in range(3)]
HEAD = "class Environment:\n    def set_state(self, state):\n        self.state = state\n    def step(self, action):\n"


@pytest.fixture(scope="module")
def session():
    """Thirty transitions: ten states with three actions each."""
    with Session(Settings(file="model.py", path=Path("model.py"), repair=False), made(ROWS)) as session:
        yield session


@pytest.fixture
def counts(session):
    """How often branches of a `step` are executed, by their first line."""

    def counts(*statements: str) -> dict[str, int]:
        text = HEAD + "".join(f"        {statement}\n" for statement in statements)
        session.check(text)
        seen = session.seen("Environment")
        assert seen is not None
        lines = text.splitlines()
        return {lines[line - 1].strip(): count for line, count in executions(*seen).items()}

    return counts


def test_each_side_of_an_if_is_counted(counts):
    found = counts("if action == 1:", "    x = 1", "else:", "    x = 2", "return self.state + action, 0.0, False")
    assert found == {"x = 1": 10, "x = 2": 20}


def test_a_branch_that_never_runs_counts_nothing(counts):
    assert counts("if action > 5:", "    action = 5", "return self.state + action, 0.0, False") == {"action = 5": 0}


def test_a_loop_counts_a_transition_once_however_often_it_turns(counts):
    found = counts("n = action", "while n > 0:", "    n -= 1", "return self.state + action, 0.0, False")
    assert found == {"n -= 1": 20}


def test_what_follows_an_early_return_is_a_branch(counts):
    found = counts("if action == 0:", "    return self.state, 0.0, False", "return self.state + action, 0.0, False")
    assert found == {"return self.state, 0.0, False": 10, "return self.state + action, 0.0, False": 20}


def test_transitions_that_end_in_an_exception_count_up_to_it(counts):
    found = counts(
        "if action == 1:", "    x = 1", "    x = 1 // 0", "    x = 2", "return self.state + action, 0.0, False"
    )
    assert found["x = 1"] == 10


def test_equal_states_and_actions_count_as_often_as_they_were_observed():
    rows = [(0, 1, 1, 0.0, False)] * 7 + [(0, 0, 0, 0.0, False)]
    text = f"{HEAD}        if action:\n            pass\n        return self.state + action, 0.0, False\n"
    with Session(Settings(file="model.py", path=Path("model.py"), repair=False), made(rows)) as session:
        session.check(text)
        seen = session.seen("Environment")
        assert seen is not None
        assert list(executions(*seen).values()) == [7]


def test_nothing_is_known_of_a_model_that_has_not_run(session):
    assert session.seen("Nobody") is None


def test_every_line_of_the_functions_is_counted_and_what_runs_once_counts_once(session):
    text = HEAD.replace("    def step", "    def __init__(self):\n        self.state = 0\n    def step")
    text += "        if action == 1:\n            action = 1\n        return self.state + action, 0.0, False\n"
    session.check(text)
    seen = session.seen("Environment")
    assert seen is not None
    counts = line_executions(*seen)
    lines = text.splitlines()
    by_text = {lines[line - 1].strip(): count for line, count in counts.items()}
    assert by_text == {
        "self.state = state": 30,
        "self.state = 0": 1,
        "if action == 1:": 30,
        "action = 1": 10,
        "return self.state + action, 0.0, False": 30,
    }
