"""Contradictions in data: found exactly, explained as far as the data allows, counted into the ceiling."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.health.conflicts import ConflictKind, ceiling, find_conflicts
from cwm_engine.trajectories.health.grouping import group_rows, group_transitions
from tests.trajectories.worlds import chained, ends, made, published, recorded


def test_equal_rows_are_grouped_whatever_their_type():
    """Floats, integers, texts and JSON values are compared as values."""
    groups = group_rows(
        Columns.from_values([{"at": (0, 1), "name": "a"}, {"at": (0, 1), "name": "b"}, {"at": (0, 1), "name": "a"}]),
        Columns.from_values([np.array([0.0, np.nan]), np.array([-0.0, np.nan]), np.array([-0.0, np.nan])]),
    )
    assert groups.ids[0] == groups.ids[2] != groups.ids[1]


@given(st.lists(st.tuples(st.integers(-2, 2), st.sampled_from([0.0, -0.0, 0.5, 1e300]), st.text("ab", max_size=2))))
def test_grouping_is_equality(rows):
    """Two rows share a group if and only if they are equal in every part."""
    if not rows:
        return
    parts = [Columns.from_values([row[i] for row in rows]) for i in range(3)]
    ids = group_rows(*parts).ids
    for (i, one), (j, other) in itertools.combinations(enumerate(rows), 2):
        assert (ids[i] == ids[j]) == (one == other)


def test_taxi_has_742_different_states_and_actions_and_5_contradictions():
    """The published count; the contradictions are time limits stored as ends."""
    dataset = published("Taxi-v3", one_flag=True)
    conflicts = find_conflicts(dataset)
    assert (len(dataset), conflicts.distinct, len(conflicts)) == (1574, 742, 5)
    assert set(conflicts.kinds) == {ConflictKind.TRUNCATION}
    assert conflicts.fields_of(ConflictKind.TRUNCATION) == ("terminated",)


def test_taxi_with_both_flags_has_no_contradiction():
    """Where time limits are told apart, Taxi is a function."""
    assert len(find_conflicts(published("Taxi-v3"))) == 0


def test_cliff_walking_has_126_different_states_and_actions():
    """The published count, without contradiction."""
    conflicts = find_conflicts(published("CliffWalking-v0"))
    assert (conflicts.transitions, conflicts.distinct, len(conflicts)) == (877, 126, 0)


def test_time_limits_in_disguise_do_not_lower_the_ceiling():
    """They are excused, so a right model can still reach 1."""
    assert ceiling(published("Taxi-v3", one_flag=True)) == 1.0


def test_the_ceiling_counts_the_majority_of_each_contradiction():
    """Of outcomes 1, 1, 2 one prediction meets two."""
    dataset = made([0, 0, 0, 5], [0, 0, 0, 0], [1, 1, 2, 6])
    assert ceiling(dataset) == pytest.approx(3 / 4)


def test_a_prediction_must_be_right_in_all_fields_at_once():
    """Each field alone leaves 2 of 3 in reach, all of them together only 1."""
    dataset = made([0, 0, 0], [0, 0, 0], [1, 1, 2], rewards=[0, 1, 1], terminated=[False, True, False])
    conflicts = find_conflicts(dataset)
    assert conflicts.ceiling == pytest.approx(1 / 3)
    assert conflicts.field_ceilings == pytest.approx({"obs": 2 / 3, "reward": 2 / 3, "terminated": 2 / 3})


def test_outcomes_within_tolerance_are_no_contradiction():
    """One prediction between them meets both."""
    dataset = made([0.0, 0.0], [0, 0], [1.0, 1.00001])
    assert len(find_conflicts(dataset)) == 0
    assert ceiling(dataset) == 1.0
    assert len(find_conflicts(dataset, atol=1e-7, rtol=1e-7)) == 1


def test_a_chain_of_near_outcomes_is_not_one_outcome():
    """Neighbours within tolerance do not make the ends of the chain equal."""
    outcomes = [0.0, 0.15, 0.3, 0.45]
    assert ceiling(made([0.0] * 4, [0] * 4, outcomes), atol=0.1, rtol=0.0) == pytest.approx(2 / 4)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 6), st.integers(0, 1), st.booleans()), min_size=1, max_size=12)
)
def test_the_ceiling_is_the_best_of_all_predictions(rows):
    """Compared with trying every observed outcome for every state, in integers and with tolerance."""
    states, outcomes, rewards, ended = (list(column) for column in zip(*rows, strict=True))
    dataset = made(states, [0] * len(rows), outcomes, rewards=rewards, terminated=ended)
    met = 0
    for state in set(states):
        own = [row[1:] for row in rows if row[0] == state]
        met += max(own.count(guess) for guess in own)
    assert ceiling(dataset) == pytest.approx(met / len(rows))


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1).map(lambda x: round(x, 2))), min_size=1, max_size=10))
def test_the_ceiling_with_tolerance_is_the_deepest_overlap(rows):
    """For one float the best prediction lies at an edge of some accepted interval; none here merely touch."""
    dataset = made([row[0] for row in rows], [0] * len(rows), [row[1] for row in rows])
    met = 0
    for state in {row[0] for row in rows}:
        own = [row[1] for row in rows if row[0] == state]
        edges = [value - 0.0525 for value in own]
        met += max(sum(abs(edge - value) <= 0.0525 + 1e-9 for value in own) for edge in edges)
    assert ceiling(dataset, atol=0.0525, rtol=0.0) == pytest.approx(met / len(rows))


def test_nan_can_not_be_predicted():
    """A row with NaN is out of reach even if it is the only one of its kind."""
    assert ceiling(made([0, 1], [0, 0], [np.nan, 1.0])) == pytest.approx(1 / 2)


def test_ignored_fields_do_not_lower_the_ceiling():
    """What is not compared cannot be missed."""
    dataset = made([0, 0], [0, 0], [(1, 5), (2, 5)])
    assert ceiling(dataset) == pytest.approx(1 / 2)
    assert ceiling(dataset, ignore=["obs[0]"]) == 1.0
    assert ceiling(dataset, ignore=["obs"]) == 1.0


def test_an_empty_dataset_has_no_conflicts():
    """Nothing contradicts itself in nothing."""
    empty = made([0], [0], [1]).rows(slice(0, 0))
    assert len(find_conflicts(empty)) == 0
    assert ceiling(empty) == 1.0


def test_images_are_compared_as_one_field():
    """A leaf of many elements contradicts itself if any element does."""
    first, second = np.zeros((9, 9), dtype=np.uint8), np.zeros((9, 9), dtype=np.uint8)
    second[3, 4] = 1
    conflicts = find_conflicts(made([first, first], [0, 0], [first, second]))
    assert conflicts.fields_of(ConflictKind.UNKNOWN) == ("obs",)


def test_a_die_is_noise():
    """The outcome differs even where all that came before is equal."""
    random = np.random.default_rng(0)
    episodes = [[0, *random.integers(0, 2, size=8).tolist()] for _ in range(100)]
    conflicts = find_conflicts(chained(episodes, terminated=ends([8] * 100)))
    assert set(conflicts.kinds) == {ConflictKind.NOISE}


def test_a_secret_of_the_last_step_is_hidden_state():
    """Two steps determine what one does not: every second step moves."""
    random = np.random.default_rng(0)
    episodes = []
    for length in random.integers(15, 30, size=20):
        start = int(random.integers(0, 4))
        episodes.append([(start + (step + 1) // 2) % 4 for step in range(length)])
    conflicts = find_conflicts(chained(episodes))
    assert set(conflicts.kinds) == {ConflictKind.HIDDEN_STATE}
    assert conflicts.reasons["obs"].context.name == "history 2"


def test_a_secret_of_the_episode_is_hidden_state():
    """Each episode has a goal of its own that the observation does not show."""
    random = np.random.default_rng(0)
    states, rewards = [], []
    for _ in range(30):
        goal, walk = random.integers(0, 3), random.integers(0, 3, size=25).tolist()
        states.append([*walk, 0])
        rewards += [float(state == goal) for state in walk]
    conflicts = find_conflicts(chained(states, actions=None, rewards=rewards))
    assert conflicts.reasons["reward"].kind is ConflictKind.HIDDEN_STATE
    assert conflicts.reasons["reward"].context.name == "episode"
    assert conflicts.reasons["obs"].kind is ConflictKind.NOISE


def test_too_few_repetitions_leave_the_reason_open():
    """One contradiction alone tells nothing about its cause."""
    conflicts = find_conflicts(chained([[0, 1, 0, 2]]))
    assert conflicts.kinds == (ConflictKind.UNKNOWN,)


def test_copies_of_an_episode_are_no_evidence():
    """A recording made twice repeats its accidents."""
    random = np.random.default_rng(0)
    walk = random.integers(0, 3, size=12).tolist()
    conflicts = find_conflicts(chained([walk] * 40))
    assert ConflictKind.HIDDEN_STATE not in conflicts.kinds


@pytest.mark.parametrize("environment", ["Blackjack-v1", "CliffWalkingSlippery-v1"])
def test_random_environments_are_noise(environment):
    """Cards and slippery ground."""
    conflicts = find_conflicts(recorded(environment, episodes=400, most=20))
    assert set(conflicts.kinds) == {ConflictKind.NOISE}
    assert conflicts.ceiling < 0.8


def test_members_of_a_conflict_share_state_and_action():
    """Every listed row belongs to the pair it is listed under."""
    dataset = recorded("FrozenLake-v1", episodes=60)
    conflicts, groups = find_conflicts(dataset), group_transitions(dataset)
    for number in range(len(conflicts)):
        assert len(set(groups.ids[conflicts.members(number)].tolist())) == 1
