"""A model with every mistake a property can find, and tests that find them."""

from __future__ import annotations

from pathlib import Path

from cwm_engine.properties.running import Tests

MODEL = """\
class Environment:
    def set_state(self, state):
        self.state = state

    def step(self, action):
        x = self.state
        reward = 0.0
        if action == 2 and x > 20:
            x = x - 1
        elif action == 3:
            while x < 1000:
                x = x + 0
        else:
            x = x + action
        if x == 17:
            reward = 1.0
        if action == 4:
            raise IndexError("no such place")
        self.state = x
        return x, reward, False
"""
HEAD = '''\
"""Properties of a walk."""

import importlib.util
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

HERE = Path(__file__).resolve().parent
FILE = HERE.parents[0] / "walk.py"


def load_model():
    spec = importlib.util.spec_from_file_location(FILE.stem, FILE)
    module = sys.modules[FILE.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MODEL = load_model()


def predict(state, action):
    model = MODEL.Environment()
    model.set_state(state)
    return model.step(action)


states = st.integers(0, 100)
actions = st.sampled_from([0, 1, 2])
'''
TESTS = """
@given(state=states, action=actions)
def test_it_always_answers(state, action):
    predict(state, action)


# cwm: mined 01234567 obs
@given(state=states, action=actions)
def test_the_state_never_falls(state, action):
    next_state, _, _ = predict(state, action)
    assert next_state >= state


@given(state=states)
@example(state=17)
def test_nothing_is_paid(state):
    _, reward, _ = predict(state, 0)
    assert reward == 0.0, "something is paid"


@given(state=states)
def test_the_third_action_goes_back(state):
    predict(state, 3)


@pytest.mark.parametrize("action", [0, 4])
def test_there_is_a_place(action):
    predict(5, action)


@given(state=states)
def test_four_is_no_action(state):
    predict(state, 4)


@pytest.mark.skip(reason="not now")
def test_left_out():
    assert False


def test_that_reads_files():
    Path("/etc/hostname").read_text()
"""


def walk_in(folder: Path, tests: str = TESTS, model: str = MODEL, **more) -> Tests:
    """The files, written."""
    (folder / "tests").mkdir(exist_ok=True)
    (folder / "walk.py").write_text(model)
    (folder / "tests/test_walk.py").write_text(HEAD + tests)
    return Tests(folder / "tests/test_walk.py", HEAD + tests, folder / "walk.py", model, folder, **more)


def line_of(text: str, beginning: str) -> int:
    """The first line that begins so."""
    return next(number for number, line in enumerate(text.splitlines(), 1) if line.strip().startswith(beginning))
