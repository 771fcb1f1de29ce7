"""Replaying a recorded run: the same tree without asking anyone."""

import asyncio
from contextlib import closing

import pytest

from cwm_engine.errors import CwmError
from cwm_engine.synthesis.interfaces import Proposal, Request, SearchAction
from cwm_engine.synthesis.proposers.replay import Replay
from tests.synthesis.scripted import Scripted
from tests.synthesis.test_search import Run
from tests.synthesis.worlds import HALF_RIGHT, RAISES, RIGHT, WRONG_WRAP

NO_CODE = Proposal(program=None, reply="Sorry.", reason="the reply holds no code")


def test_a_replayed_run_has_the_same_tree_and_costs_nothing(tmp_path):
    first = Run(tmp_path / "first.sqlite", Scripted([HALF_RIGHT, RAISES, NO_CODE, WRONG_WRAP, RIGHT]), parallel=2)
    first.run()
    with closing(Replay(tmp_path / "first.sqlite")) as replay:
        second = Run(tmp_path / "second.sqlite", replay, parallel=2)
        result = second.run()
    assert second.tree == first.tree
    assert (result.spent.calls, result.spent.tokens, result.spent.cost) == (0, 0, 0.0)
    assert result.status == "verified"


def test_what_was_never_asked_has_no_reply(tmp_path):
    Run(tmp_path / "run.sqlite", Scripted([RIGHT])).run()
    with closing(Replay(tmp_path / "run.sqlite")) as replay, pytest.raises(CwmError, match="was not asked"):
        asyncio.run(replay.propose(Request(action=SearchAction.GENERATE, description="Something else.")))
