"""A project with a counter to search a model for, and a language model on loopback to ask."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cwm_engine.cli.main import main
from cwm_engine.synthesis.journal import Journal
from cwm_engine.synthesis.runs import list_runs
from cwm_engine.trajectories.load import save_dataset
from tests.synthesis.llm_server import Behaviour, Server, streams
from tests.synthesis.worlds import dataset

Cwm = Callable[..., tuple[int, str, str]]
"""The command in this process: exit code, standard output, standard error."""

PLAIN = ("--no-polish", "--no-fit")
"""Options for a search by the language model alone."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with data for a counter, as the working directory; runs lie in it too."""
    save_dataset(dataset(), tmp_path / "trajectories" / "counter.jsonl")
    (tmp_path / "cwm.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CWM_RUNS", str(tmp_path / "runs"))
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "CWM_MODEL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def cwm(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cwm:
    """Runs the command in the project."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["cwm", *map(str, arguments)])
        with pytest.raises(SystemExit) as ending:
            main()
        return int(ending.value.code or 0), *capsys.readouterr()

    return run


def says(program: str) -> Behaviour:
    """An answer with a program."""
    return streams(f"```python\n{program}```\n")


def asking(server: Server) -> tuple[str, ...]:
    """Options that ask a server."""
    return ("--proposer", "openai", "--model", "test", "--base-url", server.url)


def only_run() -> Path:
    """The journal of the only run there is."""
    (run,) = list_runs()
    return run.path


def tree(run: Path) -> str:
    """The tree of a run."""
    with Journal.open(run, writable=False) as journal:
        return json.dumps([entry.node.to_json() for entry in journal.nodes()])
