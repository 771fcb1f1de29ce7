"""`cwm check --coverage`: a data file of coverage.py beside the report."""

from __future__ import annotations

import json

import pytest
from coverage import CoverageData

from cwm_engine.trajectories.load import save_dataset
from tests.cli.command import cwm
from tests.recordings import made

WALK = """\
class Environment:
    def set_state(self, state):
        self.state = state

    def step(self, action):
        if action > 5:
            return 0, 0.0, False
        return self.state + action, 0.0, False
"""
ROWS = [(state, action, state + action, 0.0, False) for state in range(10) for action in range(3)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A project with a walk and its data."""
    monkeypatch.delenv("COVERAGE_FILE", raising=False)
    save_dataset(made(ROWS, lengths=[10, 20]), tmp_path / "walk.jsonl")
    (tmp_path / "walk.py").write_text(WALK)
    return tmp_path


def read(file):
    data = CoverageData(basename=str(file))
    data.read()
    return data


def test_it_is_written_where_coverage_py_looks_for_it(folder):
    done = cwm("check", "walk.py", "-t", "walk.jsonl", "--coverage", "--output-format", "json", cwd=folder)
    assert done.returncode == 0
    assert json.loads(done.stdout)["status"] == "complete"
    assert done.stderr == "coverage by 2 episodes written to .coverage: `coverage report` shows it\n"
    data = read(folder / ".coverage")
    assert data.measured_files() == {str(folder / "walk.py")}
    assert data.measured_contexts() == {"", "walk.jsonl::episode 0", "walk.jsonl::episode 1"}
    assert data.lines(str(folder / "walk.py")) == [1, 2, 3, 5, 6, 8]


def test_it_can_be_written_elsewhere(folder):
    done = cwm("check", "walk.py", "-t", "walk.jsonl", "--coverage", "--coverage-file", "here.dat", cwd=folder)
    assert "`coverage report --data-file=here.dat` shows it" in done.stderr
    assert read(folder / "here.dat").has_arcs()
    assert not (folder / ".coverage").exists()


def test_several_models_share_a_file(folder):
    (folder / "other.py").write_text(WALK)
    cwm("check", "walk.py", "other.py", "-t", "walk.jsonl", "--coverage", cwd=folder)
    assert {name.rpartition("/")[2] for name in read(folder / ".coverage").measured_files()} == {"walk.py", "other.py"}


def test_without_the_option_nothing_is_written(folder):
    cwm("check", "walk.py", "-t", "walk.jsonl", cwd=folder)
    assert not (folder / ".coverage").exists()


def test_where_no_model_ran_there_is_no_coverage(folder):
    (folder / "walk.py").write_text("class Environment:\n    pass\n")
    done = cwm("check", "walk.py", "-t", "walk.jsonl", "--coverage", cwd=folder)
    assert "no coverage was written: no model was run" in done.stderr
    assert not (folder / ".coverage").exists()


def test_a_place_that_cannot_be_written_is_named(folder):
    done = cwm("check", "walk.py", "-t", "walk.jsonl", "--coverage", "--coverage-file", "no/where", cwd=folder)
    assert done.returncode == 2
    assert "error: no/where: cannot be written" in done.stderr


def test_watching_and_coverage_do_not_go_together(folder):
    done = cwm("check", "walk.py", "-t", "walk.jsonl", "--coverage", "--watch", cwd=folder)
    assert done.returncode == 2
    assert "not both" in done.stderr


@pytest.mark.parametrize("output_format", ["text", "json", "github", "sarif"])
def test_what_no_transition_runs_is_told_in_every_form(folder, output_format):
    (folder / "walk.py").write_text(
        WALK.replace("        return self", "        if action < 7:\n            action += 0\n        return self")
    )
    done = cwm("check", "walk.py", "-t", "walk.jsonl", "--output-format", output_format, cwd=folder)
    assert done.returncode == 0
    assert "CWM601" in done.stdout
    assert "CWM603" in done.stdout
