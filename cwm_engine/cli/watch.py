"""`cwm check --watch`: check again whenever a model, its data or the configuration changes, until Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from cwm_engine.cli.desk import Desk, Outcome, Task
from cwm_engine.cli.progress import Bars
from cwm_engine.diagnosis.opening import Request
from cwm_engine.settings import CONFIG_NAMES

WATCH_SECONDS = 0.2

Stamps = dict[Path, int]
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
                desk = desks.get(task)
                code_now, data_now = _stamps(_code(task, desk)), _stamps(_data(task))
                before = seen.get(task)
                if before == (code_now, data_now):
                    continue
                if desk is not None and before is not None and data_now != before[1]:
                    desk.close()
                desk = desks.setdefault(task, Desk(task, request))
                with Bars() as bars:
                    outcomes.append(desk.check(bars))
                # What the model imports is only known now; what has changed since it was read is seen next time.
                known = _stamps(_code(task, desk))
                seen[task] = ({path: code_now.get(path, stamp) for path, stamp in known.items()}, data_now)
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
    found = {}
    for path in paths:
        with suppress(OSError):  # not there, or not any more
            found[path] = path.stat().st_mtime_ns
    return found


def _code(task: Task, desk: Desk | None) -> Iterable[Path]:
    """The model, what it imports of the project's own, and what it may import from beside it."""
    beside = {*task.target.path.parent.glob("*.py"), *(desk.files if desk is not None else ())}
    yield from {task.target.path, *beside}


def _data(task: Task) -> Iterable[Path]:
    """The trajectories and the configuration."""
    yield from (Path(name) for name in (*task.target.trajectories, *task.target.pinned))
    yield from (task.project.root / name for name in CONFIG_NAMES)
