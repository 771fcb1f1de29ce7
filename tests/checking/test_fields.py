"""Fields: how a prediction lies in a row of numbers, and what each number is called."""

from __future__ import annotations

import numpy as np
from hypothesis import given

from cwm_engine.checking.fields import Layout
from cwm_engine.trajectories.columns import Columns, structure_from_json, structure_to_json
from tests.trajectories.datasets import structures

OBSERVATION = {"board": np.zeros((1, 2), dtype=np.int64), "name": "north", "rest": [1, 2]}


def layout_of(value) -> Layout:
    return Layout(Columns.from_values([value]).structure)


def test_elements_come_first_then_reward_then_terminated():
    layout = layout_of(OBSERVATION)
    assert layout.names == ("obs.board[0,0]", "obs.board[0,1]", "obs.name", "obs.rest", "reward", "terminated")
    assert (layout.reward, layout.terminated, layout.width) == (4, 5, 6)


def test_texts_and_values_without_a_shape_hold_numbers_of_words():
    assert layout_of(OBSERVATION).is_text == (False, True, True)


def test_a_single_number_is_one_field_without_an_index():
    assert layout_of(5).names == ("obs", "reward", "terminated")


def test_more_than_64_elements_are_one_field_and_keep_their_columns():
    layout = layout_of(np.zeros((5, 13)))
    assert layout.names == ("obs", "reward", "terminated")
    assert layout.columns == (slice(0, 65),)


def test_an_empty_array_takes_no_column():
    layout = layout_of((np.zeros(0), 1))
    assert layout.columns == (slice(0, 0), slice(0, 1))
    assert layout.names == ("obs[1]", "reward", "terminated")


@given(structures())
def test_the_columns_of_the_leaves_fill_the_row_without_gap_or_overlap(structure):
    layout = Layout(structure)
    columns = [number for part in layout.columns for number in range(part.start, part.stop)]
    assert [*columns, layout.reward, layout.terminated] == list(range(layout.width))


@given(structures())
def test_every_leaf_has_a_name_for_each_element_or_one_for_all(structure):
    layout = Layout(structure)
    assert all(len(names) in {1, size} for names, size in zip(layout.leaf_fields, layout.sizes, strict=True))
    assert layout.names[-2:] == ("reward", "terminated")


@given(structures())
def test_host_and_child_lay_out_rows_alike(structure):
    """A child is told the structure as JSON."""
    told, layout = Layout(structure_from_json(structure_to_json(structure))), Layout(structure)
    assert (told.columns, told.is_text, told.names) == (layout.columns, layout.is_text, layout.names)
