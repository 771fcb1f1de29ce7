"""Prepared data: what is run once for many rows, and what no model is held to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.checking.compare import Tolerance
from cwm_engine.checking.prepared import Prepared
from cwm_engine.errors import CwmError
from tests.recordings import made, recorded

ROWS = [(1, 0, 2, 0.0, False), (2, 1, 3, 0.0, False), (1, 0, 2, 0.0, False), (1, 1, 1, 0.0, True)]


def excused_fields(prepared, row):
    return [name for name, excused in zip(prepared.layout.names, prepared.excused[row], strict=True) if excused]


# What is run


def test_a_discrete_model_is_run_once_for_each_state_and_action():
    prepared = Prepared(made(ROWS))
    assert len(prepared.transitions) == 3
    assert prepared.run_of[0] == prepared.run_of[2]


def test_floats_are_run_row_by_row():
    prepared = Prepared(made([(0.5, 0, 0.5, 0.0, False)] * 3))
    assert len(prepared.transitions) == 3
    assert prepared.run_of is None
    assert prepared.rows_of_run is None


def test_episodes_are_run_row_by_row_however_discrete_they_are():
    prepared = Prepared(made(ROWS, lengths=[2, 2]), mode="episode")
    assert len(prepared.transitions) == 4
    assert prepared.transitions.episode_starts.tolist() == [0, 2]


def test_negative_and_huge_numbers_are_told_apart():
    states = [-1, 2**62, 2**62 + 1, -(2**62)]
    assert len(Prepared(made([(state, 0, 0, 0.0, False) for state in states])).transitions) == 4


def test_nested_discrete_states_are_told_apart_by_all_their_parts():
    states = [(1, np.array([0, 1])), (1, np.array([1, 0])), (1, np.array([0, 1]))]
    assert len(Prepared(made([(state, True, state, 0.0, False) for state in states])).transitions) == 2


@given(st.lists(st.tuples(st.integers(-2, 2), st.booleans()), min_size=1, max_size=30))
def test_every_row_gets_the_answer_to_its_own_state_and_action(pairs):
    prepared = Prepared(made([(state, action, state, 0.0, False) for state, action in pairs]))
    states, actions = prepared.transitions.states, prepared.transitions.actions
    assert [(states.row(run), actions.row(run)) for run in prepared.run_of] == pairs
    order, begins = prepared.rows_of_run
    for run in range(len(prepared.transitions)):
        assert set(order[begins[run] : begins[run + 1]]) == set(np.flatnonzero(prepared.run_of == run))


# What is excused


def test_nothing_is_excused_in_plain_data():
    assert not Prepared(made(ROWS)).excused.any()


def test_an_ignored_field_is_excused_with_all_its_parts():
    prepared = Prepared(made([((1.0, np.zeros(2)), 0, (1.0, np.zeros(2)), 0.0, False)]), ignore=("obs[1]", "reward"))
    assert excused_fields(prepared, 0) == ["obs[1][0]", "obs[1][1]", "reward"]


def test_an_ignored_name_is_not_the_beginning_of_another():
    prepared = Prepared(made([({"a": 1, "ab": 2}, 0, {"a": 1, "ab": 2}, 0.0, False)]), ignore=("obs.a",))
    assert excused_fields(prepared, 0) == ["obs.a"]


def test_ignoring_a_field_that_is_not_there_is_an_error():
    with pytest.raises(CwmError, match=r"'obs\[4\]', which is no field of the data \(fields are obs\[0\], obs\[1\]"):
        Prepared(recorded("CartPole-v1"), ignore=("obs[4]",))


def test_a_time_limit_stored_as_an_end_is_excused():
    """Five episodes of 200 steps that end in the middle of nowhere, besides one that ends in time."""
    lengths = [200] * 5 + [7]
    rows = [(float(number), 0, float(number + 1), 0.0, False) for number in range(sum(lengths))]
    dataset = made(rows, lengths=lengths)
    ends = dataset.episode_starts + dataset.episode_lengths - 1
    terminated = np.isin(np.arange(len(rows)), ends)
    prepared = Prepared(
        replace(dataset, terminated=terminated, provenance=replace(dataset.provenance, max_episode_steps=200))
    )
    assert excused_fields(prepared, int(ends[0])) == ["terminated"]
    assert excused_fields(prepared, int(ends[-1])) == []


def test_in_episode_mode_a_model_that_knows_the_time_limit_is_not_blamed():
    truncated = np.array([False, True, False, False])
    dataset = replace(made(ROWS, lengths=[2, 2]), truncated=truncated)
    assert excused_fields(Prepared(dataset, mode="episode"), 1) == ["terminated"]
    assert excused_fields(Prepared(dataset), 1) == []


# What can be reached


def test_contradictions_lower_the_ceiling_but_not_for_fields_nobody_is_held_to():
    dataset = made([(1, 0, 2, 0.0, False), (1, 0, 2, 1.0, False)])
    assert Prepared(dataset).ceiling == 0.5
    assert Prepared(dataset, ignore=("reward",)).ceiling == 1.0


def test_a_wide_tolerance_reconciles_contradictions():
    dataset = made([(1.0, 0, 2.0, 0.0, False), (1.0, 0, 2.1, 0.0, False)])
    assert Prepared(dataset).ceiling == 0.5
    assert Prepared(dataset, tolerance=Tolerance(atol=0.2)).ceiling == 1.0


def test_the_ceiling_of_a_model_with_memory_is_unknown():
    assert Prepared(made(ROWS), mode="episode").ceiling is None
