"""Episodes: split from datasets and joined to datasets."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.errors import CwmError
from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.trajectories.episodes import contiguous_order, join_episodes, join_info, number_rows, split_episodes
from tests.trajectories.datasets import assert_same, cart, datasets


@given(datasets())
def test_episodes_split_and_joined_are_the_dataset(dataset):
    episodes = list(split_episodes(dataset))
    assert len(episodes) == dataset.episode_count
    joined = join_episodes(episodes, spaces=dataset.spaces, provenance=dataset.provenance)
    assert_same(joined, dataset)


def test_an_episode_whose_rows_follow_on_keeps_each_observation_once():
    [episode] = split_episodes(cart(episodes=1, steps=5))
    assert episode.next_observations is None
    assert len(episode.observations) == 6
    assert episode.total_reward == 5.0


def test_an_episode_with_a_jump_keeps_what_followed_apart():
    dataset = cart(episodes=2, steps=3)
    following = dataset.next_observations.arrays[0].copy()
    following[1] += 1
    broken = replace(dataset, next_observations=replace(dataset.next_observations, arrays=(following,)))
    first, second = split_episodes(broken)
    assert first.next_observations is not None
    assert second.next_observations is None
    assert_same(join_episodes([first, second], spaces=broken.spaces, provenance=broken.provenance), broken)


def test_no_episodes_are_no_dataset():
    with pytest.raises(CwmError, match="no episodes"):
        join_episodes([])


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12))
def test_scattered_rows_are_brought_together_in_order_of_appearance(numbers):
    rows = np.array(numbers)
    order = contiguous_order(rows)
    ordered = rows if order is None else rows[order]
    assert list(dict.fromkeys(ordered.tolist())) == list(dict.fromkeys(numbers))
    episode, step = number_rows(ordered)
    assert episode.max() + 1 == len(set(numbers))
    assert (np.diff(episode) >= 0).all()
    for number in range(episode.max() + 1):
        assert step[episode == number].tolist() == list(range((episode == number).sum()))
    if order is not None:
        for number in set(numbers):
            assert (np.diff(order[ordered == number]) > 0).all()


def test_info_is_joined_where_all_episodes_have_it():
    parts = [{"a": Columns.from_values([1]), "b": Columns.from_values([1])}, {"a": Columns.from_values([0.5])}]
    joined = join_info(parts)
    assert list(joined) == ["a"]
    assert joined["a"].arrays[0].tolist() == [1.0, 0.5]


def test_fingerprints_tell_datasets_apart():
    dataset = cart()
    changed = replace(dataset, rewards=dataset.rewards + 1)
    assert dataset.fingerprint == cart().fingerprint
    assert dataset.fingerprint != changed.fingerprint


def test_concatenated_datasets_number_episodes_through():
    whole = Dataset.concatenate([cart(episodes=2), cart(episodes=3, seed=1)])
    assert whole.episode_count == 5
    assert whole.episode_lengths.tolist() == [4] * 5
    assert whole.episode.tolist() == sorted(whole.episode.tolist())
    with pytest.raises(CwmError, match="no trajectories"):
        Dataset.concatenate([])
