"""Progress bars on the terminal for work that takes longer than a second; nothing where output is piped."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Self

from cwm_engine.checking.run import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

_PATIENCE = 1.0


class Bars:
    """One bar for each piece of work, shown once the first has lasted a second. Safe to use from several threads."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._wanted = sys.stderr.isatty()
        self._lock = threading.Lock()
        self._display: RichProgress | None = None
        self._bars: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._display is not None:
            self._display.stop()

    def show(self, name: str, progress: Progress) -> None:
        """Move the bar of `name`."""
        if not self._wanted or time.monotonic() - self._started < _PATIENCE:
            return
        with self._lock:
            display = self._display or self._open()
            if name not in self._bars:
                self._bars[name] = display.add_task(name, total=progress.total, failing="")
            failing = f"[red]{progress.failing:,} wrong[/]" if progress.failing else ""
            display.update(self._bars[name], completed=progress.checked, failing=failing)

    def _open(self) -> RichProgress:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[failing]}"),
        )
        self._display = RichProgress(*columns, console=Console(stderr=True), transient=True)
        self._display.start()
        return self._display
