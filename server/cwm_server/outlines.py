"""The outline of each open file: asked for when a check has ended, kept until there is a newer one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cwm_engine.errors import CwmError
from cwm_server.carry import Lines
from cwm_server.checks import Checks
from cwm_server.documents import Checked, Documents

_KNOWN = frozenset({"checked", "notRun", "noData", "blocked", "stopped"})
"""Outcomes of a check after which a worker is there and may know something."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelOutline:
    """One model; all lines count from 1.

    Attributes:
        name: Its class or function.
        line: Where its name is.
        body: Its first and last line.
        step: The line of the function that predicts.
        assigned: By line, the fields that it gives a value to.
        branches: By the first line of a branch, how many transitions execute it; empty if that is not known.
        checked: How many transitions were run.
    """

    name: str
    line: int
    body: tuple[int, int]
    step: int
    assigned: Mapping[int, tuple[str, ...]]
    branches: Mapping[int, int]
    checked: int

    def moved(self, lines: Lines) -> ModelOutline:
        """The same after an edit."""
        return replace(
            self,
            line=lines.now(self.line),
            body=(lines.now(self.body[0]), lines.now(self.body[1])),
            step=lines.now(self.step),
            assigned={lines.now(line): fields for line, fields in self.assigned.items()},
            branches={lines.now(line): count for line, count in self.branches.items()},
        )


Outline = tuple[ModelOutline, ...]


class Outlines:
    """The outlines of the open files.

    Args:
        documents: The files.
        checks: Their checks.
    """

    def __init__(self, documents: Documents, checks: Checks) -> None:
        self._documents = documents
        self._checks = checks
        self._known: dict[str, tuple[tuple[str, ...], Outline]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._observers: list[Callable[[str], None]] = []
        checks.observe(self._checked)
        documents.on_close(self._closed)

    def observe(self, observer: Callable[[str], None]) -> None:
        """Call a function with the address of a file whenever its outline, or what is known of its models, is new."""
        self._observers.append(observer)

    def of(self, uri: str) -> Outline:
        """The models of a file, their lines moved to where they are in the newest text; empty if nothing is known."""
        snapshot, known = self._documents.snapshot(uri), self._known.get(uri)
        if snapshot is None or known is None:
            return ()
        before, outline = known
        if before == snapshot.lines:
            return outline
        lines = Lines(before, snapshot.lines)
        return tuple(model.moved(lines) for model in outline)

    def _checked(self, checked: Checked) -> None:
        uri = checked.snapshot.uri
        if not checked.complete:
            return
        self._cancel(uri)
        if checked.outcome in _KNOWN:
            self._tasks[uri] = asyncio.ensure_future(self._ask(checked))
        elif checked.outcome == "noModel":
            self._learn(checked, ())
        else:
            self._tell(uri)

    async def _ask(self, checked: Checked) -> None:
        snapshot = checked.snapshot
        try:
            answer = await self._checks.ask(snapshot.uri, "cwm_server.outline:outline", {"text": snapshot.text})
        except CwmError as error:
            logger.info("no outline: %s", error)
            return
        if answer["models"] is None:  # half written: what was known is as good as anything
            self._tell(snapshot.uri)
        else:
            self._learn(checked, tuple(_model(model) for model in answer["models"]))

    def _learn(self, checked: Checked, outline: Outline) -> None:
        self._known[checked.snapshot.uri] = (checked.snapshot.lines, outline)
        self._tell(checked.snapshot.uri)

    def _tell(self, uri: str) -> None:
        for observer in self._observers:
            observer(uri)

    def _closed(self, uri: str) -> None:
        self._cancel(uri)
        self._known.pop(uri, None)

    def _cancel(self, uri: str) -> None:
        task = self._tasks.pop(uri, None)
        if task is not None:
            task.cancel()


def _model(data: dict[str, Any]) -> ModelOutline:
    first, last = data["body"]
    return ModelOutline(
        name=data["name"],
        line=data["line"],
        body=(first, last),
        step=data["step"],
        assigned={line: tuple(fields) for line, fields in data["assigned"]},
        branches={line: count for line, count in data["branches"]},  # noqa: C416 - pairs come as lists
        checked=data["checked"],
    )
