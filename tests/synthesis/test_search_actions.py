"""A scripted language model drives every action and every way a bug can go, through whole searches."""

import asyncio
from pathlib import Path

import pytest

from cwm_engine.diagnosis.session import Settings
from cwm_engine.synthesis.budget import Limits
from cwm_engine.synthesis.evaluation import Evaluation
from cwm_engine.synthesis.interfaces import Estimate, Proposal, SearchAction, Usage
from cwm_engine.synthesis.journal import Journal
from cwm_engine.synthesis.problem import Options, Problem, run_header
from cwm_engine.synthesis.search import Search
from tests.synthesis.scripted import Scripted
from tests.synthesis.worlds import dataset

G, I, F = SearchAction.GENERATE, SearchAction.IMPROVE, SearchAction.FIX  # noqa: E741
PROBLEM = Problem(settings=Settings(file="counter.py", path=Path("counter.py")), dataset=dataset(3))
NO_REPLY = Proposal(program=None, reply="I cannot.", reason="The reply holds no program.")
VARIANTS = ["gif-mcts", "gif-mcts-paper", "gif-mcts-released"]


def program(worth, number=0):
    """A long program that says what it is worth; 0 is one that does not run."""
    return f"# {worth}\n" + "".join(f"line_{line} = {number}\n" for line in range(60))


class Reader:
    """Believes what a program says of itself."""

    async def searched(self, text):
        value = float(text.split()[1])
        return Evaluation(accuracy=value, buggy=value == 0, solved=value == 1, reason=None if value else "it raises")

    async def heldout(self, text):
        return await self.searched(text)

    def close(self):
        pass


def played(path, script, *, nodes, strategy="gif-mcts", fitter=None):
    """The tree of a search, without its root, and what was asked, by node."""
    options = Options(strategy=strategy, limits=Limits(nodes=nodes))
    proposer = Scripted(script)
    names = {"fitter": fitter.name if fitter else None}
    Journal.create(path, run_header(PROBLEM, options, proposer.name, **names)).close()
    with Journal.open(path) as journal:
        search = Search(PROBLEM, proposer, journal, options, fitter=fitter, checks=Reader())
        asyncio.run(search.run())
    asked = {request.number + 1: request for one in (proposer, fitter) if one for request in one.requests}
    return search.tree, asked


@pytest.mark.parametrize("strategy", VARIANTS)
def test_every_request_is_about_the_node_it_is_asked_at(tmp_path, strategy):
    """Generate goes on from the first lines, improve and fix see all of it."""
    worth = [0.4, 0, 0.6, 0.5, 0, 0, 0.7, 0.3, 0.7, 0, 0, 0, 0.2]
    script = [program(value, number) for number, value in enumerate(worth)]
    tree, asked = played(tmp_path / "run.sqlite", script, nodes=40, strategy=strategy)
    for node in list(tree)[1:]:
        parent, request = tree[node.parent], asked[node.id]
        assert request.action is node.action
        if node.action is G:
            assert (request.program, request.prefix) == (None, parent.state or None)
            assert (parent.state == "") == (parent.id == 0)
        else:
            assert (request.program, request.prefix) == (parent.program, None)
            assert (node.action is F) == parent.evaluation.buggy
    assert {node.action for node in tree} == {None, G, I, F}
    assert any(node.action is G and node.parent for node in tree)


@pytest.mark.parametrize("strategy", VARIANTS)
def test_a_bug_is_fixed_in_one_call(tmp_path, strategy):
    tree, _ = played(tmp_path / "run.sqlite", [program(0), program(0.8), program(0.9)], nodes=3, strategy=strategy)
    assert [(node.parent, node.action) for node in list(tree)[1:3]] == [(0, G), (1, F)]
    assert tree[3].parent == 2


@pytest.mark.parametrize("strategy", VARIANTS)
def test_an_improvement_that_does_not_run_is_fixed_from_there(tmp_path, strategy):
    script = [program(0.6), program(0), program(0.7)]
    tree, _ = played(tmp_path / "run.sqlite", script, nodes=3, strategy=strategy)
    assert [(node.parent, node.action) for node in list(tree)[1:]] == [(0, G), (1, I), (2, F)]


@pytest.mark.parametrize("strategy", VARIANTS)
def test_no_chain_of_bugs_has_more_than_three_fixes(tmp_path, strategy):
    tree, _ = played(tmp_path / "run.sqlite", [program(0)], nodes=40, strategy=strategy)
    chains = [[step.action for step in tree.path(node.id)[1:]] for node in list(tree)[1:]]
    assert max(map(len, chains)) == 4
    assert all(chain == [G, F, F, F][: len(chain)] for chain in chains)


def test_a_reply_without_a_program_uses_a_fix_up_and_the_bug_is_asked_about_again(tmp_path):
    tree, asked = played(tmp_path / "run.sqlite", [program(0), NO_REPLY, program(0.5)], nodes=3)
    assert [(node.parent, node.action) for node in list(tree)[1:]] == [(0, G), (1, F), (1, F)]
    assert [attempt.reason for attempt in asked[3].siblings] == ["The reply holds no program."]


def test_only_replies_without_programs_leave_new_ones_to_ask_for(tmp_path):
    tree, _ = played(tmp_path / "run.sqlite", [NO_REPLY], nodes=5)
    assert [(node.parent, node.action) for node in list(tree)[1:]] == [(0, G)] * 5


def test_numbers_are_fitted_once_for_each_program_that_runs(tmp_path):
    fitter = Scripted([program(0.9)], worst=Estimate(Usage(), 0.0, calls=0))
    tree, _ = played(tmp_path / "run.sqlite", [program(0.5), program(0), program(0.6)], nodes=12, fitter=fitter)
    fitted = [node.parent for node in tree if node.action is SearchAction.FIT]
    assert fitted
    assert len(fitted) == len(set(fitted))
    assert not any(tree[node].evaluation.buggy for node in fitted)
