"""Short numbers: what a person would have written."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.findings import Span
from cwm_engine.induction.literals import Literal
from cwm_engine.induction.rounding import shortest_between, ways_to_write


def literal(value: float, text: str | None = None) -> Literal:
    return Literal("x", value, text or repr(value), Span(1, 1, 1, 2))


def first_near(value: float, written: Literal, pi: str | None = None) -> str:
    """The first way that is as good as exact."""
    ways = ways_to_write(value, written, pi)
    return next(way.text for way in ways if abs(way.value - value) <= 1e-6 * abs(value))


@pytest.mark.parametrize(
    ("value", "text"),
    [(9.8000003, "9.8"), (0.0025, "0.0025"), (1.3333334, "4 / 3"), (2.0000001, "2.0"), (0.12345678, "0.1234568")],
)
def test_fitted_numbers_become_short(value: float, text: str) -> None:
    assert first_near(value, literal(1.7)) == text


def test_what_stands_there_comes_first() -> None:
    assert next(ways_to_write(9.81, literal(9.80, "9.80"))).text == "9.80"


def test_pi_is_used_where_the_file_has_it() -> None:
    assert first_near(12.566371, literal(1.7), "math.pi") == "4 * math.pi"
    assert first_near(12.566371, literal(1.7)) == "12.56637"


def test_whole_numbers_stay_whole() -> None:
    assert [way.text for way in ways_to_write(11.6, literal(10))] == ["10", "12", "11"]


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0.4991, 0.5003, "0.5"),
        (11.2, 13.1, "12.0"),
        (-math.inf, -1.13, "-1.2"),
        (2.31, math.inf, "2.5"),
        (-0.2, 0.3, "0.0"),
    ],
)
def test_a_limit_is_the_shortest_number_of_its_stretch(low: float, high: float, text: str) -> None:
    assert shortest_between(low, high, literal(99.5 if low < -9 else -99.5)).text == text


@pytest.mark.parametrize(
    ("low", "high", "text"), [(11.2, 13.1, "12"), (2.13, math.inf, "3"), (-math.inf, -2.1, "-3"), (11.9, 12.2, "12")]
)
def test_a_whole_limit_stays_whole(low: float, high: float, text: str) -> None:
    assert shortest_between(low, high, literal(99 if low < -9 else -99)).text == text


def test_a_limit_that_is_right_stays() -> None:
    assert shortest_between(0.2, 0.4, literal(0.3141, "0.3141")).text == "0.3141"


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e3))
def test_a_limit_lies_in_its_stretch(low: float, width: float) -> None:
    assert low <= shortest_between(low, low + width, literal(1e9)).value <= low + width
