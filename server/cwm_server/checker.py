"""The job of checking one file: runs in a worker process, version after version, and says more as it finds out more.

The server sends texts; a newer one stops the check of the one before at once. What is sent back are the events

- `interface`: what the syntax tree alone shows, where nothing else will be known soon;
- `report`: what is known so far about one model;
- `done`: the last word about a text, with the files that would change it;
- `answer`: what a feature asked for.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cwm_engine.checking.compare import Tolerance
from cwm_engine.checking.report import ModelReport, Status, filter_findings
from cwm_engine.diagnosis.opening import Request, failed, open_session, with_skipped
from cwm_engine.diagnosis.session import Session
from cwm_engine.errors import CwmError
from cwm_engine.findings import Finding, Severity
from cwm_engine.project import ModelTarget, Project, find_project, resolve_model
from cwm_engine.sandbox.isolation import probe_isolation
from cwm_engine.sandbox.stop import Stop, Stopped
from cwm_engine.settings import CONFIG_NAMES
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.world_model.discovery import ModelSpec, discover
from cwm_engine.world_model.imports import resolve_imports
from cwm_engine.world_model.source import parse, split_lines
from cwm_engine.world_model.suppress import suppressions
from cwm_server.stored import StoredLines
from cwm_server.worker import Channel

Message = dict[str, Any]


@dataclass(frozen=True)
class Opened:
    """One configured model of the file, with its data and its session."""

    target: ModelTarget
    dataset: Dataset
    session: Session
    lines: StoredLines


@dataclass(frozen=True)
class Interface:
    """What the syntax tree of a text shows."""

    models: tuple[ModelSpec, ...]
    findings: tuple[Finding, ...]


class Checker:
    """Checks one file; what features may ask about it is in the attributes.

    Args:
        channel: The way to the server.
        params: `path` (None for a text that was never saved), `name` (the file as reports name it).

    Attributes:
        path: The file.
        project: Its project; None before the first check.
        opened: What it is checked against; empty before the first check and where there is no data.
        text: The text that was checked last.
    """

    def __init__(self, channel: Channel, params: Message) -> None:
        self.path = Path(params["path"]) if params["path"] is not None else None
        self.project: Project | None = None
        self.opened: tuple[Opened, ...] = ()
        self.text = ""
        self._name: str = params["name"]
        self._channel = channel
        self._asked = ThreadPoolExecutor(1)
        self._changed = threading.Condition()
        self._mail: Message | None = None
        self._stop: Stop | None = None
        self._opening = False
        self._stale = True
        self._over = False
        self._problem: CwmError | None = None
        self._configured = False
        self._targets: tuple[ModelTarget, ...] = ()
        self._isolation: str | None = None

    # In the thread that reads

    def take(self, message: Message | None) -> None:
        """Take in what the server says; None when it is gone."""
        match message:
            case None:
                self._put(None, over=True)
            case {"check": request}:
                self._put(request)
                if self._opening:  # data is being loaded, which takes as long as it takes
                    self._tell_interface(request)
            case {"stop": _}:
                self._put(None)
            case {"reload": _}:
                with self._changed:
                    self._stale = True
            case {"ask": number, "function": function, "params": params}:
                self._asked.submit(self._answer, number, function, params)

    def _put(self, request: Message | None, *, over: bool = False) -> None:
        """Let the newest request be the next, and end what is going on."""
        with self._changed:
            self._mail, self._over = request, over
            if self._stop is not None:
                self._stop.now()
            self._changed.notify()

    def _answer(self, number: int, function: str, params: Message) -> None:
        module, _, name = function.partition(":")
        try:
            result = getattr(importlib.import_module(module), name)(self, params)
            self._channel.send({"event": "answer", "ask": number, "result": result})
        except Exception as error:  # noqa: BLE001 - whoever asked hears of it
            reason = str(error) if isinstance(error, CwmError) else f"{type(error).__name__}: {error}"
            self._channel.send({"event": "answer", "ask": number, "error": reason})

    # In the thread that checks

    def serve(self) -> None:
        """Check what comes until the server is gone."""
        while (item := self._next()) is not None:
            request, stop = item
            try:
                self._check(request, stop)
            except Stopped:
                self._channel.send({"event": "stopped", "run": request["run"]})
        self._close()

    def _next(self) -> tuple[Message, Stop] | None:
        with self._changed:
            self._stop = None
            self._changed.wait_for(lambda: self._mail is not None or self._over)
            if self._mail is None:
                return None
            request, self._mail, self._stop = self._mail, None, Stop()
            return request, self._stop

    def _check(self, request: Message, stop: Stop) -> None:
        self.text = request["text"]
        if self._stale:
            self._resolve()
        if not (self.opened and request["execute"]):
            interface = self._tell_interface(request)
            if not (interface.models or self._configured):
                self._done(request, "noModel")
                return
            if not request["execute"]:
                self._done(request, "notRun")
                return
            if not self._configured and self._problem is None:
                self._done(request, "noData")
                return
            if self._problem is None:
                stop.check()
                self._load(request)
            if self._problem is not None:
                self._done(request, "failed", (_told(failed(self._name, self._problem)),))
                return
        if not request["anyway"] and self._level(request) != "full":
            self._tell_interface(request)
            self._done(request, "blocked")
            return
        self._done(request, "checked", self._reports(self.text, request, stop))

    def _level(self, request: Message) -> str:
        self._isolation = self._isolation or request["isolation"] or probe_isolation().level
        return self._isolation

    def _reports(self, text: str, request: Message, stop: Stop) -> Sequence[Message]:
        reports: list[Message] = []
        for opened in self.opened:
            tell = self._teller(request, opened)
            try:
                found = opened.session.check(text, on_report=tell, stop=stop)
            except CwmError as error:
                reports.append(_told(failed(self._name, error, opened.target.class_name)))
            else:
                reports += (_told(report, opened) for report in with_skipped(found, opened.dataset))
        return reports

    def _teller(self, request: Message, opened: Opened) -> Callable[[ModelReport], None]:
        def tell(report: ModelReport) -> None:
            (told,) = with_skipped((report,), opened.dataset)
            self._channel.send({"event": "report", "run": request["run"], **_told(told, opened)})

        return tell

    def _resolve(self) -> None:
        """Find out what the file is checked against, without reading any of it."""
        self._close()
        self._stale, self._problem, self._configured, self._targets = False, None, False, ()
        if self.path is None:
            return
        try:
            self.project = find_project(self.path)
            targets = resolve_model(self._name, self.project, required=False)
            self._configured = any(target.trajectories for target in targets)
            if self._configured:  # then all models of the file need data
                self._targets = resolve_model(self._name, self.project)
        except CwmError as error:
            self._problem = error

    def _load(self, request: Message) -> None:
        self._opening = True
        try:
            for target in self._targets:
                assert self.project is not None  # noqa: S101 - it gave the targets
                dataset, session = open_session(target, self.project.settings, _asked(request))
                lines = StoredLines(dataset, (*target.trajectories, *target.pinned))
                self.opened += (Opened(target, dataset, session, lines),)
        except CwmError as error:
            self._problem = error
            self._close()
        finally:
            self._opening = False

    def _close(self) -> None:
        opened, self.opened = self.opened, ()
        for one in opened:
            one.session.close()

    def _tell_interface(self, request: Message) -> Interface:
        interface = self._interface(request["text"])
        report = ModelReport(file=self._name, status=Status.ERROR, findings=interface.findings)
        self._channel.send(
            {
                "event": "interface",
                "run": request["run"],
                "report": report.to_json(),
                "models": [spec.name for spec in interface.models],
                "known": bool(interface.models) or self._configured,
                "broken": any(finding.severity is Severity.ERROR for finding in interface.findings),
            }
        )
        return interface

    def _interface(self, text: str) -> Interface:
        tree = parse(text)
        if isinstance(tree, Finding):
            return Interface((), (tree,))
        lines = split_lines(text)
        found = discover(tree, lines)
        problems = found.problems
        if self.path is not None and found.models:
            root = self.project.root if self.project is not None else None
            allowed = self.opened[0].target.allow_modules if self.opened else ()
            problems += resolve_imports(tree, self.path, allowed, root=root, lines=lines).problems
        return Interface(found.models, filter_findings(problems, suppressions=suppressions(text)))

    def _done(self, request: Message, outcome: str, reports: Sequence[Message] = ()) -> None:
        self._channel.send(
            {
                "event": "done",
                "run": request["run"],
                "outcome": outcome,
                "reports": reports,
                "isolation": self._isolation,
                "watched": [str(path) for path in self._watched()],
            }
        )

    def _watched(self) -> Sequence[Path]:
        """The files that decide about the report besides the model's own."""
        found: dict[Path, None] = {}
        if self.project is not None:
            found |= dict.fromkeys(self.project.root / name for name in CONFIG_NAMES)
        for target in self._targets:
            found |= dict.fromkeys(Path(name) for name in (*target.trajectories, *target.pinned))
        for opened in self.opened:
            found |= dict.fromkeys(opened.session.files)
        return list(found)


def main(channel: Channel, params: Message) -> None:
    """The job; see `worker.main`."""
    checker = Checker(channel, params)
    channel.listen(checker.take)
    checker.serve()


def _told(report: ModelReport, opened: Opened | None = None) -> Message:
    """A report as it is sent: its document, and the lines in the data's file of the transitions it shows."""
    examples = [example for finding in report.findings for example in finding.examples] if opened else []
    lines = [[example.episode, example.step, opened.lines.line(example)] for example in examples if opened]
    return {"report": report.to_json(), "lines": [line for line in lines if line[2] is not None]}


def _asked(request: Message) -> Request:
    """What the editor's settings say where the project's configuration leaves it open."""
    default = Tolerance()
    atol, rtol = request["atol"], request["rtol"]
    fallback = Tolerance(default.atol if atol is None else atol, default.rtol if rtol is None else rtol)
    return Request(fallback=fallback, wall_seconds=request["seconds"])
