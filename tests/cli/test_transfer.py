"""`cwm import` and `cwm export`: trajectories from one format into another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cwm_engine.cli.transfer import run_transfer
from cwm_engine.errors import CwmError
from cwm_engine.trajectories.columns import same_rows
from cwm_engine.trajectories.load import load_dataset, save_dataset
from tests.cli.command import cwm
from tests.recordings import recorded


@pytest.fixture
def lake(tmp_path, monkeypatch):
    """A recording in the working directory."""
    monkeypatch.chdir(tmp_path)
    save_dataset(recorded("FrozenLake-v1"), "lake.jsonl")
    return load_dataset("lake.jsonl")


def test_the_command_imports_into_the_projects_own_format_and_says_how_much(lake, tmp_path):
    done = cwm("import", "lake.jsonl", "-o", "lake.sqlite", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"lake.sqlite: {lake.episode_count} episodes, 300 transitions\n"
    assert same_rows(load_dataset("lake.sqlite").observations, lake.observations).all()


@pytest.mark.parametrize("name", ["copy.sqlite", "copy.npz", "copy.parquet", "copy.jsonl.gz"])
def test_what_is_exported_can_be_read_again(lake, name, capsys):
    assert run_transfer(["lake.jsonl"], name, skip_bad=False, overwrite=False) == 0
    again = load_dataset(name)
    assert same_rows(again.next_observations, lake.next_observations).all()
    assert again.rewards.tolist() == lake.rewards.tolist()
    assert again.episode_count == lake.episode_count


def test_several_sources_are_put_together(lake, capsys):
    save_dataset(recorded("FrozenLake-v1", seed=1), "more.jsonl")
    run_transfer(["lake.jsonl", "more.jsonl"], "all.sqlite", skip_bad=False, overwrite=False)
    assert len(load_dataset("all.sqlite")) == 600


def test_a_file_that_exists_is_replaced_only_when_asked(lake, capsys):
    save_dataset(recorded("FrozenLake-v1", seed=1), "other.jsonl")
    with pytest.raises(CwmError, match="already exists"):
        run_transfer(["lake.jsonl"], "other.jsonl", skip_bad=False, overwrite=False)
    run_transfer(["lake.jsonl"], "other.jsonl", skip_bad=False, overwrite=True)
    assert load_dataset("other.jsonl").rewards.tolist() == lake.rewards.tolist()


def test_bad_records_are_left_out_only_when_asked_and_each_is_named(lake, capsys, tmp_path):
    lines = (tmp_path / "lake.jsonl").read_text().splitlines()
    (tmp_path / "bad.jsonl").write_text("\n".join([*lines, "{no json"]))
    with pytest.raises(CwmError, match=r"bad\.jsonl"):
        run_transfer(["bad.jsonl"], "good.sqlite", skip_bad=False, overwrite=False)
    run_transfer(["bad.jsonl"], "good.sqlite", skip_bad=True, overwrite=False)
    assert f"left out: bad.jsonl: line {len(lines) + 1}" in capsys.readouterr().err
    assert len(load_dataset("good.sqlite")) == 300


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["import", "nowhere.npz", "-o", "x.sqlite"], "nowhere.npz: there is no such file"),
        (["import", "lake.jsonl", "-o", "lake.xlsx"], "lake.xlsx: the name does not say in which format to write"),
        (["export", "lake.jsonl", "lake.jsonl"], "lake.jsonl: already exists"),
    ],
)
def test_what_cannot_be_read_or_written_is_named_without_a_traceback(lake, tmp_path, arguments, message):
    done = cwm(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_text_that_looks_like_markup_is_printed_as_it_is(lake, capsys):
    run_transfer(["lake.jsonl"], "[red]lake.jsonl", skip_bad=False, overwrite=False)
    assert capsys.readouterr().out.startswith("[red]lake.jsonl: ")
    assert json.loads(Path("[red]lake.jsonl").read_text().splitlines()[0])
