"""The searches there were: what they found, their trees, and how to be rid of them. Reads files; not for the loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

from cwm_engine.errors import CwmError
from cwm_engine.synthesis.journal import Journal
from cwm_engine.synthesis.runs import Run, delete_run, find_run, list_runs, runs_directory
from cwm_engine.synthesis.view import UNFINISHED, tree_json
from cwm_server.messages import SCHEMA, DeleteRunsResult, RunResult, RunsResult, RunSummary

Status = Literal["verified", "partial", "failed", "cancelled", "unfinished", "unreadable"]


def runs() -> RunsResult:
    """All searches, the latest first."""
    found = [_summary(run) for run in reversed(list_runs())]
    return RunsResult(schema=SCHEMA, directory=str(runs_directory()), runs=found)


def run(name: str, after: int, count: int) -> RunResult:
    """The tree of a search with some of its nodes.

    Raises:
        CwmError: There is no such run, or it cannot be read.
    """
    with Journal.open(find_run(name), writable=False) as journal:
        tree = tree_json(journal)
        path = _model(journal.header)
    nodes = [node for node in tree["nodes"] if node["id"] > after]
    shown = nodes[: max(count, 1)]
    return RunResult(schema=SCHEMA, path=path, tree={**tree, "nodes": shown}, more=len(shown) < len(nodes))


def delete(names: Sequence[str]) -> DeleteRunsResult:
    """Delete searches; what goes wrong with one does not keep the others."""
    deleted, problems = [], []
    for name in names:
        try:
            delete_run(name)
        except CwmError as error:
            problems.append(str(error))
        else:
            deleted.append(name)
    return DeleteRunsResult(schema=SCHEMA, deleted=deleted, problems=problems)


def _summary(run: Run) -> RunSummary:
    result = run.result or {}
    status = "unreadable" if run.problem else result.get("status", UNFINISHED)
    accuracy = result.get("accuracy") or {}
    return RunSummary(
        run=run.id,
        file=run.header.get("file"),
        path=_model(run.header),
        status=cast("Status", status),
        nodes=run.nodes,
        accuracy=accuracy.get("search"),
        created=run.header.get("created"),
        size=_size(run.path),
    )


def _model(header: Mapping[str, Any]) -> str | None:
    path = header.get("path")
    return path if path is not None and Path(path).is_file() else None


def _size(path: Path) -> int:
    files = (path, Path(f"{path}-wal"), Path(f"{path}-shm"))
    return sum(file.stat().st_size for file in files if file.is_file())
