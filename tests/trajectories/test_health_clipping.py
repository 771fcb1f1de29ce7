"""Clipped values: which numbers stop at a bound, and whether something is hidden beyond it."""

import numpy as np
import pytest

from cwm_engine.trajectories.health.clipping import clipped_values
from tests.trajectories.worlds import chained, published, recorded, with_observed


def springs(*, shown_limit=None, true_limit=None, episodes=12, steps=100, seed=0):
    """Two masses on springs, pushed at random; velocities limited where they are shown or where they are."""
    random = np.random.default_rng(seed)
    rows, actions = [], []
    for _ in range(episodes):
        place, speed = random.normal(size=2), random.normal(size=2) * 6
        states = []
        for step in range(steps + 1):
            states.append(np.concatenate([place, speed]))
            push = random.normal(size=2) * 3
            if step < steps:
                actions.append(push)
            speed = speed + 0.05 * (-25 * place + push * 8)
            if true_limit is not None:
                speed = np.clip(speed, -true_limit, true_limit)
            place = place + 0.05 * speed
        rows.append(states)
    dataset = chained(rows, actions=actions)
    if shown_limit is None:
        return dataset
    return with_observed(
        dataset, lambda table: np.column_stack([table[:, :2], np.clip(table[:, 2:], -shown_limit, shown_limit)])
    )


def test_a_bound_of_several_numbers_counts_for_those_that_rarely_reach_it():
    """The third number gets there once; nothing else has its extreme exactly there."""
    random = np.random.default_rng(0)
    table = np.clip(random.normal(size=(400, 3)) * [10, 10, 1], -10, 10)
    table[200, 2] = 10.0
    found = clipped_values(chained([table]))
    assert [(field.name, field.low, field.high) for field in found.fields][2] == ("obs[2]", None, 10.0)
    assert found.rows[200]


def test_velocities_clipped_in_the_observation_are_found_and_hide_something():
    """Made as Walker2d makes them: the state goes on beyond what is shown."""
    dataset = springs(shown_limit=10.0)
    found = clipped_values(dataset)
    assert [(field.name, field.low, field.high) for field in found.fields] == [
        ("obs[2]", -10.0, 10.0),
        ("obs[3]", -10.0, 10.0),
    ]
    (table,) = dataset.observations.arrays
    assert np.array_equal(found.rows, (np.abs(table[:, 2:]) == 10.0).any(axis=1))
    assert found.hides is True


def test_a_state_that_is_limited_itself_hides_nothing():
    """The same bound, but nothing goes on beyond it."""
    found = clipped_values(springs(true_limit=10.0))
    assert {field.name for field in found.fields} == {"obs[2]", "obs[3]"}
    assert found.hides is False


def test_unlimited_numbers_are_not_clipped():
    """Every extreme is reached once."""
    assert clipped_values(springs()).fields == ()


@pytest.mark.parametrize(
    "name", ["CartPole-v1", "Pendulum-v1", "HalfCheetah-v4", "Hopper-v4", "InvertedPendulum-v4", "Taxi-v3"]
)
def test_the_published_buffers_at_hand_have_nothing_clipped(name):
    """Hopper clips as well, but never got there."""
    assert clipped_values(published(name)).fields == ()


@pytest.mark.parametrize("environment", ["CartPole-v1", "Acrobot-v1", "Pendulum-v1", "MountainCarContinuous-v0"])
def test_classic_control_hides_nothing(environment):
    """MountainCar stands at its wall and the pendulum has a top speed: both are the state itself."""
    for seed in range(3):
        assert clipped_values(recorded(environment, episodes=6, most=300, seed=seed, hold=20)).hides is not True


def test_a_wall_is_found_as_a_bound():
    """MountainCarContinuous at -1.2."""
    found = clipped_values(recorded("MountainCarContinuous-v0", episodes=10, most=400, seed=1, hold=30))
    (field,) = found.fields
    assert (field.name, field.low, field.high) == ("obs[0]", pytest.approx(-1.2), None)


def test_rounding_to_one_is_not_clipping():
    """The cosine of small angles is often exactly 1 in float32."""
    angles = np.random.default_rng(0).normal(size=2000) * 2e-3
    table = np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    assert (table[:, 0] == 1).sum() > 50
    assert clipped_values(chained([table])).fields == ()


def test_a_starting_pose_is_not_a_bound():
    """Each episode begins at the same extreme and falls."""
    random = np.random.default_rng(0)
    episodes = [np.concatenate([[5.0], 5 - np.cumsum(random.uniform(size=20))])[:, None] for _ in range(10)]
    assert clipped_values(chained(episodes)).fields == ()


def test_an_absent_number_is_not_clipped():
    """A contact force is zero most of the time."""
    random = np.random.default_rng(0)
    force = np.maximum(random.normal(size=500), 0)
    assert clipped_values(chained([np.column_stack([force, random.normal(size=500)])])).fields == ()


@pytest.mark.filterwarnings("ignore")
def test_walker2d_hides_its_velocities(tmp_path, monkeypatch):
    """The environment itself: velocities at -10 and 10 in a large part of the observations."""
    monkeypatch.chdir(tmp_path)  # MuJoCo writes its log where it is
    pytest.importorskip("mujoco")
    pytest.importorskip("imageio")
    dataset = recorded("Walker2d-v5", episodes=40, most=100, hold=2, scale=0.5)
    found = clipped_values(dataset)
    (table,) = dataset.observations.arrays
    assert {abs(bound) for field in found.fields for bound in (field.low, field.high) if bound is not None} == {10.0}
    assert np.array_equal(found.rows, (np.abs(table[:, 8:]) == 10.0).any(axis=1))
    assert found.rows.mean() > 0.2
    assert found.hides is True
