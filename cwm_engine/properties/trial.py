"""Invariants tried on a model: its own predictions, at states nobody has recorded, against what every record obeyed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cwm_engine.checking.evidence import Evidence, Program
from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.run import Runner
from cwm_engine.errors import CwmError
from cwm_engine.findings import Example
from cwm_engine.properties.invariants import Ask, Invariant, Outcome, Place, try_on
from cwm_engine.properties.sampling import cases_of
from cwm_engine.sandbox.limits import Limits
from cwm_engine.sandbox.results import PREDICTED
from cwm_engine.trajectories.columns import Columns, Kind, leaves
from cwm_engine.trajectories.dataset import Dataset

_EXAMPLES = 3


@dataclass(frozen=True)
class Violation:
    """An invariant that a model breaks.

    Attributes:
        invariant: The invariant.
        count: How often, of `tried` cases in which it applied.
        tried: In how many cases it applied.
        examples: Some of them, with what the model predicted; nothing was observed there.
        rows: The rows of the cases.
    """

    invariant: Invariant
    count: int
    tried: int
    examples: tuple[Example, ...]
    rows: tuple[int, ...]


def try_model(
    program: Program, invariants: Sequence[Invariant], cases: Dataset, limits: Limits = Limits()
) -> tuple[list[Violation], Evidence]:
    """Run a model, in its sandbox, at states and actions, and see which invariants its predictions break.

    Cases without a prediction break none: exceptions and hangs are in the evidence. Nothing is tried of a model whose
    states hold texts.

    Args:
        program: The model.
        invariants: What every recorded transition obeyed.
        cases: States and actions (see `sampling.sample_cases`).
        limits: What the model may use.
    """
    evidence = _run(program, cases, limits)
    predicted = predictions(evidence)
    if predicted is None:
        return [], evidence
    transitions, rows = predicted
    counts = try_on(invariants, transitions, _answers(program, invariants, transitions, limits))
    violations = [
        _violation(invariant, count.applied, [int(rows[row]) for row in count.violations], evidence)
        for invariant, count in zip(invariants, counts, strict=True)
        if count.violations
    ]
    return violations, evidence


def predictions(evidence: Evidence) -> tuple[Dataset, np.ndarray] | None:
    """What a model predicted, as transitions with their rows; None where states hold texts, or nothing came."""
    prepared = evidence.prepared
    layout, dataset = prepared.layout, prepared.dataset
    if any(leaf.kind in (Kind.TEXT, Kind.JSON) for _, leaf in leaves(layout.structure)):
        return None
    rows = np.flatnonzero(evidence.row_status == PREDICTED)
    if not len(rows):
        return None
    numbers = evidence.predicted(rows)
    arrays = tuple(
        numbers[:, columns].reshape(len(rows), *leaf.shape)
        for columns, leaf in zip(layout.columns, layout.leaves, strict=True)
    )
    transitions = replace(
        dataset.rows(rows),
        next_observations=Columns(layout.structure, arrays),
        rewards=numbers[:, layout.reward],
        terminated=numbers[:, layout.terminated] == 1.0,
    )
    return transitions, rows


def _run(program: Program, cases: Dataset, limits: Limits) -> Evidence:
    with Runner(Prepared(cases), limits) as runner:
        return runner.run(program, determinism=False)


def _answers(program: Program, invariants: Sequence[Invariant], transitions: Dataset, limits: Limits) -> Ask:
    """What the model predicts in the second places of invariants, all of them run at once."""
    wanted: list[Place] = []

    def note(places: Sequence[Place]) -> list[Outcome | None]:
        wanted.extend(places)
        return [None] * len(places)

    try_on([invariant for invariant in invariants if invariant.other is not None], transitions, note)
    answers = iter(_outcomes(program, wanted, transitions, limits) if wanted else [])
    return lambda places: [next(answers) for _ in places]


def _outcomes(program: Program, places: Sequence[Place], transitions: Dataset, limits: Limits) -> list[Outcome | None]:
    try:
        cases = cases_of(places, transitions)
    except CwmError:  # what a model has predicted need not be a state
        return [None] * len(places)
    outcomes: list[Outcome | None] = [None] * len(places)
    predicted = predictions(_run(program, cases, limits))
    if predicted is not None:
        after, rows = predicted
        found = zip(after.next_observations.plain(0, len(rows)), after.rewards.tolist(), after.terminated.tolist(),
                    strict=True)  # fmt: skip
        for row, outcome in zip(rows.tolist(), found, strict=True):
            outcomes[row] = outcome
    return outcomes


def _violation(invariant: Invariant, tried: int, rows: list[int], evidence: Evidence) -> Violation:
    examples = tuple(
        replace(evidence.example(row), expected=None, differs=invariant.fields) for row in rows[:_EXAMPLES]
    )
    return Violation(invariant, len(rows), tried, examples, tuple(rows))
