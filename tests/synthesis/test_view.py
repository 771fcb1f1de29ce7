"""A search tree as JSON, made from the journals of real searches."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from cwm_engine.diagnosis.session import Settings
from cwm_engine.synthesis.budget import Limits
from cwm_engine.synthesis.interfaces import Proposal
from cwm_engine.synthesis.journal import Journal
from cwm_engine.synthesis.problem import Options, Problem, run_header
from cwm_engine.synthesis.search import Search
from cwm_engine.synthesis.view import TreeWatch, tree_json
from tests.synthesis.scripted import USAGE, Scripted
from tests.synthesis.worlds import RAISES, RIGHT, WRONG_REWARD, WRONG_WRAP, dataset

PROBLEM = Problem(settings=Settings(file="counter.py", path=Path("counter.py")), dataset=dataset())
OPTIONS = Options(strategy="greedy", limits=Limits(nodes=4), workers=1)
PROMPT = "Repair the counter."


def said(program):
    return Proposal(program=program, reply=f"Here it is:\n{program}", prompt=PROMPT, usage=USAGE, cost=0.5)


def tree_of(path, script, *, problem=PROBLEM, polish=None, options=OPTIONS):
    """The tree of a search that was run to its end."""
    proposer = Scripted(script)
    header = run_header(problem, options, proposer.name, polish=polish.name if polish else None)
    with Journal.create(path, header) as journal:
        asyncio.run(Search(problem, proposer, journal, options, polish=polish).run())
        return tree_json(journal)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run-1.sqlite"


def test_the_document_says_what_the_search_was_and_how_it_ended(path):
    tree = tree_of(path, [said(WRONG_REWARD), said(RIGHT)])
    assert (tree["schema"], tree["run"], tree["file"], tree["environment"]) == (1, "run-1", "counter.py", "Counter-v0")
    assert (tree["strategy"], tree["proposer"], tree["status"]) == ("greedy", "scripted", "verified")
    assert tree["accuracy"] == {"search": 1.0, "heldout": 1.0}
    assert tree["best"] == 2


def test_a_run_without_an_ending_is_unfinished_and_has_a_best_program_all_the_same(path):
    tree_of(path, [said(WRONG_REWARD), said(RAISES)])
    with Journal.open(path) as journal:
        journal._connection.execute("DELETE FROM endings")
        tree = tree_json(journal)
    assert (tree["status"], tree["best"], tree["accuracy"]["heldout"]) == ("unfinished", 1, None)
    assert 0 < tree["accuracy"]["search"] < 1


def test_an_empty_run_has_no_nodes(path):
    with Journal.create(path, run_header(PROBLEM, OPTIONS, "scripted")) as journal:
        tree = tree_json(journal)
    assert (tree["nodes"], tree["best"], tree["accuracy"]) == ([], None, {"search": None, "heldout": None})


def test_a_node_carries_its_diff_prompt_reply_and_what_it_took(path):
    first, second = tree_of(path, [said(WRONG_REWARD), said(RIGHT)])["nodes"]
    assert (first["parent"], second["parent"], second["action"]) == (None, 1, "improve")
    assert "+        reward = 1.0 if" in second["diff"]
    assert (second["prompt"], second["reply"]) == (PROMPT, f"Here it is:\n{RIGHT}")
    assert (second["calls"], second["tokens"], second["cost"], second["polished"]) == (1, 40, 0.5, False)
    assert second["seconds"] >= first["seconds"] > 0


def test_a_finding_carries_its_line_and_an_example_in_words(path):
    node = tree_of(path, [said(WRONG_REWARD), said(RIGHT)])["nodes"][0]
    finding = next(finding for finding in node["findings"] if finding["code"] == "CWM301")
    assert finding["line"] == 1 + WRONG_REWARD.splitlines().index("        reward = 2.0 if self.position == 4 else 0.0")
    assert finding["example"]["rows"][0] == {
        "field": "reward",
        "state": "",
        "expected": "1.0",
        "predicted": "2.0",
        "difference": "+1",
    }


def test_a_reply_without_a_program_is_a_node_with_its_reason(path):
    refusal = Proposal(program=None, reply="No.", reason="The reply holds no program.", prompt=PROMPT)
    node = tree_of(path, [refusal, said(RIGHT)])["nodes"][0]
    assert (node["program"], node["diff"], node["reply"]) == (None, "", "No.")
    assert (node["buggy"], node["reason"]) == (True, "The reply holds no program.")


def test_the_program_to_begin_with_was_made_by_nobody(path):
    node = tree_of(path, [said(RIGHT)], problem=replace(PROBLEM, initial=WRONG_REWARD))["nodes"][0]
    assert (node["action"], node["calls"], node["prompt"], node["diff"][:13]) == (None, 0, "", "--- /dev/null")


def test_of_several_proposals_the_one_that_became_the_program_is_shown(path):
    node = tree_of(path, [[said(WRONG_WRAP), said(RIGHT)]])["nodes"][0]
    assert (node["program"], node["reply"], node["tokens"]) == (RIGHT, f"Here it is:\n{RIGHT}", 80)


def test_a_program_that_was_repaired_before_it_was_scored_says_so(path):
    node = tree_of(path, [said(WRONG_REWARD)], polish=Scripted([RIGHT]))["nodes"][0]
    assert (node["program"], node["polished"]) == (RIGHT, True)
    assert node["reply"] == f"Here it is:\n{WRONG_REWARD}"


def test_a_search_that_is_followed_tells_each_node_once(path):
    whole = tree_of(path, [said(WRONG_REWARD), said(WRONG_WRAP), said(RIGHT)])
    told = []
    with Journal.open(path) as source, Journal.create(path.with_name("live.sqlite"), source.header) as live:
        watch = TreeWatch(live)
        assert watch.news()["nodes"] == []
        for (number, answer), entry in zip(source.answers().items(), source.nodes(), strict=True):
            live.add_answer(number, f"request {number}", answer)
            live.add_node(entry.node, entry.elapsed)
            news = watch.news()
            told += news["nodes"]
            assert (news["status"], len(news["nodes"])) == ("unfinished", 1)
        live.add_ending(source.result)
        assert (watch.news()["status"], news["best"]) == ("verified", whole["best"])
    assert told == whole["nodes"]


def test_the_document_is_json_that_every_language_reads(path):
    json.dumps(tree_of(path, [said(RAISES), said("class"), said(RIGHT)]), allow_nan=False)
