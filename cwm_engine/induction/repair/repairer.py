"""The repairer: one program against one dataset, from what is wrong to programs that are right, or less wrong.

What a sandboxed search claims is believed only after a fresh process, which sees no outcomes, has predicted every
transition, those of the episodes included that the search never saw.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from cwm_engine.checking.evidence import Evidence
from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.report import Status
from cwm_engine.checking.run import Progress, Runner
from cwm_engine.diagnosis import inquiries
from cwm_engine.diagnosis.inquiries import Searched, localize, sample_of, search
from cwm_engine.diagnosis.repairs import confirm, tell_apart
from cwm_engine.diagnosis.session import Settings
from cwm_engine.induction import fit as fitting
from cwm_engine.induction.repair.reading import Reading, read
from cwm_engine.sandbox.limits import Limits
from cwm_engine.sandbox.results import PREDICTED
from cwm_engine.trajectories.dataset import Dataset

_CONFIRMED = 8


class StoppedError(Exception):
    """The repair is not wanted any more."""


@dataclass(frozen=True)
class Repaired:
    """A program that predicts more.

    Attributes:
        text: The program.
        changes: What was changed, e.g. "line 31: replace `+` by `-`".
        passed: How many transitions it predicts in every field.
        total: How many transitions there are.
        separated_by: A state and an action for which it predicts something else than the first repair.
    """

    text: str
    changes: tuple[str, ...]
    passed: int
    total: int
    separated_by: Mapping[str, Any] | None = None

    @property
    def is_complete(self) -> bool:
        """Whether every transition is right."""
        return self.passed == self.total


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt to repair a program.

    Attributes:
        repairs: Programs that predict more, the best first.
        tried: What was tried, as half a sentence, e.g. "2,143 single edits".
        problem: Why nothing could be tried, as a sentence; None where something was.
    """

    repairs: tuple[Repaired, ...] = ()
    tried: str = ""
    problem: str | None = None


class Repairer:
    """Repairs programs against one dataset; its sandbox stays warm. For use from one thread, but for `stop`.

    Args:
        settings: How a model is checked.
        dataset: What was observed.
        limits: What a model may use.
    """

    def __init__(self, settings: Settings, dataset: Dataset, limits: Limits = Limits()) -> None:
        self._settings = settings
        self._prepared = Prepared(dataset, settings.mode, settings.tolerance, settings.ignore_fields)
        self._runner = Runner(self._prepared, limits, jobs=(*inquiries.JOBS, *fitting.JOBS))
        self._stopped = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the sandbox."""
        self._runner.close()

    def stop(self) -> None:
        """End what is under way, soon: it raises `StoppedError`. May be called from another thread."""
        self._stopped.set()

    def repair(self, text: str) -> Outcome:
        """Find programs near one that predict more.

        Args:
            text: The program.

        Raises:
            StoppedError: `stop` was called.
        """
        self._stopped.clear()
        reading = read(text, self._settings)
        if reading is None:
            return Outcome(problem="It holds no model that can be run.")
        evidence = self._run(reading)
        if evidence.status is not Status.COMPLETE or not evidence.checked.all():
            return Outcome(problem="It does not run to its end.")
        if not evidence.failing.any():
            return Outcome(problem="It predicts every transition.")
        repairs, searched = self._single_edit(reading, evidence)
        return Outcome(repairs, f"{searched.tried:,} single edits")

    def fit(self, text: str) -> Outcome:
        """Fit the numbers of a program.

        Args:
            text: The program.

        Raises:
            StoppedError: `stop` was called.
        """
        self._stopped.clear()
        reading = read(text, self._settings)
        if reading is None:
            return Outcome(problem="It holds no model that can be run.")
        fitted = fitting.fit(self._runner, reading.program)
        if fitted.problem is not None:
            return Outcome(problem=fitted.problem)
        changes = tuple(
            f"line {change.literal.line}: replace `{change.literal.text}` by `{change.text}`"
            for change in fitted.changed
        )
        return Outcome((Repaired(fitted.text, changes, fitted.after.passed, len(self._prepared.dataset)),))

    def _run(self, reading: Reading) -> Evidence:
        return self._runner.run(reading.program, determinism=False, on_progress=self._listen)

    def _listen(self, _: Progress) -> None:
        if self._stopped.is_set():
            raise StoppedError

    def _single_edit(self, reading: Reading, evidence: Evidence) -> tuple[tuple[Repaired, ...], Searched]:
        ranked = [[failure.line, 1.0] for failure in evidence.failures if failure.line is not None]
        predicted = evidence.checked & (evidence.row_status == PREDICTED)
        if (predicted & evidence.failing).any():
            sample = sample_of(evidence, reading.instrumented, predicted)
            ranked += localize(self._runner, evidence, sample).get("ranked", [])
        sample = sample_of(evidence, reading.instrumented, evidence.checked)
        searched = search(self._runner, evidence, sample, ranked)
        confirmed = confirm(self._runner, evidence, searched.candidates, _CONFIRMED)
        total = len(self._prepared.dataset)
        repairs = tell_apart(evidence, confirmed, self._settings.file, self._runner)
        return tuple(
            Repaired(repair.text, (f"line {repair.line}: {repair.description}",), total, total, repair.separated_by)
            for repair in repairs
        ), searched
