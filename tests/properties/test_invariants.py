"""Invariants: verified and tried by their own expressions."""

import numpy as np
import pytest

from cwm_engine.properties.invariants import Invariant, Kind, Other, close, same, try_on, verified
from tests.recordings import made

WALK = made([(x, 1, x + 1, 0.0, x == 4) for x in range(5)] + [(9, 0, 8, 1.0, False)], lengths=[5, 1])


def invariant(expression, condition="True", **facts):
    return Invariant(kind=Kind.STEP, statement="", expression=expression, condition=condition, **facts)


def test_an_invariant_is_tried_on_every_transition_it_applies_to():
    (count,) = try_on([invariant("next_state == state + 1", "action == 1")], WALK)
    assert (count.applied, count.violations) == (5, ())


def test_where_it_does_not_hold_is_told_by_row():
    (count,) = try_on([invariant("next_state == state + 1")], WALK)
    assert (count.applied, count.violations) == (6, (5,))


def test_a_second_transition_is_looked_up_among_the_others():
    (count,) = try_on([invariant("other_next == state + 2", other=Other("next_state", "1"))], WALK)
    assert (count.applied, count.violations) == (4, ())


def test_a_second_place_may_need_a_value():
    translated = invariant("other_next - next_state == value - state", "action == 1", other=Other("value", "1", (0, 1)))
    (count,) = try_on([translated], WALK)
    assert (count.applied, count.violations) == (5, ())


def test_who_can_be_asked_says_what_follows_in_the_second_place():
    asked = []

    def ask(places):
        asked.extend(places)
        return [(state + 1, 0.0, False) if state < 5 else None for state, _ in places]

    (count,) = try_on([invariant("other_next == state + 2", other=Other("next_state", "action"))], WALK, ask)
    assert asked == [(1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (8, 0)]
    assert (count.applied, count.violations) == (4, ())


def test_what_cannot_be_said_of_a_transition_does_not_hold():
    (count,) = try_on([invariant("next_state[7] > 0")], WALK)
    assert len(count.violations) == 6


def test_only_what_held_often_enough_is_verified_and_has_its_support():
    candidates = [
        invariant("terminated == (next_state == 5)"),
        invariant("reward == 1", "action == 0"),
        invariant("reward == 0"),
    ]
    (kept,) = verified(candidates, WALK, least=2)
    assert (kept.expression, kept.support) == ("terminated == (next_state == 5)", 6)


def test_expressions_see_nothing_but_the_transition():
    (count,) = try_on([invariant("open('/etc/passwd')")], WALK)
    assert len(count.violations) == 6


@pytest.mark.parametrize(
    ("left", "right", "near"), [(1.0, 1.000005, True), (1.0, 1.0001, False), (float("nan"), 1.0, False)]
)
def test_numbers_are_close_within_tolerance(left, right, near):
    assert close(left, right) is near


def test_states_are_the_same_number_by_number():
    state = {"at": (1, 2.0), "board": np.array([1.0, 2.0])}
    assert same(state, {"at": (1, 2.000001), "board": np.array([1.0, 2.000001])})
    assert not same(state, {"at": (1, 2.1), "board": np.array([1.0, 2.0])})
    assert not same(state, {"at": (1, 2.0)})
    assert not same((1, 2), (1, 2, 3))
