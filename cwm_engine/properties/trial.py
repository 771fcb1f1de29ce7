"""Invariants tried on a model: its own predictions, at states nobody has recorded, against what every record obeyed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cwm_engine.checking.evidence import Evidence, Program
from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.run import Runner
from cwm_engine.findings import Example
from cwm_engine.properties.invariants import Invariant, try_on
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

    Cases without a prediction break none: exceptions and hangs are in the evidence. Invariants of two steps are not
    tried, and neither is anything of a model whose states hold texts.

    Args:
        program: The model.
        invariants: What every recorded transition obeyed.
        cases: States and actions (see `sampling.sample_cases`).
        limits: What the model may use.
    """
    with Runner(Prepared(cases), limits) as runner:
        evidence = runner.run(program, determinism=False)
    predicted = predictions(evidence)
    if predicted is None:
        return [], evidence
    transitions, rows = predicted
    single = [invariant for invariant in invariants if invariant.steps == 1]
    counts = try_on(single, transitions)
    violations = [
        _violation(invariant, count.applied, [int(rows[row]) for row in count.violations], evidence)
        for invariant, count in zip(single, counts, strict=True)
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


def _violation(invariant: Invariant, tried: int, rows: list[int], evidence: Evidence) -> Violation:
    examples = tuple(
        replace(evidence.example(row), expected=None, differs=invariant.fields) for row in rows[:_EXAMPLES]
    )
    return Violation(invariant, len(rows), tried, examples, tuple(rows))
