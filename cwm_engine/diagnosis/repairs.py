"""From edits that look right to repairs that are: every transition compared again, and rivals told apart."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_engine.checking.evidence import Evidence
from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.report import Repair, Status
from cwm_engine.checking.run import Runner
from cwm_engine.findings import Span
from cwm_engine.sandbox.results import PREDICTED
from cwm_engine.trajectories.columns import Columns, Kind, leaves, to_json
from cwm_engine.trajectories.dataset import Dataset

PROBES = 4096
"""States on which rivals are compared; they cost a few milliseconds and reach far beyond the data."""

_NEAR, _FAR = 1.0, 5.0
"""How far beyond, in ranges of the data."""


@dataclass(frozen=True)
class Candidate:
    """An edit of one line that makes the searched transitions pass.

    Attributes:
        line: The edited line, from 1.
        span: What it replaces.
        replacement: What it puts there.
        description: What it does.
        text: The whole file after the edit.
    """

    line: int
    span: Span
    replacement: str
    description: str
    text: str


def confirm(runner: Runner, evidence: Evidence, candidates: Sequence[Candidate], most: int) -> list[Candidate]:
    """The candidates that pass every transition, held-out ones too, compared by the host with a fresh child's answers.

    Args:
        runner: Runs programs over the dataset.
        evidence: What the faulty version showed.
        candidates: Most plausible first.
        most: How many to confirm at most.
    """
    failing = evidence.runs(np.flatnonzero(evidence.failing)[:256])
    confirmed: list[Candidate] = []
    for candidate in candidates:
        program = replace(evidence.program, source=candidate.text)
        result = runner.run(
            program, first=np.unique(failing)[:64], determinism=False, stop_at_failure=True, form=evidence.form
        )
        if result.status is Status.COMPLETE and not result.failing.any():
            confirmed.append(candidate)
            if len(confirmed) == most:
                break
    return confirmed


def tell_apart(evidence: Evidence, confirmed: Sequence[Candidate], file: str, runner: Runner) -> tuple[Repair, ...]:
    """Repairs that differ in what they predict; several mean that the data does not decide between them.

    Candidates that predict the same on a wide sample of states are one repair; the most plausible of them stands
    for all. Each further repair names the state that would separate it from the first.

    Args:
        evidence: What the faulty version showed.
        confirmed: Candidates that pass every transition, most plausible first.
        file: The file's name for the diffs.
        runner: Its limits are used for the comparison.
    """
    if len(confirmed) < 2:
        return tuple(_repair(evidence, candidate, file, None) for candidate in confirmed)
    prepared = _wide(evidence.prepared)
    with Runner(prepared, runner.limits) as elsewhere:
        elsewhere.stop = runner.stop
        results = [
            elsewhere.run(replace(evidence.program, source=candidate.text), determinism=False, form=evidence.form)
            for candidate in confirmed
        ]
    distinct: list[tuple[Candidate, Evidence, int | None]] = []
    for candidate, result in zip(confirmed, results, strict=True):
        rows = [_separating_row(prepared, result, other) for _, other, _ in distinct]
        if all(row is not None for row in rows):
            distinct.append((candidate, result, rows[0] if rows else None))
    return tuple(
        _repair(evidence, candidate, file, None if row is None else _situation(prepared.dataset, row))
        for candidate, _, row in distinct
    )


def _repair(evidence: Evidence, candidate: Candidate, file: str, separated_by: dict[str, Any] | None) -> Repair:
    before, after = evidence.program.source.splitlines(keepends=True), candidate.text.splitlines(keepends=True)
    diff = "".join(difflib.unified_diff(before, after, fromfile=file, tofile=file))
    return Repair(
        line=candidate.line,
        span=candidate.span,
        replacement=candidate.replacement,
        description=candidate.description,
        diff=diff,
        text=candidate.text,
        separated_by=separated_by,
    )


def _situation(dataset: Dataset, row: int) -> dict[str, Any]:
    return {"state": to_json(dataset.observations.row(row)), "action": to_json(dataset.actions.row(row))}


def _separating_row(prepared: Prepared, one: Evidence, other: Evidence) -> int | None:
    """The first state on which two programs differ; states near the data come first."""
    valid_one, valid_other = one.row_status == PREDICTED, other.row_status == PREDICTED
    near = np.ones(len(prepared.dataset), dtype=np.bool_)
    predicted, expected = one.predicted(slice(None)), other.predicted(slice(None))
    with np.errstate(invalid="ignore"):
        close = prepared.tolerance.accepts(predicted, expected) | (np.isnan(predicted) & np.isnan(expected))
    near &= close.all(axis=1)
    differs = (valid_one != valid_other) | (valid_one & valid_other & ~near)
    rows = np.flatnonzero(differs)
    return int(rows[0]) if len(rows) else None


def _wide(prepared: Prepared) -> Prepared:
    """States and actions around the data: first with one number changed, then with all of them drawn anew."""
    dataset, rng = prepared.dataset, np.random.default_rng(0)
    rows = rng.integers(len(dataset), size=PROBES)
    states = dataset.observations.take(rows)
    widened = [
        _widen(array, leaf.kind, rng) for (_, leaf), array in zip(leaves(states.structure), states.arrays, strict=True)
    ]
    states = Columns(states.structure, tuple(widened))
    actions = dataset.actions.take(rng.integers(len(dataset), size=PROBES))
    nothing = np.zeros(PROBES, dtype=np.bool_)
    probe = Dataset(
        observations=states,
        actions=actions,
        next_observations=dataset.next_observations.take(rows),
        rewards=np.zeros(PROBES),
        terminated=nothing,
        truncated=nothing,
        episode=np.zeros(PROBES, dtype=np.int32),
        step=np.arange(PROBES, dtype=np.int32),
    )
    return Prepared(probe, "transition", prepared.tolerance)


def _widen(array: npt.NDArray[Any], kind: Kind, rng: np.random.Generator) -> npt.NDArray[Any]:
    """Values between the extremes of the data and far beyond, half of them not so far; texts stay as they are."""
    if kind not in (Kind.FLOAT, Kind.INT) or not array.size:
        return array
    flat = array.reshape(len(array), -1)
    low, high = flat.min(axis=0), flat.max(axis=0)
    if kind is Kind.INT:
        drawn = rng.integers(low, high, size=flat.shape, endpoint=True).astype(array.dtype)
    else:
        span = np.where(high > low, high - low, 1.0) * np.where(np.arange(len(flat)) % 2, _NEAR, _FAR)[:, None]
        drawn = rng.uniform(low - span, high + span).astype(array.dtype)
    changed = np.ones(flat.shape, dtype=np.bool_)
    half = len(flat) // 2
    changed[:half] = np.arange(flat.shape[1]) == rng.integers(flat.shape[1], size=half)[:, None]
    return np.where(changed, drawn, flat).reshape(array.shape)
