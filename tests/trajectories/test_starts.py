"""Starts spread over the state space: true states, correctly observed, widely spread."""

import gymnasium
import numpy as np
import pytest

from cwm_engine.errors import CwmError
from cwm_engine.trajectories.load import load_dataset
from cwm_engine.trajectories.record import record

WORLDS = "tests.trajectories.gym_worlds"


def spread(path, env_id, episodes=60, **options):
    record(env_id, episodes=episodes, path=path / "a.sqlite", starts="spread", max_steps=5, **options)
    return load_dataset(path / "a.sqlite")


def first_observations(dataset):
    return np.array([dataset.observations.row(row) for row in dataset.episode_starts])


def set_cartpole(env, seen):
    env.state = seen.astype(np.float64)


def set_pendulum(env, seen):
    env.state = np.array([np.arctan2(seen[1], seen[0]), seen[2]])


def set_acrobot(env, seen):
    env.state = np.array([np.arctan2(seen[1], seen[0]), np.arctan2(seen[3], seen[2]), seen[4], seen[5]])


def set_table(env, seen):
    env.s = seen


@pytest.mark.parametrize(
    ("env_id", "put"),
    [
        ("CartPole-v1", set_cartpole),
        ("MountainCar-v0", set_cartpole),
        ("Pendulum-v1", set_pendulum),
        ("Acrobot-v1", set_acrobot),
        ("Taxi-v4", set_table),
        ("CliffWalking-v1", set_table),
    ],
)
def test_every_transition_is_what_the_environment_does_from_its_observation(tmp_path, env_id, put):
    """Also the first of an episode, where a state that was set wrongly would show."""
    dataset = spread(tmp_path, env_id, episodes=30)
    env = gymnasium.make(env_id).unwrapped
    env.reset(seed=0)
    for row in range(len(dataset)):
        put(env, dataset.observations.row(row))
        env.steps_beyond_terminated = None
        seen, reward, terminated, _, _ = env.step(dataset.actions.row(row))
        np.testing.assert_allclose(seen, dataset.next_observations.row(row), atol=1e-4)
        assert reward == pytest.approx(dataset.rewards[row], abs=1e-4)
        assert terminated == dataset.terminated[row]


@pytest.mark.parametrize(
    ("env_id", "low", "high"),
    [
        ("CartPole-v1", [-2.4, -3, -0.2095, -3.5], [2.4, 3, 0.2095, 3.5]),
        ("MountainCar-v0", [-1.2, -0.07], [0.5, 0.07]),
        ("Pendulum-v1", [-1, -1, -8], [1, 1, 8]),
    ],
)
def test_starts_fill_the_box_of_the_environment(tmp_path, env_id, low, high):
    firsts = first_observations(spread(tmp_path, env_id, episodes=200))
    width = np.subtract(high, low)
    assert (firsts >= np.array(low) - 1e-6).all()
    assert (firsts <= np.array(high) + 1e-6).all()
    assert (np.ptp(firsts, axis=0) > 0.9 * width).all()


def test_taxi_starts_everywhere_but_where_an_episode_ends(tmp_path):
    firsts = first_observations(spread(tmp_path, "Taxi-v4", episodes=600))
    delivered = {state for state in firsts.tolist() if (state // 4) % 5 == state % 4}
    assert not delivered
    assert len(set(firsts.tolist())) > 250


def test_frozen_lake_starts_on_no_hole_and_not_at_the_goal(tmp_path):
    firsts = first_observations(spread(tmp_path, "FrozenLake-v1", episodes=200))
    assert set(firsts.tolist()) == {0, 1, 2, 3, 4, 6, 8, 9, 10, 13, 14}


def test_starts_are_decided_by_the_seed_and_recording_goes_on(tmp_path):
    for name, parts in (("a", [4]), ("b", [1, 3])):
        for episodes in parts:
            record(
                "Pendulum-v1",
                episodes=episodes,
                path=tmp_path / f"{name}.sqlite",
                starts="spread",
                max_steps=3,
                append=True,
            )
    one, other = (load_dataset(tmp_path / f"{name}.sqlite") for name in "ab")
    assert one.fingerprint == other.fingerprint
    assert one.provenance.policy == "random (spread starts)"


@pytest.mark.parametrize("name", ["Drifting-v0", "Doubled-v0"])
def test_an_unknown_environment_starts_around_what_random_play_visits(tmp_path, name):
    """Through the wrappers, which change what is observed."""
    dataset = spread(tmp_path, f"{WORLDS}:{name}", episodes=200)
    firsts = first_observations(dataset) / (2 if name == "Doubled-v0" else 1)
    assert (np.ptp(firsts, axis=0) > 6).all()
    assert np.abs(firsts).max() < 40
    moves = np.diff([dataset.observations.row(0), dataset.next_observations.row(0)], axis=0)
    assert np.abs(moves).max() == pytest.approx(2.0 if name == "Doubled-v0" else 1.0, abs=1e-5)


@pytest.mark.parametrize(
    ("env_id", "kwargs", "reason"),
    [
        ("Blackjack-v1", {}, "cannot start from spread states: its state cannot be set"),
        (f"{WORLDS}:Drifting-v0", {"hidden": True}, "the observation of a state that was set cannot be computed"),
    ],
)
def test_where_it_cannot_be_done_it_says_why(tmp_path, env_id, kwargs, reason):
    with pytest.raises(CwmError, match=reason) as caught:
        spread(tmp_path, env_id, env_kwargs=kwargs)
    assert caught.value.hint == "record with --starts reset"
    assert list(tmp_path.iterdir()) == []


def test_mujoco_starts_from_states_that_follow_its_physics(tmp_path):
    """Positions and velocities are all that InvertedPendulum observes, so each step can be done again."""
    pytest.importorskip("mujoco")
    dataset = spread(tmp_path, "InvertedPendulum-v5")
    env = gymnasium.make("InvertedPendulum-v5").unwrapped
    env.reset(seed=0)
    for row in range(len(dataset)):
        state = dataset.observations.row(row)
        env.set_state(state[:2], state[2:])
        seen, _, terminated, _, _ = env.step(dataset.actions.row(row))
        np.testing.assert_allclose(seen, dataset.next_observations.row(row), atol=1e-6)
        assert terminated == dataset.terminated[row]
    assert np.ptp(first_observations(dataset), axis=0).min() > 0.1


def test_minigrid_is_recorded_with_its_mission(tmp_path):
    pytest.importorskip("minigrid")
    record("minigrid:MiniGrid-Empty-5x5-v0", episodes=2, path=tmp_path / "a.sqlite", max_steps=10)
    dataset = load_dataset(tmp_path / "a.sqlite")
    observation = dataset.observations.row(0)
    assert observation["mission"] == "get to the green goal square"
    assert observation["image"].shape == (7, 7, 3)
    assert dataset.spaces.observation["spaces"]["mission"]["type"] == "Text"
