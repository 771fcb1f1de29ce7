"""Is this data a function? By repetition where states repeat, by neighbours elsewhere, unknown where neither tells."""

from dataclasses import replace

import numpy as np
import pytest

from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.health.determinism import Method, Verdict, history_needed
from cwm_engine.trajectories.health.neighbours import Smooth, neighbour_test
from tests.trajectories.worlds import chained, made, published, recorded, with_observed


def with_noise(dataset, share):
    """The dataset with noise on every observation that is reached, as a share of how much it usually changes."""
    (before,), (after,) = dataset.observations.arrays, dataset.next_observations.arrays
    noise = np.random.default_rng(0).normal(size=after.shape) * (after - before).std(axis=0) * share
    return replace(dataset, next_observations=Columns.from_values(list(after + noise)))


@pytest.mark.parametrize(("name", "repeats"), [("Taxi-v3", 1574 - 742), ("CliffWalking-v0", 877 - 126)])
def test_repeating_states_without_contradiction_are_a_function(name, repeats):
    """The evidence is how often something was seen again."""
    found = history_needed(published(name))
    assert (found.verdict, found.history, found.method) == (Verdict.FUNCTION, 1, Method.REPETITION)
    assert found.repetitions[0].repeats == repeats


def test_disguised_time_limits_do_not_make_taxi_random():
    """They are contradictions, but not of the environment."""
    assert history_needed(published("Taxi-v3", one_flag=True)).verdict is Verdict.FUNCTION


@pytest.mark.parametrize("name", ["CartPole-v1", "Pendulum-v1", "InvertedPendulum-v4"])
def test_smooth_dynamics_look_like_a_function(name):
    """No state repeats, but near ones have near outcomes."""
    found = history_needed(published(name))
    assert (found.verdict, found.history, found.method) == (Verdict.FUNCTION, 1, Method.NEIGHBOURS)


@pytest.mark.parametrize("name", ["HalfCheetah-v4", "Hopper-v4", "Blackjack-v1"])
def test_what_can_not_be_told_is_unknown(name):
    """1,000 points in 23 dimensions have no neighbours, and 15 hands of cards prove nothing."""
    assert history_needed(published(name)).verdict is Verdict.UNKNOWN


def test_cards_are_noise():
    """Enough Blackjack says that no history helps."""
    found = history_needed(recorded("Blackjack-v1", episodes=1500))
    assert (found.verdict, found.method) == (Verdict.NOISE, Method.REPETITION)
    assert found.repetitions[-1].history == 4
    assert found.repetitions[-1].disagreements > 0


@pytest.mark.parametrize("needed", [2, 3, 4])
def test_the_shortest_sufficient_history_is_found(needed):
    """A bit that comes out again some steps later."""
    random = np.random.default_rng(0)
    rewards, actions, episodes = [], [], []
    for _ in range(150):
        bits = random.integers(0, 2, size=20).tolist()
        episodes.append([0] * 21)
        actions += bits
        rewards += [bits[step - needed + 1] if step >= needed - 1 else 0 for step in range(20)]
    found = history_needed(chained(episodes, actions=actions, rewards=rewards))
    assert (found.verdict, found.history) == (Verdict.HISTORY, needed)


def test_a_longer_history_than_tried_is_not_claimed():
    """What needs five steps is no function of four, and is not said to need any number."""
    random = np.random.default_rng(0)
    rewards, actions, episodes = [], [], []
    for _ in range(150):
        bits = random.integers(0, 2, size=20).tolist()
        episodes.append([0] * 21)
        actions += bits
        rewards += [bits[step - 4] if step >= 4 else 0 for step in range(20)]
    dataset = chained(episodes, actions=actions, rewards=rewards)
    assert history_needed(dataset, max_history=4).verdict is Verdict.NOISE
    assert history_needed(dataset, max_history=5).history == 5


def test_a_clock_is_hidden_state():
    """The reward depends on the step alone."""
    episodes = [[0] * 31 for _ in range(20)]
    rewards = [float(step > 20) for _ in episodes for step in range(30)]
    actions = np.random.default_rng(0).integers(0, 2, size=600).tolist()
    found = history_needed(chained(episodes, actions=actions, rewards=rewards))
    assert found.verdict is Verdict.HIDDEN_STATE
    assert "number of the step" in found.message


def test_hidden_velocities_need_two_steps():
    """CartPole seen through its positions alone."""
    dataset = with_observed(published("CartPole-v1"), lambda table: table[:, [0, 2]])
    found = history_needed(dataset)
    assert (found.verdict, found.history, found.method) == (Verdict.HISTORY, 2, Method.NEIGHBOURS)


def test_a_hidden_velocity_with_one_accidental_repetition_is_still_found():
    """One contradiction is not enough to judge by repetition; the neighbours are."""
    dataset = with_observed(recorded("MountainCar-v0", episodes=20, hold=4), lambda table: table[:, [0]])
    assert (history_needed(dataset).verdict, history_needed(dataset).history) == (Verdict.HISTORY, 2)


@pytest.mark.parametrize("environment", ["CartPole-v1", "MountainCar-v0", "Pendulum-v1"])
def test_noise_is_told_from_smooth_dynamics(environment):
    """A tenth of the usual change is enough."""
    dataset = recorded(environment, episodes=25, most=200, hold=3)
    assert history_needed(dataset).verdict is Verdict.FUNCTION
    assert history_needed(with_noise(dataset, 0.1)).verdict is Verdict.NOISE


@pytest.mark.parametrize("environment", ["CartPole-v1", "Acrobot-v1", "Pendulum-v1", "MountainCarContinuous-v0"])
def test_no_deterministic_environment_is_called_noisy(environment):
    """However little is recorded, a function is called a function or unknown."""
    for seed in range(3):
        for episodes, most, hold in ((6, 60, 1), (20, 100, 10)):
            dataset = recorded(environment, episodes=episodes, most=most, seed=seed, hold=hold)
            assert history_needed(dataset).verdict in (Verdict.FUNCTION, Verdict.UNKNOWN)


def test_rough_functions_of_many_inputs_are_not_called_noise():
    """Steps in ten dimensions, deterministic but unlike anything smooth."""
    random = np.random.default_rng(0)
    states = random.normal(size=(1500, 10))
    after = states + np.sign(np.sin(7 * states))[:, ::-1]
    tests = neighbour_test(made(states, [0] * 1500, after, lengths=[150] * 10))
    assert tests
    assert all(test.answer is not Smooth.NOISE for test in tests)


def test_copies_of_episodes_are_no_evidence_for_a_function():
    """The same dice twice with one seed agree with each other."""
    walk = np.random.default_rng(0).permutation(60).tolist()
    found = history_needed(chained([walk, walk, walk]))
    assert found.verdict is Verdict.UNKNOWN


def test_one_contradiction_says_no_more_than_that():
    """Not a function, but of what is left open."""
    found = history_needed(chained([[0, 1, 0, 2]]))
    assert (found.verdict, found.history) == (Verdict.NOT_A_FUNCTION, None)


def test_nothing_is_unknown():
    """No transitions, no answer."""
    assert history_needed(chained([[0, 1]]).rows(slice(0, 0))).verdict is Verdict.UNKNOWN
