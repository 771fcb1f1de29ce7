"""The repairer: one program against one dataset, from what is wrong to programs that are right, or less wrong.

What a sandboxed search claims is believed only after a fresh process, which sees no outcomes, has predicted every
transition, those of the episodes included that the search never saw.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from cwm_engine.checking.evidence import Evidence
from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.run import Runner
from cwm_engine.diagnosis import inquiries
from cwm_engine.diagnosis.inquiries import SEARCH_SECONDS, sample_of, search
from cwm_engine.diagnosis.repairs import Candidate, confirm, tell_apart
from cwm_engine.diagnosis.sample import Sample
from cwm_engine.diagnosis.session import Settings
from cwm_engine.induction import fit as fitting
from cwm_engine.induction.repair.parts import parts
from cwm_engine.induction.repair.reading import Reading, read
from cwm_engine.sandbox.limits import Limits
from cwm_engine.sandbox.stop import Stop
from cwm_engine.trajectories.dataset import Dataset

SECONDS = 20.0
"""Wall time for one repair; what is under way is finished."""

PAIRS_SECONDS = 6.0
"""Processor time for the search for two edits that only together repair a program."""

MOST_EDITS = 3
"""How many edits of a program are looked for, one after another."""

_CONFIRMED = 8
_FAR_MORE = 10


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
        tried: How many programs of which kind were tried.
        problem: Why nothing could be tried, as a sentence; None where something was.
    """

    repairs: tuple[Repaired, ...] = ()
    tried: Mapping[str, int] = field(default_factory=dict)
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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the sandbox."""
        self._runner.close()

    def stop(self) -> None:
        """End what is under way, soon: it raises `Stopped`. May be called from another thread."""
        self._runner.stop.now()

    def repair(self, text: str) -> Outcome:
        """Find programs near one that predict more.

        Args:
            text: The program.

        Raises:
            Stopped: `stop` was called.
        """
        self._runner.stop = Stop()
        reading = read(text, self._settings)
        if reading is None:
            return Outcome(problem="It holds no model that can be run.")
        evidence = self._run(reading)
        if not evidence.checked.all():
            return Outcome(problem="It does not run to its end.")
        if not evidence.failing.any():
            return Outcome(problem="It predicts every transition.")
        return _Repair(self._runner, self._settings, time.monotonic() + SECONDS).of(_Step(reading, evidence))

    def fit(self, text: str) -> Outcome:
        """Fit the numbers of a program.

        Args:
            text: The program.

        Raises:
            Stopped: `stop` was called.
        """
        self._runner.stop = Stop()
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
        return self._runner.run(reading.program, determinism=False)


@dataclass(frozen=True)
class _Step:
    """A program on the way to a repaired one, and what was changed so far."""

    reading: Reading
    evidence: Evidence
    changes: tuple[str, ...] = ()

    @property
    def wrong(self) -> int:
        """How many cells are wrong."""
        return int(self.evidence.wrong.sum())


class _Repair:
    """One repair: its steps, its time, and what it tried."""

    def __init__(self, runner: Runner, settings: Settings, deadline: float) -> None:
        self._runner = runner
        self._settings = settings
        self._deadline = deadline
        self._tried = {"single edits": 0, "pairs": 0}
        self._exhausted = True

    def of(self, start: _Step) -> Outcome:
        """Look for one edit, for two, and for edits that repair a part each."""
        repairs = self._whole(start) or self._pair(start)
        step = start
        while not repairs and len(step.changes) < MOST_EDITS and (better := self._partly(step)) is not None:
            step = better
            repairs = self._whole(step) or self._pair(step)
        if not repairs and step is not start:
            evidence = step.evidence
            repairs = (Repaired(step.reading.text, step.changes, evidence.passed, len(evidence.checked)),)
        return Outcome(repairs, self._tried)

    def _whole(self, step: _Step) -> tuple[Repaired, ...]:
        """The single edits that repair a program."""
        evidence = step.evidence
        if not evidence.failing.any():
            return (Repaired(step.reading.text, step.changes, evidence.passed, len(evidence.checked)),)
        return self._confirmed(step, self._search(step, self._sample(step)))

    def _pair(self, step: _Step) -> tuple[Repaired, ...]:
        """The pairs of edits that repair a program."""
        return self._confirmed(step, self._search(step, self._sample(step), pairs=True))

    def _partly(self, step: _Step) -> _Step | None:
        """The program after an edit that repairs a part of what is wrong and breaks nothing."""
        for part in parts(step.evidence):
            if time.monotonic() > self._deadline:
                return None
            sample = sample_of(step.evidence, step.reading.instrumented, part.rows, part.overlooked)
            for candidate in self._search(step, sample)[:_CONFIRMED]:
                after = self._after(step, candidate)
                if after is not None and _is_better(after.evidence, step.evidence):
                    return after
        return None

    def _sample(self, step: _Step) -> Sample:
        return sample_of(step.evidence, step.reading.instrumented, step.evidence.checked)

    def _search(self, step: _Step, sample: Sample, *, pairs: bool = False) -> tuple[Candidate, ...]:
        evidence = step.evidence
        blamed = [failure.line for failure in evidence.failures if failure.line is not None]
        seconds = PAIRS_SECONDS if pairs else SEARCH_SECONDS
        found = search(self._runner, evidence, sample, blamed=blamed, pairs=pairs, seconds=seconds)
        self._tried["pairs" if pairs else "single edits"] += found.tried
        self._exhausted &= found.exhausted
        return found.candidates

    def _confirmed(self, step: _Step, candidates: Sequence[Candidate]) -> tuple[Repaired, ...]:
        """The candidates that pass every transition, as far as they differ in what they predict elsewhere."""
        confirmed = confirm(self._runner, step.evidence, candidates, _CONFIRMED)
        total = len(step.evidence.checked)
        repairs = tell_apart(step.evidence, confirmed, self._settings.file, self._runner)
        return tuple(
            Repaired(
                text=repair.text,
                changes=(*step.changes, f"line {repair.line}: {repair.description}"),
                passed=total,
                total=total,
                separated_by=repair.separated_by,
            )
            for repair in repairs
        )

    def _after(self, step: _Step, candidate: Candidate) -> _Step | None:
        reading = read(candidate.text, self._settings)
        if reading is None:
            return None
        evidence = self._runner.run(reading.program, determinism=False, form=step.evidence.form)
        return _Step(reading, evidence, (*step.changes, f"line {candidate.line}: {candidate.description}"))


def _is_better(after: Evidence, before: Evidence) -> bool:
    """Whether an edit repairs much and breaks nearly nothing: two faults may have made some fields right by chance."""
    if not after.checked.all():
        return False
    repaired, broken = int((before.wrong & ~after.wrong).sum()), int((after.wrong & ~before.wrong).sum())
    return repaired > _FAR_MORE * broken
