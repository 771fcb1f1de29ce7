"""From a candidate to its evaluation: checked in worker threads, each with a sandbox of its own, and never twice."""

from __future__ import annotations

import asyncio
import queue
import re
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Literal, Protocol, Self

from cwm_engine.checking.report import ModelReport, Status
from cwm_engine.diagnosis.session import Session, Settings
from cwm_engine.errors import CwmError
from cwm_engine.findings import Finding, Severity, Span
from cwm_engine.sandbox.limits import Limits
from cwm_engine.sandbox.stop import Stop, Stopped
from cwm_engine.synthesis.evaluation import Evaluation, no_program
from cwm_engine.synthesis.heldout import Split
from cwm_engine.world_model.discovery import discover
from cwm_engine.world_model.source import parse, split_lines

MAX_CHARACTERS = 1_000_000
"""A longer program is not looked at: nobody could read it."""

_Part = Literal["searched", "heldout"]
_EXAMPLES = 8
_FINDINGS = 12
_ROUNDING = 1e-12
_PATIENCE = 0.2
_SUPPRESSION = re.compile(r"(#\s*cwm\s*):", re.IGNORECASE)


class Checks(Protocol):
    """Says how good candidates are: an `Evaluator`, or whatever spreads the work over other machines."""

    async def searched(self, program: str) -> Evaluation:
        """Check a program against the searched transitions."""
        ...

    async def heldout(self, program: str) -> Evaluation | None:
        """Check a program against the held-out transitions; None where there are none."""
        ...

    def close(self) -> None:
        """Stop checking."""
        ...


class Evaluator:
    """Checks candidates against searched and held-out transitions.

    Args:
        settings: How a candidate is checked.
        split: The data.
        limits: What a candidate may use.
        workers: How many candidates are checked at once.
    """

    def __init__(self, settings: Settings, split: Split, limits: Limits = Limits(), workers: int = 1) -> None:
        # Codes left out must not hide why a candidate fails; repairs are a proposer's business.
        self._settings = replace(settings, select=("ALL",), ignore=(), repair=False)
        self._split = split
        self._limits = limits
        self._closed = False
        self._queue: queue.SimpleQueue[tuple[str, _Part, Future[Evaluation]] | None] = queue.SimpleQueue()
        self._known: dict[tuple[str, _Part], Future[Evaluation]] = {}
        self._stops = [Stop() for _ in range(max(workers, 1))]
        # A program that hangs must not keep the search from ending, so nobody waits for these threads.
        self._threads = [threading.Thread(target=self._work, args=(stop,), daemon=True) for stop in self._stops]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop checking."""
        self._closed = True
        for stop in self._stops:
            stop.now()
            self._queue.put(None)
        for thread in self._threads:
            thread.join(_PATIENCE)

    async def searched(self, program: str) -> Evaluation:
        """Check a program against the searched transitions."""
        return await self._answer(program, "searched")

    async def heldout(self, program: str) -> Evaluation | None:
        """Check a program against the held-out transitions; None where there are none."""
        if self._split.heldout is None:
            return None
        return await self._answer(program, "heldout")

    async def _answer(self, program: str, part: _Part) -> Evaluation:
        known = self._known.get((program, part))
        if known is None:
            known = Future()
            self._known[program, part] = known
            self._queue.put((program, part, known))
        # Several may wait for one check: that one of them leaves must not end it for the others.
        return await asyncio.shield(asyncio.wrap_future(known))

    def _work(self, stop: Stop) -> None:
        sessions: dict[_Part, Session] = {}
        try:
            while (task := self._queue.get()) is not None and not self._closed:
                program, part, future = task
                try:
                    if part not in sessions:
                        sessions[part] = self._session(part)
                    evaluation = self._check(sessions[part], program, stop)
                except Stopped:
                    break
                except CwmError as error:
                    future.set_exception(error)
                except Exception as error:  # noqa: BLE001 - one strange program must not cost all the others
                    future.set_result(no_program(f"The check itself failed: {type(error).__name__}: {error}"))
                else:
                    # Once it is stopped nobody listens, and the loop they listened on may be gone.
                    if not self._closed:
                        future.set_result(evaluation)
        finally:
            for session in sessions.values():
                session.close()

    def _session(self, part: _Part) -> Session:
        dataset = self._split.searched if part == "searched" else self._split.heldout
        if dataset is None:
            raise CwmError("no transitions are held out")
        return Session(self._settings, dataset, self._limits)

    def _check(self, session: Session, program: str, stop: Stop) -> Evaluation:
        problem = _unfit(program) or _nameless(program, self._settings.model)
        if problem is not None:
            return Evaluation(buggy=True, reason=problem.message, findings=(problem,))
        session.forget()
        # A comment of the candidate must not hide why it fails.
        text = _SUPPRESSION.sub(r"\1-", program)
        return evaluation_of(session.check(text, stop=stop))


def evaluation_of(reports: Sequence[ModelReport]) -> Evaluation:
    """What the reports of a check say about a candidate; of several models in the file the worst counts."""
    return min(map(_evaluation, reports), key=lambda evaluation: evaluation.rank)


def _evaluation(report: ModelReport) -> Evaluation:
    total = report.transitions.total
    accuracy = report.transitions.passed / total if total else 0.0
    failing = [finding for finding in report.findings if _fails(finding)]
    complete = report.status is Status.COMPLETE and report.transitions.checked == total
    buggy = bool(failing) or not complete
    reason = (failing[0].message if failing else report.message or "it was not checked to its end") if buggy else None
    ceiling = 1.0 if report.ceiling is None else report.ceiling
    return Evaluation(
        accuracy=accuracy,
        buggy=buggy,
        solved=not buggy and accuracy >= ceiling - _ROUNDING,
        passed=not buggy and report.transitions.passed == total,
        reason=reason,
        fields=dict(report.fields),
        findings=tuple(_short(report.findings)),
    )


def _fails(finding: Finding) -> bool:
    """Whether a finding says that the program does not run, rather than that it is wrong."""
    return finding.code.startswith("CWM4") or (finding.code.startswith("CWM1") and finding.severity is Severity.ERROR)


def _short(findings: Iterable[Finding]) -> list[Finding]:
    """What is worth keeping of each node: the worst findings, each with a few examples."""
    order = list(Severity)
    ranked = sorted(findings, key=lambda finding: order.index(finding.severity))[:_FINDINGS]
    each = max(_EXAMPLES // max(sum(bool(finding.examples) for finding in ranked), 1), 2)
    return [replace(finding, examples=finding.examples[:each]) for finding in ranked]


def _unfit(program: str) -> Finding | None:
    """Why a text is not even given to the sandbox."""
    message = None
    if len(program) > MAX_CHARACTERS:
        message = f"The program has {len(program)} characters, more than {MAX_CHARACTERS}."
    try:
        program.encode()
    except UnicodeEncodeError:
        message = "The program holds characters that cannot be saved as UTF-8."
    if message is None:
        return None
    return Finding(code="CWM111", severity=Severity.ERROR, message=message, span=Span(1, 1, 1, 1))


def _nameless(program: str, wanted: str | None) -> Finding | None:
    """That a program defines models, but not the one that is searched for; None where it does."""
    tree = parse(program)
    if wanted is None or isinstance(tree, Finding):
        return None
    specs = discover(tree, split_lines(program)).models
    if not specs or wanted in [spec.name for spec in specs]:
        return None
    names = ", ".join(f"`{spec.name}`" for spec in specs)
    message = f"The model is to be called `{wanted}`, and the program defines {names}."
    return Finding(code="CWM102", severity=Severity.ERROR, message=message, span=specs[0].body)
