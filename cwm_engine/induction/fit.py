"""Fitting: the numbers of a model file fitted to recorded transitions and written back into its text.

The search runs in a sandboxed process that sees a sample with outcomes, taken from the episodes that are not held out.
What it claims are numbers, nothing more: the host writes them into the text, and a fresh process that sees no outcomes
predicts every transition, held-out ones too, before the edit is believed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_engine.checking.compare import Tolerance
from cwm_engine.checking.evidence import Evidence, Program
from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.report import Status
from cwm_engine.checking.run import Runner
from cwm_engine.diagnosis.execution.sample import Sample
from cwm_engine.induction.identifiability import Open, Reason
from cwm_engine.induction.literals import Literal, Numbers
from cwm_engine.induction.telling import Undetermined, opened_of, told
from cwm_engine.sandbox.handles import ChildDied
from cwm_engine.sandbox.limits import Limits
from cwm_engine.sandbox.transitions import Form
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.world_model.discovery import ModelSpec

JOBS = ("cwm_engine.induction.jobs",)
"""Job modules that a `Runner` must have ready for `fit`."""

SECONDS = 20.0
HELD_OUT_EVERY = 5
"""Every fifth episode is held out of the search."""

MOST_ROWS = 4000
"""Transitions that the search sees at most."""

_FIT, _LOOK = "cwm_engine.induction.jobs:fit_job", "cwm_engine.induction.jobs:look_job"
_LOOK_SECONDS = 5.0
_GRACE_SECONDS = 3.0
_PATIENCE = 5
"""How many seconds a second of processor time may take on a busy machine."""

_LONGEST_TEXT = 64


@dataclass(frozen=True, slots=True)
class Change:
    """A number that was fitted.

    Attributes:
        literal: What stood there.
        text: What stands there now.
    """

    literal: Literal
    text: str


@dataclass(frozen=True)
class Fit:
    """A fitted model file.

    Attributes:
        text: The file; unchanged where nothing better was found.
        changed: The numbers that were changed.
        undetermined: The constants that the data cannot determine.
        before: What the file predicted before.
        after: What it predicts now; the same object where nothing changed.
        seconds: Wall time.
        problem: Why there was nothing to fit or no result, as a sentence; None if there is one.
    """

    text: str
    changed: tuple[Change, ...]
    undetermined: tuple[Undetermined, ...]
    before: Evidence
    after: Evidence
    seconds: float
    problem: str | None = None

    @property
    def accuracy_before(self) -> float:
        """Fraction of all transitions with every field right, before."""
        return self.before.accuracy or 0.0

    @property
    def accuracy_after(self) -> float:
        """Fraction of all transitions with every field right, now."""
        return self.after.accuracy or 0.0

    @property
    def heldout_after(self) -> float | None:
        """The same for the episodes that the search never saw; None where none were held out."""
        return _accuracy(self.after, held_out(self.after.prepared.dataset))


def fit_literals(
    source: str,
    spec: ModelSpec,
    dataset: Dataset,
    *,
    tolerance: Tolerance = Tolerance(),
    limits: Limits = Limits(),
    seconds: float = SECONDS,
    seed: int = 0,
) -> Fit:
    """Fit the numbers of a model file that needs no modules of its own.

    Args:
        source: The file's text.
        spec: The model in it.
        dataset: What was observed.
        tolerance: How near a float must be.
        limits: What the model may use.
        seconds: Processor time for the search.
        seed: For the choice of transitions and starts.
    """
    with Runner(Prepared(dataset, tolerance=tolerance), limits, jobs=JOBS) as runner:
        return fit(runner, Program(source, spec), seconds=seconds, seed=seed)


def fit(
    runner: Runner,
    program: Program,
    *,
    seconds: float = SECONDS,
    seed: int = 0,
    before: Evidence | None = None,
    tell: bool = True,
) -> Fit:
    """Fit the numbers of a model file.

    Args:
        runner: Runs programs over the dataset; made with `JOBS` among its jobs.
        program: The model.
        seconds: Processor time for the search.
        seed: For the choice of transitions and starts.
        before: What the program predicts, if that is known.
        tell: Whether to find out what the data does not determine.
    """
    started = time.monotonic()
    evidence = before or runner.run(program, determinism=False)
    numbers = Numbers(program.source)

    def nothing(problem: str, undetermined: Sequence[Undetermined] = ()) -> Fit:
        spent = time.monotonic() - started
        return Fit(program.source, (), tuple(undetermined), evidence, evidence, spent, problem)

    if not len(numbers):
        return nothing("There is no number in the model that stands for a quantity.")
    if evidence.status is Status.ERROR or not evidence.checked.any():
        return nothing("The model does not run.")
    sample = training_sample(runner.prepared, evidence.form)
    answer = _ask(runner, program, _FIT, sample, {"seconds": seconds, "seed": seed, "tell": tell})
    if "values" not in answer:
        return nothing(str(answer.get("problem", "The search ended without an answer.")))
    texts = accepted_texts(answer["values"], numbers)
    try:
        text = numbers.written(texts)
    except (ValueError, SyntaxError):
        return nothing("The fitted numbers cannot be written into the text.")
    after = runner.run(replace(program, source=text), determinism=False, form=evidence.form) if texts else evidence
    opened, count = _looked_at_all(runner, program, sample, answer, numbers) if tell else ([], 0)
    undetermined = told(opened, numbers, after, count)
    if not texts or not _is_better(after, evidence):
        return nothing("No other numbers were found that predict more.", undetermined)
    changed = tuple(Change(numbers.literals[number], new) for number, new in sorted(texts.items()))
    return Fit(text, changed, undetermined, evidence, after, time.monotonic() - started)


def training_sample(prepared: Prepared, form: Form) -> Sample:
    """The transitions that the search may see, with their outcomes: no held-out ones, ends of episodes first.

    Args:
        prepared: The data.
        form: Whether the model receives states as stored or as plain Python values.
    """
    return _sample(prepared, form, np.flatnonzero(~held_out(prepared.dataset)))


def _sample(prepared: Prepared, form: Form, seen: npt.NDArray[np.intp]) -> Sample:
    """The transitions in some rows; where there are too many, ends of episodes and some of the others."""
    dataset = prepared.dataset
    if len(seen) > MOST_ROWS:
        shuffled = np.random.default_rng(0).permutation(seen)
        seen = np.sort(shuffled[np.argsort(~dataset.terminated[shuffled], kind="stable")][:MOST_ROWS])
    fields = len(prepared.layout.names)
    nothing = np.zeros(len(seen), dtype=np.intp)
    return Sample(
        states=dataset.observations.take(seen),
        actions=dataset.actions.take(seen),
        following=dataset.next_observations.take(seen),
        rewards=dataset.rewards[seen],
        terminated=dataset.terminated[seen],
        wrong=np.zeros((len(seen), fields), dtype=np.bool_),
        excused=prepared.excused[seen],
        rows=seen,
        weights=np.ones(len(seen)),
        paths=nothing,
        path_lines=(frozenset(),),
        line_counts={},
        totals=(0, len(seen)),
        form=form,
        tolerance=prepared.tolerance,
    )


def held_out(dataset: Dataset) -> npt.NDArray[np.bool_]:
    """Rows of the episodes that the search never sees: every fifth; none where there are fewer than five."""
    held: npt.NDArray[np.bool_] = dataset.episode % HELD_OUT_EVERY == HELD_OUT_EVERY - 1
    return held


def _ask(runner: Runner, program: Program, job: str, sample: Sample, more: Mapping[str, Any]) -> Mapping[str, Any]:
    request = {**program.request, "job": job, **more}
    with runner.child(program.preload) as child:
        try:
            child.send(request, sample.to_bytes())
            message = child.receive(_PATIENCE * more["seconds"] + _GRACE_SECONDS)
        except ChildDied as death:
            return {"problem": f"The search ended early: {death.reason}."}
    if message is None:
        return {"problem": "The search took too long."}
    return message.data


def _looked_at_all(
    runner: Runner, program: Program, sample: Sample, answer: Mapping[str, Any], numbers: Numbers
) -> tuple[list[Open], int]:
    """What is said of constants, and of how many transitions.

    A fresh child looks at those that the search did not see. If it fails, nothing is said of them.
    """
    said = answer.get("undetermined")
    opened = opened_of(said, numbers)
    unseen = np.setdiff1d(np.arange(len(runner.prepared.dataset)), sample.rows)
    if not len(unseen) or all(one.reason is Reason.TOGETHER for one in opened):
        return opened, len(sample)
    others = _sample(runner.prepared, sample.form, unseen)
    more = {"seconds": _LOOK_SECONDS, "numbers": answer.get("numbers"), "undetermined": said}
    looked = _ask(runner, program, _LOOK, others, more)
    if "undetermined" not in looked:
        return opened, len(sample)
    return opened_of(looked["undetermined"], numbers), len(sample) + len(others)


def accepted_texts(claimed: Any, numbers: Numbers) -> dict[int, str]:
    """What the child says is to be written, held to what it may say: numbers, fractions and multiples of pi."""
    texts: dict[int, str] = {}
    for claim in claimed if isinstance(claimed, list) else ():
        match claim:
            case [int(number), str(text)] if 0 <= number < len(numbers) and len(text) <= _LONGEST_TEXT:
                if _is_plain(text, numbers.knows_pi()) and text != numbers.literals[number].text:
                    texts[number] = text
    return texts


def _is_plain(text: str, pi: str | None) -> bool:
    parts = text.replace("/", "*").split("*")
    for part in (part.strip() for part in parts):
        if pi is not None and part == pi:
            continue
        try:
            if not math.isfinite(float(part)):
                return False
        except ValueError:
            return False
    return True


def _is_better(after: Evidence, before: Evidence) -> bool:
    """Whether more is right - transitions, or else fields - and no less of what the search never saw."""
    if after.status is not Status.COMPLETE:
        return False
    held = held_out(after.prepared.dataset)
    everything = np.ones_like(held)
    held_back = not held.any() or _score(after, held) >= _score(before, held)
    return held_back and _score(after, everything) > _score(before, everything)


def _score(evidence: Evidence, rows: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Fraction of some rows with every field right, and of their fields that are right."""
    right = evidence.checked[rows, None] & ~evidence.wrong[rows]
    return _accuracy(evidence, rows) or 0.0, float(right.mean())


def _accuracy(evidence: Evidence, rows: npt.NDArray[np.bool_]) -> float | None:
    """Fraction of some rows with every field right; a row that was not run is not right."""
    if not rows.any():
        return None
    return float((evidence.checked & ~evidence.failing)[rows].mean())
