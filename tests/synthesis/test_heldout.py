"""Holding out: by episode, by lot, never everything."""

from dataclasses import replace

import numpy as np
import pytest

from cwm_engine.errors import CwmError
from cwm_engine.synthesis.heldout import sample_examples, split_episodes
from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.dataset import Dataset
from tests.synthesis.worlds import dataset


def test_a_fifth_of_the_episodes_is_held_out():
    split = split_episodes(dataset(10))
    assert (split.searched.episode_count, split.heldout.episode_count) == (8, 2)


def test_episodes_are_kept_whole_and_none_is_lost():
    data = dataset(10)
    split = split_episodes(data, 0.3, seed=5)
    searched, heldout = set(split.searched.episode.tolist()), set(split.heldout.episode.tolist())
    assert not searched & heldout
    assert searched | heldout == set(range(10))
    assert len(split.searched) + len(split.heldout) == len(data)


def test_a_seed_decides_what_is_held_out():
    held = [tuple(np.unique(split_episodes(dataset(10), seed=seed).heldout.episode)) for seed in (1, 1, 2, 3)]
    assert held[0] == held[1]
    assert len(set(held)) > 1


def test_of_two_episodes_one_is_held_out_and_of_one_none():
    assert split_episodes(dataset(2)).heldout.episode_count == 1
    assert split_episodes(dataset(1)).heldout is None


def test_no_transitions_are_nothing_to_search_with():
    with pytest.raises(CwmError, match="no transitions"):
        split_episodes(dataset(1).rows(slice(0, 0)))


@pytest.mark.parametrize("fraction", [-0.1, 1.0, float("nan")])
def test_a_fraction_that_is_none_is_refused(fraction):
    with pytest.raises(CwmError, match="no part"):
        split_episodes(dataset(3), fraction)


def test_examples_show_every_ending_and_every_reward():
    examples = sample_examples(dataset(10), 6)
    assert len(examples) <= 6
    assert {example.expected["terminated"] for example in examples} == {True, False}
    assert {example.expected["reward"] for example in examples} == {0.0, 1.0}
    assert all(example.predicted is None for example in examples)


def test_examples_show_what_is_unlike_everything_else():
    """One wall, hit once in a thousand steps, says more than another step in the open."""
    rows = [(x / 1000, 0.0 if x == 700 else x / 1000 + 0.5) for x in range(1000)]
    before, after = (Columns.from_values([row[part] for row in rows]) for part in (0, 1))
    data = Dataset(
        observations=before,
        actions=Columns.from_values([1.0 + x / 1000 for x in range(1000)]),
        next_observations=after,
        rewards=np.zeros(1000),
        terminated=np.zeros(1000, dtype=bool),
        truncated=np.zeros(1000, dtype=bool),
        episode=np.zeros(1000, dtype=np.int32),
        step=np.arange(1000, dtype=np.int32),
    )
    shown = [example.step for example in sample_examples(data, 4)]
    assert len(shown) == 4
    assert {0, 700, 999} <= set(shown)


def test_observations_that_are_no_numbers_have_examples_too():
    data = replace(
        dataset(3),
        observations=Columns.from_values(["left"] * len(dataset(3))),
        next_observations=Columns.from_values(["right"] * len(dataset(3))),
    )
    assert sample_examples(data)[0].state == "left"
