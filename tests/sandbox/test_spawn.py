"""A worker process starts from nothing: no environment, no current folder, no modules from anywhere near."""

import os
import sys
from pathlib import Path

import pytest

from cwm_engine.errors import CwmError
from cwm_engine.sandbox import bubblewrap, spawn


def test_the_environment_holds_what_makes_runs_alike_and_nothing_else(monkeypatch):
    monkeypatch.setattr(os, "environ", {"PATH": "/bin", "HOME": "/home/x", "KEY": "sk", "LD_LIBRARY_PATH": "/opt/lib"})
    environment = spawn.clean_environment()
    assert environment["LD_LIBRARY_PATH"] == "/opt/lib"
    assert environment["PYTHONHASHSEED"] == "0"
    assert environment["OPENBLAS_NUM_THREADS"] == "1"
    assert not environment.keys() & {"PATH", "HOME", "KEY"}


def test_modules_come_from_named_folders_only(monkeypatch, tmp_path):
    """Not from the current folder, and from this package before anything else."""
    monkeypatch.setattr(sys, "path", ["", ".", "relative", str(tmp_path), str(tmp_path / "missing")])
    path = spawn.import_path()
    assert path[0] == str(Path(spawn.__file__).parents[2])
    assert str(tmp_path) in path
    assert all(Path(entry).is_absolute() and Path(entry).exists() for entry in path)


def test_the_answer_of_a_worker_is_what_it_prints():
    assert b"bubblewrap" in spawn.run_isolated("cwm_engine.sandbox.isolation:report")


def test_a_worker_that_fails_is_quoted():
    with pytest.raises(CwmError, match=r"a worker process failed: .*no_such_function"):
        spawn.run_isolated("cwm_engine.sandbox.isolation:no_such_function")


@pytest.mark.parametrize(("output", "line"), [(b"", "it said nothing"), (b"a\nb\n\n", "b"), (b"\xff", "\ufffd")])
def test_the_last_line_says_why(output, line):
    assert spawn.last_line(output) == line


def test_bubblewrap_that_is_not_there_is_not_used(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    bubblewrap.works.cache_clear()
    assert not spawn.can_wrap()
    bubblewrap.works.cache_clear()


def test_bubblewrap_that_does_not_work_is_not_used(monkeypatch, tmp_path):
    """As in a container without user namespaces."""
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'No permissions to create a new namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    bubblewrap.works.cache_clear()
    assert not spawn.can_wrap()
    bubblewrap.works.cache_clear()
