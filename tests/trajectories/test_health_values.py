"""Values that are missing, impossible, constant or recorded twice, and breaks within episodes."""

from dataclasses import replace

import numpy as np
import pytest
from gymnasium import spaces

from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.dataset import Spaces
from cwm_engine.trajectories.health.continuity import continuity
from cwm_engine.trajectories.health.values import (
    constant_fields,
    duplicates,
    float32_rewards,
    not_finite,
    outside_space,
    unused_actions,
)
from cwm_engine.trajectories.spaces import space_to_json
from tests.trajectories.worlds import chained, made, published, recorded


def declared(dataset, observation=None, action=None):
    """The dataset with declared spaces."""
    described = [None if space is None else space_to_json(space)[0] for space in (observation, action)]
    return replace(dataset, spaces=Spaces(*described))


def test_nan_and_infinity_are_found_wherever_they_are():
    """In states, next states, actions and rewards."""
    dataset = made(
        [(0.0, 1.0), (np.nan, 1.0), (0.0, 1.0), (0.0, 1.0)],
        [0.0, 0.0, np.inf, 0.0],
        [(0.0, 1.0), (0.0, 1.0), (0.0, 1.0), (0.0, -np.inf)],
        rewards=[np.nan, 0, 0, 0],
    )
    found = not_finite(dataset)
    assert found.rows.tolist() == [0, 1, 2, 3]
    assert found.fields == ("obs[0]", "next_obs[1]", "action", "reward")


def test_numbers_beyond_a_declared_box_are_found():
    """One element of one row; the other numbers lie on the bounds themselves."""
    table = np.array([[0.0, -1.0], [1.0, 1.0], [0.5, 1.5]], dtype=np.float32)
    box = spaces.Box(np.array([0, -1]), np.array([1, 1]), dtype=np.float32)
    found = outside_space(declared(made(table, [0] * 3, table), box))
    assert found.rows.tolist() == [2]
    assert found.fields == ("obs", "next_obs")


def test_bounds_that_were_rounded_to_float32_are_bounds():
    """0.4 in float64 is a little less than 0.4 in float32, and the other way round."""
    wide = np.array([[0.4], [np.float32(0.4)]])
    assert not len(outside_space(declared(made(wide, [0, 0], wide), spaces.Box(-0.4, 0.4, (1,)))).rows)


def test_unbounded_sides_have_no_bounds():
    """Infinite bounds are written as text in JSON."""
    table = np.array([[-1e30], [1e30]])
    box = spaces.Box(-np.inf, np.inf, (1,), dtype=np.float64)
    assert not len(outside_space(declared(made(table, [0, 0], table), box)).rows)


def test_nested_and_discrete_spaces_are_checked_part_by_part():
    """A dict of a counter that starts at 1 and flags."""
    space = spaces.Dict({"n": spaces.Discrete(3, start=1), "flags": spaces.MultiBinary(2)})
    values = [{"n": n, "flags": np.array([1, flag], dtype=np.int8)} for n, flag in [(1, 0), (3, 1), (4, 0), (1, 2)]]
    found = outside_space(declared(made(values, [0] * 4, values), space))
    assert found.rows.tolist() == [2, 3]
    assert found.fields == ("obs.n", "obs.flags", "next_obs.n", "next_obs.flags")


def test_spaces_of_another_shape_are_not_compared():
    """Whose spaces they are is for the loader to say."""
    table = np.zeros((2, 3))
    assert not len(outside_space(declared(made(table, [0, 0], table), spaces.Box(1, 2, (2,)))).rows)


def test_recorded_environments_stay_within_their_spaces():
    """CartPole leaves the bounds of its ends only beyond them."""
    import gymnasium

    for name in ("CartPole-v1", "Taxi-v4", "Pendulum-v1"):
        env = gymnasium.make(name)
        dataset = declared(recorded(name, episodes=5, most=50), env.observation_space, env.action_space)
        assert not len(outside_space(dataset).rows)


def test_actions_that_were_never_taken_are_named():
    """Of a declared space with an offset."""
    dataset = declared(chained([[0, 1, 2, 3]], actions=[5, 6, 5]), action=spaces.Discrete(4, start=5))
    assert unused_actions(dataset) == (7, 8)
    assert unused_actions(chained([[0, 1]])) == ()


def test_fields_that_never_change_are_named_with_their_value():
    """Elements of arrays, parts of dicts, texts."""
    values = [{"a": np.array([i, 7, 0.5]), "b": "same", "c": i} for i in range(4)]
    assert constant_fields(chained([values])) == {"obs.a[1]": 7.0, "obs.a[2]": 0.5, "obs.b": "same"}


def test_a_field_that_changes_only_at_the_very_end_is_not_constant():
    """The last next observation counts as well."""
    assert constant_fields(chained([[(1, 0), (1, 1), (2, 2)]])) == {}


def test_duplicate_transitions_are_counted_once_each():
    """747 of 1,574 Taxi transitions are different, outcome included, if time limits count as ends."""
    dataset = published("Taxi-v3", one_flag=True)
    assert len(dataset) - len(duplicates(dataset).transitions) == 747


def test_duplicate_episodes_are_found_and_prefixes_are_not():
    """Equal in every value, from start to end."""
    found = duplicates(chained([[0, 1, 2], [0, 1], [0, 1, 2], [0, 2, 1]]))
    assert found.episodes.tolist() == [2]


@pytest.mark.parametrize(
    ("name", "rounded"),
    [("HalfCheetah-v4", True), ("Pendulum-v1", True), ("Hopper-v4", True), ("CartPole-v1", False), ("Taxi-v3", False)],
)
def test_rewards_that_went_through_float32_are_recognized(name, rounded):
    """Real-valued ones; -1 and 20 are exact in any type."""
    assert float32_rewards(published(name)) is rounded


def test_rewards_computed_in_float64_are_not_called_rounded():
    """Gymnasium's own."""
    assert not float32_rewards(recorded("Pendulum-v1", episodes=2))


@pytest.mark.parametrize("name", ["Taxi-v3", "CartPole-v1", "HalfCheetah-v4", "CliffWalking-v0", "Blackjack-v1"])
def test_the_published_episodes_are_continuous(name):
    """Each transition begins where the last one ended."""
    found = continuity(published(name))
    assert not len(found.jumps)
    assert not len(found.gaps)
    assert not len(found.inner_ends)


def test_five_cliff_walking_episodes_are_cut_without_a_flag():
    """After 100 steps."""
    dataset = published("CliffWalking-v0")
    rows = continuity(dataset).cut
    assert dataset.step[rows].tolist() == [99] * 5


def test_jumps_gaps_and_inner_ends_are_told_apart():
    """One of each in three episodes."""
    dataset = made(
        [0, 1, 2, 0, 1, 5, 0, 1, 2], [0] * 9, [1, 2, 3, 1, 2, 3, 1, 2, 3],
        lengths=[3, 3, 3], terminated=[False, True, False, False, False, True, False, False, True],
    )  # fmt: skip
    step = dataset.step.copy()
    step[8] = 7
    found = continuity(replace(dataset, step=step))
    assert found.jumps.tolist() == [5]
    assert found.gaps.tolist() == [8]
    assert found.inner_ends.tolist() == [1]
    assert found.cut.tolist() == [2]


def test_rounded_copies_of_an_observation_are_continuous():
    """Some formats store fewer digits; NaN continues NaN."""
    table = np.array([[0.1, np.nan], [0.3, np.nan], [0.7, np.nan]])
    dataset = chained([table])
    shorter = Columns.from_values(list(np.round(table[1:] + 2e-7, 7)))
    assert not len(continuity(replace(dataset, next_observations=shorter)).jumps)
