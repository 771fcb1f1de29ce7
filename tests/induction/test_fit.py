"""Fitting end to end: wrong numbers in a file become right ones, in the sandbox and confirmed by the host."""

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.run import Runner
from cwm_engine.induction.fit import JOBS, Fit, accepted_texts, fit, fit_literals, held_out, training_sample
from cwm_engine.induction.identifiability import Reason
from cwm_engine.induction.literals import Numbers
from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.dataset import Dataset
from tests.induction.models import FALL, data_of, fall_data, program_of, states_of


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner(Prepared(fall_data()), jobs=JOBS) as made:
        yield made


def fitted(source: str, dataset: Dataset) -> Fit:
    return fit_literals(source, program_of(source).spec, dataset, seconds=10.0)


def wrong(**numbers: str) -> str:
    """`FALL` with other numbers in its constructor."""
    source = FALL
    for name, text in numbers.items():
        source = re.sub(rf"(self\.{name} = )[-\d.]+", rf"\g<1>{text}", source, count=1)
    return source


def reasons(found: Fit) -> dict[str, Reason]:
    return {item.literal.name: item.reason for item in found.undetermined}


def test_wrong_constants_become_right_ones_and_nothing_else_changes(runner: Runner) -> None:
    source = wrong(gravity="7.0", tau="0.06", floor="-2.0").replace("-10 if done else 1", "-8 if done else 2")
    found = fit(runner, program_of(source))
    assert found.text == FALL
    assert found.accuracy_before < 0.01
    assert (found.accuracy_after, found.heldout_after) == (1.0, 1.0)
    assert [change.literal.name for change in found.changed][:2] == ["gravity", "tau"]


def test_a_limit_that_is_never_reached_is_named_with_its_line(runner: Runner) -> None:
    found = fit(runner, program_of(wrong(gravity="7.0", top_speed="6.0")))
    limit = next(item for item in found.undetermined if item.literal.name == "top_speed")
    assert limit.reason is Reason.UNREACHED
    assert limit.message == "`top_speed`: never reached in 300 transitions."
    assert limit.span.line == 9
    assert "self.top_speed = 6.0" in found.text


def test_a_limit_that_keeps_predictions_wrong_is_raised(runner: Runner) -> None:
    found = fit(runner, program_of(wrong(top_speed="1.5")))
    assert found.accuracy_after == 1.0


def test_a_whole_limit_that_keeps_predictions_wrong_stays_whole(runner: Runner) -> None:
    found = fit(runner, program_of(wrong(gravity="7.0", top_speed="2")))
    assert found.accuracy_after == 1.0
    assert re.search(r"top_speed = [34]$", found.text, re.MULTILINE)


def test_a_model_that_is_right_is_left_as_it_is(runner: Runner) -> None:
    found = fit(runner, program_of(FALL))
    assert found.text == FALL
    assert found.changed == ()
    assert found.problem == "No other numbers were found that predict more."
    assert reasons(found) == {"top_speed": Reason.UNREACHED}


def test_a_model_without_constants_says_so(runner: Runner) -> None:
    found = fit(runner, program_of(re.sub(r"(?<= )-?\d+(\.\d+)?", "0", FALL)))
    assert found.changed == ()


def test_a_model_that_does_not_load_says_so(runner: Runner) -> None:
    found = fit(runner, program_of("import nothing_there\n" + FALL))
    assert found.problem == "The model does not run."


def test_a_model_of_the_wrong_structure_ends_in_time_and_unchanged_or_better(runner: Runner) -> None:
    source = FALL.replace("speed - self.drop + action * 0.5", "speed * speed - self.drop")
    found = fit(runner, program_of(source), seconds=3.0)
    assert found.accuracy_after >= found.accuracy_before


def test_constants_that_only_count_together_are_named_with_each_other() -> None:
    right = """
class Environment:
    mass = 2.0
    force = 3.0

    def set_state(self, state):
        self.x = state[0]

    def step(self, action):
        return (self.x + self.force / self.mass * action,), 0.0, False
"""
    states = states_of(200, (-1.0,), (1.0,))
    data = data_of(right, states, [float(x) for x in np.random.default_rng(1).normal(size=200)])
    found = fitted(right.replace("2.0", "2.5"), data)
    assert found.accuracy_after == 1.0
    assert {item.literal.name: item.others for item in found.undetermined if item.reason is Reason.TOGETHER} == {
        "mass": ("force",),
        "force": ("mass",),
    }


def test_degrees_fractions_and_branches_that_never_run() -> None:
    """`12 * 2 * pi / 360` stays a whole number of degrees, and `1.2` becomes `4 / 3`."""
    right = """
import math


class Environment:
    def __init__(self):
        self.limit = 12 * 2 * math.pi / 360
        self.storm = False

    def set_state(self, state):
        self.angle, self.speed = state

    def step(self, action):
        angle = self.angle + 4 / 3 * self.speed
        if self.storm:
            angle = angle + 0.7
        done = angle < -self.limit or angle > self.limit
        return (angle, self.speed), 1.0, done
"""
    data = data_of(right, states_of(2000, (-0.3, -0.02), (0.3, 0.02)), [0] * 2000)
    found = fitted(right.replace("12 *", "9 *").replace("4 / 3", "1.2"), data)
    assert found.accuracy_after == 1.0
    assert "self.limit = 12 * 2 * math.pi / 360" in found.text
    assert "(4 / 3) * self.speed" in found.text
    assert reasons(found) == {"0.7": Reason.UNEXECUTED}
    assert found.undetermined[0].message == "`0.7`: its line never runs in 2000 transitions."


def test_functions_and_numpy_arrays_are_fitted_too() -> None:
    right = """
import numpy as np

RATE = 0.3


def transition(state, action):
    following = state.copy()
    following[0] = np.clip(state[0] + RATE * action, -1.5, 1.5)
    return following


def reward(state, action, next_state):
    return -0.5 * float(next_state[0]) ** 2, bool(next_state[0] > 1.2)
"""
    helper = (
        right
        + """

class Both:
    def set_state(self, state):
        self.state = np.array(state)

    def step(self, action):
        following = transition(self.state, action)
        return following, *reward(self.state, action, following)
"""
    )
    actions = [float(x) for x in np.random.default_rng(2).normal(size=400)]
    data = data_of(helper, states_of(400, (-1.5,), (1.5,)), actions, "Both")
    source = right.replace("0.3", "0.4").replace("1.5", "1.1").replace("0.5", "0.7").replace("1.2", "0.9")
    found = fitted(source, data)
    assert found.accuracy_after >= 0.99


def test_the_search_sees_nothing_of_held_out_episodes() -> None:
    prepared = Prepared(fall_data())
    sample = training_sample(prepared, "plain")
    assert not held_out(prepared.dataset)[sample.rows].any()
    assert len(sample) == 240


def test_a_frequency_far_off_is_found_by_other_starts_or_the_global_search() -> None:
    """Least squares alone stalls in the waves; what SciPy needs for the rest must be there in the sandbox too."""
    right = """
from math import sin


class Environment:
    rate = 9.0

    def set_state(self, state):
        self.x = state[0]

    def step(self, action):
        return (sin(self.rate * self.x),), 0.0, False
"""
    data = data_of(right, states_of(300, (-3.0,), (3.0,)), [0] * 300)
    found = fitted(right.replace("9.0", "6.0"), data)
    assert found.text == right


def test_what_can_be_fitted_is_fitted_though_another_field_stays_wrong(runner: Runner) -> None:
    """No transition becomes right, but more fields do, and the reward's mistake does not spoil the constants."""
    source = wrong(gravity="7.0", tau="0.06").replace("reward = -10 if done else 1", "reward = height")
    found = fit(runner, program_of(source))
    assert found.accuracy_after < 0.1
    assert found.text == FALL.replace("reward = -10 if done else 1", "reward = height")


def test_whole_numbers_are_found_among_whole_numbers() -> None:
    right = """
class Environment:
    def __init__(self):
        self.rows = 5
        self.last = self.rows - 1

    def set_state(self, state):
        self.row = state

    def step(self, action):
        row = min(self.row + 1, self.last) if action else max(self.row - 1, 0)
        return row, 20 if row == self.last else -1, False
"""
    rng = np.random.default_rng(0)
    states, actions = rng.integers(0, 5, 300).tolist(), rng.integers(0, 2, 300).tolist()
    data = data_of(right, states, actions)
    data = replace(data, next_observations=Columns.from_values([int(x) for x in data.next_observations.arrays[0]]))
    found = fitted(right.replace("5", "4").replace("20", "10").replace("else -1", "else -2"), data)
    assert found.text == right


def test_a_lying_child_can_only_say_numbers() -> None:
    """What a search child claims is checked before a character of it gets into the text."""
    numbers = Numbers(FALL)
    claims = [
        [0, "9.9"],
        [1, "__import__('os')"],
        [99, "1.0"],
        [2, "inf"],
        ["3", "1.0"],
        [3, "4 / 3"],
        7,
        [4, "2 * pi"],
    ]
    assert accepted_texts(claims, numbers) == {0: "9.9", 3: "4 / 3", 4: "2 * pi"}
    assert accepted_texts("nonsense", numbers) == {}
