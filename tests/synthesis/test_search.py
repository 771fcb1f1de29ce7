"""The search, from the first request to the result, with scripted proposers and real sandboxes."""

import asyncio
import json
import random
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from cwm_engine.diagnosis.session import Settings
from cwm_engine.errors import CwmError
from cwm_engine.sandbox.limits import Limits as SandboxLimits
from cwm_engine.synthesis.budget import Limits
from cwm_engine.synthesis.heldout import split_episodes
from cwm_engine.synthesis.interfaces import Estimate, NothingLeftError, Proposal, ProposerError, SearchAction, Usage
from cwm_engine.synthesis.journal import Journal
from cwm_engine.synthesis.problem import Options, Problem, run_header
from cwm_engine.synthesis.result import SearchStatus
from cwm_engine.synthesis.search import Search
from tests.synthesis.scripted import Scripted
from tests.synthesis.worlds import (
    HALF_RIGHT,
    RAISES,
    RIGHT,
    SYNTAX_ERROR,
    WRONG_REWARD,
    WRONG_WRAP,
    dataset,
)

PROBLEM = Problem(
    settings=Settings(file="counter.py", path=Path("counter.py")),
    dataset=dataset(),
    sandbox=replace(SandboxLimits(), step_seconds=0.5, wall_seconds=5.0),
)
NEVER_RETURNS = RIGHT.replace("reward = 1.0", "while self.position > -1: pass\n        reward = 1.0")


class Run:
    """One search in a directory of its own, with everything that can be known about it."""

    def __init__(self, path, proposer, *, problem=PROBLEM, polish=None, fitter=None, nodes=6, seconds=None, **options):
        limits = options.pop("limits", Limits(nodes=nodes, seconds=seconds))
        self.options = Options(limits=limits, workers=options.pop("workers", 1), **options)
        self.events, self.proposer = [], proposer
        if not path.exists():
            names = {"polish": polish.name if polish else None, "fitter": fitter.name if fitter else None}
            Journal.create(path, run_header(problem, self.options, proposer.name, **names)).close()
        self.journal = Journal.open(path)
        try:
            self.search = Search(
                problem, proposer, self.journal, self.options, polish=polish, fitter=fitter, on_event=self.events.append
            )
        except CwmError:
            self.journal.close()
            raise

    def run(self, during=None):
        async def both():
            if during is not None:
                task = asyncio.ensure_future(during(self.search))
            result = await self.search.run()
            if during is not None:
                await task
            return result

        try:
            return asyncio.run(both())
        finally:
            self.journal.close()

    @property
    def tree(self):
        return json.dumps(self.search.tree.to_json())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.sqlite"


def test_a_right_program_ends_the_search_verified(path):
    run = Run(path, Scripted([HALF_RIGHT, WRONG_REWARD, RIGHT]))
    result = run.run()
    assert (result.status, result.searched, result.heldout) == (SearchStatus.VERIFIED, 1.0, 1.0)
    assert (result.nodes, result.spent.calls, result.spent.tokens) == (3, 3, 120)
    assert result.program == RIGHT


def test_the_result_is_the_document_of_the_command_line(path):
    document = Run(path, Scripted([RIGHT])).run().to_json()
    assert list(document)[:8] == ["schema", "status", "accuracy", "nodes", "calls", "tokens", "cost", "seconds"]
    assert (document["run"], document["diff"][:13]) == ("run", "--- /dev/null")


def test_the_program_to_begin_with_is_the_first_node_and_costs_nothing(path):
    run = Run(path, Scripted([RIGHT]), problem=replace(PROBLEM, initial=WRONG_REWARD))
    result = run.run()
    assert run.search.tree[1].program == WRONG_REWARD
    assert (result.nodes, result.spent.calls) == (2, 1)
    assert "-        reward = 2.0 if" in result.diff


def test_a_right_program_to_begin_with_needs_no_proposer(path):
    proposer = Scripted([RIGHT])
    result = Run(path, proposer, problem=replace(PROBLEM, initial=RIGHT)).run()
    assert (result.status, result.diff, proposer.requests) == (SearchStatus.VERIFIED, "", [])


def test_without_a_right_program_the_best_is_returned_with_both_figures(path):
    result = Run(path, Scripted([WRONG_REWARD, HALF_RIGHT]), nodes=4).run()
    assert (result.status, result.program) == (SearchStatus.PARTIAL, WRONG_REWARD)
    assert 0 < result.searched < 1
    assert 0 < result.heldout < 1


def test_a_program_that_knows_the_searched_transitions_by_heart_is_not_verified(path):
    """What it never saw tells a rule from a table."""
    by_heart = """\
class Environment:
    def __init__(self):
        self.state = 0

    def set_state(self, state):
        self.state = int(state)

    def step(self, action):
        return TABLE.get((self.state, action), (self.state, 0.0, False))
"""
    data = dataset(2, length=3, seed=0)
    searched = split_episodes(data, 0.5).searched
    seen = zip(
        *(columns.plain(0, len(searched)) for columns in (searched.observations, searched.actions)),
        zip(searched.next_observations.plain(0, len(searched)), searched.rewards, searched.terminated, strict=True),
        strict=True,
    )
    table = {(state, action): (after, float(paid), bool(done)) for state, action, (after, paid, done) in seen}
    problem = replace(PROBLEM, dataset=data)
    result = Run(path, Scripted([f"TABLE = {table}\n{by_heart}"]), problem=problem, heldout=0.5).run()
    assert (result.status, result.searched) == (SearchStatus.PARTIAL, 1.0)
    assert result.heldout < 1


def test_a_search_with_no_program_at_all_has_failed(path):
    result = Run(path, Scripted([Proposal(program=None, reply="No.", reason="the reply holds no code")]), nodes=3).run()
    assert (result.status, result.program, result.searched) == (SearchStatus.FAILED, None, None)
    assert result.nodes == 3


def test_with_one_episode_nothing_is_held_out_and_nothing_verified(path):
    result = Run(path, Scripted([RIGHT]), problem=replace(PROBLEM, dataset=dataset(1))).run()
    assert (result.status, result.searched, result.heldout) == (SearchStatus.PARTIAL, 1.0, None)
    assert "too few episodes" in result.message


def test_bugs_are_fixed_and_wrong_programs_improved(path):
    proposer = Scripted([SYNTAX_ERROR, HALF_RIGHT, RIGHT])
    run = Run(path, proposer)
    run.run()
    assert [request.action for request in proposer.requests][:2] == [SearchAction.GENERATE, SearchAction.FIX]
    assert proposer.requests[1].program == SYNTAX_ERROR
    assert proposer.requests[1].findings[0].code == "CWM101"
    assert proposer.requests[1].accuracy is None


def test_a_request_tells_what_is_wrong_and_what_was_tried(path):
    proposer = Scripted([WRONG_REWARD, HALF_RIGHT, WRONG_WRAP, RIGHT])
    Run(path, proposer, strategy="greedy", problem=replace(PROBLEM, description="A counter.")).run()
    second, third = proposer.requests[1], proposer.requests[2]
    assert (second.program, second.description) == (WRONG_REWARD, "A counter.")
    assert second.findings[0].examples
    assert 0 < second.accuracy < 1
    assert "class `Environment`" in second.contract
    assert [attempt.action for attempt in third.siblings] == [SearchAction.IMPROVE]
    assert "+        self.position = (self.position + (1)) % 5" in third.siblings[0].diff
    assert [request.number for request in proposer.requests] == [0, 1, 2, 3]


def test_the_first_request_shows_observed_transitions(path):
    proposer = Scripted([RIGHT])
    Run(path, proposer).run()
    assert proposer.requests[0].examples[0].predicted is None


def test_of_several_proposals_the_best_becomes_the_node(path):
    run = Run(path, Scripted([[SYNTAX_ERROR, HALF_RIGHT, RIGHT, WRONG_REWARD]]))
    assert run.run().program == RIGHT
    assert len(run.search.tree) == 2


def test_harmful_programs_are_nodes_with_a_reason_and_the_search_goes_on(path):
    harmful = [
        NEVER_RETURNS,
        RIGHT.replace("reward = 1.0", "block = bytearray(10 * 2**30)\n        reward = 1.0"),
        "import os\n" + RIGHT.replace("reward = 1.0", "os._exit(1)\n        reward = 1.0"),
        RIGHT.replace("reward = 1.0", "raise SystemExit\n        reward = 1.0"),
        SYNTAX_ERROR,
        "",
    ]
    run = Run(path, Scripted([*harmful, RIGHT]), strategy="best-of-n", nodes=10)
    assert run.run().status is SearchStatus.VERIFIED
    assert all(node.evaluation.buggy and node.evaluation.reason for node in list(run.search.tree)[1:-1])


@pytest.mark.parametrize("strategy", ["gif-mcts", "gif-mcts-paper", "gif-mcts-released", "rex", "greedy"])
def test_the_time_replies_take_does_not_change_the_tree(tmp_path, strategy):
    """Three under way, answered in whatever order; the seed and the replies decide."""
    lot = random.Random(1)
    programs = [HALF_RIGHT, RAISES, WRONG_REWARD, WRONG_WRAP, SYNTAX_ERROR]
    script = [lot.choice(programs) + f"# {number}\n" for number in range(12)]
    trees = set()
    for attempt in range(2):
        proposer = Scripted(script, delay=lambda number, attempt=attempt: random.Random(attempt + number).random() / 50)
        run = Run(tmp_path / f"{attempt}.sqlite", proposer, strategy=strategy, nodes=12, parallel=3, workers=2)
        run.run()
        assert proposer.most_under_way == 3
        trees.add(run.tree)
    assert len(trees) == 1


def test_calls_are_never_exceeded_and_everything_asked_for_is_taken_in(path):
    run = Run(path, Scripted([HALF_RIGHT]), limits=Limits(calls=4), parallel=3)
    result = run.run()
    assert (result.spent.calls, result.nodes) == (4, 4)
    assert "limit of 4 calls" in result.message


def test_what_earlier_calls_leave_is_used(path):
    """A call takes 100 tokens at worst and 40 in truth; 220 are enough for four, though only two fit at once."""
    run = Run(path, Scripted([HALF_RIGHT]), limits=Limits(tokens=220), parallel=4)
    result = run.run()
    assert result.spent.tokens == 160
    assert result.nodes == 4


def test_a_limit_of_cost_holds(path):
    result = Run(path, Scripted([HALF_RIGHT]), limits=Limits(cost=1.0), parallel=2).run()
    assert 0.5 < result.spent.cost <= 1.0


def test_a_proposer_that_costs_nothing_is_not_limited_by_calls(path):
    proposer = Scripted([HALF_RIGHT], worst=Estimate(Usage(), 0.0, calls=0))
    result = Run(path, proposer, limits=Limits(calls=0, nodes=3)).run()
    assert (result.nodes, result.spent.calls) == (3, 0)


def test_seconds_stop_a_search(path):
    result = Run(path, Scripted([HALF_RIGHT], delay=lambda number: 600.0 * (number > 0)), seconds=3.0).run()
    assert (result.status, result.message) == (SearchStatus.PARTIAL, "the time was used up")


def test_a_search_is_stopped_from_outside_and_keeps_what_it_has(path):
    async def stop(search):
        while len(search.tree) < 3:
            await asyncio.sleep(0.01)
        search.stop()

    run = Run(path, Scripted([HALF_RIGHT], delay=lambda number: 600.0 * (number > 1)))
    result = run.run(stop)
    assert (result.status, result.nodes, result.program) == (SearchStatus.CANCELLED, 2, HALF_RIGHT)


def test_stopping_does_not_wait_for_a_program_that_never_returns(path):
    """It would have ten minutes for its step."""
    problem = replace(PROBLEM, sandbox=replace(SandboxLimits(), step_seconds=600.0, wall_seconds=600.0))

    async def stop(search):
        await asyncio.sleep(1.0)
        search.stop()

    endless = NEVER_RETURNS.replace("while self.position > -1: pass", "(10**8) ** (10**8)")
    assert Run(path, Scripted([endless]), problem=problem).run(stop).status is SearchStatus.CANCELLED


def test_a_proposer_that_cannot_be_reached_ends_the_search_with_what_there_is(path):
    run = Run(path, Scripted([HALF_RIGHT, CwmError("nobody answers at http://localhost:1")]))
    result = run.run()
    assert (result.status, result.nodes) == (SearchStatus.PARTIAL, 1)
    assert "nobody answers" in result.message
    assert result.spent.calls == 1


def test_a_fault_of_a_proposer_is_not_hidden_and_loses_no_node(path):
    run = Run(path, Scripted([HALF_RIGHT, ZeroDivisionError("a fault of the proposer")]))
    with pytest.raises(ZeroDivisionError):
        run.run()
    with Journal.open(path) as journal:
        assert journal.node_count == 1


def test_a_search_whose_task_is_cancelled_loses_no_node(path):
    run = Run(path, Scripted([HALF_RIGHT], delay=lambda number: 600.0 * (number > 0)))

    async def cancelled():
        task = asyncio.ensure_future(run.search.run())
        while len(run.search.tree) < 2:
            await asyncio.sleep(0.01)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
    run.journal.close()
    with Journal.open(path) as journal:
        assert journal.node_count == 1
        assert len(journal.lost()) == 1


def test_what_a_lost_call_may_have_taken_counts_against_tokens(path):
    """40 were taken, the call that was cut off may have taken 100, and the next one may take 100 again."""
    test_a_search_whose_task_is_cancelled_loses_no_node(path)
    result = Run(path, Scripted([HALF_RIGHT]), limits=Limits(tokens=239)).run()
    assert "limit of 239 tokens" in result.message


def test_calls_under_way_when_another_fails_are_kept_for_later(path):
    """Request 0 fails at once; what request 1 brings a little later is paid, so it is not lost."""
    proposer = Scripted(
        lambda number: CwmError("refused") if number == 0 else WRONG_REWARD, delay=lambda number: 0.1 * number
    )
    Run(path, proposer, parallel=2).run()
    again = Scripted([HALF_RIGHT, RIGHT])
    Run(path, again, parallel=2, nodes=2).run()
    assert [request.number for request in again.requests] == [0]


def test_a_search_goes_on_where_it_was_stopped(tmp_path):
    script = [HALF_RIGHT, RAISES, WRONG_WRAP, HALF_RIGHT, WRONG_REWARD, WRONG_WRAP, HALF_RIGHT, RAISES]
    script = [f"{program}# {number}\n" for number, program in enumerate(script)]
    whole = Run(tmp_path / "whole.sqlite", Scripted(script), nodes=8)
    whole.run()
    for cut in (1, 5):
        path = tmp_path / f"{cut}.sqlite"
        first, second = Scripted(script), Scripted(script)
        Run(path, first, nodes=cut).run()
        run = Run(path, second, nodes=8)
        result = run.run()
        assert run.tree == whole.tree
        assert len(first.requests) + len(second.requests) == 8
        assert result.spent.calls == 8
        assert sum(event.recorded for event in run.events) == cut


def test_a_run_that_found_its_program_asks_nobody_when_it_is_gone_on_with(path):
    first = Run(path, Scripted([HALF_RIGHT, WRONG_REWARD, RIGHT], delay=lambda number: number / 100), parallel=3)
    again = Scripted([HALF_RIGHT])
    assert first.run().status is SearchStatus.VERIFIED
    assert Run(path, again, parallel=3).run().status is SearchStatus.VERIFIED
    assert again.requests == []


def test_a_run_is_not_gone_on_with_as_another_search(path):
    Run(path, Scripted([HALF_RIGHT]), nodes=1).run()
    for changed in ({"seed": 1}, {"strategy": "rex"}, {"problem": replace(PROBLEM, dataset=dataset(seed=9))}):
        with pytest.raises(CwmError, match="was begun with another"):
            Run(path, Scripted([HALF_RIGHT]), **changed)


def test_replies_that_do_not_fit_the_run_any_more_are_not_used(path):
    """As if another version had chosen another node."""
    Run(path, Scripted([HALF_RIGHT]), nodes=2).run()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE nodes SET document = replace(document, '\"improve\"', '\"generate\"')")
        connection.execute("UPDATE nodes SET document = replace(document, '\"parent\": 1', '\"parent\": 0')")
    connection.close()
    result = Run(path, Scripted([RIGHT]), nodes=4).run()
    assert "another version" in result.message


def test_polish_works_on_each_program_and_its_refusal_is_told(path):
    """The polisher repairs rewards only, and says so of anything else."""

    class Polisher(Scripted):
        name = "polisher"

        async def propose(self, request):
            self.requests.append(request)
            if "2.0 if" in request.program:
                return [Proposal(program=request.program.replace("2.0 if", "1.0 if"))]
            return [Proposal(program=None, reason="no single edit repairs the program")]

    proposer, polisher = Scripted([HALF_RIGHT, WRONG_REWARD]), Polisher([])
    result = Run(path, proposer, polish=polisher).run()
    assert (result.status, result.program, result.nodes) == (SearchStatus.VERIFIED, RIGHT, 2)
    assert polisher.requests[1].action is SearchAction.IMPROVE


def test_numbers_are_fitted_by_who_can_and_at_no_cost(path):
    proposer, fitter = Scripted([WRONG_WRAP]), Scripted([RIGHT], worst=Estimate(Usage(), 0.0, calls=0))
    result = Run(path, proposer, fitter=fitter).run()
    assert [request.action for request in fitter.requests] == [SearchAction.FIT]
    assert fitter.requests[0].program == WRONG_WRAP
    assert (result.status, result.spent.calls) == (SearchStatus.VERIFIED, 1)


class Repairer(Scripted):
    """Repairs what its table knows, and has nothing to say about any other program."""

    name = "repairer"
    actions = frozenset({SearchAction.IMPROVE, SearchAction.FIX})

    def __init__(self, table):
        super().__init__([], worst=Estimate(calls=0))
        self._table = table

    async def propose(self, request):
        self.requests.append(request)
        said = [attempt.diff for attempt in request.siblings]
        if request.program not in self._table or said:
            raise NothingLeftError("it is not a fault of one edit")
        return [Proposal(program=self._table[request.program])]


def begin_with(program):
    return replace(PROBLEM, initial=program)


@pytest.mark.parametrize("strategy", ["gif-mcts", "rex", "greedy"])
def test_a_proposer_that_only_repairs_goes_on_from_the_program_there_is(path, strategy):
    repairer = Repairer({HALF_RIGHT: WRONG_REWARD, WRONG_REWARD: RIGHT})
    result = Run(path, repairer, problem=begin_with(HALF_RIGHT), nodes=40, strategy=strategy, parallel=3).run()
    assert (result.status, result.program) == (SearchStatus.VERIFIED, RIGHT)


@pytest.mark.parametrize("strategy", ["gif-mcts", "rex", "greedy"])
def test_a_search_ends_where_nothing_is_left_to_say_of_any_program(path, strategy):
    repairer = Repairer({HALF_RIGHT: WRONG_REWARD})
    result = Run(path, repairer, problem=begin_with(HALF_RIGHT), nodes=40, strategy=strategy).run()
    assert (result.status, result.program) == (SearchStatus.PARTIAL, WRONG_REWARD)
    assert result.message == "it is not a fault of one edit"
    assert result.nodes == 4


def test_a_proposer_that_only_repairs_needs_a_program(path):
    with pytest.raises(CwmError, match="there is none to begin with"):
        Run(path, Repairer({}))


@pytest.mark.parametrize("strategy", ["best-of-n", "ab-mcts"])
def test_a_strategy_that_only_writes_is_refused_to_a_proposer_that_only_repairs(path, strategy):
    with pytest.raises(CwmError, match="only repairs"):
        Run(path, Repairer({}), problem=begin_with(HALF_RIGHT), strategy=strategy)


def test_a_polisher_with_nothing_to_say_leaves_a_note(path):
    result = Run(path, proposer := Scripted([HALF_RIGHT, RIGHT]), polish=Repairer({})).run()
    assert result.status is SearchStatus.VERIFIED
    assert any("it is not a fault of one edit" in (request.note or "") for request in proposer.requests)


def test_tokens_of_a_reply_that_broke_off_are_booked(path):
    error = ProposerError("the stream broke off", usage=Usage(30, 5), cost=0.25)
    result = Run(path, Scripted(lambda number: HALF_RIGHT if number == 0 else error)).run()
    assert (result.spent.calls, result.spent.tokens, result.spent.cost) == (1, 75, 0.35)


def test_events_tell_the_story_of_a_search(path):
    run = Run(path, Scripted([HALF_RIGHT, RIGHT]), strategy="greedy")
    run.run()
    assert [event.kind for event in run.events] == ["asked", "answered", "node"] * 2 + ["ended"]
    assert run.events[2].best == run.search.tree[1].evaluation.accuracy
    assert run.events[-1].spent.calls == 2
