"""Few transitions that show much."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.variety import features_of, spread_out
from tests.synthesis.worlds import dataset

TABLES = st.lists(st.tuples(*[st.floats(0, 1)] * 2), max_size=30).map(lambda rows: np.array(rows).reshape(-1, 2))


@given(TABLES, st.integers(0, 10))
def test_no_row_is_chosen_twice_and_none_like_another(table: np.ndarray, count: int) -> None:
    chosen = spread_out(table, [], count)
    assert len(chosen) <= count
    assert len({tuple(table[row]) for row in chosen}) == len(chosen)


def test_those_that_are_wanted_come_first_and_then_what_is_farthest() -> None:
    table = np.array([[0.0], [0.1], [0.5], [1.0]])
    assert spread_out(table, [1], 3) == [1, 3, 2]
    assert spread_out(table, [1, 1, 0], 2) == [1, 0]


def test_everything_there_is_if_there_is_no_more() -> None:
    assert sorted(spread_out(np.array([[0.0], [1.0]]), [], 9)) == [0, 1]


def test_transitions_with_other_actions_differ() -> None:
    data = dataset(2)
    same = replace(
        data, observations=Columns.from_values([0] * len(data)), next_observations=Columns.from_values([0] * len(data))
    )
    features = features_of(same, np.arange(len(same)))
    actions = np.array(same.actions.plain(0, len(same)))
    chosen = spread_out(features, [], 2)
    assert set(actions[chosen]) == {0, 1}


def test_values_without_a_size_are_left_out() -> None:
    data = replace(dataset(1), rewards=np.full(len(dataset(1)), np.nan))
    assert np.isfinite(features_of(data, np.arange(len(data)))).all()
