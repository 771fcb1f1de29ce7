"""Confidence intervals, against numbers from textbooks and against what they promise."""

import numpy as np
import pytest

from cwm_engine.benchmarks.statistics import mean, share


def test_a_share_has_wilsons_interval():
    """8 of 10: (.8 + 1.92/10 -+ 1.96 sqrt(.016 + .0096)) / 1.384 = .490 and .943."""
    estimate = share(8, 10)
    assert estimate.value == 0.8
    assert (estimate.low, estimate.high) == pytest.approx((0.490, 0.943), abs=1e-3)


def test_a_share_of_all_is_not_certain():
    assert share(30, 30).low == pytest.approx(0.886, abs=1e-3)


def test_tasks_count_the_same_however_often_they_were_played():
    assert mean([[0.0] * 10, [1.0, 1.0]]).value == 0.5


def test_values_without_any_spread_have_no_interval():
    estimate = mean([[2.0, 2.0], [4.0]])
    assert (estimate.low, estimate.value, estimate.high) == (3.0, 3.0, 3.0)


def test_the_difference_between_tasks_is_no_uncertainty():
    """Only the draws within a task are by chance."""
    estimate = mean([[0.0, 0.1] * 20, [10.0, 10.1] * 20])
    assert estimate.high - estimate.low < 0.05


def test_95_of_100_intervals_hold_the_mean():
    lot = np.random.default_rng(0)
    intervals = [mean([lot.exponential(1.0, 60), lot.exponential(3.0, 60)]) for _ in range(100)]
    assert 88 <= sum(one.low <= 2.0 <= one.high for one in intervals) <= 99
