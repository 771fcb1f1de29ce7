"""`cwm show`: the tree of a search, and one program of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.searches import PLAIN, Cwm, asking, cwm, folder, only_run, says
from tests.synthesis.llm_server import Server, streams
from tests.synthesis.worlds import HALF_RIGHT, RAISES, RIGHT

__all__ = ["cwm", "folder"]


@pytest.fixture
def shown(cwm: Cwm) -> Cwm:
    """The command, after a search with four programs."""
    Path("counter.py").write_text(HALF_RIGHT)
    with Server(says(RAISES), streams("I do not know."), says(RIGHT)) as server:
        cwm("synthesize", "counter.py", *asking(server), *PLAIN, "--strategy", "greedy")
    return cwm


def test_the_tree_shows_what_each_program_was_made_from_and_is_worth(shown: Cwm) -> None:
    code, out, _ = shown("show")
    assert code == 0
    assert "counter.py: verified, 100 % searched, 100 % held out" in out
    assert "greedy, openai:test, 4 programs, 3 calls, 3,300 tokens" in out
    lines = out.splitlines()
    assert any("#1 begin" in line for line in lines)
    assert any("#2 improve  does not run" in line and "positoin" in line for line in lines)
    assert any("#3 improve  nothing" in line for line in lines)
    assert any("#4 improve  100 %  best" in line for line in lines)


def test_everything_about_a_program(shown: Cwm) -> None:
    out = shown("show", only_run().stem, "--node", 2)[1]
    assert "difference to #1" in out
    assert "+        return self.position, reward, self.positoin == 4" in out
    assert "CWM401 line 11: AttributeError" in out
    assert "[user]" in out
    assert "```python" in out


def test_a_part_of_a_program_is_printed_as_it_is(shown: Cwm) -> None:
    assert shown("show", "--node", "best", "--part", "program")[1] == RIGHT
    assert shown("show", "--part", "program")[1] == RIGHT
    assert shown("show", "--node", 3, "--part", "reply")[1] == "I do not know.\n"
    assert shown("show", "--node", 3, "--part", "program")[1] == ""
    assert "positoin" in shown("show", "--node", 2, "--part", "findings")[1]


def test_a_program_is_written_to_a_file(shown: Cwm) -> None:
    assert shown("show", "-o", "best.py")[1] == "best.py\n"
    assert Path("best.py").read_text() == RIGHT


def test_the_tree_and_its_programs_are_documents_too(shown: Cwm) -> None:
    tree = json.loads(shown("show", "--output-format", "json")[1])
    assert (tree["schema"], tree["status"], len(tree["nodes"])) == (1, "verified", 4)
    assert json.loads(shown("show", "--node", 4, "--output-format", "json")[1]) == tree["nodes"][3]


def test_a_page_is_written(shown: Cwm) -> None:
    assert shown("show", "--html", "-o", "tree.html")[1] == "tree.html\n"
    assert Path("tree.html").read_text().startswith("<!DOCTYPE html>")
    assert shown("show", "--html")[1] == f"{only_run().stem}.html\n"


def test_what_is_not_there_is_an_error(shown: Cwm) -> None:
    assert "has no node 9 (there are 1 to 4, and `best`)" in shown("show", "--node", 9)[2]
    assert "there is no run 'never'" in shown("show", "never")[2]


def test_without_runs_there_is_nothing_to_show(cwm: Cwm) -> None:
    code, _, err = cwm("show")
    assert code == 2
    assert "there are no runs to show" in err
