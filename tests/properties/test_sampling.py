"""Cases: recorded states with other actions, and states between those that were recorded."""

import numpy as np
import pytest

from cwm_engine.properties.invariants import Invariant, Kind
from cwm_engine.properties.sampling import sample_cases
from tests.recordings import made, recorded


def states(dataset):
    return {tuple(np.ravel(value)) for value in dataset.plain(0, len(dataset))}


def test_every_case_is_an_episode_of_its_own_and_nothing_is_known_of_its_outcome():
    cases = sample_cases(recorded("CartPole-v1", 100), 300)
    assert (len(cases), cases.episode_count) == (300, 300)
    assert not cases.terminated.any()
    assert np.array_equal(cases.observations.arrays[0], cases.next_observations.arrays[0])


def test_numbered_states_are_recorded_ones_that_go_on_with_recorded_actions():
    dataset = recorded("Taxi-v4", 200)
    cases = sample_cases(dataset, 500)
    assert states(cases.observations) <= states(dataset.observations) | states(dataset.next_observations)
    assert states(cases.actions) <= states(dataset.actions)
    pairs = set(zip(cases.observations.plain(0, 500), cases.actions.plain(0, 500), strict=True))
    known = set(zip(dataset.observations.plain(0, 200), dataset.actions.plain(0, 200), strict=True))
    assert pairs - known


def test_final_states_are_no_cases():
    dataset = made([(x, 0, x + 1, 0.0, x == 9) for x in range(10)])
    assert (10,) not in states(sample_cases(dataset, 300).observations)


def test_half_of_the_vectors_are_new_and_within_what_was_recorded():
    dataset = recorded("CartPole-v1", 200)
    cases = sample_cases(dataset, 400)
    old = states(dataset.observations) | states(dataset.next_observations)
    new = [state for state in cases.observations.plain(0, 400) if tuple(state) not in old]
    assert len(new) == pytest.approx(200, abs=5)
    everything = np.concatenate([dataset.observations.arrays[0], dataset.next_observations.arrays[0]])
    assert (cases.observations.arrays[0] >= everything.min(axis=0)).all()
    assert (cases.observations.arrays[0] <= everything.max(axis=0)).all()


def test_numbers_that_are_bound_to_each_other_are_not_moved():
    dataset = recorded("Pendulum-v1", 200)
    circle = Invariant(kind=Kind.CONSERVED, statement="", expression="True")
    cases = sample_cases(dataset, 300, invariants=(circle,))
    assert states(cases.observations) <= states(dataset.observations) | states(dataset.next_observations)


def test_a_seed_decides_the_cases():
    dataset = recorded("CartPole-v1", 100)
    first, again, other = (sample_cases(dataset, 50, seed).fingerprint for seed in (1, 1, 2))
    assert first == again != other
