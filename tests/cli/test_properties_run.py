"""`cwm properties --run`: the tests of a model, run in the sandbox, as findings on its lines."""

from __future__ import annotations

import json

import pytest

from tests.cli.command import cwm
from tests.properties.running.files import HEAD, MODEL, line_of, walk_in

HOLDS = """
@given(state=states)
def test_it_always_answers(state):
    predict(state, 0)
"""
FALLS = """
@given(state=states, action=actions)
def test_the_state_never_falls(state, action):
    next_state, _, _ = predict(state, action)
    assert next_state >= state
"""


@pytest.fixture
def run(tmp_path):
    """Writes tests and runs them."""

    def run(tests, *options, model=MODEL):
        written = walk_in(tmp_path, tests, model)
        written.path.rename(tmp_path / "tests/test_walk_properties.py")
        (tmp_path / "cwm.toml").write_text("")
        (tmp_path / "trajectories").mkdir(exist_ok=True)
        rows = [
            {"episode": 0, "observation": state, "action": 1, "next_observation": state + 1, "reward": 0.0,
             "terminated": False} for state in range(10)
        ]  # fmt: skip
        (tmp_path / "trajectories/walk.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return cwm("properties", "walk.py", "--run", *options, cwd=tmp_path)

    return run


def test_where_all_hold_it_ends_with_0_and_says_so(run):
    done = run(HOLDS)
    assert done.returncode == 0, done.stderr
    assert "test_walk_properties.py: 1 of 1 properties hold" in done.stdout


def test_a_property_that_does_not_hold_is_shown_on_its_line(run):
    done = run(HOLDS + FALLS)
    line = line_of(MODEL, "x = x - 1")
    assert done.returncode == 1
    assert f"walk.py:{line}:13: CWM701 warning: `the state never falls` does not hold for state=21" in done.stdout
    assert f"{line} |             x = x - 1" in done.stdout
    assert "1 of 2 properties hold, 1 broken" in done.stdout


def test_as_a_document_it_says_the_same(run):
    done = run(HOLDS + FALLS, "--output-format", "json")
    document = json.loads(done.stdout)
    assert done.returncode == 1
    assert document["status"] == "complete"
    assert [test["status"] for test in document["tests"]] == ["passed", "failed"]
    assert document["tests"][1]["failures"][0]["counterexample"] == {"state": "21", "action": "2"}
    (finding,) = document["models"][0]["findings"]
    assert (finding["code"], finding["line"]) == ("CWM701", line_of(MODEL, "x = x - 1"))


def test_hand_edits_run_and_the_file_stays_as_it_is(run, tmp_path):
    run(HOLDS.replace("def test_it_always_answers", "def test_of_mine"))
    assert (tmp_path / "tests/test_walk_properties.py").read_text().startswith(HEAD)


def test_what_was_not_decided_in_time_fails_and_is_named(run):
    done = run("\ndef test_hangs():\n    predict(1, 3)\n", "--timeout", "1.5",
               model=MODEL.replace("while x < 1000:", "for _ in [sum(range(10**12))]:"))  # fmt: skip
    assert done.returncode == 1
    assert "unfinished: test_hangs" in done.stdout
    assert "CWM703" in done.stdout


def test_a_model_that_cannot_be_loaded_ends_with_2(run):
    done = run(HOLDS, model="raise ValueError('no')\n" + MODEL)
    assert done.returncode == 2
    assert "not run: ValueError: no" in done.stdout


def test_a_timeout_alone_is_a_mistake(tmp_path):
    done = cwm("properties", "walk.py", "--timeout", "3", cwd=tmp_path)
    assert done.returncode == 2
    assert "--timeout belongs to --run" in done.stderr
