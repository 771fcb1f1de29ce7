"""Transitions: states and actions on their way into the sandbox, as arrays or as plain Python values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cwm_engine.sandbox import transitions as module
from cwm_engine.sandbox.arrays import attach
from cwm_engine.sandbox.transitions import Transitions, pack, unpack
from cwm_engine.trajectories.columns import Columns, same_rows, structure_to_json
from tests.trajectories.datasets import datasets


def transitions_of(states, actions) -> Transitions:
    columns = Columns.from_values(states)
    return Transitions(columns, Columns.from_values(actions), columns.structure, np.zeros(1, dtype=np.int64))


def packed(transitions: Transitions) -> Transitions:
    """As they arrive in the zygote."""
    with pack(transitions) as shared:
        return unpack(*attach(shared.descriptor))


def as_types(values):
    """The types of nested values."""
    if isinstance(values, tuple | list):
        return type(values), *map(as_types, values)
    return (type(values), values.dtype) if isinstance(values, np.ndarray) else type(values)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=30)
@given(datasets())
def test_states_and_actions_arrive_as_they_were_sent(dataset):
    sent = Transitions(
        dataset.observations, dataset.actions, dataset.next_observations.structure, dataset.episode_starts
    )
    arrived = packed(sent)
    assert same_rows(arrived.states, sent.states).all()
    assert same_rows(arrived.actions, sent.actions).all()
    assert arrived.prediction == sent.prediction
    assert arrived.episode_starts.tolist() == sent.episode_starts.tolist()


def test_the_outcomes_are_nowhere_among_what_is_sent():
    dataset_states = [np.full(2, 0.125), np.full(2, 0.25)]
    with pack(transitions_of(dataset_states, [0, 1])) as shared:
        arrays, meta = attach(shared.descriptor)
    assert sorted(arrays) == ["actions.0", "episode_starts", "states.0"]
    assert sorted(meta) == ["actions", "prediction", "states"]


def test_stored_values_are_what_gymnasium_gives():
    arrived = packed(transitions_of([np.zeros(2, dtype=np.float32)] * 2, [1, 2]))
    states, actions = arrived.values("stored", 0, 2)
    assert as_types(list(states)) == (list, (np.ndarray, np.dtype("float32")), (np.ndarray, np.dtype("float32")))
    assert actions == [1, 2]


def test_plain_values_are_numbers_and_tuples():
    state = {"at": (1, 0.5), "board": np.array([[1, 2]], dtype=np.uint8)}
    arrived = packed(transitions_of([state], [np.array([0.5])]))
    states, actions = arrived.values("plain", 0, 1)
    assert states == [{"at": (1, 0.5), "board": ((1, 2),)}]
    assert as_types(states[0]["board"]) == (tuple, (tuple, int, int))
    assert actions == [(0.5,)]


@pytest.mark.parametrize("form", ["plain", "stored"])
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=25)
@given(dataset=datasets(), data=st.data())
def test_any_rows_in_any_order_are_those_of_the_whole(form, dataset, data):
    every = packed(
        Transitions(dataset.observations, dataset.actions, dataset.observations.structure, dataset.episode_starts)
    )
    rows = data.draw(st.lists(st.integers(0, len(every) - 1), max_size=4))
    states, actions = every.values(form, 0, len(every))
    some_states, some_actions = every.chosen(form, np.array(rows, dtype=np.intp))
    assert repr(list(some_states)) == repr([states[row] for row in rows])
    assert repr(list(some_actions)) == repr([actions[row] for row in rows])


def test_a_model_that_changes_what_it_gets_changes_nobody_elses():
    arrived = packed(transitions_of([np.zeros(2)] * 3, [0] * 3))
    states, _ = arrived.values("stored", 0, 3)
    states[0][:] = 9
    again, _ = arrived.values("stored", 0, 3)
    assert again[0].tolist() == [0, 0]
    assert states[1].tolist() == [0, 0]


def test_forms_differ_where_there_are_arrays():
    assert transitions_of([np.zeros(2)], [0]).forms_differ
    assert transitions_of([1], [np.zeros(1)]).forms_differ
    assert not transitions_of([(1, 0.5, "a", [1])], [True]).forms_differ


@pytest.mark.parametrize(("rows", "numbers", "kept"), [(2, 100, 2), (100, 9, 3), (100, 100, 5)])
def test_as_many_rows_are_kept_as_plain_values_as_memory_allows(monkeypatch, rows, numbers, kept):
    monkeypatch.setattr(module, "PLAIN_ROWS", rows)
    monkeypatch.setattr(module, "PLAIN_NUMBERS", numbers)
    arrived = packed(transitions_of([np.arange(2.0) + row for row in range(5)], [0] * 5))
    assert len(arrived.plain_states) == kept
    states, _ = arrived.values("plain", 0, 5)
    assert states == [(row, row + 1.0) for row in range(5)]


def test_images_are_never_taken_apart():
    arrived = packed(transitions_of([np.zeros((9, 9), dtype=np.uint8)] * 2, [0] * 2))
    assert arrived.is_large
    assert not arrived.plain_states


def test_what_is_sent_says_how_predictions_are_put_together():
    columns = Columns.from_values([{"a": 1}])
    with pack(transitions_of([{"a": 1}], [0])) as shared:
        assert attach(shared.descriptor)[1]["prediction"] == structure_to_json(columns.structure)
