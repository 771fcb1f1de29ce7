"""Which constants the data does not determine, from slopes in tolerances and from limits."""

import numpy as np

from cwm_engine.induction.identifiability import Open, Reason, undetermined
from cwm_engine.induction.limits import Limit


def limit(number: int, *, reached: bool) -> Limit:
    return Limit(number, np.array([0.5]), np.array([0]), reached, ())


def test_a_constant_with_influence_of_its_own_is_determined() -> None:
    assert undetermined(np.diag([1e3, 1e4]), {}) == []


def test_a_ratio_determines_neither_of_its_parts() -> None:
    ratio = np.array([[1e3, -1e3, 0.0], [2e3, -2e3, 0.0], [0.0, 0.0, 5e2]])
    assert undetermined(ratio, {}) == [Open(0, Reason.TOGETHER, (1,)), Open(1, Reason.TOGETHER, (0,))]


def test_independent_groups_are_kept_apart() -> None:
    slopes = np.zeros((2, 4))
    slopes[0, :2] = 1e3, -1e3
    slopes[1, 2:] = 1e3, 1e3
    assert [item.others for item in undetermined(slopes, {})] == [(1,), (0,), (3,), (2,)]


def test_what_moves_no_prediction_by_its_tolerance_is_without_influence() -> None:
    assert undetermined(np.diag([1e3, 0.5]), {}) == [Open(1, Reason.UNUSED)]


def test_a_limit_is_determined_once_it_is_reached() -> None:
    slopes = np.array([[1e3, 0.0, 0.0]])
    limits = {1: limit(1, reached=True), 2: limit(2, reached=False)}
    assert undetermined(slopes, limits) == [Open(2, Reason.UNREACHED)]


def test_a_limit_lies_between_the_nearest_turning_points() -> None:
    turns = Limit(0, np.array([1.0, 2.0, 4.0]), np.array([7, 8, 9]), True, ())
    assert turns.stretch(3.0) == (2.0, 4.0)
    assert turns.stretch(0.5) == (-np.inf, 1.0)
    assert turns.stretch(9.0) == (4.0, np.inf)
