"""Searches of the benchmark: played, gone on with, replayed, and not counted when nobody answers."""

import asyncio

import pytest

from cwm_engine.benchmarks.play import Game, Table
from cwm_engine.benchmarks.simulated import Rates, SimulatedLLM
from cwm_engine.benchmarks.tasks import load_task
from cwm_engine.errors import CwmError
from cwm_engine.synthesis.interfaces import SearchAction
from cwm_engine.synthesis.journal import Journal
from cwm_engine.synthesis.proposers.replay import Replay
from tests.synthesis.scripted import Scripted

TASK = load_task("cliff_walking")
GAMES = [Game("cliff_walking", strategy, seed) for strategy in ("greedy", "best-of-n") for seed in range(2)]


def simulated(task, game):
    return SimulatedLLM(task, game.seed, Rates(repair=1.0))


def played(folder, make_proposer=simulated, games=GAMES, max_calls=12, heard=None):
    table = Table(TASK, make_proposer, folder, max_calls=max_calls)
    try:
        return asyncio.run(table.play_all(games, heard.append if heard is not None else lambda _: None))
    finally:
        table.close()


class Counting(Scripted):
    """Says one program again and again, and notes who was asked."""

    asked = 0

    async def propose(self, request):
        type(self).asked += 1
        return await super().propose(request)


def test_every_search_is_played_and_told_of(tmp_path):
    heard = []
    outcomes = played(tmp_path, heard=heard)
    assert [one.game for one in outcomes] == GAMES
    assert sorted(one.game.file for one in heard) == sorted(game.file for game in GAMES)
    assert all(0 <= one.heldout <= 1 and 1 <= one.calls <= 12 for one in outcomes)


def test_a_search_that_is_solved_counts_its_calls_without_the_program_it_began_with(tmp_path):
    (outcome,) = played(tmp_path, lambda *_: Scripted(["", TASK.with_slips([1]), TASK.program]), [GAMES[0]])
    assert (outcome.solved, outcome.heldout, outcome.calls) == (True, 1.0, 2)


def test_a_search_that_is_not_solved_counts_all_the_calls_it_was_allowed(tmp_path):
    (outcome,) = played(tmp_path, lambda *_: Scripted([TASK.with_slips([1])]), [GAMES[0]], max_calls=3)
    assert (outcome.solved, outcome.calls) == (False, 3)
    assert outcome.heldout < 1


def test_it_goes_on_with_the_journals_that_are_there(tmp_path):
    first = played(tmp_path)
    Counting.asked = 0
    assert played(tmp_path, lambda task, game: _named("simulated (repair=1)")) == first
    assert Counting.asked == 0


def _named(name):
    proposer = Counting([TASK.program])
    proposer.name = name
    return proposer


def test_journals_of_another_proposer_are_not_gone_on_with(tmp_path):
    played(tmp_path)
    with pytest.raises(CwmError, match=r"begun with simulated \(repair=1\), not simulated"):
        played(tmp_path, lambda task, game: SimulatedLLM(task, game.seed))


def test_recorded_replies_give_the_same_outcomes_again(tmp_path):
    first = played(tmp_path / "recorded")
    again = played(tmp_path / "again", lambda _, game: Replay(tmp_path / "recorded" / game.file))
    assert again == first


def test_a_search_whose_proposer_gives_up_is_not_counted_and_is_kept(tmp_path):
    def lost(number):
        return CwmError("nobody answers") if number == 2 else TASK.with_slips([1])

    with pytest.raises(CwmError, match="nobody answers"):
        played(tmp_path, lambda *_: Scripted(lost), [GAMES[0]])
    with Journal.open(tmp_path / GAMES[0].file) as journal:
        assert [entry.node.action for entry in journal.nodes()] == [SearchAction.GENERATE, SearchAction.IMPROVE]
