"""Outputs that share memory are found, whatever they are made of, and others are not taken for such."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.sandbox.sharing import observed, snapshot
from cwm_engine.sandbox.sharing import shares as shares_memory
from cwm_engine.trajectories.columns import Columns
from tests.trajectories.datasets import structures, values_of

BUFFER = np.zeros(8)


def shares(structure, outputs) -> bool:
    return shares_memory(structure, *observed(outputs))


def outputs_share(*observations) -> bool:
    structure = Columns.from_values(observations).structure
    return shares(structure, [(observation, 0.0, False) for observation in observations])


@pytest.mark.parametrize(
    "make",
    [
        lambda: [BUFFER, BUFFER],
        lambda: [BUFFER[:4], BUFFER[:4]],
        lambda: [BUFFER[0:4], BUFFER[2:6]],
        lambda: [BUFFER.reshape(2, 4), BUFFER.reshape(2, 4)],
        lambda: [(BUFFER[:2], 1), (BUFFER[:2], 2)],
        lambda: [{"at": BUFFER, "n": 1}, {"at": BUFFER, "n": 2}],
        lambda: [{"at": [BUFFER, {1}]}, {"at": [BUFFER, {2}]}],
        lambda: [np.zeros(8), BUFFER, np.ones(8), BUFFER],
    ],
    ids=["array", "view", "overlap", "reshaped", "in a tuple", "in a dictionary", "in any value", "now and then"],
)
def test_arrays_that_share_memory_are_found(make):
    assert outputs_share(*make())


@pytest.mark.parametrize(
    "make",
    [lambda one: [one, one], lambda one: [[one], [one]], lambda one: [{"a": one}, {"a": one}]],
    ids=["alone", "in a list", "in a dictionary"],
)
def test_lists_that_come_up_again_are_found(make):
    assert outputs_share(*make([1, 2]))


def test_numbers_in_a_list_that_comes_up_again_are_found():
    vector = Columns.from_values([np.zeros(2)]).structure
    one = [1.0, 2.0]
    assert shares(vector, [(one, 0.0, False), (one, 0.0, False)])
    assert not shares(vector, [([1.0, 2.0], 0.0, False), ([1.0, 2.0], 0.0, False)])


def test_rows_of_a_board_that_come_up_again_are_found():
    board = Columns.from_values([np.zeros((2, 2))]).structure
    row = [1, 2]
    assert shares(board, [([row, [3, 4]], 0, False), ([row, [5, 6]], 0, False)])


def test_an_output_that_comes_up_again_is_found():
    number = Columns.from_values([5]).structure
    output = [5, 0.0, False]
    assert shares(number, [output, output])


@given(st.data())
def test_separate_values_share_nothing(data):
    structure = data.draw(structures())
    outputs = [(snapshot((data.draw(values_of(structure)),))[0], 0.0, False) for _ in range(3)]
    assert not shares(structure, outputs)


def test_neighbours_in_memory_share_nothing():
    rows = list(np.zeros((5, 3)))
    assert not outputs_share(*rows)


def test_what_cannot_change_may_come_up_again():
    state = (1.0, 2.0)
    assert not outputs_share(state, state)
    assert not outputs_share("north", "north")
    assert not outputs_share(frozenset({1}), frozenset({1}))


@pytest.mark.parametrize("output", [None, 5, "text", (), (object(),), ({},), ([[]],), [None]])
def test_what_is_no_prediction_is_passed_over(output):
    for structure in (Columns.from_values([value]).structure for value in (np.zeros(2), {"a": 1}, (1, 2), [1], "x")):
        assert shares(structure, [output]) is False
        assert shares(structure, [(np.zeros(2), 0, False), None, output]) in {True, False}


def test_a_snapshot_stays_as_it_is():
    state = {"at": np.zeros(2), "path": [1]}
    kept = snapshot((state, 1.0, False))
    state["at"][0] = 9
    state["path"].append(2)
    assert kept[0]["at"].tolist() == [0, 0]
    assert kept[0]["path"] == [1]
    assert kept[1:] == (1.0, False)


@pytest.mark.parametrize("output", [None, 5, (), "abc"])
def test_a_snapshot_of_what_is_no_prediction_is_that(output):
    assert snapshot(output) == output
