"""The searches there were, as the editor lists, shows and deletes them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pygls.exceptions import JsonRpcException

from cwm_engine.diagnosis.session import Settings
from cwm_engine.synthesis.budget import Limits
from cwm_engine.synthesis.journal import Journal
from cwm_engine.synthesis.problem import Options, Problem, run_header
from cwm_engine.synthesis.search import Search
from cwm_server import runs
from tests.synthesis.scripted import Scripted
from tests.synthesis.worlds import HALF_RIGHT, RIGHT, WRONG_REWARD, dataset


@pytest.fixture
def directory(tmp_path, monkeypatch):
    """A directory of runs with one in it, `counter-1`, of three programs."""
    monkeypatch.setenv("CWM_RUNS", str(tmp_path / "runs"))
    model = tmp_path / "counter.py"
    model.write_text(RIGHT)
    problem = Problem(settings=Settings(file="counter.py", path=model), dataset=dataset())
    options, proposer = Options(limits=Limits(nodes=5), workers=1), Scripted([HALF_RIGHT, WRONG_REWARD, RIGHT])
    header = run_header(problem, options, proposer.name)
    with Journal.create(tmp_path / "runs" / "counter-1.sqlite", header) as journal:
        asyncio.run(Search(problem, proposer, journal, options).run())
    return tmp_path / "runs"


def test_searches_are_listed_with_what_they_found(directory):
    (directory / "broken.sqlite").write_text("no journal")
    found = runs.runs()
    assert (found.directory, {run.run: run.status for run in found.runs}) == (
        str(directory),
        {"counter-1": "verified", "broken": "unreadable"},
    )
    (run,) = [run for run in found.runs if run.run == "counter-1"]
    assert (run.file, run.nodes, run.accuracy) == ("counter.py", 3, 1.0)
    assert Path(run.path).is_file()
    assert run.size > 0


def test_a_tree_comes_in_parts(directory):
    first = runs.run("counter-1", 0, 2)
    second = runs.run("counter-1", 2, 2)
    assert [[node["id"] for node in part.tree["nodes"]] for part in (first, second)] == [[1, 2], [3]]
    assert (first.more, second.more, first.tree["best"]) == (True, False, 3)


def test_a_model_that_is_gone_has_no_path(directory):
    (directory.parent / "counter.py").unlink()
    assert runs.run("counter-1", 0, 1).path is None


def test_what_cannot_be_deleted_is_told_and_the_rest_is_gone(directory):
    found = runs.delete(["nothing", "counter-1"])
    assert found.deleted == ["counter-1"]
    assert "no run 'nothing'" in found.problems[0]
    assert not list(directory.glob("*.sqlite"))


@pytest.mark.asyncio
async def test_the_server_answers_about_them(editor, directory):
    """The server of this test was started before the directory was made: it has its own."""
    await editor.enter()
    listed = await editor.request("cwm/runs", {})
    assert listed.directory
    with pytest.raises(JsonRpcException, match="there is no run"):
        await editor.request("cwm/run", {"run": "surely-no-run-of-this-name"})
    deleted = await editor.request("cwm/deleteRuns", {"runs": []})
    assert deleted.deleted == []
