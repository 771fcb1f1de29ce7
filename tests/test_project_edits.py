"""Edits of a configuration keep everything else in it."""

import tomllib
from pathlib import Path

import pytest

from cwm_engine.errors import CwmError
from cwm_engine.project_edits import with_value

CONFIG = Path("/project/cwm.toml")
MODEL = Path("/project/models/walk.py")


def test_an_entry_is_made_in_an_empty_file():
    assert tomllib.loads(with_value("", CONFIG, MODEL, "ignore", "obs[1]")) == {
        "models": [{"file": "models/walk.py", "ignore": ["obs[1]"]}]
    }


def test_the_entry_of_the_model_is_used_and_comments_stay():
    other = '# mine\n[[models]]\nfile = "other.py"\n'
    before = f'{other}\n[[models]]\nfile = "models/walk.py::Walk"  # this one\nenv = "Walk-v0"\n'
    after = with_value(before, CONFIG, MODEL, "pinned", "pinned/walk.jsonl")
    assert after == f'{before}pinned = ["pinned/walk.jsonl"]\n'


def test_what_is_there_stays_and_is_not_repeated():
    before = '[[models]]\nfile = "models/walk.py"\nignore = "reward"\n'
    once = with_value(before, CONFIG, MODEL, "ignore", "obs[1]")
    assert tomllib.loads(once)["models"][0]["ignore"] == ["reward", "obs[1]"]
    assert with_value(once, CONFIG, MODEL, "ignore", "obs[1]") == once


def test_in_a_pyproject_it_goes_below_the_tool_table():
    before = '[project]\nname = "p"\n'
    after = with_value(before, CONFIG.with_name("pyproject.toml"), MODEL, "ignore", "reward")
    assert after.startswith(before)
    assert tomllib.loads(after)["tool"]["cwm"]["models"] == [{"file": "models/walk.py", "ignore": ["reward"]}]


@pytest.mark.parametrize(
    ("text", "problem"),
    [("[[models", "not valid TOML"), ("models = 1\n", "not written as"), ("models = []\n", "not written as")],
)
def test_what_cannot_be_edited_is_said(text, problem):
    with pytest.raises(CwmError, match=problem):
        with_value(text, CONFIG, MODEL, "ignore", "reward")
