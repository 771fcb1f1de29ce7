"""Mismatches: wrong predictions as one thing to tell."""

from __future__ import annotations

import numpy as np
import pytest

from cwm_engine.checking.evidence import Evidence
from cwm_engine.diagnosis.mismatches import mismatch, mispredicted
from cwm_engine.diagnosis.places import Places
from cwm_engine.findings import CODES, Suspect
from cwm_engine.sandbox.outputs import Failure
from cwm_engine.sandbox.results import FIRST_FAILURE, PREDICTED
from tests.checks import STILL, evidence_of, program_of
from tests.recordings import made

ROWS = [(np.array([float(row), 0.0]), 0, np.array([float(row), 0.0]), 1.0, False) for row in range(4)]
RIGHT = [[float(row), 0.0, 1.0, 0.0] for row in range(4)]
PLACES = Places(STILL.splitlines(), program_of(STILL).spec)


def evidence_with(changes: dict, **more) -> Evidence:
    """Right predictions but for some cells."""
    predicted = np.array(RIGHT)
    for place, value in changes.items():
        predicted[place] = value
    return evidence_of(made(ROWS), predicted, **more)


def finding_of(evidence: Evidence, **more):
    return mismatch(evidence, mispredicted(evidence), PLACES, **more)


# What it is about


def test_rows_without_a_prediction_are_a_matter_of_their_own():
    status = [PREDICTED, FIRST_FAILURE, PREDICTED, PREDICTED]
    evidence = evidence_with({(2, 0): 9.0}, status=status, failures=(Failure("exception", "no"),))
    assert mispredicted(evidence).tolist() == [2]


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({(1, 0): 9.0}, "CWM201", "`obs[0]` is wrong in 1 of 4 transitions"),
        ({(1, 2): 9.0}, "CWM301", "`reward` is wrong in 1 of 4 transitions"),
        ({(1, 3): 1.0}, "CWM302", "`terminated` is wrong in 1 of 4 transitions"),
        ({(1, 0): 9.0, (1, 2): 9.0}, "CWM201", "`obs[0]`, `reward` are wrong in 1 of 4 transitions"),
        ({(1, 2): 9.0, (2, 3): 1.0}, "CWM301", "`reward`, `terminated` are wrong in 2 of 4 transitions"),
        ({(1, 0): np.nan}, "CWM202", "`obs[0]` is wrong in 1 of 4 transitions"),
        ({(1, 2): np.inf}, "CWM202", "`reward` is wrong in 1 of 4 transitions"),
        ({(1, 0): np.nan, (2, 0): 9.0}, "CWM201", "`obs[0]` is wrong in 2 of 4 transitions"),
    ],
)
def test_code_and_message_follow_from_the_fields_that_are_wrong(changes, code, message):
    finding = finding_of(evidence_with(changes))
    assert (finding.code, finding.message, finding.severity) == (code, message, CODES[code].severity)


def test_fields_are_named_the_most_often_wrong_first():
    finding = finding_of(evidence_with({(1, 0): 9.0, (2, 2): 9.0, (3, 2): 9.0}))
    assert finding.fields == ("reward", "obs[0]")
    assert finding.count == 3


def test_many_fields_are_counted_rather_than_listed():
    state = np.arange(9.0)
    evidence = evidence_of(made([(state, 0, state, 0.0, False)]), [[*(state + 1), 0.0, 0.0]])
    message = "`obs[0]`, `obs[1]`, `obs[2]`, `obs[3]` and 5 more are wrong in 1 of 1 transitions"
    assert finding_of(evidence).message == message


def test_only_what_was_run_is_counted():
    evidence = evidence_with({(1, 0): 9.0, (3, 0): 9.0}, checked=np.array([True, True, True, False]))
    assert finding_of(evidence).message == "`obs[0]` is wrong in 1 of 3 transitions"


def test_what_the_rows_have_in_common_ends_the_sentence():
    finding = finding_of(evidence_with({(1, 0): 9.0}), condition="whenever `obs[0]` is 1")
    assert finding.message.endswith("in 1 of 4 transitions, whenever `obs[0]` is 1")


# Where and how it is shown


def test_without_a_suspect_it_is_the_step():
    assert finding_of(evidence_with({(1, 0): 9.0})).span == PLACES.step


def test_it_is_placed_on_the_most_suspicious_line():
    suspects = (Suspect(5, 0.9), Suspect(3, 0.2))
    finding = finding_of(evidence_with({(1, 0): 9.0}), suspects=suspects)
    assert (finding.span.line, finding.span.column) == (5, 9)
    assert finding.suspects == suspects


def test_advice_is_that_of_the_code_unless_there_is_better():
    assert finding_of(evidence_with({(1, 2): 9.0})).note == CODES["CWM301"].fix
    assert finding_of(evidence_with({(1, 2): 9.0}), note="Try 1.0.").note == "Try 1.0."


def test_examples_are_the_easiest_to_read_then_the_first_in_the_data_then_the_most_unlike():
    """Few wrong fields, then small numbers."""
    finding = finding_of(evidence_with({(0, 0): 9.0, (0, 1): 9.0, (1, 0): 9.0, (2, 0): 9.0, (3, 0): 9.0}))
    assert [example.state for example in finding.examples] == [[1.0, 0.0], [0.0, 0.0], [3.0, 0.0], [2.0, 0.0]]
    assert finding.examples[0].differs == ("obs[0]",)


def test_states_that_are_no_numbers_have_examples_too():
    rows = [({"name": name, "rest": [1]}, 0, {"name": name, "rest": [1]}, 0.0, False) for name in "abc"]
    evidence = evidence_of(made(rows), [[-1, -1, 0, 0]] * 3)
    assert {example.state["name"] for example in finding_of(evidence).examples} == {"a", "b", "c"}
