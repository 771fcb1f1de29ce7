"""Descriptions: counts, ranges and histograms as a program would compute them one by one, and their JSON."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.trajectories.dataset import Provenance, Spaces
from cwm_engine.trajectories.describe import Range, describe, space_text
from cwm_engine.trajectories.spaces import space_to_json
from tests.trajectories.worlds import chained, ends, made, published, recorded


def test_taxi_in_numbers():
    """The published facts: lengths, reward classes, ends, returns."""
    found = describe(published("Taxi-v3"))
    assert (found.transitions, found.episodes, found.distinct) == (1574, 10, 742)
    assert (found.lengths.min, found.lengths.max) == (21, 200)
    assert found.rewards.classes == ((-1.0, 1096), (-10.0, 473), (20.0, 5))
    assert (found.terminated, found.truncated, found.unmarked, found.unexplainable) == (5, 5, 0, 0)
    assert (found.returns.min, found.returns.max) == (-812.0, -81.0)


def test_taxi_with_one_flag_shows_the_time_limits_among_its_ends():
    """Ten ends, five of them by the clock."""
    found = describe(published("Taxi-v3", one_flag=True))
    assert (found.terminated, found.truncated, found.unexplainable) == (10, 0, 5)
    assert (found.ceiling, found.field_ceilings) == (1.0, {})


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("Blackjack-v1", {0.0: 8, -1.0: 4, 1.0: 3}),
        ("CliffWalking-v0", {-1.0: 841, -100.0: 36}),
        ("CartPole-v1", {1.0: 402}),
    ],
)
def test_reward_classes_of_the_published_buffers(name, classes):
    """Each reward and how often it is paid."""
    assert dict(describe(published(name)).rewards.classes) == classes


def test_many_rewards_are_quantiles():
    """More than twenty different ones."""
    rewards = describe(published("Pendulum-v1")).rewards
    assert rewards.classes == ()
    assert list(rewards.quantiles) == [0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0]
    assert (rewards.quantiles[0.0], rewards.quantiles[1.0]) == (rewards.range.min, rewards.range.max)


@given(
    st.lists(
        st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 2), st.sampled_from([-1.0, 0.5, 2.0])), min_size=1),
        min_size=1,
        max_size=5,
    )
)
def test_counts_and_ranges_are_those_of_the_rows(episodes):
    """Compared with plain Python over the same rows."""
    rows = [row for episode in episodes for row in episode]
    states, actions, rewards = (list(column) for column in zip(*rows, strict=True))
    found = describe(made(states, actions, states, rewards=rewards, lengths=[len(episode) for episode in episodes]))
    assert found.transitions == len(rows)
    assert found.episodes == len(episodes)
    assert found.distinct == len({row[:2] for row in rows})
    assert dict(found.actions.classes) == Counter(actions)
    assert dict(found.rewards.classes) == Counter(rewards)
    (field,) = found.fields
    assert (field.range.min, field.range.max, field.distinct) == (min(states), max(states), len(set(states)))
    assert field.range.mean == pytest.approx(sum(states) / len(states))
    returns = [sum(row[2] for row in episode) for episode in episodes]
    assert (found.returns.min, found.returns.max) == pytest.approx((min(returns), max(returns)))
    json.dumps(found.to_json(), allow_nan=False)


def test_ranges_are_of_finite_numbers():
    """NaN and infinity have findings of their own."""
    assert Range.of(np.array([np.nan, 1.0, 3.0, np.inf])) == Range(1.0, 2.0, 2.0, 3.0)
    assert Range.of(np.array([np.nan])) == Range(None, None, None, None)


def test_continuous_actions_have_ranges_and_no_histogram():
    """One field for each dimension."""
    actions = describe(published("HalfCheetah-v4")).actions
    assert actions.classes == ()
    assert [field.name for field in actions.fields] == [f"action[{i}]" for i in range(6)]
    assert all((field.range.min, field.range.max) == (-1.0, 1.0) for field in actions.fields)


def test_text_actions_have_a_histogram():
    """In alphabetical order."""
    found = describe(chained([[0, 1, 2, 3]], actions=["push", "look", "push"]))
    assert found.actions.classes == (("look", 1), ("push", 2))


def test_nested_fields_have_paths_and_images_are_one_field():
    """Text has no range; an image no count of different values."""
    states = [{"text": str(i), "image": np.full((9, 9), i, dtype=np.uint8), "at": (i, -i)} for i in range(4)]
    fields = {field.name: field for field in describe(chained([states])).fields}
    assert list(fields) == ["obs.text", "obs.image", "obs.at[0]", "obs.at[1]"]
    assert (fields["obs.text"].range, fields["obs.text"].distinct) == (None, 3)
    assert (fields["obs.image"].range.max, fields["obs.image"].distinct) == (2.0, None)


def test_declared_spaces_are_shown_as_gymnasium_writes_them():
    """And spaces that are not declared by how the values are put together."""
    dataset = chained([[0, 1]])
    assert (describe(dataset).action.text, describe(dataset).action.declared) == ("int64", False)
    found = describe(replace(dataset, spaces=Spaces(action=space_to_json(spaces.Discrete(6))[0]))).action
    assert (found.text, found.declared) == ("Discrete(6)", True)


@pytest.mark.parametrize(
    ("space", "text"),
    [
        (spaces.Discrete(3, start=1), "Discrete(3, start=1)"),
        (spaces.Box(-1, 1, (2,)), "Box(-1.0, 1.0, (2,), float32)"),
        (spaces.MultiDiscrete([2, 3]), "MultiDiscrete([2, 3])"),
        (spaces.MultiBinary(4), "MultiBinary(4)"),
        (spaces.Text(5), "Text(5)"),
        (spaces.Sequence(spaces.Discrete(2)), "Sequence(Discrete(2))"),
        (spaces.Tuple([spaces.Discrete(2), spaces.Discrete(3)]), "Tuple(Discrete(2), Discrete(3))"),
        (spaces.Dict({"a": spaces.Discrete(2)}), "Dict('a': Discrete(2))"),
        (spaces.Box(np.arange(40.0), np.arange(40.0) + 1, dtype=np.float64), "Box((40,), float64)"),
    ],
)
def test_every_kind_of_space_has_a_text(space, text):
    """Long bounds are left out."""
    assert space_text(space_to_json(space)[0]) == text


def test_where_the_data_came_from_is_part_of_the_description():
    """As far as it is known."""
    provenance = Provenance(environment="Tiny-v0", environment_kwargs={"n": 2}, policy="random", seed=7)
    found = describe(replace(chained([[0, 1]]), provenance=provenance)).to_json()
    assert found["environment"] == "Tiny-v0"
    assert found["provenance"]["environment_kwargs"] == {"n": 2}
    assert (found["provenance"]["policy"], found["provenance"]["seed"]) == ("random", 7)


@pytest.mark.parametrize("name", ["Blackjack-v1", "CartPole-v1", "Hopper-v4", "Taxi-v3"])
def test_a_description_is_strict_json(name):
    """One document, read back equal, without NaN."""
    found = describe(published(name)).to_json()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["schema"] == 1


def test_the_document_says_whether_the_data_is_a_function():
    """With the evidence by history."""
    found = describe(recorded("FrozenLake-v1", episodes=100)).to_json()["function"]
    assert (found["verdict"], found["history"], found["method"]) == ("noise", None, "repetition")
    assert [item["history"] for item in found["repetitions"]] == [1, 2, 3, 4]


def test_an_empty_dataset_can_be_described():
    """All counts are zero and all ranges unknown."""
    found = describe(chained([[0, 1]], terminated=ends([1])).rows(slice(0, 0))).to_json()
    assert (found["transitions"], found["episodes"], found["lengths"]["max"]) == (0, 0, None)
    json.dumps(found, allow_nan=False)
