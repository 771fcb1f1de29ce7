"""`cwm properties --adequacy`: the score, the lines that nothing tests, and the actions that would."""

import json
import signal
import subprocess
import sys

import pytest

from cwm_engine.cli.adequacy import AdequacyOptions, run_adequacy
from cwm_engine.cli.progress import Bars
from tests.recordings import ROOT

CART = (ROOT / "examples/cartpole/cartpole.py").read_text()


def cwm(folder, *arguments):
    command = [sys.executable, "-m", "cwm_engine", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model of CartPole that is right, one that is wrong, and a few episodes of random play."""
    folder = tmp_path_factory.mktemp("adequacy")
    (folder / "cartpole.py").write_text(CART)
    (folder / "wrong.py").write_text(CART.replace("self.force = 10.0", "self.force = 9.0"))
    (folder / "cwm.toml").write_text("ignore = []\n")
    done = cwm(folder, "record", "CartPole-v1", "--episodes", "10", "-o", "trajectories/cartpole.sqlite")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def document(folder):
    """What is told of the right model, with the script that is written."""
    done = cwm(folder, "properties", "cartpole.py", "--adequacy", "--data-only", "--env", "CartPole-v1",
               "--script", "ask.py", "--output-format", "json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_document_is_a_report_with_the_score_beside_it(document):
    adequacy = document["adequacy"]
    assert document["models"][0]["accuracy"] == 1.0
    assert 0.5 < adequacy["score"] < 1.0
    assert sum(adequacy["counts"].values()) == len(adequacy["mutants"])
    assert adequacy["environment"] == "CartPole-v1"
    assert adequacy["properties"] == 0


def test_lines_that_nothing_tests_have_a_finding(document):
    findings = [finding for finding in document["models"][0]["findings"] if finding["code"] == "CWM604"]
    limit = 1 + CART[: CART.index("self.max_position = 2.4")].count("\n")
    survived = {mutant["line"] for mutant in document["adequacy"]["mutants"] if mutant["fate"] == "survived"}
    assert {finding["line"] for finding in findings} == survived
    assert limit in survived


def test_sequences_of_actions_are_found_and_written_as_a_script(document, folder):
    assert document["questions"]
    assert all(set(question["actions"]) <= {0, 1} for question in document["questions"])
    assert document["script"] == "ask.py"
    done = subprocess.run([sys.executable, "ask.py"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (folder / "trajectories/cartpole_asked.sqlite").exists()


def test_the_text_says_how_many_are_killed_by_what(folder):
    data = ("--trajectories", "trajectories/cartpole.sqlite")
    done = cwm(folder, "properties", "cartpole.py", "--adequacy", "--no-env", "--timeout", "1", *data)
    assert done.returncode == 0, done.stderr
    assert "adequacy of cartpole.py: " in done.stdout
    assert " changed models are told from it\n" in done.stdout
    assert "CWM604 info: No transition" in done.stdout
    assert "sequences of actions that would show " in done.stdout
    assert "from the start of episode " in done.stdout
    assert "--script FILE" in done.stdout


def test_rules_mined_with_the_environment_kill_what_the_data_leaves(folder, document):
    data = ("--trajectories", "trajectories/cartpole.sqlite", "--env", "CartPole-v1")
    done = cwm(folder, "properties", "cartpole.py", "--adequacy", *data, "--output-format", "json")
    assert done.returncode == 0, done.stderr
    adequacy = json.loads(done.stdout)["adequacy"]
    assert adequacy["properties"] > 0
    assert adequacy["counts"]["properties"] > 0
    assert adequacy["score"] > document["adequacy"]["score"]


def test_a_score_that_is_asked_for_and_not_reached_ends_with_1(folder):
    data = ("--trajectories", "trajectories/cartpole.sqlite", "--no-env", "--adequacy", "--timeout", "1")
    assert cwm(folder, "properties", "cartpole.py", *data, "--min-score", "1").returncode == 1
    assert cwm(folder, "properties", "cartpole.py", *data, "--min-score", "0.5").returncode == 0


def test_a_wrong_model_is_sent_to_the_check(folder):
    done = cwm(folder, "properties", "wrong.py", "--adequacy", "--no-env", "-t", "trajectories/cartpole.sqlite")
    assert done.returncode == 2
    assert "is wrong in " in done.stderr
    assert "`cwm check` shows its mistakes" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--adequacy", "--diff"), "writes no tests"),
        (("--script", "x.py"), "belong to --adequacy"),
        (("--min-score", "0.5"), "belong to --adequacy"),
        (("--data-only",), "belong to --adequacy"),
        (("--adequacy", "--no-env", "--script", "x.py"), "name it with --env"),
    ],
)
def test_options_that_do_not_go_together_are_refused(folder, arguments, said):
    done = cwm(folder, "properties", "cartpole.py", *arguments)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.replace("│", " ").split())


def test_ctrl_c_stops_in_the_middle_without_a_traceback(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(Bars, "show", lambda *_: signal.raise_signal(signal.SIGINT))
    options = AdequacyOptions(file="cartpole.py", trajectories=("trajectories/cartpole.sqlite",), use_env=False)
    assert run_adequacy(options) == 130
    assert tuple(capsys.readouterr()) == ("", "stopped\n")
