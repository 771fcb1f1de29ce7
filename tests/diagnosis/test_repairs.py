"""Repairs: nothing counts before every transition passes, and rivals are told apart by a state."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.rollouts import recorded, source_of
from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.run import Runner
from cwm_engine.diagnosis.repairs import Candidate, confirm, tell_apart
from cwm_engine.findings import Span
from tests.checks import program_of

RIGHT = source_of("cartpole")
WRONG = RIGHT.replace("temp - self.polemass_length", "temp + self.polemass_length")
NOWHERE = Span(1, 1, 1, 2)


def candidate(text: str, description: str = "an edit") -> Candidate:
    """A whole text as somebody's idea of a repair."""
    return Candidate(line=1, span=NOWHERE, replacement="", description=description, text=text)


@pytest.fixture(scope="module")
def checked():
    """A runner, and what a wrong CartPole showed."""
    with Runner(Prepared(recorded("cartpole"))) as runner:
        yield runner, runner.run(program_of(WRONG))


def test_only_candidates_that_pass_every_transition_are_confirmed(checked):
    runner, evidence = checked
    right, still_wrong = candidate(RIGHT), candidate(WRONG.replace("tau = 0.02", "tau = 0.020001"))
    assert confirm(runner, evidence, [still_wrong, right], most=5) == [right]


def test_a_candidate_that_does_not_even_run_is_not_confirmed(checked):
    runner, evidence = checked
    assert confirm(runner, evidence, [candidate("class Environment:\n    pass\n"), candidate("(")], most=5) == []


def test_candidates_that_predict_the_same_everywhere_are_one_repair(checked):
    runner, evidence = checked
    same = RIGHT.replace("self.gravity * sintheta", "sintheta * self.gravity")
    repairs = tell_apart(evidence, [candidate(RIGHT, "first"), candidate(same, "second")], "cartpole.py", runner)
    assert [repair.description for repair in repairs] == ["first"]
    assert repairs[0].separated_by is None


def test_candidates_that_differ_beyond_the_data_are_rivals_and_a_state_says_where(checked):
    runner, evidence = checked
    rival = RIGHT.replace("x_threshold = 2.4", "x_threshold = 1.9")
    assert confirm(runner, evidence, [candidate(rival)], most=1), "the data must not tell"
    first, second = tell_apart(evidence, [candidate(RIGHT, "first"), candidate(rival, "second")], "cartpole.py", runner)
    assert first.separated_by is None
    position, velocity = second.separated_by["state"][:2]
    after = position + 0.02 * velocity
    assert 1.9 < abs(after) <= 2.4


def test_the_diff_of_a_repair_is_between_the_faulty_text_and_the_repaired_one(checked):
    runner, evidence = checked
    (repair,) = tell_apart(evidence, [candidate(RIGHT)], "models/cartpole.py", runner)
    assert repair.diff.startswith("--- models/cartpole.py\n+++ models/cartpole.py\n")
    changed = [line for line in repair.diff.splitlines()[2:] if line[0] in "+-"]
    assert [line[0] for line in changed] == ["-", "+"]


def test_states_around_the_data_reach_beyond_it_but_not_in_kind(checked):
    from cwm_engine.diagnosis.repairs import _wide

    _, evidence = checked
    observed = evidence.prepared.dataset.observations.arrays[0]
    wide = _wide(evidence.prepared).dataset.observations.arrays[0]
    assert wide.dtype == observed.dtype
    assert (wide.min(axis=0) < observed.min(axis=0)).all()
    assert (wide.max(axis=0) > observed.max(axis=0)).all()
    assert np.isfinite(wide).all()
