"""`cwm synthesize`: a file or none in, the best program out, and what happens when something is in the way."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from cwm_engine.cli import synthesize as module
from cwm_engine.synthesis.runs import list_runs
from tests.cli.command import COMMAND, Running
from tests.cli.searches import PLAIN, Cwm, asking, cwm, folder, only_run, says, tree
from tests.synthesis.llm_server import Behaviour, Body, Handler, Server, fails, falls_silent, streams
from tests.synthesis.worlds import HALF_RIGHT, RAISES, RIGHT, SYNTAX_ERROR, WRONG_REWARD, WRONG_WRAP

__all__ = ["cwm", "folder"]

FILE = Path("counter.py")
EXAMPLES = Path(__file__).parents[2] / "examples"
REPLIES = Path(__file__).parents[1] / "synthesis" / "replies"


# Without a language model


def test_a_broken_model_is_repaired_and_shown_as_a_diff(cwm: Cwm) -> None:
    FILE.write_text(WRONG_REWARD)
    code, out, err = cwm("synthesize", FILE)
    assert (code, err) == (0, "")
    assert "-        reward = 2.0 if" in out
    assert "+        reward = 1.0 if" in out
    assert "counter.py: verified: all searched and held-out transitions are right" in out
    assert FILE.read_text() == WRONG_REWARD


def test_the_diff_can_be_applied(cwm: Cwm) -> None:
    FILE.write_text(WRONG_REWARD)
    _, out, _ = cwm("synthesize", FILE)
    subprocess.run(["patch", "-p1"], input=out, text=True, check=True, capture_output=True)
    assert FILE.read_text() == RIGHT


def test_write_puts_the_program_in_place_with_its_encoding_and_its_line_ends(cwm: Cwm) -> None:
    text = f"# -*- coding: latin-1 -*-\n# gr\xfc\xdfe\n{WRONG_REWARD}"
    FILE.write_bytes(text.replace("\n", "\r\n").encode("latin-1"))
    code, out, _ = cwm("synthesize", FILE, "--write")
    assert code == 0
    assert "written: counter.py" in out
    assert FILE.read_bytes() == text.replace("2.0 if", "1.0 if").replace("\n", "\r\n").encode("latin-1")


def test_output_writes_the_program_elsewhere(cwm: Cwm) -> None:
    FILE.write_text(WRONG_REWARD)
    assert cwm("synthesize", FILE, "-o", "better.py")[0] == 0
    assert (FILE.read_text(), Path("better.py").read_text()) == (WRONG_REWARD, RIGHT)


def test_the_document_has_the_result_and_nothing_else_is_printed(cwm: Cwm) -> None:
    FILE.write_text(WRONG_REWARD)
    code, out, err = cwm("synthesize", FILE, "--output-format", "json")
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert (document["schema"], document["status"]) == (1, "verified")
    assert document["accuracy"] == {"search": 1.0, "heldout": 1.0}
    assert {"nodes", "calls", "tokens", "cost", "seconds", "run", "diff"} <= set(document)


def test_a_right_model_needs_no_search(cwm: Cwm) -> None:
    FILE.write_text(RIGHT)
    code, out, _ = cwm("synthesize", FILE, "--write")
    assert code == 0
    assert "were right from the beginning" in out
    assert "nothing was written" in out


def test_what_cannot_be_repaired_says_so_and_fails(cwm: Cwm) -> None:
    FILE.write_text("position = 0\n")
    code, out, _ = cwm("synthesize", FILE)
    assert code == 1
    assert "counter.py: failed: " in out
    assert "still: line 1: " in out


def test_without_a_program_there_is_nothing_to_repair(cwm: Cwm) -> None:
    for text in (None, "", "\n\n"):
        if text is not None:
            FILE.write_text(text)
        code, _, err = cwm("synthesize", FILE)
        assert code == 2
        assert "there is no program to repair" in err
        assert "--proposer openai" in err
    assert list_runs() == []


# With a language model


def test_a_missing_model_is_written_by_a_language_model(cwm: Cwm) -> None:
    with Server(says(HALF_RIGHT), says(RIGHT)) as server:
        code, out, _ = cwm("synthesize", FILE, *asking(server), *PLAIN, "--write")
    assert code == 0
    assert "2 programs, 2 calls, 2,200 tokens" in out
    assert FILE.read_text() == RIGHT


def test_a_model_of_mountain_car_is_generated_fixed_and_improved(cwm: Cwm) -> None:
    """The replies were written by hand to the prompts of this search."""
    replies = [(REPLIES / f"search_mountain_car_{number}.md").read_text() for number in (1, 2, 3)]
    data = EXAMPLES / "mountain_car" / "trajectories" / "mountain_car.jsonl"
    with Server(*map(streams, replies)) as server:
        code, out, _ = cwm("synthesize", "car.py", "-t", data, *asking(server), *PLAIN, "--strategy", "greedy")
    assert code == 0
    assert "car.py: verified" in out
    prompts = [request["messages"][-1]["content"] for request in server.requests]
    assert "# Recorded transitions" in prompts[0]
    assert "NameError: name 'math' is not defined" in prompts[1]
    assert "`obs[1]` is wrong in 1 of 334 transitions" in prompts[2]


def test_programs_of_a_language_model_are_repaired_before_they_are_scored(cwm: Cwm) -> None:
    with Server(says(WRONG_REWARD)) as server:
        code, out, _ = cwm("synthesize", FILE, *asking(server))
    assert code == 0
    assert "1 program, 1 call" in out


def test_what_it_takes_and_what_leaves_the_machine_is_said_before_the_first_call(cwm: Cwm) -> None:
    FILE.write_text(HALF_RIGHT)
    with Server(says(RIGHT)) as server:
        _, out, err = cwm("synthesize", FILE, *asking(server), *PLAIN, "--max-calls", 3)
        assert f"asking test at 127.0.0.1:{server.server_port}: at most 3 calls, 168,000 tokens" in err
        assert "nothing leaves this machine" in err
        assert "asking" not in out
        _, _, err = cwm("synthesize", FILE, *asking(server), *PLAIN, "--output-format", "json")
        assert err == ""


def test_another_machine_is_named(cwm: Cwm, monkeypatch: pytest.MonkeyPatch) -> None:
    FILE.write_text(HALF_RIGHT)
    prices = "[synthesis.prices]\ntest = { prompt = 1.0, completion = 2.0 }\n"
    Path("cwm.toml").write_text(prices)
    options = ("--proposer", "openai", "--model", "test", "--base-url", "http://llm.invalid/v1", "--max-calls", 2)
    code, _, err = cwm("synthesize", FILE, *options, *PLAIN)
    assert code == 2
    assert "at most 2 calls, 112,000 tokens, $0.14" in err
    assert "what leaves this machine: the program, the description and a few transitions, to llm.invalid" in err


def test_a_description_is_told_as_text_from_a_file_or_from_the_configuration(cwm: Cwm) -> None:
    FILE.write_text(HALF_RIGHT)
    Path("counter.md").write_text("A counter of five.")
    entry = '[[models]]\nfile = "counter.py"\ntrajectories = "trajectories/counter.jsonl"\ndescription = "counter.md"\n'
    for given, configured in (
        (["--description", "A counter of five."], ""),
        (["--description", "@counter.md"], ""),
        ([], entry),
    ):
        Path("cwm.toml").write_text(configured)
        with Server(says(RIGHT)) as server:
            cwm("synthesize", FILE, *asking(server), *PLAIN, *given)
        assert "A counter of five." in server.requests[0]["messages"][-1]["content"]


def test_a_run_that_is_replayed_gives_the_same_tree_without_asking_anybody(cwm: Cwm) -> None:
    FILE.write_text(HALF_RIGHT)
    with Server(says(WRONG_REWARD), says(WRONG_WRAP), says(RIGHT)) as server:
        cwm("synthesize", FILE, *asking(server), *PLAIN, "--seed", 3)
    run = only_run()
    code, out, err = cwm("synthesize", FILE, "--replay", run.stem)
    assert (code, err) == (0, "")
    assert "4 programs, " in out
    assert "call" not in out
    assert tree(list_runs()[-1].path) == tree(run)


# What is in the way


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("trajectories",), "trajectories: is a directory"),
        ((FILE, "--proposer", "replay"), "name another with --proposer, or a run with --replay"),
        (("other.py",), "there is no data to check this model against"),
        ((FILE, "-t", "nowhere.jsonl"), "nowhere.jsonl"),
        ((FILE, "-t", "empty.jsonl"), "empty.jsonl: is empty: it holds no transitions"),
        (("latin.py", "-t", "trajectories/counter.jsonl"), "latin.py: the file is not UTF-8 text"),
        ((FILE, "-o", "nowhere/better.py"), "nowhere/better.py: cannot be written: there is no such directory"),
        ((FILE, "-o", "trajectories"), "is a directory"),
        ((FILE, "--strategy", "hope"), "'hope' is not one of"),
        ((FILE, "--strategy", "rex", "--variant", "paper"), "the strategy rex has no variants"),
        ((FILE, "--strategy", "best-of-n"), "asks for programs from nothing"),
        ((FILE, "--proposer", "openai"), "no language model is named (set CWM_MODEL or give its name)"),
        ((FILE, "--proposer", "openai", "--model", "m"), "there is no key for api.openai.com (set OPENAI_API_KEY"),
        ((FILE, "--replay", "never"), "there is no run 'never'"),
        ((FILE, "--resume"), "there is no run of this file to go on with"),
        ((FILE, "--description", "@nowhere.md"), "nowhere.md: the description cannot be read"),
        ((FILE, "other.py"), "a search is for one model"),
    ],
)  # fmt: skip
def test_what_is_in_the_way_is_said_and_nothing_begins(cwm: Cwm, arguments: tuple[object, ...], said: str) -> None:
    FILE.write_text(HALF_RIGHT)
    Path("latin.py").write_bytes(b"# caf\xe9\n")
    Path("empty.jsonl").write_text("")
    code, out, err = cwm("synthesize", *arguments)
    assert (code, out) == (2, "")
    assert said.lower() in " ".join(err.split()).lower()
    assert list_runs() == []


def test_a_runs_directory_that_cannot_be_written_is_named(cwm: Cwm, monkeypatch: pytest.MonkeyPatch) -> None:
    FILE.write_text(HALF_RIGHT)
    Path("file").write_text("")
    monkeypatch.setenv("CWM_RUNS", "file/runs")
    code, _, err = cwm("synthesize", FILE)
    assert code == 2
    assert "the journal cannot be written" in err


def test_a_dead_endpoint_keeps_the_search_and_says_how_to_go_on(cwm: Cwm) -> None:
    FILE.write_text(HALF_RIGHT)
    with Server(says(WRONG_REWARD), fails(401)) as server:
        code, out, _ = cwm("synthesize", FILE, *asking(server), *PLAIN)
    assert code == 2
    assert "partial: the language model's endpoint at" in out
    assert "check OPENAI_API_KEY" in out
    run = only_run()
    assert f"`cwm synthesize --resume {run.stem}` goes on" in out
    with Server(says(RIGHT)) as server:
        code, out, _ = cwm("synthesize", "--resume", run.stem, "--base-url", server.url, "--write")
    assert code == 0
    assert "3 programs, 2 calls" in out
    assert FILE.read_text() == RIGHT


def changes(file: Path, answer: Behaviour) -> Behaviour:
    """Somebody saves the file while the language model is asked."""

    def behave(handler: Handler, body: Body) -> None:
        file.write_text(f"{file.read_text()}# mine\n")
        answer(handler, body)

    return behave


def test_a_file_that_was_changed_meanwhile_is_left_alone(cwm: Cwm) -> None:
    FILE.write_text(HALF_RIGHT)
    with Server(changes(FILE, says(RIGHT))) as server:
        code, out, _ = cwm("synthesize", FILE, *asking(server), *PLAIN, "--write")
    assert code == 0
    assert "note: nothing was written: the file has changed since the search began" in out
    assert FILE.read_text() == f"{HALF_RIGHT}# mine\n"
    assert cwm("synthesize", "--resume", only_run().stem, "-o", "better.py")[0] == 0
    assert Path("better.py").read_text() == RIGHT


def test_the_key_is_not_sent_where_a_projects_file_says(cwm: Cwm, monkeypatch: pytest.MonkeyPatch) -> None:
    FILE.write_text(HALF_RIGHT)
    Path("cwm.toml").write_text(
        '[synthesis]\nproposer = "openai"\nmodel = "m"\nbase_url = "http://elsewhere.invalid/v1"\n'
    )
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-0123456789")
    code, _, err = cwm("synthesize", FILE)
    assert code == 2
    assert "the address of the endpoint, elsewhere.invalid, is from a file, and a key is not sent there" in err
    assert "sk-secret" not in err


# Going on


def test_a_finished_run_goes_on_to_its_result_at_once(cwm: Cwm) -> None:
    FILE.write_text(WRONG_REWARD)
    cwm("synthesize", FILE)
    assert cwm("synthesize", FILE, "--resume", "--write")[0] == 0
    assert FILE.read_text() == RIGHT
    assert len(list_runs()) == 1


def test_a_run_goes_on_from_any_directory(cwm: Cwm, monkeypatch: pytest.MonkeyPatch) -> None:
    FILE.write_text(WRONG_REWARD)
    cwm("synthesize", FILE)
    monkeypatch.chdir("runs")
    assert cwm("synthesize", "--resume", "counter", "--write")[0] == 0
    assert Path("../counter.py").read_text() == RIGHT


def test_a_run_may_spend_more_when_it_goes_on(cwm: Cwm) -> None:
    with Server(says(HALF_RIGHT), says(RIGHT)) as server:
        code, out, _ = cwm("synthesize", FILE, *asking(server), *PLAIN, "--max-calls", 1)
        assert code == 1
        assert "the limit of 1 calls would be exceeded" in out
        assert cwm("synthesize", FILE, "--resume")[0] == 1
        assert cwm("synthesize", FILE, "--resume", "--max-calls", 2)[0] == 0
    assert len(server.requests) == 2


def test_a_run_of_another_file_does_not_go_on_here(cwm: Cwm) -> None:
    FILE.write_text(RIGHT)
    cwm("synthesize", FILE)
    code, _, err = cwm("synthesize", "other.py", "--resume", only_run().stem)
    assert code == 2
    assert "is about" in err


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="Ctrl-C is sent to a group of processes")
def test_control_c_stops_and_says_how_to_go_on(cwm: Cwm, folder: Path) -> None:
    FILE.write_text(HALF_RIGHT)
    with (
        Server(says(WRONG_REWARD), falls_silent("```python")) as server,
        Running("synthesize", FILE, *asking(server), *PLAIN, cwd=folder) as running,
    ):
        running.wait_for(lambda: len(server.requests) == 2)
        assert running.interrupt() == 130
    run = only_run()
    assert "counter.py: cancelled" in running.printed
    assert f"`cwm synthesize --resume {run.stem}` goes on" in running.printed
    assert "Traceback" not in running.printed
    with Server(says(RIGHT)) as server:
        assert cwm("synthesize", "--resume", run.stem, "--base-url", server.url)[0] == 0


def test_the_second_control_c_quits_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ends: list[int] = []
    stops: list[bool] = []
    monkeypatch.setattr(module.os, "_exit", ends.append)
    with module._interruptible(lambda: stops.append(True)):
        signal.raise_signal(signal.SIGINT)
        assert (stops, ends) == ([True], [])
        signal.raise_signal(signal.SIGINT)
    assert ends == [130]


@pytest.mark.timeout(400)  # nine processes, one after the other
@pytest.mark.skipif(not hasattr(os, "killpg"), reason="processes are killed in groups")
def test_a_search_killed_at_random_nodes_ends_with_the_same_tree(cwm: Cwm, folder: Path) -> None:
    FILE.write_text(HALF_RIGHT)
    programs = [WRONG_REWARD, WRONG_WRAP, RAISES, SYNTAX_ERROR, HALF_RIGHT, WRONG_REWARD, RAISES]
    answers = [says(program) for program in programs]
    with Server(*answers, streams("I do not know."), says(RIGHT)) as server:
        cwm("synthesize", FILE, *asking(server), *PLAIN)
    (recorded,) = list_runs()
    lot = random.Random(1)
    for _ in range(2):
        _search_with_kills(folder, recorded.id, sorted(lot.sample(range(1, recorded.nodes), 2)))
        assert tree(list_runs()[-1].path) == tree(recorded.path)


def _search_with_kills(folder: Path, replayed: str, moments: list[int]) -> None:
    """Begin a search, kill it whenever it has so many nodes, and let it go to its end."""
    before = {run.id for run in list_runs()}
    arguments = ["synthesize", str(FILE), "--replay", replayed]
    for moment in moments:
        process = subprocess.Popen(
            [*COMMAND, *arguments], cwd=folder, start_new_session=True, stdout=subprocess.DEVNULL
        )
        while process.poll() is None:
            new = [run for run in list_runs() if run.id not in before and run.problem is None]
            if new and new[0].nodes >= moment:
                os.killpg(process.pid, signal.SIGKILL)
                break
            time.sleep(0.02)
        process.wait()
        (run,) = [run.id for run in list_runs() if run.id not in before]
        arguments = ["synthesize", "--resume", run]
    assert subprocess.run([*COMMAND, *arguments], cwd=folder, check=False, capture_output=True).returncode == 0


def test_no_key_is_in_any_file_of_a_run(cwm: Cwm, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-0123456789")
    with Server(says(RIGHT)) as server:
        assert cwm("synthesize", FILE, *asking(server), *PLAIN)[0] == 0
        assert server.headers[0]["authorization"] == "Bearer sk-secret-0123456789"
    assert not any(b"sk-secret" in file.read_bytes() for file in folder.rglob("*") if file.is_file())
