"""Time limits stored as terminations: found by place, acquitted by content."""

from dataclasses import replace

import numpy as np
import pytest

from cwm_engine.trajectories.dataset import Provenance
from cwm_engine.trajectories.health.timelimit import known_time_limit, unexplainable_terminations
from tests.trajectories.worlds import anonymous, chained, ends, published, recorded, with_one_flag


def walks(lengths, *, seed=0):
    """Episodes of these lengths in a space where no state repeats, all marked as ended."""
    random = np.random.default_rng(seed)
    episodes = [random.normal(size=(length + 1, 2)) for length in lengths]
    return chained(episodes, terminated=ends(lengths))


@pytest.mark.parametrize("known", [True, False])
def test_five_taxi_episodes_end_by_the_clock(known):
    """The five of 200 steps, whether or not the environment is known."""
    dataset = published("Taxi-v3", one_flag=True)
    dataset = dataset if known else anonymous(dataset)
    rows = np.flatnonzero(unexplainable_terminations(dataset))
    assert dataset.step[rows].tolist() == [199] * 5
    assert np.array_equal(rows, np.flatnonzero(published("Taxi-v3").truncated))


@pytest.mark.parametrize("name", ["CartPole-v1", "Hopper-v4", "InvertedPendulum-v4", "Blackjack-v1", "CliffWalking-v0"])
def test_real_ends_are_not_accused(name):
    """None of the other published buffers has a time limit among its ends."""
    assert not unexplainable_terminations(published(name, one_flag=True)).any()


def test_cart_pole_has_two_episodes_of_equal_length_that_are_not_accused():
    """52 steps twice, but 74 once: no limit."""
    dataset = published("CartPole-v1", one_flag=True)
    assert sorted(dataset.episode_lengths.tolist())[-3:] == [52, 52, 74]
    assert not unexplainable_terminations(anonymous(dataset)).any()


@pytest.mark.parametrize(
    ("environment", "episodes"), [("Acrobot-v1", 5), ("MountainCar-v0", 6), ("Pendulum-v1", 4), ("Taxi-v4", 8)]
)
@pytest.mark.parametrize("known", [True, False])
def test_recorded_time_limits_are_found_and_nothing_else(environment, episodes, known):
    """Exactly the truncations, though only one flag is stored."""
    truth = recorded(environment, episodes=episodes)
    dataset = with_one_flag(truth) if known else anonymous(with_one_flag(truth))
    assert np.array_equal(unexplainable_terminations(dataset), truth.truncated & ~truth.terminated)


def test_data_that_tells_truncation_apart_is_believed():
    """Where some row is truncated, terminated means terminated."""
    dataset = walks([50] * 10)
    truncated = np.zeros(len(dataset), dtype=np.bool_)
    truncated[49] = True
    assert unexplainable_terminations(dataset).sum() == 10
    assert not unexplainable_terminations(replace(dataset, truncated=truncated)).any()


def test_episodes_cut_off_without_a_flag_say_that_the_flag_means_something():
    """A collector that leaves some episodes of full length unmarked marks the others for a reason."""
    dataset = walks([50] * 10)
    terminated = dataset.terminated.copy()
    terminated[49] = False
    assert not unexplainable_terminations(replace(dataset, terminated=terminated)).any()


def test_one_longest_episode_is_no_time_limit():
    """Some episode has to be the longest."""
    assert not unexplainable_terminations(walks([17, 23, 31, 40])).any()


def test_two_longest_episodes_among_many_of_about_their_length_are_a_coincidence():
    """As in Blackjack, where lengths are small and equal ones common."""
    random = np.random.default_rng(1)
    lengths = [*random.integers(20, 40, size=60).tolist(), 40, 40]
    assert not unexplainable_terminations(walks(lengths)).any()


def test_short_episodes_of_equal_length_are_no_time_limit():
    """Below ten steps equal lengths mean nothing."""
    assert not unexplainable_terminations(walks([3] * 20)).any()


def test_a_known_limit_needs_one_episode_only():
    """Provenance says that 50 steps are the limit."""
    dataset = replace(walks([50, 20]), provenance=Provenance(max_episode_steps=50))
    assert np.flatnonzero(unexplainable_terminations(dataset)).tolist() == [49]


def test_a_goal_reached_after_equal_numbers_of_steps_is_a_real_end():
    """Greedy episodes of one length that all end in a state nothing passes through."""
    path = [*range(13), 99]
    assert not unexplainable_terminations(chained([path] * 6, terminated=ends([13] * 6))).any()


def test_a_threshold_crossed_after_equal_numbers_of_steps_is_a_real_end():
    """All end beyond where any other step is."""
    random = np.random.default_rng(0)
    episodes = [np.column_stack([np.linspace(0, 1, 21), random.uniform(size=21)]) for _ in range(8)]
    assert not unexplainable_terminations(chained(episodes, terminated=ends([20] * 8))).any()


def test_an_end_that_is_rewarded_as_only_ends_are_is_real():
    """At the limit, but with the reward of success that nothing else pays."""
    random = np.random.default_rng(0)
    lengths = [50, 50, 50, 50, 30]
    episodes = [random.normal(size=(length + 1, 2)) for length in lengths]
    rewards = [-1.0] * sum(lengths)
    rewards[49] = rewards[-1] = 20.0
    found = unexplainable_terminations(chained(episodes, rewards=rewards, terminated=ends(lengths)))
    assert np.flatnonzero(found).tolist() == [99, 149, 199]


def test_limits_of_gymnasium_are_known_by_name():
    """With and without a namespace; CartPole's depends on its version."""
    dataset = walks([5])
    named = {
        name: known_time_limit(replace(dataset, provenance=Provenance(environment=name)))
        for name in ("Taxi-v3", "CartPole-v0", "CartPole-v1", "ALE/Nothing-v5", "Reacher-v4", "house/Acrobot-v1")
    }
    assert list(named.values()) == [200, 200, 500, None, 50, 500]


def test_known_limits_are_those_of_gymnasium():
    """The table agrees with the registry wherever both know a limit."""
    import gymnasium

    dataset = walks([5])
    for name, spec in gymnasium.registry.items():
        limit = known_time_limit(replace(dataset, provenance=Provenance(environment=name)))
        if limit is not None and spec.max_episode_steps is not None and "/" not in name:
            assert limit == spec.max_episode_steps, name
