"""`cwm bench search` as a user runs it."""

import json

import pytest

from tests.cli.command import Running, cwm

SMALL = ("bench", "search", "--tasks", "frozen_lake", "--strategies", "rex,best-of-n", "--seeds", 2, "--max-calls", 4)


def test_it_prints_a_table_of_strategies_with_confidence_intervals():
    done = cwm(*SMALL)
    assert (done.returncode, done.stderr) == (0, "")
    assert "tasks: 1, seeds: 2, calls of a search: at most 4, proposer: simulated" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [row[0] for row in rows if row and row[0] in {"rex", "best-of-n"}] == ["rex", "best-of-n"] * 2


def test_json_holds_every_search_and_the_same_again():
    once, again = (json.loads(cwm(*SMALL, "--output-format", "json").stdout) for _ in range(2))
    assert once == again
    assert (once["proposer"], len(once["searches"])) == ("simulated", 4)


def test_rates_of_the_simulation_are_options_and_are_told():
    """A simulation that never errs writes the right program at once."""
    rates = ("--rate", "wrong=0,silence=0", "--rate", "crash=0")
    document = json.loads(cwm(*SMALL, *rates, "--output-format", "json").stdout)
    assert {search["calls"] for search in document["searches"]} == {1}
    assert document["proposer"] == "simulated (wrong=0, crash=0, silence=0)"


def test_a_published_table_is_replayed_from_its_journals(tmp_path):
    first = json.loads(cwm(*SMALL, "--journals", tmp_path, "--output-format", "json").stdout)
    done = cwm(*SMALL, "--journals", tmp_path, "--proposer", "replay", "--output-format", "json")
    assert json.loads(done.stdout)["searches"] == first["searches"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("--tasks", "chess"), "there is no task 'chess'"),
        (("--strategies", "luck"), "there is no strategy 'luck'"),
        (("--rate", "speed=1"), "there is no rate 'speed'"),
        (("--rate", "repair"), "is not of the form name=number"),
        (("--proposer", "replay"), "there is nothing to replay"),
        (("--proposer", "replay", "--journals", "nowhere"), "there is no such run"),
        (("--proposer", "openai", "--rate", "repair=1"), "only the simulated proposer has rates"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(wrong, said):
    done = cwm(*SMALL, *wrong)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_language_model_is_not_asked_without_consent(monkeypatch):
    monkeypatch.setenv("CWM_MODEL", "some-model")
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://example.invalid/v1")
    done = cwm(*SMALL, "--proposer", "openai")
    assert done.returncode == 2
    assert "asks some-model at example.invalid at most 16 times" in done.stderr
    assert "--yes" in done.stderr


def test_what_was_played_before_ctrl_c_is_kept(tmp_path):
    arguments = ("bench", "search", "--tasks", "taxi", "--strategies", "gif-mcts", "--journals", tmp_path)
    with Running(*arguments) as running:
        running.wait_for(lambda: len(list(tmp_path.glob("*.sqlite"))) > 2)
        assert running.interrupt() == 130
        assert "goes on with the same command" in running.printed
