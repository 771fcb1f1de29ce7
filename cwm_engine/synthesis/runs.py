"""Where runs lie, and which there are."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cwm_engine.errors import CwmError
from cwm_engine.synthesis.journal import SUFFIX, Journal
from cwm_engine.synthesis.locking import Lock

VARIABLE = "CWM_RUNS"


@dataclass(frozen=True)
class Run:
    """A run in the directory of runs.

    Attributes:
        id: Its name.
        path: The file of its journal.
        header: What the search is; empty if the file cannot be read.
        result: How it ended the last time; None if it did not.
        nodes: How many programs it tried.
        problem: Why its journal cannot be read; None if it can.
    """

    id: str
    path: Path
    header: Mapping[str, Any]
    result: Mapping[str, Any] | None
    nodes: int
    problem: str | None = None


def runs_directory() -> Path:
    """Where runs lie: what `CWM_RUNS` says, else the user's directory for data."""
    from platformdirs import user_data_path

    configured = os.environ.get(VARIABLE)
    return Path(configured) if configured else user_data_path("code-world-models", appauthor=False) / "runs"


def new_run_path(name: str = "run") -> Path:
    """A file for a new run, named by what it is about and the time."""
    word = "".join(letter if letter.isalnum() else "-" for letter in name).strip("-") or "run"
    return runs_directory() / f"{word}-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}{SUFFIX}"


def list_runs() -> list[Run]:
    """All runs, the latest last."""
    directory = runs_directory()
    paths = sorted(directory.glob(f"*{SUFFIX}"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    return [_read(path) for path in paths]


def find_run(name: str) -> Path:
    """The journal of a run.

    Args:
        name: A file, or the name of a run or its beginning.

    Raises:
        CwmError: There is none, or there are several.
    """
    if Path(name).is_file():
        return Path(name)
    directory = runs_directory()
    exact = directory / f"{name}{SUFFIX}"
    if exact.is_file():
        return exact
    found = [path for path in sorted(directory.glob(f"*{SUFFIX}")) if path.stem.startswith(name)]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(path.stem for path in found[:5])
        raise CwmError(f"{name!r} is the beginning of {len(found)} runs: {names}", hint="write more of the name")
    raise CwmError(f"there is no run {name!r} in {directory}", hint="`cwm runs` lists them")


def delete_run(name: str) -> Path:
    """Delete a run and everything it holds.

    Returns:
        The file of its journal, as it was.

    Raises:
        CwmError: There is none, or a process is working on it.
    """
    path = find_run(name)
    try:
        lock = Lock.take(path.with_suffix(".lock"))
        if lock is None:
            raise CwmError("another process is working on this run", path=path, hint="wait for it or end it")
        try:
            for file in (path, Path(f"{path}-wal"), Path(f"{path}-shm"), lock.path):
                file.unlink(missing_ok=True)
        finally:
            lock.release()
    except OSError as error:
        raise CwmError(f"cannot be deleted: {error.strerror}", path=path) from error
    return path


def _read(path: Path) -> Run:
    try:
        with Journal.open(path, writable=False) as journal:
            return Run(path.stem, path, journal.header, journal.result, journal.node_count)
    except CwmError as error:
        return Run(path.stem, path, {}, None, 0, error.message)
