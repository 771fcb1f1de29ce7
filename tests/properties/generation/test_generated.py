"""Generated files as their owner has them: run by pytest alone, and failing where the model is wrong."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cwm_engine.errors import CwmError
from cwm_engine.project import ModelTarget
from cwm_engine.properties.generation import generated, regions, subject_of
from cwm_engine.properties.suite import Suite, collect
from cwm_engine.trajectories.dataset import Spaces
from tests.recordings import made, recorded, right_model

STEPS = [0, 1, 2]
LINE = made([(x, a, min(max(x + a - 1, 0), 9), float(x == 8), x == 8 and a == 2) for x in range(9) for a in STEPS] * 10,
            lengths=[1] * 270)  # fmt: skip
RIGHT_LINE = """\
class Environment:
    def set_state(self, state):
        self.state = state

    def step(self, action):
        before = self.state
        self.state = min(max(before + action - 1, 0), 9)
        return self.state, float(before == 8), self.state == 9
"""


def target(model: Path, **configured):
    return ModelTarget(path=model, trajectories=(), origin="none", root=model.parent, **configured)


def write(folder, source, suite, *, pinned=None, **configured):
    """A model and its tests in a project."""
    model, test = folder / "model.py", folder / "tests" / "test_model_properties.py"
    model.write_text(source)
    test.parent.mkdir(exist_ok=True)
    text = generated(suite, subject_of(target(model, **configured), source, test), pinned)
    test.write_text(text.replace("max_examples=100", "max_examples=30"))  # the faults here are no needles
    return test


def run(test: Path, *options: str):
    """What pytest says of a file, started somewhere else and without this project."""
    elsewhere = test.parents[1] / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # bare pytest
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", "--rootdir", str(elsewhere), str(test),
         *options],
        cwd=elsewhere, env=environment, capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    passed = set(re.findall(r"^PASSED .*::(\w+)", done.stdout, re.MULTILINE))
    failed = set(re.findall(r"^FAILED .*::(\w+)", done.stdout, re.MULTILINE))
    assert passed or failed, done.stdout + done.stderr
    return passed, failed


@pytest.fixture(scope="module")
def line():
    return Suite(LINE, collect(LINE).invariants)


@pytest.mark.parametrize("environment", ["CartPole-v1", "Taxi-v4"])
def test_a_right_model_passes_every_test_from_any_directory(environment, tmp_path):
    suite = collect(recorded(environment, 600))
    passed, failed = run(write(tmp_path, right_model(environment), suite))
    assert failed == set()
    assert len(passed) >= 10


@pytest.mark.parametrize(
    ("right", "wrong", "test"),
    [
        ("return self.state, float", "return [self.state], float", "test_a_next_state_has_the_form_of_recorded_ones"),
        ("float(before == 8), self", "self", "test_a_step_returns_3_values"),
        ("float(before == 8)", "float('nan')", "test_the_reward_is_a_finite_number"),
        ("float(before == 8)", "9.0", "test_the_reward_is_in_range"),
        ("self.state == 9", "'no'", "test_whether_the_episode_ends_is_true_or_false"),
        ("min(max(", "__import__('random').random() + min(max(", "test_the_same_step_gives_the_same_result_again"),
        ("min(max(", "__import__('random').random() + min(max(", "test_neither_chance_nor_the_clock_matters"),
        ("self.state = state", "self.state = self.most = max(state, vars(self).get('most', 0))",
         "test_earlier_steps_do_not_matter"),
        ("action - 1", "(action - 1) * 2", "test_action_2_changes_obs_by_1"),
    ],
)  # fmt: skip
def test_each_fault_breaks_the_property_it_is_against(right, wrong, test, line, tmp_path):
    assert right in RIGHT_LINE
    file = write(tmp_path, RIGHT_LINE.replace(right, wrong), line)
    assert run(file, "-k", test) == (set(), {test})


def test_a_model_that_goes_on_otherwise_than_it_begins_is_wrong(line, tmp_path):
    source = RIGHT_LINE.replace("self.state = state", "self.state, self.steps = state, 0")
    source = source.replace("before = self.state", "before = self.state; self.steps += 1; action += self.steps > 3")
    test = "test_steps_in_a_row_are_single_steps"
    assert run(write(tmp_path, source, line), "-k", test) == (set(), {test})


def test_what_a_model_is_given_must_stay_as_it_is(tmp_path):
    source = "import numpy as np\n" + right_model("CartPole-v1").replace(
        "def set_state(self, state):", "def set_state(self, state):\n        state = np.asarray(state); state[0] += 0"
    )
    suite = collect(recorded("CartPole-v1", 200))
    assert run(write(tmp_path, source, suite))[1] == set()
    _, failed = run(write(tmp_path, source.replace("+= 0", "+= 1"), suite))
    assert "test_state_and_action_are_not_changed" in failed


def test_the_order_of_sets_is_tried_where_a_model_has_sets(tmp_path, line):
    source = RIGHT_LINE.replace(
        "before = self.state", "before = self.state; first = list({'a', 'b', 'c', 'd', 'e'})[0]"
    )
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    for folder in (right, wrong):
        folder.mkdir()
    name = "test_the_order_of_sets_does_not_matter"
    assert name not in write(tmp_path, RIGHT_LINE, line).read_text()
    assert run(write(right, source, line), "-k", name) == ({name}, set())
    assert name in run(write(wrong, source.replace("float(before == 8)", "float(ord(first))"), line), "-k", name)[1]


def test_functions_are_a_model_too(tmp_path):
    suite = collect(recorded("FrozenLake-v1", 600))
    source = right_model("FrozenLake-v1")
    passed, failed = run(write(tmp_path, source, suite))
    assert failed == set()
    assert "test_steps_in_a_row_are_single_steps" in passed


def test_a_gymnasium_environment_is_a_model_too(tmp_path, line):
    source = "import gymnasium\n\n\n" + RIGHT_LINE.replace("class Environment:", "class Line(gymnasium.Env):").replace(
        "self.state == 9", "self.state == 9, False, {}"
    )
    passed, failed = run(write(tmp_path, source, line))
    assert failed == set()
    assert "test_a_step_returns_5_values" in passed


def test_goals_choose_the_reward(tmp_path, line):
    source = """\
def transition(state, action):
    return min(max(state + action - 1, 0), 9)


def none(state, action, next_state):
    return 7.0, False


def end(state, action, next_state):
    return float(state == 8), next_state == 9


REWARDS = {"none": none, "end": end}
"""
    test = "test_the_reward_is_in_range"
    assert run(write(tmp_path, source, line, goal="end"), "-k", test) == ({test}, set())
    assert run(write(tmp_path, source, line, goal="none"), "-k", test) == (set(), {test})


def test_nested_states_are_given_and_compared_part_by_part(tmp_path):
    rows = [({"at": (x, x % 5), "keys": [0, 1]}, a, {"at": (x + a, x % 5), "keys": [0, 1]}, 0.0, False)
            for x in range(30) for a in (0, 1)]  # fmt: skip
    source = """\
class Environment:
    def set_state(self, state):
        self.x, self.y = state["at"]
        self.keys = state["keys"]

    def step(self, action):
        self.x += action
        return {"at": (self.x, self.y), "keys": self.keys}, 0.0, False
"""
    suite = collect(made(rows, lengths=[1] * 60))
    assert run(write(tmp_path, source, suite))[1] == set()
    _, failed = run(write(tmp_path, source.replace("(self.x, self.y)", "(self.x, self.x)"), suite))
    assert "test_obs_at_1_never_changes" in failed


def test_states_without_a_fixed_form_are_compared_as_they_are(tmp_path):
    rows = [([[x, 1]] * (x % 3 + 1), a, [[x + a, 1]] * (x % 3 + 1), 0.0, False) for x in range(30) for a in (0, 1)]
    source = """\
class Environment:
    def set_state(self, state):
        self.things = state

    def step(self, action):
        for thing in self.things:
            thing[0] += action
        return self.things, 0.0, False
"""
    suite = collect(made(rows, lengths=[1] * 60))
    right = source.replace("= state", "= [list(thing) for thing in state]")
    assert run(write(tmp_path, right, suite))[1] == set()
    assert "test_state_and_action_are_not_changed" in run(write(tmp_path, source, suite))[1]


def test_images_are_not_written_into_tests(tmp_path):
    image = np.zeros((84, 84), dtype=np.uint8)
    suite = collect(made([(image, 0, image, 0.0, False)] * 30))
    with pytest.raises(CwmError, match="too many to write some of them into a file of tests"):
        generated(suite, _subject(tmp_path, RIGHT_LINE))


def test_a_model_finds_the_files_beside_it(tmp_path, line):
    (tmp_path / "rules.py").write_text("LAST = 9\n")
    source = "from rules import LAST\n\n\n" + RIGHT_LINE.replace("0), 9)", "0), LAST)")
    assert run(write(tmp_path, source, line))[1] == set()


def test_a_model_of_a_package_imports_its_neighbours(tmp_path, line):
    package = tmp_path / "worlds"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "rules.py").write_text("LAST = 9\n")
    source = "from .rules import LAST\n\n\n" + RIGHT_LINE.replace("0), 9)", "0), LAST)")
    (package / "line.py").write_text(source)
    test = tmp_path / "tests" / "test_line_properties.py"
    test.parent.mkdir()
    place = ModelTarget(path=package / "line.py", trajectories=(), origin="none", root=tmp_path)
    test.write_text(generated(line, subject_of(place, source, test)))
    assert run(test)[1] == set()


def test_pinned_transitions_are_examples(tmp_path, line):
    pinned = made([(3, 2, 4, 0.0, False), (8, 2, 9, 1.0, True)], lengths=[1, 1])
    test = write(tmp_path, RIGHT_LINE, line, pinned=pinned)
    assert "@example(state=8, action=2, next_state=9, reward=1.0, terminated=True)" in test.read_text()
    name = "test_pinned_transitions_stay_right"
    assert run(test, "-k", name) == ({name}, set())
    wrong = made([(3, 2, 5, 0.0, False)])
    assert run(write(tmp_path, RIGHT_LINE, line, pinned=wrong), "-k", name) == (set(), {name})


def test_fields_that_are_ignored_are_left_out(tmp_path):
    dataset = recorded("CartPole-v1", 300)
    wrong = right_model("CartPole-v1").replace("terminated = ", "terminated = None and ")
    suite = collect(dataset)
    names = {one.name for one in regions(suite, _subject(tmp_path, wrong, ignore_fields=("terminated", "obs[0]")))}
    assert not any("ends" in name or "obs_0" in name for name in names)
    assert "test_obs_2_grows_by_0_02_times_obs_3" in names


def test_a_random_model_is_not_asked_to_be_a_function(tmp_path, line):
    names = {one.name for one in regions(line, _subject(tmp_path, RIGHT_LINE, stochastic=True))}
    assert "test_a_step_returns_3_values" in names
    assert not names & {"test_the_same_step_gives_the_same_result_again", "test_steps_in_a_row_are_single_steps"}


def test_a_model_with_hidden_state_may_go_on_differently(tmp_path, line):
    names = {one.name for one in regions(line, _subject(tmp_path, RIGHT_LINE, mode="episode"))}
    assert "test_the_same_step_gives_the_same_result_again" in names
    assert "test_steps_in_a_row_are_single_steps" not in names


@pytest.mark.parametrize("environment", ["CartPole-v1", "Taxi-v4", "Acrobot-v1", "Pendulum-v1"])
def test_files_are_written_as_ruff_would(environment, tmp_path):
    suite = collect(recorded(environment, 400), environment)
    pinned = recorded(environment, 2)
    test = write(tmp_path, right_model(environment), suite, pinned=pinned)
    for command in (("format", "--check", "--diff"), ("check",)):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "--line-length", "120", str(test)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
    assert max(map(len, test.read_text().splitlines())) <= 120


def test_every_test_has_a_docstring_that_says_where_it_comes_from(tmp_path):
    suite = collect(recorded("Taxi-v4", 400))
    text = generated(suite, _subject(tmp_path, right_model("Taxi-v4")))
    assert text.count("\ndef test_") == len(re.findall(r'^def test_.*:\n    """\S', text, re.MULTILINE))
    assert re.search(r"Held in (\d+) of \1 recorded transitions in which action \d was taken\.", text)
    assert "cwm_engine" not in text


def test_states_are_drawn_within_what_was_observed(tmp_path):
    dataset = recorded("CartPole-v1", 300)
    text = generated(collect(dataset), _subject(tmp_path, right_model("CartPole-v1")))
    ranges = re.findall(r"draw\(st\.floats\((\S+), (\S+)\)\)", text)
    observed = dataset.observations.arrays[0]
    for index, (low, high) in enumerate(ranges):
        assert observed[:, index].min() - 1e-3 <= float(low) < float(high) <= observed[:, index].max() + 1e-3
    assert len(ranges) == 4


def test_angles_are_drawn_as_angles(tmp_path):
    text = generated(collect(recorded("Pendulum-v1", 300)), _subject(tmp_path, right_model("Pendulum-v1")))
    assert "math.cos(angle),\n        math.sin(angle)," in text
    assert "def between" not in text


def test_actions_come_from_their_space(tmp_path, line):
    space = Spaces(observation=None, action={"type": "Discrete", "n": 7, "start": 0})
    text = generated(Suite(replace(LINE, spaces=space), line.invariants), _subject(tmp_path, RIGHT_LINE))
    assert "actions = st.integers(0, 6)" in text


def _subject(folder, source, **configured):
    return subject_of(target(folder / "model.py", **configured), source, folder / "test_model_properties.py")
