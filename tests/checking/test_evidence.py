"""Evidence: what a run has shown, and how single transitions of it are told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from cwm_engine.checking.evidence import UNEXPLAINED, Evidence, Program
from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.report import Status
from cwm_engine.checking.run import Runner
from cwm_engine.checking.scores import do_nothing
from cwm_engine.sandbox.outputs import Failure
from cwm_engine.sandbox.results import FIRST_FAILURE, PREDICTED, Results
from cwm_engine.trajectories.columns import to_json
from tests.checks import STILL, evidence_of, program_of
from tests.recordings import made
from tests.trajectories.datasets import datasets

THREE = [(0.5, 0, 1.5, 1.0, False), (1.5, 1, 2.5, 1.0, False), (2.5, 0, 9.5, 0.0, True)]


# Counting


def test_a_transition_is_right_if_every_field_is():
    evidence = evidence_of(made(THREE), [[1.5, 1.0, 0.0], [2.5, 9.0, 0.0], [9.5, 9.0, 0.0]])
    assert evidence.failing.tolist() == [False, True, True]
    assert (evidence.passed, evidence.accuracy) == (1, 1 / 3)
    assert evidence.field_accuracies == pytest.approx({"obs": 1.0, "reward": 1 / 3, "terminated": 2 / 3})


def test_only_what_was_run_counts():
    checked = np.array([True, True, False])
    evidence = evidence_of(made(THREE), [[1.5, 1.0, 0.0], [2.5, 9.0, 0.0], [0.0, 0.0, 0.0]], checked=checked)
    assert (evidence.passed, evidence.accuracy) == (1, 0.5)
    assert evidence.field_accuracies["obs"] == 1.0


def test_where_nothing_was_run_there_is_no_accuracy():
    evidence = evidence_of(made(THREE), np.zeros((3, 3)), checked=np.zeros(3, dtype=np.bool_))
    assert (evidence.accuracy, evidence.field_accuracies) == (None, {})


def test_one_run_answers_for_all_equal_rows():
    rows = [(1, 0, 2, 0.0, False), (5, 0, 6, 0.0, False), (1, 0, 2, 0.0, False)]
    evidence = evidence_of(made(rows), [[2, 0, 0], [7, 0, 0]])
    assert evidence.failing.tolist() == [False, True, False]
    assert evidence.predicted([0, 2]).tolist() == [[2, 0, 0], [2, 0, 0]]


# Failures


def test_a_row_without_a_prediction_has_its_reason():
    reason = Failure("exception", "no", "ValueError", 3)
    evidence = evidence_of(made(THREE), np.zeros((3, 3)), [PREDICTED, FIRST_FAILURE, PREDICTED], failures=(reason,))
    assert [evidence.failure_of(row) for row in range(3)] == [None, reason, None]
    assert evidence.wrong[1].all()
    assert evidence.example(1).predicted == {"error": "no"}
    assert evidence.example(1).differs == ()


def test_a_reason_that_was_never_given_is_no_crash():
    evidence = evidence_of(made(THREE), np.zeros((3, 3)), [PREDICTED, 65_535, PREDICTED])
    assert evidence.failure_of(1) == UNEXPLAINED


# Telling


def test_an_example_names_the_place_the_values_and_the_fields_that_differ():
    evidence = evidence_of(made(THREE, lengths=[1, 2]), [[1.5, 1.0, 0.0], [2.5, 1.0, 0.0], [8.5, 0.0, 0.0]])
    example = evidence.example(2)
    assert (example.episode, example.step, example.state, example.action) == (1, 1, 2.5, 0)
    assert example.expected == {"observation": 9.5, "reward": 0.0, "terminated": True}
    assert example.predicted == {"observation": 8.5, "reward": 0.0, "terminated": False}
    assert example.differs == ("obs", "terminated")


def test_an_end_that_is_neither_true_nor_false_is_told_as_it_is():
    evidence = evidence_of(made(THREE), [[1.5, 1.0, 2.0]] * 3)
    assert evidence.example(0).predicted["terminated"] == 2.0


def test_whole_numbers_and_truth_values_are_told_as_such():
    state = (1, True, np.array([[1, 2]]))
    evidence = evidence_of(made([(state, 0, state, 0.0, False)]), [[1, 0, 1, 2.5, 0, 0]])
    assert evidence.example(0).predicted["observation"] == [1, False, [[1, 2.5]]]


def test_texts_and_sets_are_told_as_the_child_said_them():
    state = {"name": "north", "seen": {1, 2}}
    dataset = made([(state, 0, state, 0.0, False)])
    comparison = Prepared(dataset).comparison.fresh()
    comparison.words.learn(["south", '{"__set__":[1,3]}'])
    evidence = evidence_of(dataset, [[0, 1, 0, 0]], comparison=comparison)
    assert evidence.example(0).predicted["observation"] == {"name": "south", "seen": {"__set__": [1, 3]}}


@pytest.mark.parametrize("junk", ["{no json", "[" * 100_000, '{"a":'])
def test_a_value_that_is_no_json_is_told_as_text(junk):
    dataset = made([([1, 2], 0, [1, 2], 0.0, False)])
    comparison = Prepared(dataset).comparison.fresh()
    comparison.words.learn([junk])
    evidence = evidence_of(dataset, [[0, 0, 0]], comparison=comparison)
    assert evidence.example(0).predicted["observation"] == junk
    assert evidence.failing.all()


def test_a_word_number_without_a_word_is_told_as_nothing():
    evidence = evidence_of(made([("north", 0, "north", 0.0, False)]), [[7, 0, 0]])
    assert evidence.example(0).predicted["observation"] is None


def test_words_of_one_run_are_not_those_of_another():
    """Programs that run later leave what an earlier one said as it was."""
    dataset = made([("a", 0, "b", 0.0, False), ("b", 1, "a", 0.0, False)])
    with Runner(Prepared(dataset)) as runner:
        first = runner.run(program_of(STILL.replace("self.state, 0.0", "self.state + 'x', 0.0")))
        runner.run(program_of(STILL.replace("self.state, 0.0", "'y' + self.state, 0.0")))
    assert first.example(0).predicted["observation"] == "ax"


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=40)
@given(datasets())
def test_doing_nothing_is_told_as_the_state(dataset):
    """Whatever the observations are: through columns of numbers and back."""
    dataset = replace(dataset, next_observations=dataset.observations)
    prepared = Prepared(dataset, mode="episode")
    comparison = prepared.comparison.fresh()
    predicted = do_nothing(comparison, slice(0, len(dataset)))
    results = Results(predicted, np.zeros(len(dataset), np.uint16), np.full(len(dataset), PREDICTED, np.uint16))
    wrong = comparison.mismatches(predicted, slice(None))
    program = Program("", program_of(STILL).spec)
    checked = np.ones(len(dataset), np.bool_)
    evidence = Evidence(program, prepared, Status.COMPLETE, comparison, results, wrong, checked)
    for row in range(len(dataset)):
        expected = np.array(to_json(dataset.observations.row(row)), dtype=object)
        told = np.array(evidence.example(row).predicted["observation"], dtype=object)
        assert repr(told.tolist()) == repr(expected.tolist()) or "nan" in repr(expected) or abs_large(dataset)


def abs_large(dataset) -> bool:
    """Whether whole numbers are too large for a float64 column to hold them exactly."""
    return any(
        array.dtype.kind in "iu" and array.size and np.abs(array.astype(np.float64)).max() > 2**53
        for array in dataset.observations.arrays
    )
