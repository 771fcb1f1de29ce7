"""The embedded proposer: what it repairs, what it says, when it gives up."""

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cwm_engine.diagnosis.session import Settings
from cwm_engine.synthesis.asking import short_diff
from cwm_engine.synthesis.interfaces import Attempt, NothingLeftError, Request, SearchAction
from cwm_engine.synthesis.proposers.local import LocalProposer
from cwm_engine.trajectories.columns import Columns
from tests.synthesis.worlds import RIGHT, WRONG_REWARD, WRONG_WRAP, dataset


@pytest.fixture(scope="module")
def proposer():
    made = LocalProposer(Settings(file="counter.py", path=Path("counter.py")), dataset())
    yield made
    made.close()


def propose(proposer, program, action=SearchAction.IMPROVE, **more):
    return asyncio.run(proposer.propose(Request(action=action, program=program, **more)))


@pytest.mark.parametrize("wrong", [WRONG_REWARD, WRONG_WRAP])
def test_a_program_with_one_wrong_number_is_repaired(proposer, wrong):
    assert propose(proposer, wrong)[0].program == RIGHT


def test_the_reply_says_which_line_was_changed_and_what_came_of_it(proposer):
    reply = propose(proposer, WRONG_WRAP.replace("% 7", "% 8"))[0].reply
    assert reply.startswith("line 9: replace `8` by `5`; then all ")
    assert reply.endswith("searched transitions pass.")


def test_it_costs_no_call(proposer):
    assert proposer.estimate(Request(action=SearchAction.IMPROVE, program=RIGHT)).calls == 0


def test_nothing_is_proposed_twice_for_a_program(proposer):
    wrong = WRONG_REWARD.replace("2.0", "3.0")
    assert propose(proposer, wrong)
    with pytest.raises(NothingLeftError, match="have been tried"):
        propose(proposer, wrong)


def test_it_has_nothing_to_say_without_a_program(proposer):
    with pytest.raises(NothingLeftError, match="no program"):
        propose(proposer, None, SearchAction.GENERATE)


def test_a_cancelled_request_ends_and_so_does_its_thread():
    """Closing waits for the thread, which would work for a minute on this model."""
    slow = WRONG_WRAP.replace("        self.position = (", "        sum(range(2_000_000))\n        self.position = (")
    made = LocalProposer(Settings(file="counter.py", path=Path("counter.py")), dataset())

    async def cancelled():
        task = asyncio.create_task(made.propose(Request(action=SearchAction.IMPROVE, program=slow)))
        await asyncio.sleep(1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    made.close()


def test_a_program_that_never_ends_is_repaired(proposer):
    endless = RIGHT.replace(
        "        self.position = (", "        while True:\n            pass\n        self.position = (", 1
    )
    assert endless != RIGHT
    assert "then all " in propose(proposer, endless, SearchAction.FIX)[0].reply


def test_a_program_that_does_not_parse_is_mended(proposer):
    broken = RIGHT.replace("def step(self, action):", "def step(self, action)")
    assert propose(proposer, broken, SearchAction.FIX)[0].program == RIGHT


def test_when_nothing_helps_it_says_how_much_was_tried():
    """No program predicts lots."""
    data = dataset()
    lots = Columns.from_values(np.random.default_rng(0).integers(0, 1000, len(data)).tolist())
    made = LocalProposer(Settings(file="counter.py", path=Path("counter.py")), replace(data, next_observations=lots))
    with pytest.raises(NothingLeftError, match=r"^not a one-edit fault: [\d,]+ single edits"):
        propose(made, RIGHT)
    made.close()


def test_what_was_tried_in_an_earlier_process_is_not_proposed_again(proposer):
    wrong = WRONG_REWARD.replace("2.0", "7.0")
    diff = short_diff(wrong, RIGHT)
    with pytest.raises(NothingLeftError, match="have been tried"):
        propose(proposer, wrong, siblings=(Attempt(SearchAction.IMPROVE, diff),))


def test_numbers_are_fitted():
    """Integers stay as they are, so it takes a model with floats."""
    made = LocalProposer(Settings(file="counter.py", path=Path("counter.py")), dataset())
    fitted = propose(made, WRONG_REWARD, SearchAction.FIT)
    made.close()
    assert fitted[0].program == RIGHT
