"""What a search is doing, on the terminal while it runs; nothing where output is piped."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Self

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cwm_engine.checking.show import crop, printable, show_count, show_share
from cwm_engine.synthesis.budget import Limits
from cwm_engine.synthesis.interfaces import Selection
from cwm_engine.synthesis.result import SearchEvent
from cwm_engine.synthesis.tree import ROOT

if TYPE_CHECKING:
    from rich.live import Live

    from cwm_engine.synthesis.tree import Node

_NODES = 6
_PER_SECOND = 8
_BAR = 28


class LiveView:
    """Shows the search from its events; a context manager.

    Args:
        title: What is searched for and by whom.
        limits: What may be spent.
        console: Where to show it, if that is a terminal.
        wanted: Whether to show anything at all.
        begins: Whether the first program is one that was there.
    """

    def __init__(
        self,
        title: str,
        limits: Limits,
        *,
        console: Console | None = None,
        wanted: bool = True,
        begins: bool = False,
    ) -> None:
        self._title = title
        self._limits = limits
        self._console = console or Console(stderr=True, highlight=False)
        self._begins = begins
        self._wanted = wanted and self._console.is_terminal
        self._lock = threading.Lock()
        self._event = SearchEvent(kind="asked")
        self._since = time.monotonic()
        self._latest: deque[Node] = deque(maxlen=_NODES)
        self._under_way: dict[int, Selection] = {}
        self._hint = "Ctrl-C stops and keeps what was found"
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._wanted:
            from rich.live import Live

            self._live = Live(self, console=self._console, refresh_per_second=_PER_SECOND, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def tell(self, event: SearchEvent) -> None:
        """Take in an event of the search."""
        with self._lock:
            self._event, self._since = event, time.monotonic()
            if event.number is not None and event.selection is not None:
                self._under_way[event.number] = event.selection
            if event.node is not None:
                self._latest.append(event.node)
                self._under_way.pop(event.number or 0, None)

    def stopping(self) -> None:
        """Say that the search ends."""
        self._hint = "stopping; Ctrl-C again quits at once"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        with self._lock:
            event, latest, under_way = self._event, list(self._latest), list(self._under_way.values())
        seconds = event.seconds + (time.monotonic() - self._since)
        yield Text(self._title, "bold", no_wrap=True, overflow="ellipsis")
        yield self._figures(event, seconds)
        for node in latest:
            yield node_line(node, options.max_width, given=self._begins and node.id == 1)
        if under_way:
            yield Text(f"now: {', '.join(map(self._made, under_way))}", "cyan", no_wrap=True, overflow="ellipsis")
        yield Text(self._hint, "dim")

    def _figures(self, event: SearchEvent, seconds: float) -> Table:
        best = event.best or 0.0
        bar = ProgressBar(total=1.0, completed=best, width=_BAR, complete_style=accuracy_style(best))
        table = Table.grid(padding=(0, 2, 0, 0))
        spent = event.spent
        cells: list[RenderableType] = [
            bar,
            Text(show_share(event.best) if event.best is not None else "no program yet", accuracy_style(best)),
            Text(_of(show_count(event.nodes, "program"), self._limits.nodes)),
        ]
        if spent.calls or self._limits.calls is not None:
            cells.append(Text(_of(show_count(spent.calls, "call"), self._limits.calls)))
            cells.append(Text(_of(show_count(spent.tokens, "token"), self._limits.tokens)))
        if spent.cost or self._limits.cost is not None:
            limit = None if self._limits.cost is None else f"${self._limits.cost:,.2f}"
            cells.append(Text(f"${spent.cost:,.2f}{f' of {limit}' if limit else ''}"))
        cells.append(Text(self._time(seconds)))
        table.add_row(*cells)
        return table

    def _time(self, seconds: float) -> str:
        limit = self._limits.seconds
        if limit is None:
            return clock(seconds)
        return f"{clock(max(limit - seconds, 0.0))} left"

    def _made(self, selection: Selection) -> str:
        if selection.node == ROOT:
            return "check the program that is there" if self._begins else str(selection.action)
        return f"{selection.action} #{selection.node}"


def node_line(node: Node, width: int = 160, *, given: bool = False) -> Text:
    """One program of a search on one line: how it was made, what it is worth, why it does not run."""
    evaluation = node.evaluation
    made = "begin" if given else str(node.action)
    origin = f" of #{node.parent}" if node.parent else ""
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"#{node.id:<4}", "dim").append(f"{made}{origin}".ljust(18))
    if evaluation.nothing_left:
        return line.append(crop(printable(_sentence(evaluation.reason)), max(width - 24, 20)), "dim")
    if evaluation.buggy:
        reason = printable(_sentence(evaluation.reason))
        return line.append("does not run ", "red").append(crop(reason, max(width - 37, 20)), "dim")
    return line.append(f"{show_share(evaluation.accuracy):>7} ", accuracy_style(evaluation.accuracy))


def accuracy_style(accuracy: float) -> str:
    """The colour of an accuracy."""
    if accuracy >= 1.0:
        return "bold green"
    return "yellow" if accuracy >= 0.5 else "red"


def clock(seconds: float) -> str:
    """A duration as `1:05` or `1:01:05`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _of(text: str, limit: int | None) -> str:
    if limit is None:
        return text
    count, _, noun = text.partition(" ")
    return f"{count} of {limit:,} {noun if noun.endswith('s') else f'{noun}s'}"


def _sentence(reason: str | None) -> str:
    return " ".join((reason or "").split())
