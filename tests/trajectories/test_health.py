"""Data health as a whole: what is told about the published buffers, about spoiled data, and about sound data."""

from dataclasses import replace

import numpy as np
import pytest

from cwm_engine.findings import Severity
from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.dataset import BadRecord, Spaces
from cwm_engine.trajectories.health import examine
from cwm_engine.trajectories.health.determinism import Verdict
from tests.trajectories.worlds import chained, ends, made, published, recorded, with_observed


def told(dataset):
    """The findings about a dataset by name."""
    found = examine(dataset).findings
    assert len({finding.slug for finding in found}) == len(found)
    return {finding.slug: finding for finding in found}


def warnings(dataset):
    """The names of the warnings about a dataset."""
    return {slug for slug, finding in told(dataset).items() if finding.severity is Severity.WARNING}


@pytest.mark.parametrize(
    ("name", "one_flag", "expected"),
    [
        ("Blackjack-v1", False, set()),
        ("CartPole-v1", False, set()),
        ("CliffWalking-v0", False, set()),
        ("Pendulum-v1", False, set()),
        ("Taxi-v3", False, set()),
        ("Taxi-v3", True, {"truncation-as-termination"}),
        ("HalfCheetah-v4", False, {"first-transition-misfit"}),
        ("Hopper-v4", False, {"first-transition-misfit"}),
        ("InvertedPendulum-v4", False, {"first-transition-misfit"}),
    ],
)
def test_each_published_buffer_gets_the_warnings_it_deserves(name, one_flag, expected):
    """No more and no less."""
    assert warnings(published(name, one_flag=one_flag)) == expected


def test_the_truncation_finding_says_how_many_where_and_why():
    """Five Taxi episodes of 200 steps; all five states go on elsewhere."""
    finding = told(published("Taxi-v3", one_flag=True))["truncation-as-termination"]
    assert finding.count == 5
    assert {step for _, step in finding.examples} == {199}
    for part in ("5 of 10 episodes", "exactly 200 steps", "the time limit of Taxi-v3", "5 of these"):
        assert part in finding.message


def test_the_misfit_finding_says_where():
    """Step 0 of the episodes, and the numbers that show it."""
    finding = told(published("HalfCheetah-v4"))["first-transition-misfit"]
    assert finding.count == 10
    assert all(step == 0 for _, step in finding.examples)
    assert "10 of 10 episodes" in finding.message
    assert "obs[0]" in finding.fields


@pytest.mark.parametrize("environment", ["CartPole-v1", "Acrobot-v1", "MountainCar-v0", "Pendulum-v1", "Taxi-v4"])
def test_sound_recordings_get_no_warning(environment):
    """Fresh from Gymnasium, whatever the seed."""
    for seed in range(3):
        assert warnings(recorded(environment, episodes=8, most=300, seed=seed, hold=2)) == set()


def test_randomness_is_told_with_the_accuracy_it_leaves():
    """The ceiling is part of the message."""
    health = examine(recorded("FrozenLake-v1", episodes=100))
    finding = next(finding for finding in health.findings if finding.slug == "noisy-transitions")
    assert f"{health.conflicts.ceiling:.1%}" in finding.message
    assert health.determinism.verdict is Verdict.NOISE


def test_hidden_velocities_are_told_with_the_history_that_would_do():
    """By neighbours, since nothing repeats."""
    finding = told(with_observed(published("CartPole-v1"), lambda table: table[:, [0, 2]]))["not-a-function"]
    assert "the last 2 (state, action) pairs" in finding.message


def test_a_secret_of_the_episode_is_told_as_hidden_state():
    """Thirty episodes, each with a goal that is not shown."""
    random = np.random.default_rng(0)
    states, actions, rewards = [], [], []
    for _ in range(30):
        goal, walk = random.integers(0, 3), random.integers(0, 3, size=25).tolist()
        states.append([*walk, 0])
        actions += [(after - before) % 3 for before, after in zip(walk, [*walk[1:], 0], strict=True)]
        rewards += [float(state == goal) for state in walk]
    finding = told(chained(states, actions=actions, rewards=rewards))["hidden-state"]
    assert finding.fields == ("reward",)
    assert "something fixed for an episode would determine it" in finding.message


def test_breaks_are_told_with_their_places():
    """A jump, a gap in the steps, an end in the middle."""
    dataset = made(
        [0, 1, 2, 0, 1, 5, 0, 1, 2], [0] * 9, [1, 2, 3, 1, 2, 3, 1, 2, 3],
        lengths=[3, 3, 3], terminated=[False, True, False, False, False, True, False, False, True],
    )  # fmt: skip
    step = dataset.step.copy()
    step[8] = 7
    found = told(replace(dataset, step=step))
    assert found["discontinuous-episode"].examples == ((1, 2),)
    assert found["missing-steps"].examples == ((2, 7),)
    assert found["end-inside-episode"].examples == ((0, 1),)
    assert found["cut-without-flag"].examples == ((0, 2),)


def test_impossible_values_are_warnings():
    """NaN, and a number outside of a declared space."""
    box = {"type": "Box", "low": 0.0, "high": 1.0, "shape": [1], "dtype": "float64"}
    table = np.array([[0.5], [np.nan], [0.5], [3.0]])
    dataset = replace(chained([table]), spaces=Spaces(observation=box))
    found = told(dataset)
    assert found["not-finite"].count == 2
    assert found["outside-space"].fields == ("next_obs",)
    assert {"not-finite", "outside-space"} <= warnings(dataset)


def test_long_duplicate_episodes_are_a_warning_and_short_ones_are_not():
    """A long one is a recording made twice; short ones happen."""
    walk = np.random.default_rng(0).permutation(40).tolist()
    assert "duplicate-episodes" in warnings(chained([walk, walk]))
    short = told(chained([[0, 1, 2], [0, 1, 2]]))["duplicate-episodes"]
    assert (short.severity, short.count) == (Severity.INFO, 1)


def test_what_the_data_cannot_teach_is_a_note():
    """One reward, no end, an action never taken, a field that never changes, records left out."""
    dataset = chained([[(0, 7), (1, 7), (2, 7)]], rewards=[1, 1])
    dataset = replace(
        dataset, spaces=Spaces(action={"type": "Discrete", "n": 3, "start": 0}), skipped=(BadRecord("f", "1", "why"),)
    )
    found = told(dataset)
    assert {"constant-reward", "no-termination", "unused-action", "constant-field", "skipped-records"} <= found.keys()
    assert "1, 2" in found["unused-action"].message
    assert found["constant-field"].fields == ("obs[1]",)
    assert warnings(dataset) == set()


def test_rounded_rewards_are_a_note():
    """Compared exactly in float64 they match nothing."""
    assert "float32-rewards" in told(published("HalfCheetah-v4"))


def test_several_numbers_at_one_bound_are_a_warning_even_if_unexplained():
    """Too few transitions to judge what is hidden, but one bound for two numbers is no accident."""
    random = np.random.default_rng(0)
    table = np.clip(random.normal(size=(60, 2)) * 10, -10, 10)
    found = told(chained([table]))["clipped-values"]
    assert (found.severity, found.fields) == (Severity.WARNING, ("obs[0]", "obs[1]"))


def test_an_empty_dataset_has_nothing_to_tell():
    """And does not fail."""
    assert examine(chained([[0, 1]]).rows(slice(0, 0))).findings == ()


def test_text_and_nested_observations_can_be_examined():
    """No numbers, no spaces, JSON values among them."""
    states = [{"room": name, "bag": frozenset(bag)} for name, bag in [("a", ""), ("b", "x"), ("a", "x"), ("b", "xy")]]
    dataset = chained([states], actions=["go", "go", "take"], terminated=ends([3]))
    assert warnings(dataset) == set()


def test_images_can_be_examined():
    """Large leaves are one field each."""
    random = np.random.default_rng(0)
    images = random.integers(0, 255, size=(30, 12, 12, 3), dtype=np.uint8)
    assert warnings(chained([list(images)])) == set()


def test_findings_are_json_with_warnings_first():
    """Places are objects; the order is by severity."""
    (before,) = (dataset := published("HalfCheetah-v4")).observations.arrays
    broken = before.copy()
    broken[5] = np.nan
    dataset = replace(dataset, observations=Columns(dataset.observations.structure, (broken,)))
    found = [finding.to_json() for finding in examine(dataset).findings]
    severities = [finding["severity"] for finding in found]
    assert severities == sorted(severities, key=["warning", "info"].index)
    assert {"episode": 0, "step": 5} in next(f for f in found if f["slug"] == "not-finite")["examples"]
