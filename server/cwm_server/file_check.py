"""The check of one file: its worker, the text that is being checked, and what is known so far."""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cwm_engine.checking.report import ModelReport, Status
from cwm_engine.errors import CwmError
from cwm_engine.findings import Finding
from cwm_server.carry import Lines, carried
from cwm_server.documents import Checked, Snapshot
from cwm_server.reports import LineNumbers, lines_of, report_of
from cwm_server.workers import Job, Message, Workers

if TYPE_CHECKING:
    from cwm_server.checks import Checks

DEBOUNCE_SECONDS = 0.01
"""How long to wait for the next edit of a burst: a check takes a few milliseconds, so that longer gains nothing."""

BURST_SECONDS = 0.05
"""Edits that follow each other faster are a burst, not somebody typing; the first edit of it is checked at once."""

MOST_DEATHS = 3
"""How often the worker of one file may die before it is left alone until the file is opened again."""

_SIGNS = re.compile(r"\b(?:set_state|step|transition)\b")

logger = logging.getLogger(__name__)


class FileCheck:
    """The check of one file; debounces its edits and lets only news about the newest text in.

    Every request to the worker has a number, and only the newest number's events count: they are about the newest
    text under the newest settings.
    """

    def __init__(self, checks: Checks, snapshot: Snapshot, workers: Workers) -> None:
        self._checks = checks
        self._workers = workers
        self._snapshot = snapshot
        self._execute = False
        self._known = Checked(snapshot)
        self._job: Job | None = None
        self._starting: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._edited = -BURST_SECONDS
        self._run = 0
        self._waiting: list[asyncio.Future[Checked]] = []
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._asks = 0
        self._deaths = 0
        self._reload = False
        self._over = False
        self._interface: tuple[Finding, ...] = ()
        self._broken = False
        self._no_model: bool | None = None
        self.watched: frozenset[str] = frozenset()

    @property
    def is_idle(self) -> bool:
        """Whether it has a worker that has nothing to do."""
        return self._job is not None and self._known.complete and not self._asked

    def want(self, snapshot: Snapshot, *, execute: bool) -> None:
        """Check this text next; at once, or soon in a burst of edits, unless another comes before."""
        self._run += 1
        self._snapshot, self._execute = snapshot, execute
        if self._no_model is not None and not self._reload and _may_hold_model(snapshot) == self._no_model:
            return  # any other Python file
        self._no_model = None
        self._interface, self._broken = (), False
        self._tell(replace(self._known, complete=False, outcome="checked"))
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        wait = DEBOUNCE_SECONDS if loop.time() - self._edited < BURST_SECONDS else 0.0
        self._edited = loop.time()
        self._timer = loop.call_later(wait, self._send)

    async def checked(self, snapshot: Snapshot, *, execute: bool) -> Checked:
        """Check this text now and wait for what is found out; cancelling the wait of the last who waits stops it."""
        self._no_model = None
        self.want(snapshot, execute=execute)
        future: asyncio.Future[Checked] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            return await future
        except asyncio.CancelledError:
            if self._waiting == [future]:
                self.stop()
            raise
        finally:
            self._waiting.remove(future)

    def reload(self) -> None:
        """Read configuration and data anew for the next text."""
        self._reload = True
        self._deaths = 0

    def stop(self) -> None:
        """End what is going on; what was found out so far stays."""
        self._cancel()
        if not self._known.complete:
            self._finish(replace(self._known, outcome="stopped", complete=True))

    def retire(self) -> None:
        """Give the worker up; the next text gets another."""
        job, self._job, self._starting = self._job, None, None
        if job is not None:
            job.kill()
        for future in self._asked.values():
            if not future.done():
                future.set_exception(CwmError("the check of this file has ended"))

    def end(self) -> None:
        """The file is closed."""
        self._over = True
        self._cancel()
        self.retire()
        for future in self._waiting:
            future.cancel()

    async def ask(self, function: str, params: Message) -> Any:
        """Have a function answer in the worker; see `Checks.ask`."""
        job = await self._worker()
        if job is None:
            raise CwmError("the check of this file has ended")
        self._asks += 1
        number = self._asks
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked[number] = future
        try:
            job.send({"ask": number, "function": function, "params": params})
            return await future
        finally:
            self._asked.pop(number, None)

    # Towards the worker

    def _cancel(self) -> None:
        self._run += 1
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._job is not None:
            self._job.send({"stop": True})

    def _send(self) -> None:
        self._timer = None
        if self._job is None:
            if self._deaths >= MOST_DEATHS:
                self._fail(f"it ended unexpectedly {MOST_DEATHS} times; open the file again to try once more")
            else:
                task = asyncio.ensure_future(self._worker())
                task.add_done_callback(lambda _: self._send() if self._job is not None else None)
            return
        if self._reload:
            self._reload = False
            self._job.send({"reload": True})
        settings = self._snapshot.settings
        request = {
            "run": self._run,
            "text": self._snapshot.text,
            "execute": self._execute,
            "anyway": self._checks.may_run(self._snapshot),
            "isolation": self._checks.level,
            "atol": settings.atol,
            "rtol": settings.rtol,
            "seconds": settings.wall_seconds,
        }
        self._job.send({"check": request})

    async def _worker(self) -> Job | None:
        """The worker of this file, started if need be; None if it cannot be, or the file was closed meanwhile."""
        if self._job is None and not self._over:
            if self._starting is None:
                self._starting = asyncio.ensure_future(self._start())
            await asyncio.shield(self._starting)
        return self._job

    async def _start(self) -> None:
        path = self._snapshot.path
        params = {"path": str(path) if path is not None else None, "name": self._snapshot.name}
        try:
            job = await self._workers.start("cwm_server.checker:main", params, self._take, self._ended)
        except (OSError, RuntimeError) as error:
            self._ended(f"no process can be started: {error}")
            return
        if self._over or self._starting is None:
            job.kill()  # closed, or given up, while it was starting
        else:
            self._job, self._starting = job, None

    # From the worker

    def _take(self, event: Message) -> None:
        match event:
            case {"event": "answer", "ask": number}:
                future = self._asked.get(number)
                if future is not None and not future.done():
                    if "error" in event:
                        future.set_exception(CwmError(event["error"]))
                    else:
                        future.set_result(event["result"])
            case {"run": run} if run != self._run:
                pass  # about an older text, or under older settings
            case {"event": "interface"}:
                self._take_interface(event)
            case {"event": "report"}:
                self._take_report(report_of(event["report"]), lines_of(event))
            case {"event": "done"}:
                self._take_done(event)

    def _take_interface(self, event: Message) -> None:
        """What the syntax tree shows; worth showing at once where there is nothing better, or the text is broken."""
        if not event["known"]:
            return
        self._interface, self._broken = report_of(event["report"]).findings, event["broken"]
        if self._interface and (self._broken or not self._known.reports):
            self._tell(self._with_interface(complete=False))

    def _take_report(self, report: ModelReport, lines: LineNumbers) -> None:
        """News about one model; what was known of the others stays."""
        known = self._known
        others = known.reports if known.version == self._snapshot.version else self._moved(known)
        reports = {other.name: other for other in others} | {report.name: report}
        version = self._snapshot.version
        told = Checked(self._snapshot, tuple(reports.values()), version, isolation=report.isolation)
        self._tell(replace(told, lines={**known.lines, **lines}))

    def _take_done(self, event: Message) -> None:
        self._checks.level = event["isolation"] or self._checks.level
        self.watched = frozenset(event["watched"])
        outcome, snapshot = event["outcome"], self._snapshot
        if outcome in {"checked", "failed"}:
            reports = tuple(report_of(told["report"]) for told in event["reports"])
            lines = {place: line for told in event["reports"] for place, line in lines_of(told).items()}
            checked = Checked(snapshot, reports, snapshot.version, outcome=outcome, complete=True, lines=lines)
        elif outcome == "noModel":
            checked = Checked(snapshot, outcome=outcome, complete=True)
            self._no_model = _may_hold_model(snapshot)
            self.retire()
        else:
            checked = replace(self._with_interface(complete=True), outcome=outcome)
        self._finish(replace(checked, isolation=self._checks.level))

    def _with_interface(self, *, complete: bool) -> Checked:
        """What the syntax tree shows, with what was known of the model before if it could still be true."""
        known = self._known
        if self._broken:
            return Checked(self._snapshot, interface=self._interface, complete=complete)
        return replace(
            known, snapshot=self._snapshot, reports=self._moved(known), interface=self._interface, complete=complete
        )

    def _moved(self, known: Checked) -> tuple[ModelReport, ...]:
        if known.snapshot.text == self._snapshot.text:
            return known.reports
        return carried(known.reports, Lines(known.snapshot.lines, self._snapshot.lines))

    def _ended(self, reason: str | None) -> None:
        """The worker died without having been told to."""
        self._deaths += 1
        self.retire()
        logger.error("a worker ended: %s", reason or "without a word")
        self._fail(f"it ended unexpectedly: {reason or 'its process is gone'}")

    def _fail(self, reason: str) -> None:
        report = ModelReport(file=self._snapshot.name, status=Status.ERROR, message=f"the check failed: {reason}")
        self._finish(Checked(self._snapshot, (report,), self._snapshot.version, outcome="failed", complete=True))

    # Towards everybody else

    def _finish(self, checked: Checked) -> None:
        self._tell(checked)
        for future in self._waiting:
            if not future.done():
                future.set_result(checked)

    def _tell(self, checked: Checked) -> None:
        self._known = checked
        self._checks.tell(checked)


def _may_hold_model(snapshot: Snapshot) -> bool:
    """Whether a text has a word that every model has."""
    return _SIGNS.search(snapshot.text) is not None
