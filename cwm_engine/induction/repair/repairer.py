"""The repairer: one program against one dataset, from what is wrong to programs that are right, or less wrong.

What a sandboxed search claims is believed only after a fresh process, which sees no outcomes, has predicted every
transition, those of the episodes included that the search never saw.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from cwm_engine.checking.evidence import Evidence
from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.run import Runner
from cwm_engine.diagnosis import inquiries
from cwm_engine.diagnosis.editing.copies import copies
from cwm_engine.diagnosis.editing.texts import Score
from cwm_engine.diagnosis.execution.sample import Sample
from cwm_engine.diagnosis.inquiries import sample_of, scores, search, whole_sample
from cwm_engine.diagnosis.repairs import Candidate, confirm, tell_apart
from cwm_engine.diagnosis.session import Settings
from cwm_engine.induction import fit as fitting
from cwm_engine.induction.repair.parts import Part, parts
from cwm_engine.induction.repair.raising import guesses
from cwm_engine.induction.repair.reading import Reading, read
from cwm_engine.induction.repair.syntax import mended_syntax
from cwm_engine.sandbox.limits import Limits
from cwm_engine.sandbox.outputs import Failure
from cwm_engine.sandbox.results import FIRST_FAILURE, PREDICTED
from cwm_engine.sandbox.stop import Stop
from cwm_engine.sandbox.transitions import Form
from cwm_engine.trajectories.dataset import Dataset

SECONDS = 60.0
"""Wall time for one repair, unless its caller says otherwise."""

SINGLE_SECONDS = 6.0
"""Processor time for the search for one edit; nearly all is for what is left out, where no slip is found."""

PAIRS_SECONDS = 6.0
"""Processor time for the search for two edits that only together repair a program."""

FIT_SECONDS = 5.0
"""Processor time for fitting all numbers at once."""

MOST_MENDS = 8
"""How many names and the like are put right before a program is searched."""

MOST_EDITS = 3
"""How many edits of a program are looked for, one after another."""

_CONFIRMED = 8
_FAR_MORE = 10
_NEARLY = 0.95
_PASSING = 300
_SEVERAL = 4
_MOST_GUESSES = 300
_OF_NAMES = frozenset({"NameError", "UnboundLocalError", "AttributeError", "ImportError", "ModuleNotFoundError"})
_OF_FORM = frozenset({"arity", "shape", "type"})


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
        seconds: Wall time for one repair; what is under way is finished.
    """

    def __init__(
        self, settings: Settings, dataset: Dataset, limits: Limits = Limits(), seconds: float = SECONDS
    ) -> None:
        self._settings = settings
        self._seconds = seconds
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
        work = _Repair(self._runner, self._settings, time.monotonic() + self._seconds)
        start = work.begin(text)
        if start is None:
            return Outcome(problem="It holds no model that can be run, and no change of one line makes it hold one.")
        if start.is_right and not start.changes:
            return Outcome(problem="It predicts every transition.")
        return work.of(start)

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
        fitted = fitting.fit(self._runner, reading.program, tell=False)
        if fitted.problem is not None:
            return Outcome(problem=fitted.problem)
        return Outcome(
            (Repaired(fitted.text, _numbers_changed(fitted), fitted.after.passed, len(self._prepared.dataset)),)
        )


@dataclass(frozen=True)
class _Step:
    """A program on the way to a repaired one, and what was changed so far."""

    reading: Reading
    evidence: Evidence
    changes: tuple[str, ...] = ()

    @property
    def is_right(self) -> bool:
        """Whether every transition is predicted rightly."""
        return bool(self.evidence.checked.all()) and not self.evidence.failing.any()

    @property
    def failure(self) -> Failure | None:
        """Why transitions have no prediction, if some have none: the most frequent reason."""
        evidence = self.evidence
        if evidence.load_failure is not None:
            return evidence.load_failure
        numbers = evidence.row_status[evidence.checked].astype(np.int64) - FIRST_FAILURE
        counts = np.bincount(numbers[numbers >= 0], minlength=1)
        most = int(counts.argmax())
        return evidence.failures[most] if counts[most] and most < len(evidence.failures) else None


class _Repair:
    """One repair: its steps, its time, and what it tried."""

    def __init__(self, runner: Runner, settings: Settings, deadline: float) -> None:
        self._runner = runner
        self._settings = settings
        self._deadline = deadline
        self._tried = {"spellings": 0, "guesses": 0, "single edits": 0, "pairs": 0}
        self._exhausted = True

    def begin(self, text: str) -> _Step | None:
        """A program that runs: the text itself, or one near it that parses and whose names are all known."""
        reading = read(text, self._settings)
        step = None if reading is None else self._run(reading)
        if step is None:
            step = self._mended(text)
        while step is not None and len(step.changes) < MOST_MENDS and (failure := step.failure) is not None:
            is_plain = failure.type in _OF_NAMES or failure.kind in _OF_FORM
            if not is_plain and (step.evidence.row_status == PREDICTED).any():
                break
            better = self._guessed(step, failure)
            if better is None:
                break
            step = better
        return step if step is not None and step.evidence.checked.any() else None

    def _run(self, reading: Reading, changes: tuple[str, ...] = (), form: Form | None = None) -> _Step:
        return _Step(reading, self._runner.run(reading.program, determinism=False, form=form), changes)

    def _mended(self, text: str) -> _Step | None:
        """The best of the texts near one that does not parse."""
        readings = [(read(found.text, self._settings), found.changes) for found in mended_syntax(text)]
        known = [(reading, changes) for reading, changes in readings if reading is not None]
        if not known:
            return None
        texts = [reading.text for reading, _ in known]
        self._tried["spellings"] += len(texts)
        found = scores(self._runner, known[0][0].program, whole_sample(self._runner.prepared), texts)
        best = _best(found)
        reading, changes = known[0 if best is None else best]
        return self._run(reading, changes)

    def _guessed(self, step: _Step, failure: Failure) -> _Step | None:
        """The program changed so that it does not fail like this, if that lets it predict more."""
        reading = step.reading
        rewards = dict.fromkeys(self._runner.prepared.dataset.rewards[:_MOST_GUESSES].tolist())
        found = guesses(reading.text, reading.tree, failure, tuple(rewards))[:_MOST_GUESSES]
        self._tried["guesses"] += len(found)
        texts = [reading.text, *(guess.text for guess in found)]
        sample = whole_sample(self._runner.prepared)
        known = scores(self._runner, reading.program, sample, texts)
        best = _best(known)
        if best is None or best == 0 or known[best] == known[0]:
            return None
        better = read(texts[best], self._settings)
        return None if better is None else self._run(better, (*step.changes, found[best - 1].change))

    def of(self, start: _Step) -> Outcome:
        """Look for one edit, for two, and for edits that repair a part each."""
        if start.is_right:
            return Outcome((_repaired(start),), self._tried)
        repairs = self._unshared(start) or self._whole(start) or self._pair(start)
        repairs = repairs or self._fitted(start)
        step = start
        if not repairs and (failure := step.failure) is not None and (better := self._guessed(step, failure)):
            step = better
            repairs = self._whole(step)
        while not repairs and len(step.changes) < MOST_EDITS and (better := self._partly(step)) is not None:
            step = better
            repairs = self._whole(step) or self._pair(step)
        if not repairs and step.changes:
            repairs = (_repaired(step),)
        return Outcome(repairs, self._tried)

    def _unshared(self, step: _Step) -> tuple[Repaired, ...]:
        """The program with a copy that was left out, if that repairs it."""
        for copy in copies(step.reading.text, step.reading.tree):
            self._tried["guesses"] += 1
            reading = read(copy.text, self._settings)
            changes = (*step.changes, f"line {copy.line}: {copy.description}")
            after = None if reading is None else self._run(reading, changes, step.evidence.form)
            if after is not None and after.is_right:
                return (_repaired(after),)
        return ()

    def _whole(self, step: _Step) -> tuple[Repaired, ...]:
        """The single edits that repair a program."""
        if step.is_right:
            return (_repaired(step),)
        return self._confirmed(step, self._search(step, self._sample(step)))

    def _pair(self, step: _Step) -> tuple[Repaired, ...]:
        """The pairs of edits that repair a program."""
        return self._confirmed(step, self._search(step, self._sample(step), pairs=True))

    def _fitted(self, step: _Step) -> tuple[Repaired, ...]:
        """The program with other numbers, if these make everything right."""
        if not step.evidence.checked.all():
            return ()
        fitted = fitting.fit(self._runner, step.reading.program, seconds=FIT_SECONDS, before=step.evidence, tell=False)
        if fitted.problem is not None or fitted.after.failing.any():
            return ()
        return (_repaired(_Step(step.reading, fitted.after, (*step.changes, *_numbers_changed(fitted)))),)

    def _partly(self, step: _Step) -> _Step | None:
        """The program after an edit that repairs a part of what is wrong and breaks nothing."""
        found = parts(step.evidence)
        several = [part for part in found if part.failing >= _SEVERAL]
        for slips_only, part in (*((True, part) for part in found), *((False, part) for part in several)):
            if time.monotonic() > self._deadline:
                return None
            sample = sample_of(step.evidence, step.reading.instrumented, part.rows, part.overlooked, passing=_PASSING)
            for candidate in self._search(step, sample, slips_only=slips_only)[:_CONFIRMED]:
                after = self._after(step, candidate)
                if after is not None and _is_better(after.evidence, step.evidence, part):
                    return after
        return None

    def _sample(self, step: _Step) -> Sample:
        return sample_of(step.evidence, step.reading.instrumented, step.evidence.checked, passing=_PASSING)

    def _search(
        self, step: _Step, sample: Sample, *, pairs: bool = False, slips_only: bool = False
    ) -> tuple[Candidate, ...]:
        evidence = step.evidence
        blamed = [failure.line for failure in evidence.failures if failure.line is not None]
        seconds = PAIRS_SECONDS if pairs else SINGLE_SECONDS
        found = search(
            self._runner, evidence, sample, blamed=blamed, pairs=pairs, slips_only=slips_only, seconds=seconds
        )
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
        changes = (*step.changes, f"line {candidate.line}: {candidate.description}")
        return self._run(reading, changes, step.evidence.form)


def _numbers_changed(fitted: fitting.Fit) -> tuple[str, ...]:
    return tuple(
        f"line {change.literal.line}: replace `{change.literal.text}` by `{change.text}`" for change in fitted.changed
    )


def _repaired(step: _Step) -> Repaired:
    evidence = step.evidence
    return Repaired(evidence.program.source, step.changes, evidence.passed, len(evidence.checked))


def _best(found: Sequence[Score | None]) -> int | None:
    """The number of the best score; of those that are nearly as good the first, which is the likeliest."""
    known = [(number, score) for number, score in enumerate(found) if score is not None]
    if not known:
        return None
    most = max(score for _, score in known)
    enough = most if most.right == most.whole else Score(round(_NEARLY * most.predicted), round(_NEARLY * most.right))
    return next(number for number, score in known if score >= enough and score.right >= enough.right)


def _is_better(after: Evidence, before: Evidence, part: Part) -> bool:
    """Whether an edit repairs a part, held-out episodes too, and breaks nearly nothing.

    Two faults may have made some fields right by chance.
    """
    if not after.checked.all():
        return False
    meant = before.wrong & part.rows[:, None] & ~part.overlooked
    repaired, broken = before.wrong & ~after.wrong, int((after.wrong & ~before.wrong).sum())
    return bool((repaired & meant).sum() >= _NEARLY * meant.sum()) and int(repaired.sum()) > _FAR_MORE * broken
