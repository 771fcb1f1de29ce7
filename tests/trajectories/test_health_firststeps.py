"""First transitions that were made from another state than the stored one: found in data, without a simulator."""

from dataclasses import replace

import numpy as np
import pytest

from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.health.firststeps import Fit, first_steps
from tests.trajectories.worlds import chained, published, recorded


def with_other_first_states(dataset):
    """The dataset as a faulty collector stores it: the first observation is of another reset than the one stepped."""
    (before,) = dataset.observations.arrays
    before = before.copy()
    before[dataset.episode_starts] = np.roll(before[dataset.episode_starts], 1, axis=0)
    return replace(dataset, observations=Columns(dataset.observations.structure, (before,)))


@pytest.mark.parametrize("name", ["HalfCheetah-v4", "Hopper-v4", "InvertedPendulum-v4"])
def test_all_first_transitions_of_the_published_mujoco_buffers_are_found(name):
    """10 of 10 episodes each; nothing else."""
    dataset = published(name)
    found = first_steps(dataset)
    assert found.verdict is Fit.MISFITS
    assert found.judged == 10
    assert list(found.rows) == dataset.episode_starts.tolist()


@pytest.mark.parametrize("name", ["Pendulum-v1", "CartPole-v1", "Taxi-v3", "CliffWalking-v0"])
def test_the_other_published_buffers_are_clean(name):
    """Plain Python environments survive a copy."""
    assert first_steps(published(name)).verdict is Fit.FITS


def test_blackjack_has_too_little_to_judge():
    """15 transitions of cards."""
    assert first_steps(published("Blackjack-v1")).verdict is Fit.UNKNOWN


@pytest.mark.parametrize(
    "environment", ["CartPole-v1", "MountainCar-v0", "Acrobot-v1", "Pendulum-v1", "MountainCarContinuous-v0"]
)
@pytest.mark.parametrize(("episodes", "most", "hold"), [(4, 30, 1), (10, 60, 5), (25, 40, 1)])
def test_freshly_recorded_episodes_are_clean(environment, episodes, most, hold):
    """No false alarm, with few episodes and many, random and sluggish play."""
    for seed in range(3):
        assert (
            first_steps(recorded(environment, episodes=episodes, most=most, seed=seed, hold=hold)).verdict is Fit.FITS
        )


@pytest.mark.parametrize("environment", ["CartPole-v1", "Pendulum-v1", "MountainCarContinuous-v0"])
def test_spoiled_first_states_are_found(environment):
    """The same recordings with other first observations."""
    dataset = with_other_first_states(recorded(environment, episodes=12, most=60, hold=3))
    found = first_steps(dataset)
    assert found.verdict is Fit.MISFITS
    assert set(found.rows) <= set(dataset.episode_starts.tolist())
    assert len(found.rows) >= 8


@pytest.mark.parametrize("environment", ["Taxi-v4", "FrozenLake-v1", "CliffWalkingSlippery-v1", "Blackjack-v1"])
def test_discrete_play_is_not_accused(environment):
    """Neither a function nor a random environment gives a false alarm."""
    assert first_steps(recorded(environment, episodes=40, most=60)).verdict is not Fit.MISFITS


def test_spoiled_first_states_of_discrete_data_are_found():
    """A walk round a ring of sixteen whose first stored place is another one than the walk began at."""
    random = np.random.default_rng(0)
    episodes = []
    for _ in range(20):
        start = int(random.integers(0, 16))
        episodes.append([(start + step) % 16 for step in range(30)])
    assert first_steps(chained(episodes)).verdict is Fit.FITS
    for episode in episodes:
        episode[0] = (episode[0] + 3) % 16
    found = first_steps(chained(episodes))
    assert found.verdict is Fit.MISFITS
    assert len(found.rows) == 20


def test_a_single_spoiled_episode_is_not_called_a_habit():
    """One odd start among twelve is not what this is about."""
    dataset = recorded("Pendulum-v1", episodes=12, most=60)
    (before,) = dataset.observations.arrays
    before = before.copy()
    before[0] += 0.5
    dataset = replace(dataset, observations=Columns(dataset.observations.structure, (before,)))
    assert first_steps(dataset).verdict is Fit.FITS


@pytest.mark.parametrize("environment", ["HalfCheetah-v5", "Hopper-v5", "Reacher-v5", "Swimmer-v5", "Ant-v5"])
@pytest.mark.filterwarnings("ignore")
def test_properly_recorded_mujoco_episodes_are_clean(environment, tmp_path, monkeypatch):
    """Contacts, quaternions that the first step normalizes, goals: none of them is a misfit."""
    monkeypatch.chdir(tmp_path)  # MuJoCo writes its log where it is
    pytest.importorskip("mujoco")
    pytest.importorskip("imageio")
    assert first_steps(recorded(environment, episodes=8, most=60)).verdict is Fit.FITS


def test_nothing_to_judge_is_unknown():
    """No rows, or one episode."""
    one = chained([np.linspace(0, 1, 40)[:, None]])
    assert first_steps(one).verdict is Fit.UNKNOWN
    assert first_steps(one.rows(slice(0, 0))).verdict is Fit.UNKNOWN
