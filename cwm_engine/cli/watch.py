"""`cwm check --watch`: check again whenever a model, its data or the configuration changes, until Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from cwm_engine.cli.desk import Desk, Outcome, Request, Task
from cwm_engine.cli.progress import Bars
from cwm_engine.settings import CONFIG_NAMES

WATCH_SECONDS = 0.2

Stamps = tuple[tuple[str, int], ...]
Resolve = Callable[[], Sequence[Task | Outcome]]


def watch(resolve: Resolve, request: Request, show: Callable[[Sequence[Outcome]], int]) -> int:
    """Check what has changed, again and again.

    Args:
        resolve: Gives the files to check, and outcomes for those that cannot be found.
        request: What to look for in each.
        show: Prints outcomes and gives their exit code.

    Returns:
        The exit code of what was printed last.
    """
    code = 0
    desks: dict[Task, Desk] = {}
    seen: dict[Task, tuple[Stamps, Stamps]] = {}
    lost: tuple[Outcome, ...] = ()
    try:
        while True:
            found = resolve()
            outcomes = [item for item in found if isinstance(item, Outcome)]
            lost_now = tuple(outcomes)
            outcomes = [] if lost_now == lost else outcomes
            lost = lost_now
            tasks = [item for item in found if isinstance(item, Task)]
            for gone in set(desks) - set(tasks):
                desks.pop(gone).close()
                seen.pop(gone, None)
            for task in tasks:
                now, before = (_stamps(_code(task)), _stamps(_data(task))), seen.get(task)
                if now == before:
                    continue
                if task in desks and before is not None and now[1] != before[1]:
                    desks.pop(task).close()
                desk = desks.setdefault(task, Desk(task, request))
                with Bars() as bars:
                    outcomes.append(desk.check(bars))
                seen[task] = now
            if outcomes:
                code = show(outcomes)
            time.sleep(WATCH_SECONDS)
    except KeyboardInterrupt:
        return code
    finally:
        for desk in desks.values():
            desk.close()


def _stamps(paths: Iterable[Path]) -> Stamps:
    """When files were last changed."""
    found = []
    for path in paths:
        try:
            found.append((str(path), path.stat().st_mtime_ns))
        except OSError:  # not there, or not any more
            continue
    return tuple(found)


def _code(task: Task) -> Iterable[Path]:
    """The model and whatever it may import from beside it."""
    yield task.target.path
    yield from sorted(task.target.path.parent.rglob("*.py"))


def _data(task: Task) -> Iterable[Path]:
    """The trajectories and the configuration."""
    yield from (Path(name) for name in (*task.target.trajectories, *task.target.pinned))
    yield from (task.project.root / name for name in CONFIG_NAMES)
