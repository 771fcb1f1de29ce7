"""Scores beside the accuracy: what doing nothing would be worth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.scores import baseline, do_nothing, most_common
from tests.checking.outcomes import comparison_of
from tests.recordings import made, recorded


def excused_nothing(dataset):
    return np.zeros((len(dataset), len(comparison_of(dataset).layout.names)), dtype=np.bool_)


def test_doing_nothing_keeps_the_state_pays_the_usual_reward_and_never_ends():
    dataset = made([(1, 0, 2, -1.0, False), (2, 0, 2, -1.0, False), (2, 1, 3, 20.0, True)])
    assert do_nothing(comparison_of(dataset), slice(0, 3)).tolist() == [[1, -1, 0], [2, -1, 0], [2, -1, 0]]


def test_of_equally_common_rewards_the_smallest_counts():
    assert most_common(np.array([3.0, 1.0, 3.0, 1.0])) == 1.0


def test_the_baseline_is_the_share_of_transitions_in_which_nothing_happens():
    dataset = made([(1, 0, 2, -1.0, False), (2, 0, 2, -1.0, False), (2, 1, 2, 20.0, True), (7, 0, 7, -1.0, False)])
    assert baseline(comparison_of(dataset), excused_nothing(dataset)) == 0.5


def test_texts_stay_what_they_are_too():
    dataset = made([("north", 0, "south", 0.0, False), ("south", 1, "south", 0.0, False)])
    assert baseline(comparison_of(dataset), excused_nothing(dataset)) == 0.5


def test_excused_fields_count_as_right():
    dataset = made([(1, 0, 2, -1.0, False), (2, 0, 2, -1.0, True)])
    excused = excused_nothing(dataset)
    excused[:, -1] = True
    assert baseline(comparison_of(dataset), excused) == 0.5


def test_states_and_next_states_that_differ_in_structure_have_no_baseline():
    dataset = made([((1, 2), 0, 3, 0.0, False)])
    assert baseline(comparison_of(dataset), excused_nothing(dataset)) is None


@pytest.mark.parametrize("environment", ["Taxi-v4", "CartPole-v1"])
def test_the_baseline_of_a_recording_is_what_a_loop_counts(environment):
    dataset = recorded(environment)
    usual = most_common(dataset.rewards)
    right = sum(
        np.allclose(dataset.observations.row(row), dataset.next_observations.row(row), rtol=1e-5, atol=1e-5)
        and dataset.rewards[row] == usual
        and not dataset.terminated[row]
        for row in range(len(dataset))
    )
    assert Prepared(dataset).baseline == right / len(dataset)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 1), st.booleans()), min_size=1))
def test_the_baseline_does_not_depend_on_the_chunks_it_is_worked_out_in(rows):
    dataset = made([(before, 0, after, float(reward), done) for before, after, reward, done in rows])
    usual = most_common(dataset.rewards)
    right = sum(before == after and reward == usual and not done for before, after, reward, done in rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cwm_engine.checking.scores._CHUNK", 3)
        assert baseline(comparison_of(dataset), excused_nothing(dataset)) == right / len(rows)
