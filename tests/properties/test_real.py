"""The real environment: played anew, and put into any state."""

import numpy as np
import pytest

from cwm_engine.errors import CwmError
from cwm_engine.properties.real import alike, all_places, fresh_transitions, puppet
from tests.recordings import made, recorded

WORLDS = {
    "CartPole-v1": {}, "MountainCar-v0": {}, "Acrobot-v1": {}, "Pendulum-v1": {}, "Taxi-v4": {},
    "FrozenLake-v1": {"is_slippery": False},
}  # fmt: skip


def test_fresh_transitions_are_from_resets_and_from_all_over_the_state_space():
    fresh = fresh_transitions("CartPole-v1", count=600, seed=3)
    assert len(fresh) >= 600
    positions = fresh.observations.arrays[0][:, 0]
    assert (np.abs(positions[: len(fresh) // 3]) < 1).all()
    assert (np.abs(positions) > 2).any()


def test_an_environment_whose_state_cannot_be_set_is_played_from_resets():
    fresh = fresh_transitions("Blackjack-v1", count=100)
    assert len(fresh) >= 100


def test_a_seed_decides_what_is_played():
    first, again, other = (fresh_transitions("Taxi-v4", count=60, seed=seed).fingerprint for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("world", WORLDS)
def test_an_environment_put_into_a_state_does_what_it_did_there(world):
    dataset = recorded(world, 200)
    ask = puppet(world, WORLDS[world], dataset)
    again = ask.again(dataset)
    assert np.allclose(again.next_observations.arrays[0], dataset.next_observations.arrays[0], atol=1e-4)
    assert np.allclose(again.rewards, dataset.rewards, atol=1e-4)


def test_it_can_be_asked_about_states_nobody_has_recorded():
    ask = puppet("CartPole-v1", {}, recorded("CartPole-v1", 100))
    ((state, reward, terminated), _) = ask([((2.39, 2.0, 0.0, 0.0), 1), ((0.0, 0.0, 0.0, 0.0), 0)])
    assert state[0] == pytest.approx(2.43)
    assert (reward, terminated) == (1.0, True)


def test_a_random_environment_is_not_put_into_states():
    assert puppet("FrozenLake-v1", {"is_slippery": True}, recorded("FrozenLake-v1", 200)) is None


def test_every_place_of_a_table_can_be_listed():
    places = all_places("FrozenLake-v1", {"is_slippery": False}, [0, 1, 2, 3])
    assert len(places) == 11 * 4  # holes and the goal are left out
    assert all_places("CartPole-v1", {}, [0, 1]) == []


def test_another_environment_than_was_recorded_is_an_error():
    with pytest.raises(CwmError, match="gives other states or actions than were recorded"):
        alike(fresh_transitions("CartPole-v1", count=30), recorded("Acrobot-v1", 30))


def test_numbers_are_taken_into_the_types_of_the_recording():
    stored = made([((0.0, 1.0), 0, (0.0, 1.0), 0.0, False)] * 3)
    fresh = made([((0, 1), 0, (0, 1), 0.0, False)] * 3)
    assert alike(fresh, stored).observations.structure == stored.observations.structure
