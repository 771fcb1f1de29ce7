"""Samples: a few transitions that stand for all, and their way into a child."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.checking.compare import Tolerance
from cwm_engine.diagnosis.execution.sample import Sample, choose_sample
from tests.diagnosis.worlds import GYMNASIUM, KEYS, QUEUES, WORLDS
from tests.recordings import made


def choose(wrong, paths, **more):
    """A sample of a walk along the numbers, where some fields are wrong and paths differ."""
    rows = [(state % 7, state % 3, state + 1, 0.0, False) for state in range(len(wrong))]
    lines = [frozenset({path, 10}) for path in range(int(max(paths)) + 1)]
    return choose_sample(made(rows), np.array(wrong), paths=np.array(paths), path_lines=lines, **more)


def test_every_kind_of_failure_is_among_the_first():
    wrong = np.zeros((300, 3), dtype=bool)
    wrong[:200, 0] = True
    wrong[200:203, 1] = True
    sample = choose(wrong, [0] * 300, failing=8)
    assert {tuple(row) for row in sample.wrong[:8].tolist()} == {(True, False, False), (False, True, False)}


def test_failing_transitions_come_first_and_passing_ones_after():
    wrong = np.zeros((50, 3), dtype=bool)
    wrong[::5, 2] = True
    sample = choose(wrong, [0] * 50)
    assert sample.failing.tolist() == list(range(10))
    assert sample.passing.tolist() == list(range(10, 50))


def test_passing_twins_of_failing_transitions_are_preferred_where_states_are_discrete():
    wrong = np.zeros((700, 3), dtype=bool)
    wrong[0] = True
    sample = choose(wrong, [0] * 700, passing=20)
    states = sample.states.arrays[0]
    assert (states[sample.passing] == states[0]).sum() >= 10


def test_lines_are_counted_over_the_whole_dataset():
    wrong = np.zeros((30, 3), dtype=bool)
    wrong[:10, 0] = True
    sample = choose(wrong, [0] * 10 + [1] * 20, failing=2, passing=2)
    assert sample.line_counts == {0: (10, 0), 1: (0, 20), 10: (10, 20)}
    assert sample.totals == (10, 20)


def test_rows_that_were_not_checked_are_not_chosen():
    wrong = np.ones((20, 3), dtype=bool)
    checked = np.arange(20) < 5
    sample = choose(wrong, [0] * 20, checked=checked)
    assert sorted(sample.rows.tolist()) == [0, 1, 2, 3, 4]
    assert sample.totals == (5, 0)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=1, max_size=120), st.integers(1, 20))
def test_the_weights_of_the_chosen_add_up_to_all_transitions_of_their_groups(cells, wanted):
    wrong = np.array([[bad, False, False] for bad, _ in cells])
    sample = choose(wrong, [path for _, path in cells], failing=wanted, passing=wanted)
    failing = int(wrong[:, 0].sum())
    assert len(sample.failing) == min(failing, wanted)
    weights = sample.weights[sample.failing].sum()
    assert weights <= failing + 1e-9
    if wanted >= 12:  # as many as there are groups: none is left out
        assert weights == pytest.approx(failing)


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("form", ["plain", "stored"])
def test_a_sample_survives_the_way_to_a_child(name, form):
    world = WORLDS[name]
    sample = world.sample(world.source, form=form)
    back = Sample.from_bytes(sample.to_bytes())
    assert repr(back.inputs()) == repr(sample.inputs())
    names = ("rewards", "terminated", "wrong", "rows", "weights", "paths")
    arrays = [(getattr(back, name), getattr(sample, name)) for name in names]
    for one, other in (*arrays, *zip(back.following.arrays, sample.following.arrays, strict=True)):
        assert np.array_equal(one, other)
        assert one.dtype == other.dtype
    assert (back.path_lines, back.line_counts, back.totals, back.form, back.tolerance) == (
        sample.path_lines, sample.line_counts, sample.totals, sample.form, sample.tolerance,
    )  # fmt: skip


def test_tolerance_travels_along():
    sample = choose(np.zeros((3, 3), dtype=bool), [0, 0, 0], tolerance=Tolerance(1e-3, 1e-4))
    assert Sample.from_bytes(sample.to_bytes()).tolerance == Tolerance(1e-3, 1e-4)


def test_inputs_are_given_in_the_form_the_check_used():
    """Plain values are tuples of Python numbers, stored ones the arrays of the recording."""
    plain, _ = GYMNASIUM.sample(GYMNASIUM.source, form="plain").inputs()
    stored, _ = GYMNASIUM.sample(GYMNASIUM.source, form="stored").inputs()
    assert isinstance(plain[0], tuple)
    assert isinstance(stored[0], np.ndarray)
    assert stored[0].dtype == np.float32


def test_texts_and_lists_of_any_length_are_kept():
    states, actions = QUEUES.sample(QUEUES.source).inputs()
    assert isinstance(states[0], list)
    assert set(actions) <= {"add", "serve"}
    assert {state["label"] for state in KEYS.sample(KEYS.source).inputs()[0]} == {"rich", "poor"}
