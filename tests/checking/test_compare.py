"""Comparison: what counts as the same, field by field."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cwm_engine.checking.compare import Tolerance
from cwm_engine.checking.fields import Layout
from cwm_engine.trajectories.columns import Columns
from tests.checking.outcomes import comparison_of, dataset_of


def test_names_of_an_array_are_its_elements_then_reward_and_terminated():
    layout = Layout(Columns.from_values([np.zeros(2)]).structure)
    assert layout.names == ("obs[0]", "obs[1]", "reward", "terminated")


def test_names_of_nested_observations_carry_the_path():
    value = {"board": np.zeros((1, 2), dtype=np.int64), "at": (1, 2)}
    layout = Layout(Columns.from_values([value]).structure)
    assert layout.names[:-2] == ("obs.board[0,0]", "obs.board[0,1]", "obs.at[0]", "obs.at[1]")


def test_an_image_is_one_field_but_all_its_pixels_are_compared():
    images = [np.zeros((9, 9), dtype=np.uint8)]
    comparison = comparison_of(dataset_of(images))
    assert comparison.layout.names == ("obs", "reward", "terminated")
    predicted = np.zeros((1, comparison.layout.width))
    predicted[0, 80] = 1
    assert comparison.mismatches(predicted, slice(0, 1)).tolist() == [[True, False, False]]


def test_floats_agree_within_the_tolerance_relative_to_the_observation():
    comparison = comparison_of(dataset_of([1000.0, 1000.0]))
    predicted = np.array([[1000.0 + 0.9e-2, 0, 0], [1000.0 + 1.2e-2, 0, 0]])
    assert comparison.mismatches(predicted, slice(0, 2))[:, 0].tolist() == [False, True]


def test_integers_must_be_equal_however_large():
    comparison = comparison_of(dataset_of([1_000_000]))
    assert comparison.mismatches(np.array([[1_000_001.0, 0, 0]]), slice(0, 1))[0, 0]


@pytest.mark.parametrize("observed", [0.0, math.nan, math.inf])
def test_nan_agrees_with_nothing(observed):
    assert not Tolerance().accepts(np.array([math.nan]), np.array([observed]))[0]


def test_an_infinity_agrees_with_itself_only():
    accepts = Tolerance().accepts(np.array([math.inf, -math.inf, 1e300]), np.array([math.inf] * 3))
    assert accepts.tolist() == [True, False, False]


@given(
    hnp.arrays(np.float64, 5, elements=st.floats(-1e6, 1e6)),
    hnp.arrays(np.float64, 5, elements=st.floats(-1e6, 1e6)),
)
def test_agreement_is_numpys_isclose(predicted, observed):
    tolerance = Tolerance(atol=1e-3, rtol=1e-2)
    expected = np.isclose(predicted, observed, atol=1e-3, rtol=1e-2)
    assert (tolerance.accepts(predicted, observed) == expected).all()


def test_texts_are_compared_whatever_numbers_the_child_gave_them():
    comparison = comparison_of(dataset_of(["north", "south", "north"]))
    assert comparison.words is not None
    comparison.words.learn(["south", "north", "west"])
    predicted = np.array([[1.0, 0, 0], [1.0, 0, 0], [2.0, 0, 0]])
    assert comparison.mismatches(predicted, slice(0, 3))[:, 0].tolist() == [False, True, True]


@pytest.mark.parametrize("number", [-1.0, 3.0, math.nan, math.inf, -math.inf])
def test_a_word_number_nobody_announced_is_wrong_and_harmless(number):
    comparison = comparison_of(dataset_of(["north"]))
    assert comparison.words is not None
    comparison.words.learn(["north"])
    assert comparison.mismatches(np.array([[number, 0, 0]]), slice(0, 1))[0, 0]


def test_sets_of_entities_compare_as_sets():
    comparison = comparison_of(dataset_of([{("key", 1, 2), ("door", 3, 4)}]))
    assert comparison.words is not None
    number = comparison.words.intern(Columns.from_values([{("door", 3, 4), ("key", 1, 2)}]).arrays[0])
    assert not comparison.mismatches(np.array([[number[0], 0, 0]]), slice(0, 1))[0, 0]


def test_reward_and_termination_are_fields_of_their_own():
    comparison = comparison_of(dataset_of([1, 1], rewards=[1.0, 0.5], terminated=[True, False]))
    wrong = comparison.mismatches(np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]]), slice(0, 2))
    assert wrong.tolist() == [[False, False, True], [False, True, False]]
