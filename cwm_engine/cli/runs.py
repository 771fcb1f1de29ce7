"""`cwm runs`: the searches there were, what became of them, and how to be rid of them."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cwm_engine.checking.show import printable, show_count, show_share
from cwm_engine.cli.live import accuracy_style
from cwm_engine.errors import CwmError
from cwm_engine.synthesis.journal import Journal
from cwm_engine.synthesis.locking import Lock
from cwm_engine.synthesis.runs import Run, delete_run, list_runs, runs_directory

_DAY = 86_400
_PIPE_WIDTH = 10_000
_STYLES = {"verified": "green", "partial": "yellow", "failed": "red", "running": "cyan", "unreadable": "red"}


@dataclass(frozen=True, kw_only=True)
class Row:
    """What the list says about a run.

    Attributes:
        run: Its name.
        file: The model it is about; None where its journal cannot be read.
        when: Seconds since 1970 of the last that was written to it.
        status: How it ended the last time; `running`, `unfinished` or `unreadable` where it did not.
        nodes: Programs that were tried.
        best: Accuracy of the best of them on the searched transitions, 0..1; None where there is none.
        calls: Requests to a language model.
        cost: Dollars, as far as prices are known.
        size: Bytes on disk.
    """

    run: str
    file: str | None
    when: float
    status: str
    nodes: int
    best: float | None
    calls: int
    cost: float
    size: int

    def to_json(self) -> dict[str, Any]:
        """The run as JSON values."""
        when = datetime.fromtimestamp(self.when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "run": self.run,
            "file": self.file,
            "when": when,
            "status": self.status,
            "nodes": self.nodes,
            "best": self.best,
            "calls": self.calls,
            "cost": self.cost,
            "size": self.size,
        }


def run_list(*, as_json: bool) -> int:
    """List all runs, the latest last."""
    rows = [_row(run) for run in list_runs()]
    if as_json:
        document = {"schema": 1, "directory": str(runs_directory()), "runs": [row.to_json() for row in rows]}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
        return 0
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    if not rows:
        console.print(f"There are no runs in {runs_directory()}.", soft_wrap=True, markup=False)
        return 0
    console.print(_table(rows))
    console.print(Text("`cwm show RUN` shows a run, `cwm synthesize --resume RUN` goes on with it", "dim"))
    return 0


def run_where() -> int:
    """Say where runs lie."""
    sys.stdout.write(f"{runs_directory()}\n")
    return 0


def run_delete(names: Sequence[str], *, everything: bool, older_than: float | None) -> int:
    """Delete runs: those named, all, or those last written to before so many days.

    Raises:
        CwmError: Nothing says which, there is no such run, or a process is working on it.
    """
    if not names and not everything and older_than is None:
        raise CwmError("nothing says which runs to delete", hint="name them, or use --all or --older-than DAYS")
    chosen = list(names)
    if everything or older_than is not None:
        before = time.time() - (older_than or 0.0) * _DAY
        chosen += [str(run.path) for run in list_runs() if older_than is None or _written(run.path) < before]
    failed: list[CwmError] = []
    deleted = 0
    for name in dict.fromkeys(chosen):
        try:
            delete_run(name)
            deleted += 1
        except CwmError as error:
            failed.append(error)
    if deleted or not failed:
        sys.stdout.write(f"{show_count(deleted, 'run')} deleted\n")
    if failed:
        raise failed[0]
    return 0


def _row(run: Run) -> Row:
    result = run.result or {}
    status = str(result.get("status", "unfinished"))
    if run.problem is not None:
        status = "unreadable"
    elif _is_running(run.path):
        status = "running"
    best, calls, cost = result.get("accuracy", {}).get("search"), result.get("calls", 0), result.get("cost", 0.0)
    if run.problem is None and not result:
        best, calls, cost = _so_far(run.path)
    return Row(
        run=run.id,
        file=run.header.get("file"),
        when=_written(run.path),
        status=status,
        nodes=run.nodes,
        best=best,
        calls=calls,
        cost=cost,
        size=sum(file.stat().st_size for file in _files(run.path)),
    )


def _so_far(path: Path) -> tuple[float | None, int, float]:
    """Best accuracy, calls and dollars of a run that has no ending."""
    with Journal.open(path, writable=False) as journal:
        worth = [entry.node.evaluation.accuracy for entry in journal.nodes() if entry.node.program is not None]
        answers = journal.answers().values()
    cost = sum(proposal.cost or 0.0 for answer in answers for proposal in answer.proposals)
    return max(worth, default=None), sum(answer.calls for answer in answers), cost


def _is_running(path: Path) -> bool:
    lock_file = path.with_suffix(".lock")
    if not lock_file.exists():
        return False
    try:
        lock = Lock.take(lock_file)
    except OSError:
        return False
    if lock is None:
        return True
    lock.release()
    return False


def _files(path: Path) -> list[Path]:
    return [file for file in (path, Path(f"{path}-wal"), Path(f"{path}-shm")) if file.exists()]


def _written(path: Path) -> float:
    return max(file.stat().st_mtime for file in _files(path))


def _table(rows: Sequence[Row]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("run", "file", "when", "status"):
        table.add_column(name, no_wrap=name != "file", overflow="fold")
    for name in ("programs", "best", "calls", "cost", "size"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            Text(row.run),
            Text(printable(row.file or "")),
            datetime.fromtimestamp(row.when).strftime("%Y-%m-%d %H:%M"),
            Text(row.status, _STYLES.get(row.status, "")),
            f"{row.nodes:,}",
            Text(show_share(row.best) if row.best is not None else "", accuracy_style(row.best or 0.0)),
            f"{row.calls:,}" if row.calls else "",
            f"${row.cost:,.2f}" if row.cost else "",
            _size(row.size),
        )
    return table


def _size(count: int) -> str:
    for unit in ("B", "kB"):
        if count < 1000:
            return f"{count} {unit}"
        count = round(count / 1000)
    return f"{count:,} MB"
