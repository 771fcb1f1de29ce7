"""What a new program is expected to be worth, against numbers worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.synthesis.interfaces import SearchAction
from cwm_engine.synthesis.value_model import ValueModel


def test_before_anything_is_known_a_program_is_worth_the_prior():
    assert ValueModel.of(SearchAction.GENERATE).predict(None) == 0.5
    assert ValueModel.of(SearchAction.IMPROVE).predict(None) == 0.55


def test_the_prior_counts_as_two_observations():
    model = ValueModel.of(SearchAction.GENERATE)
    model.learn(None, 0.8)
    assert model.overall == pytest.approx((0.5 * 2 + 0.8) / 3)


def test_local_and_overall_values_count_the_same_at_first():
    assert ValueModel.of(SearchAction.GENERATE).predict(0.9) == pytest.approx((0.5 + 0.9) / 2)


def test_the_first_step_of_the_released_code():
    """Overall 0.5 and local 0 predict 0.25; observed is 1, the error -0.75, the rate 1/3.

    Slope of the error: 2 * -0.75 / (0.5 + 0.5) = -1.5.
    Overall: 0.5 + 1/3 * 1.5 * (0.5 - 0.25) = 0.625. Local: 0.5 + 1/3 * 1.5 * (0 - 0.25) = 0.375.
    """
    model = ValueModel.of(SearchAction.GENERATE, clamped=False)
    assert model.predict(0.0) == 0.25
    model.learn(0.0, 1.0)
    assert (model.global_weight, model.local_weight) == (pytest.approx(0.625), pytest.approx(0.375))


def test_the_second_step_is_a_quarter_as_long():
    """Now overall is (1 + 1) / 3 = 2/3 and local 1: predicted 0.625 * 2/3 + 0.375 = 19/24; observed is 0.

    Slope: 2 * 19/24 = 19/12. Overall: 5/8 - 1/4 * 19/12 * (16/24 - 19/24) = 5/8 + 19/48 * 1/8 = 259/384.
    Local: 3/8 - 19/48 * (24/24 - 19/24) = 3/8 - 95/1152 = 337/1152.
    """
    model = ValueModel.of(SearchAction.GENERATE, clamped=False)
    model.learn(0.0, 1.0)
    model.learn(1.0, 0.0)
    assert (model.global_weight, model.local_weight) == (pytest.approx(259 / 384), pytest.approx(337 / 1152))


def test_without_a_local_value_no_weight_changes():
    model = ValueModel.of(SearchAction.FIX)
    model.learn(None, 1.0)
    assert (model.global_weight, model.local_weight, model.count) == (0.5, 0.5, 1)


@given(st.lists(st.tuples(st.none() | st.floats(0, 1), st.floats(0, 1)), max_size=40), st.none() | st.floats(0, 1))
def test_clamped_weights_never_predict_what_cannot_be(steps, local):
    model = ValueModel.of(SearchAction.IMPROVE)
    for seen, value in steps:
        model.learn(seen, value)
    assert -1e-9 <= model.predict(local) <= 1 + 1e-9
