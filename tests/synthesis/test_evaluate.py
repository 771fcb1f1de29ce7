"""Evaluations: right, wrong and harmful candidates, checked in real sandboxes."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from cwm_engine.diagnosis.session import Settings
from cwm_engine.sandbox.limits import Limits
from cwm_engine.synthesis.evaluate import Evaluator
from cwm_engine.synthesis.heldout import split_episodes
from tests.synthesis.worlds import (
    HALF_RIGHT,
    RAISES,
    RIGHT,
    SYNTAX_ERROR,
    WRONG_REWARD,
    WRONG_WRAP,
    dataset,
)

SETTINGS = Settings(file="counter.py", path=Path("counter.py"))
LIMITS = replace(Limits(), step_seconds=0.5, wall_seconds=5.0)


@pytest.fixture(scope="module")
def evaluate():
    """Checks a candidate the way a search does."""
    with Evaluator(SETTINGS, split_episodes(dataset()), LIMITS) as evaluator:
        yield lambda program: asyncio.run(evaluator.searched(program))


def test_a_right_candidate_passes_and_is_solved(evaluate):
    evaluation = evaluate(RIGHT)
    assert (evaluation.accuracy, evaluation.passed, evaluation.solved, evaluation.buggy) == (1.0, True, True, False)
    assert evaluation.outcome.value == 1.0


def test_a_wrong_candidate_has_its_accuracy_and_findings(evaluate):
    evaluation = evaluate(WRONG_REWARD)
    assert 0 < evaluation.accuracy < 1
    assert not evaluation.solved
    assert evaluation.fields["reward"] == pytest.approx(evaluation.accuracy)
    assert evaluation.findings[0].code == "CWM301"
    assert evaluation.findings[0].examples


def test_a_candidate_that_fails_on_some_transition_is_buggy(evaluate):
    evaluation = evaluate(RAISES)
    assert (evaluation.buggy, evaluation.outcome.value) == (True, 0.0)
    assert "positoin" in evaluation.reason


HARMFUL = {
    "syntax error": SYNTAX_ERROR,
    "empty": "",
    "no model": "x = 1\n",
    "never returns": RIGHT.replace("reward = 1.0", "while self.position > -1: pass\n        reward = 1.0"),
    "computes for ever": RIGHT.replace("reward = 1.0", "(10**8) ** (10**8)\n        reward = 1.0"),
    "allocates": RIGHT.replace("reward = 1.0", "block = bytearray(10 * 2**30)\n        reward = 1.0"),
    "forks": "import os\n" + RIGHT.replace("reward = 1.0", "os.fork()\n        reward = 1.0"),
    "exits": "import os\n" + RIGHT.replace("reward = 1.0", "os._exit(0)\n        reward = 1.0"),
    "threads": "import threading\n"
    + RIGHT.replace("reward = 1.0", "threading.Thread(target=print).start()\n        reward = 1.0"),
    "raises SystemExit": RIGHT.replace("reward = 1.0", "raise SystemExit\n        reward = 1.0"),
    "recurses": RIGHT.replace("reward = 1.0", "self.step(action)\n        reward = 1.0"),
    "null byte": RIGHT + "\0",
    "half a character": RIGHT + "# \ud800\n",
    "a million lines": "x = 1\n" * 1_000_000,
}


@pytest.mark.parametrize("name", HARMFUL)
def test_a_harmful_candidate_is_an_evaluation_with_a_reason(evaluate, name):
    evaluation = evaluate(HARMFUL[name])
    assert evaluation.buggy
    assert evaluation.reason
    assert evaluate(RIGHT).passed


def test_a_candidate_that_prints_10_mb_is_checked_all_the_same(evaluate):
    evaluation = evaluate(RIGHT.replace("reward = 1.0", "print('x' * 10**6)\n        reward = 1.0"))
    assert (evaluation.buggy, evaluation.accuracy) == (False, 1.0)
    assert "CWM112" in {finding.code for finding in evaluation.findings}


def test_comments_that_hide_findings_do_not_make_a_bug_healthy(evaluate):
    hidden = "".join(f"{line}  # cwm: ignore\n" for line in RAISES.splitlines())
    assert evaluate(hidden).buggy


def test_an_evaluation_does_not_depend_on_what_was_checked_before(evaluate):
    alone = {}
    for program in (WRONG_REWARD, WRONG_WRAP, HALF_RIGHT):
        with Evaluator(SETTINGS, split_episodes(dataset()), LIMITS) as evaluator:
            alone[program] = asyncio.run(evaluator.searched(program))
    for program in (HALF_RIGHT, WRONG_REWARD, WRONG_WRAP):
        assert evaluate(program) == alone[program]


def test_held_out_transitions_are_scored_apart():
    """A model that knows the searched episodes by heart: everything passes but what it never saw."""
    split = split_episodes(dataset(4, seed=3), 0.5)

    async def scores():
        with Evaluator(SETTINGS, split, LIMITS) as evaluator:
            return (
                await evaluator.searched(RIGHT),
                await evaluator.heldout(RIGHT),
                await evaluator.heldout(WRONG_REWARD),
            )

    searched, right, wrong = asyncio.run(scores())
    assert searched.passed
    assert right.passed
    assert not wrong.passed


def test_without_held_out_episodes_there_is_no_score():
    with Evaluator(SETTINGS, split_episodes(dataset(1)), LIMITS) as evaluator:
        assert asyncio.run(evaluator.heldout(RIGHT)) is None


def test_two_workers_check_two_candidates_and_agree_with_one():
    programs = [RIGHT, WRONG_REWARD, WRONG_WRAP, RIGHT]

    async def accuracies(workers):
        with Evaluator(SETTINGS, split_episodes(dataset()), LIMITS, workers=workers) as evaluator:
            return [e.accuracy for e in await asyncio.gather(*map(evaluator.searched, programs))]

    assert asyncio.run(accuracies(2)) == asyncio.run(accuracies(1))


def test_a_candidate_with_another_name_than_the_model_that_is_wanted_has_no_model():
    with Evaluator(replace(SETTINGS, model="Counter"), split_episodes(dataset()), LIMITS) as evaluator:
        other, right = (
            asyncio.run(evaluator.searched(program))
            for program in (RIGHT, RIGHT.replace("class Environment", "class Counter"))
        )
    assert other.reason == "The model is to be called `Counter`, and the program defines `Environment`."
    assert (other.buggy, right.passed) == (True, True)
