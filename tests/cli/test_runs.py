"""`cwm runs`: what there is, where it lies, and how to be rid of it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from cwm_engine.synthesis.journal import Journal
from cwm_engine.synthesis.runs import list_runs
from tests.cli.searches import PLAIN, Cwm, asking, cwm, folder, only_run, says
from tests.synthesis.llm_server import Server
from tests.synthesis.worlds import HALF_RIGHT, RIGHT

__all__ = ["cwm", "folder"]


def search(cwm: Cwm, *options: object) -> None:
    with Server(says(HALF_RIGHT), says(RIGHT)) as server:
        cwm("synthesize", "counter.py", *asking(server), *PLAIN, *options)


def test_runs_are_listed_with_what_became_of_them(cwm: Cwm) -> None:
    search(cwm)
    search(cwm, "--max-calls", 1)
    code, out, _ = cwm("runs")
    assert code == 0
    first, second = [line.split() for line in out.splitlines()[1:3]]
    assert (first[1], first[4], first[5:7]) == ("counter.py", "verified", ["2", "100"])
    assert (second[1], second[4], second[5]) == ("counter.py", "partial", "1")


def test_the_list_is_a_document_too(cwm: Cwm, folder: Path) -> None:
    search(cwm)
    document = json.loads(cwm("runs", "--output-format", "json")[1])
    (run,) = document["runs"]
    assert document["directory"] == str(folder / "runs")
    assert (run["file"], run["status"], run["nodes"], run["best"], run["calls"]) == (
        "counter.py",
        "verified",
        2,
        1.0,
        2,
    )
    assert run["size"] > 0


def test_a_run_that_was_killed_is_unfinished_and_one_under_way_running(cwm: Cwm) -> None:
    search(cwm)
    with Journal.open(only_run(), writable=False) as journal:
        header, entries = journal.header, list(journal.nodes())
    killed = Path("runs/killed.sqlite")
    with Journal.create(killed, {name: value for name, value in header.items() if name != "format"}) as journal:
        journal.add_node(entries[0].node, 1.0)
        by_name = {run["run"]: run for run in json.loads(cwm("runs", "--output-format", "json")[1])["runs"]}
        assert by_name["killed"]["status"] == "running"
    by_name = {run["run"]: run for run in json.loads(cwm("runs", "--output-format", "json")[1])["runs"]}
    assert by_name["killed"]["status"] == "unfinished"
    assert 0 < by_name["killed"]["best"] < 1


def test_what_is_no_run_is_listed_as_unreadable(cwm: Cwm) -> None:
    Path("runs").mkdir()
    Path("runs/broken.sqlite").write_bytes(b"not a database at all" * 100)
    assert "unreadable" in cwm("runs")[1]


def test_without_runs_the_list_says_so(cwm: Cwm, folder: Path) -> None:
    assert cwm("runs")[1] == f"There are no runs in {folder / 'runs'}.\n"


def test_where_runs_lie(cwm: Cwm, folder: Path) -> None:
    assert cwm("runs", "where") == (0, f"{folder / 'runs'}\n", "")


def test_runs_are_deleted_by_name_by_age_or_all(cwm: Cwm) -> None:
    for _ in range(3):
        search(cwm)
    first, second, third = list_runs()
    os.utime(second.path, (0, time.time() - 3 * 86_400))
    assert cwm("runs", "delete", first.id)[:2] == (0, "1 run deleted\n")
    assert cwm("runs", "delete", "--older-than", 2)[:2] == (0, "1 run deleted\n")
    assert [run.id for run in list_runs()] == [third.id]
    assert cwm("runs", "delete", "--all")[:2] == (0, "1 run deleted\n")
    assert not list(Path("runs").iterdir())


def test_what_is_not_named_is_not_deleted(cwm: Cwm) -> None:
    search(cwm)
    code, _, err = cwm("runs", "delete")
    assert code == 2
    assert "--older-than DAYS" in err
    assert cwm("runs", "delete", "never")[0] == 2
    assert len(list_runs()) == 1
