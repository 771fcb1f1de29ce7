"""`cwm properties`: a file of tests, written whole, brought up to date, never over what somebody has edited."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cwm_engine.trajectories.formats.jsonl import write_jsonl
from cwm_engine.trajectories.load import save_dataset
from tests.cli.searches import Cwm, cwm, folder
from tests.recordings import made, recorded

__all__ = ["cwm", "folder"]

MODEL = """\
class Environment:
    def set_state(self, state):
        self.state = state

    def step(self, action):
        self.state += action
        return self.state, 0.0, False
"""
TESTS = Path("tests/test_walk_properties.py")


def walk(most: int = 30, step: int = 1):
    rows = [(x, a, x + a * step, 0.0, False) for x in range(most) for a in (0, 1)]
    return made(rows, lengths=[1] * len(rows))


@pytest.fixture(autouse=True)
def model(folder: Path) -> Path:
    """A model and its data."""
    save_dataset(walk(), folder / "trajectories" / "walk.jsonl", overwrite=True)
    file = folder / "walk.py"
    file.write_text(MODEL)
    return file


def test_tests_are_written_where_pytest_finds_them(cwm: Cwm) -> None:
    code, out, err = cwm("properties", "walk.py")
    assert (code, err) == (0, "")
    assert "written: " in out
    assert str(TESTS) in out
    assert "rules mined from 60 recorded transitions" in out
    text = TESTS.read_text()
    assert 'FILE = HERE.parents[0] / "walk.py"' in text
    assert "def test_action_1_changes_obs_by_1(" in text
    compile(text, str(TESTS), "exec")


def test_a_second_time_nothing_changes(cwm: Cwm) -> None:
    cwm("properties", "walk.py")
    before = TESTS.stat().st_mtime_ns
    _, out, _ = cwm("properties", "walk.py")
    assert "unchanged: " in out
    assert TESTS.stat().st_mtime_ns == before


def test_edits_stay_and_are_told(cwm: Cwm, folder: Path) -> None:
    cwm("properties", "walk.py")
    edited = TESTS.read_text().replace("assert next_state - state == 1", "assert next_state == state + 1")
    TESTS.write_text(edited + "\n\ndef test_mine():\n    assert True\n")
    save_dataset(walk(40), folder / "trajectories" / "walk.jsonl", overwrite=True)
    _, out, _ = cwm("properties", "walk.py")
    assert "kept: test_action_1_changes_obs_by_1, which you have edited" in out
    text = TESTS.read_text()
    assert "assert next_state == state + 1" in text
    assert "def test_mine():" in text
    assert "80 recorded transitions" in text


def test_rules_that_are_gone_and_new_ones_are_told(cwm: Cwm, folder: Path) -> None:
    cwm("properties", "walk.py")
    save_dataset(walk(step=2), folder / "trajectories" / "walk.jsonl", overwrite=True)
    _, out, _ = cwm("properties", "walk.py")
    assert "gone: test_action_1_changes_obs_by_1" in out
    assert "new: test_action_1_changes_obs_by_2" in out


def test_a_diff_is_shown_and_nothing_written(cwm: Cwm) -> None:
    code, out, _ = cwm("properties", "walk.py", "--diff")
    assert code == 0
    assert "--- /dev/null" in out
    assert "+def test_action_1_changes_obs_by_1(state):" in out
    assert "not written" in out
    assert not TESTS.exists()


def test_another_file_can_be_named(cwm: Cwm) -> None:
    cwm("properties", "walk.py", "-o", "test_here.py")
    assert 'FILE = HERE / "walk.py"' in Path("test_here.py").read_text()
    assert not TESTS.exists()


def test_a_file_of_somebody_else_is_left_alone(cwm: Cwm) -> None:
    Path("test_mine.py").write_text("def test_mine():\n    assert True\n")
    code, _, err = cwm("properties", "walk.py", "-o", "test_mine.py")
    assert code == 2
    assert "was not written by `cwm properties`" in err
    assert Path("test_mine.py").read_text() == "def test_mine():\n    assert True\n"


def test_the_document_has_the_rules_and_what_changed(cwm: Cwm) -> None:
    document = json.loads(cwm("properties", "walk.py", "--output-format", "json")[1])
    assert document["written"] is True
    assert document["transitions"] == 60
    assert "test_action_1_changes_obs_by_1" in document["added"]
    (step,) = [one for one in document["properties"] if one["statement"] == "action 1 changes `obs` by 1"]
    assert step == {"kind": "step", "statement": "action 1 changes `obs` by 1", "fields": ["obs"], "support": 30,
                    "fresh_support": 0}  # fmt: skip
    assert document["diff"].startswith("--- /dev/null\n")


def test_the_real_environment_drops_what_it_breaks(cwm: Cwm, folder: Path) -> None:
    (folder / "lake.py").write_text(MODEL)
    rows = [(x, 2, x + 1, 0.0, False) for x in (0, 1, 2)] * 20
    save_dataset(made(rows, lengths=[1] * 60), folder / "trajectories" / "lake.jsonl")
    (folder / "cwm.toml").write_text('[[models]]\nfile = "lake.py"\nenv = "FrozenLake-v1"\n')
    code, out, _ = cwm("properties", "lake.py")
    assert code == 0
    assert re.search(r"\d rules of the recording dropped: FrozenLake-v1 breaks them", out)
    assert "`obs` never falls" in out
    _, out, _ = cwm("properties", "lake.py", "--no-env")
    assert "dropped" not in out


def test_where_the_environment_is_known_it_is_proposed(cwm: Cwm, folder: Path) -> None:
    save_dataset(recorded("CartPole-v1", 60), folder / "trajectories" / "walk.jsonl", overwrite=True)
    _, out, _ = cwm("properties", "walk.py")
    assert "`--env CartPole-v1` tries them on the real environment" in out
    assert "--env" not in cwm("properties", "walk.py", "--no-env")[1]


def test_pinned_transitions_become_a_test(cwm: Cwm, folder: Path) -> None:
    write_jsonl(made([(3, 1, 4, 0.0, False)]), folder / "pinned.jsonl")
    (folder / "cwm.toml").write_text('[[models]]\nfile = "walk.py"\npinned = "pinned.jsonl"\n')
    cwm("properties", "walk.py")
    assert "@example(state=3, action=1, next_state=4, reward=0.0, terminated=False)" in TESTS.read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("none.py", "-t", "trajectories/walk.jsonl"), "no such file"),
        (("walk.py", "-t", "none.jsonl"), "none.jsonl"),
        (("empty.py", "-t", "trajectories/walk.jsonl"), "holds no model to write tests for"),
        (("broken.py", "-t", "trajectories/walk.jsonl"), "is not valid Python"),
        (("two.py", "-t", "trajectories/walk.jsonl"), "holds several models: two.py::Environment, two.py::Other"),
        (("walk.py", "--env", "Nothing-v0"), "Nothing-v0"),
        (("walk.py", "--env", "CartPole-v1"), "gives other states or actions than were recorded"),
        (("walk.py", "-o", "missing/test_walk.py"), "there is no such directory"),
    ],
)
def test_what_cannot_be_done_is_said(cwm: Cwm, folder: Path, arguments: tuple[str, ...], said: str) -> None:
    (folder / "empty.py").write_text("x = 1\n")
    (folder / "broken.py").write_text("x = (\n")
    (folder / "two.py").write_text(MODEL + "\n\n" + MODEL.replace("Environment", "Other"))
    code, out, err = cwm("properties", *arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_one_of_several_models_can_be_named(cwm: Cwm, folder: Path) -> None:
    (folder / "two.py").write_text(MODEL + "\n\n" + MODEL.replace("Environment", "Other"))
    assert cwm("properties", "two.py::Other", "-t", "trajectories/walk.jsonl")[0] == 0
    assert "MODEL.Other()" in Path("tests/test_two_properties.py").read_text()
