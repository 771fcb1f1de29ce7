"""Conflicts: equal states and actions with different outcomes, why that is, and what accuracy they leave in reach."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from cwm_engine.trajectories.dataset import Bools, Dataset
from cwm_engine.trajectories.health.contexts import Answer, Context, Evidence, contexts, repeated_episodes, weigh
from cwm_engine.trajectories.health.grouping import (
    Groups,
    Rows,
    group_hashes,
    group_rows,
    group_transitions,
    pair,
    unlike,
)
from cwm_engine.trajectories.health.outcomes import TERMINATED, Ranges, is_ignored, outcome_fields
from cwm_engine.trajectories.health.timelimit import unexplainable_terminations

_EVIDENCE_ROWS = 20_000
_MAX_HISTORY = 4
_FEW = 10


class ConflictKind(StrEnum):
    """Why a state and action have different outcomes."""

    TRUNCATION = "truncation"  # the end of an episode by its time limit, stored as a termination
    HIDDEN_STATE = "hidden-state"  # the outcome follows from more than the state and the action
    NOISE = "noise"  # the outcomes differ even where all that came before is equal
    UNKNOWN = "unknown"  # hidden state or noise: too little repeats itself to tell


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a field has different outcomes for equal states and actions.

    Attributes:
        kind: Hidden state, noise or unknown.
        context: What determines the field (hidden state), or the longest history that does not (noise).
        evidence: The repetitions under that context.
    """

    kind: ConflictKind
    context: Context | None = None
    evidence: Evidence | None = None


@dataclass(frozen=True)
class Conflicts:
    """Where a dataset contradicts itself.

    Attributes:
        transitions: Rows of the dataset.
        distinct: Different (state, action) pairs among them.
        fields: Names of the outcome's fields, e.g. `obs[2]`, `reward`, `terminated`.
        rows: Rows of the conflicting pairs, pair after pair.
        pairs: For each of `rows` the number of its pair, 0, 1, ...
        differs: Which fields differ, bool (conflicting pairs, fields).
        kinds: Why, one for each conflicting pair.
        reasons: Why, for each field with conflicts that are not disguised time limits.
        ceiling: Best accuracy of a deterministic model that sees only state and action, 0..1.
        field_ceilings: The same for each field alone.
    """

    transitions: int
    distinct: int
    fields: tuple[str, ...]
    rows: Rows
    pairs: Rows
    differs: Bools
    kinds: tuple[ConflictKind, ...]
    reasons: Mapping[str, Reason]
    ceiling: float
    field_ceilings: Mapping[str, float]

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def counts(self) -> Mapping[ConflictKind, int]:
        """Conflicting pairs of each kind that occurs."""
        return Counter(self.kinds)

    def members(self, number: int) -> Rows:
        """The rows of one conflicting pair."""
        start, stop = np.searchsorted(self.pairs, [number, number + 1])
        return self.rows[start:stop]

    def fields_of(self, kind: ConflictKind) -> tuple[str, ...]:
        """The fields in which conflicts of a kind differ."""
        chosen = np.array([found is kind for found in self.kinds], dtype=np.bool_)
        differs = np.logical_or.reduce(self.differs[chosen], axis=0).tolist()
        return tuple(name for name, differing in zip(self.fields, differs, strict=True) if differing)


@dataclass(frozen=True, slots=True)
class OutcomeClasses:
    """Outcomes of the rows considered as class numbers: equal within tolerance, equal number.

    Attributes:
        rows: The rows, ordered by (state, action).
        pairs: Number of the (state, action) of each, 0, 1, ... ascending.
        joint: Class of the whole outcome.
        cells: Class of each field, (rows, fields).
    """

    rows: Rows
    pairs: Rows
    joint: Rows
    cells: Rows

    def take(self, chosen: Bools | slice) -> OutcomeClasses:
        """Only some of the rows."""
        return OutcomeClasses(self.rows[chosen], self.pairs[chosen], self.joint[chosen], self.cells[chosen])


def ceiling(dataset: Dataset, atol: float = 1e-5, rtol: float = 1e-5, ignore: Sequence[str] = ()) -> float:
    """Best accuracy any deterministic memoryless model can reach on this data, 0..1.

    A model answers every (state, action) one way, so of contradicting outcomes it meets the most frequent one
    at best. Terminations that are time limits in disguise are excused whatever it says; NaN meets nothing.

    Args:
        dataset: The data; 1.0 for an empty one.
        atol: Absolute tolerance for floats.
        rtol: Relative tolerance for floats, times the observed value.
        ignore: Fields that do not count, e.g. `obs[2]` or `obs`.
    """
    return _Analysis(dataset, atol, rtol, ignore).ceiling()


def find_conflicts(dataset: Dataset, atol: float = 1e-5, rtol: float = 1e-5, ignore: Sequence[str] = ()) -> Conflicts:
    """Find rows with equal state and action that no single prediction can satisfy.

    Args:
        dataset: The data.
        atol: Absolute tolerance for floats.
        rtol: Relative tolerance for floats, times the observed value.
        ignore: Fields that do not count, e.g. `obs[2]` or `obs`.
    """
    analysis = _Analysis(dataset, atol, rtol, ignore)
    keep = np.flatnonzero(analysis.differs.any(axis=1))
    member = np.isin(analysis.pairs, keep)
    kinds, reasons = _classify(analysis, keep)
    return Conflicts(
        transitions=len(dataset),
        distinct=len(analysis.groups),
        fields=analysis.names,
        rows=analysis.rows[member],
        pairs=np.searchsorted(keep, analysis.pairs[member]),
        differs=analysis.differs[keep],
        kinds=kinds,
        reasons=reasons,
        ceiling=analysis.ceiling(),
        field_ceilings=dict(zip(analysis.names, analysis.field_ceilings(), strict=True)),
    )


def outcome_classes(dataset: Dataset, atol: float = 1e-5, rtol: float = 1e-5) -> OutcomeClasses:
    """The outcomes of every (state, action) that has conflicting ones; disguised time limits count as no end."""
    analysis = _Analysis(dataset, atol, rtol, ())
    member = np.isin(analysis.pairs, np.flatnonzero(analysis.excused_differs.any(axis=1)))
    cells = analysis.cells[member]
    return OutcomeClasses(analysis.rows[member], analysis.pairs[member], group_rows(cells).ids, cells)


class _Analysis:
    """The rows whose (state, action) has more than one outcome, taken apart field by field."""

    def __init__(self, dataset: Dataset, atol: float, rtol: float, ignore: Sequence[str]) -> None:
        self.dataset = dataset
        self.groups = group_transitions(dataset)
        self.unexplainable = unexplainable_terminations(dataset, self.groups)
        self._fields = [field for field in outcome_fields(dataset) if not is_ignored(field.name, ignore)]
        self.names = tuple(field.name for field in self._fields)
        self.rows, self.pairs = _varied(dataset, self.groups)
        self.starts = np.flatnonzero(np.diff(self.pairs, prepend=-1))
        self.wild = self.unexplainable[self.rows]
        shape = (len(self.starts), len(self._fields))
        self.differs = np.zeros(shape, dtype=np.bool_)
        self.excused_differs = np.zeros(shape, dtype=np.bool_)
        self.cells = np.zeros((len(self.rows), len(self._fields)), dtype=np.int64)
        self._wide: dict[int, Ranges] = {}  # fields whose cells hold more than one prediction can satisfy
        for column, field in enumerate(self._fields if len(self.rows) else ()):
            ranges = Ranges.of(field, self.rows, atol, rtol)
            self.differs[:, column] = self.excused_differs[:, column] = ranges.conflicting(self.starts)
            cells, wide = ranges.cells(self.pairs)
            self.cells[:, column] = np.where(self.differs[self.pairs, column], cells, 0)
            if wide:
                self._wide[column] = ranges
            if field.name == TERMINATED:
                ended = field.array[self.rows].astype(np.bool_)
                alive = np.logical_or.reduceat(~ended, self.starts)
                self.excused_differs[:, column] = alive & np.logical_or.reduceat(ended & ~self.wild, self.starts)
                self.cells[:, column] = ended & ~self.wild

    def ceiling(self) -> float:
        """See the function of this name."""
        count = len(self.dataset)
        if not count:
            return 1.0
        impossible = np.zeros(count, dtype=np.bool_)
        for field in self._fields:
            impossible |= field.is_nan()
        if not len(self.rows):
            return 1.0 - float(impossible.mean())
        weight = (~impossible[self.rows]).astype(np.float64)
        others = np.array([name != TERMINATED for name in self.names], dtype=np.bool_)
        classes = pair(self.pairs, group_rows(self.cells[:, others]).ids)
        best = np.bincount(classes.ids, weight)
        if not others.all():
            ended = self.dataset.terminated[self.rows]
            real = weight * ~self.wild
            best = np.bincount(classes.ids, weight * self.wild) + np.maximum(
                np.bincount(classes.ids, real * ended), np.bincount(classes.ids, real * ~ended)
            )
        for ranges in self._wide.values():
            best = np.minimum(best, ranges.deepest(classes.ids, weight))
        of_pair = np.zeros(len(self.starts))
        np.maximum.at(of_pair, self.pairs[classes.first], best)
        lost = weight.sum() - of_pair.sum()
        return float(1.0 - (impossible.sum() + lost) / count)

    def field_ceilings(self) -> list[float]:
        """The ceiling of each field alone."""
        count = len(self.dataset)
        found = []
        for column, field in enumerate(self._fields):
            if not count:
                found.append(1.0)
                continue
            nan = field.is_nan()
            lost = 0.0
            if len(self.rows):
                weight = (~nan[self.rows]).astype(np.float64)
                if field.name == TERMINATED:
                    ended, real = self.dataset.terminated[self.rows], weight * ~self.wild
                    yes, no = (np.bincount(self.pairs, real * says) for says in (ended, ~ended))
                    lost = float(np.minimum(yes, no).sum())
                else:
                    wide = self._wide.get(column)
                    deepest = wide.deepest(self.pairs, weight) if wide else self._largest(column, weight)
                    lost = float(weight.sum() - deepest.sum())
            found.append(float(1.0 - (nan.sum() + lost) / count))
        return found

    def _largest(self, column: int, weight: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        classes = pair(self.pairs, self.cells[:, column])
        largest = np.zeros(len(self.starts))
        np.maximum.at(largest, self.pairs[classes.first], np.bincount(classes.ids, weight))
        return largest


def _varied(dataset: Dataset, groups: Groups) -> tuple[Rows, Rows]:
    """Rows of every (state, action) whose outcomes are not all the same, pair after pair, and the pair numbers."""
    nothing = np.empty(0, dtype=np.int64)
    if len(groups) == len(dataset):
        return nothing, nothing
    first = groups.first[groups.ids]
    different = np.zeros(len(dataset), dtype=np.bool_)
    for array in (*dataset.next_observations.arrays, dataset.rewards, dataset.terminated):
        different |= unlike(array, first)
    varied = np.zeros(len(groups), dtype=np.bool_)
    varied[groups.ids[different]] = True
    rows = np.flatnonzero(varied[groups.ids])
    ids = groups.ids[rows]
    order = np.argsort(ids, kind="stable")
    rows, ids = rows[order], ids[order]
    return rows, np.cumsum(np.diff(ids, prepend=ids[:1]) > 0)


def _classify(analysis: _Analysis, keep: Rows) -> tuple[tuple[ConflictKind, ...], dict[str, Reason]]:
    real = analysis.excused_differs[keep]
    reasons = _reasons(analysis, np.flatnonzero(real.any(axis=0)).tolist())
    kinds = np.array([ConflictKind.TRUNCATION] * len(keep), dtype=object)
    for kind in (ConflictKind.HIDDEN_STATE, ConflictKind.UNKNOWN, ConflictKind.NOISE):  # the last one wins
        columns = [column for column, reason in reasons.items() if reason.kind is kind]
        kinds[real[:, columns].any(axis=1)] = kind
    return tuple(kinds), {analysis.names[column]: reason for column, reason in reasons.items()}


def _reasons(analysis: _Analysis, columns: list[int]) -> dict[int, Reason]:
    """Why each of the fields differs: hidden state if a context determines it, noise if the history does not."""
    if not columns:
        return {}
    fresh = ~np.repeat(repeated_episodes(analysis.dataset), analysis.dataset.episode_lengths)
    member = np.flatnonzero(fresh[analysis.rows])[:_EVIDENCE_ROWS]
    rows, pairs = analysis.rows[member], analysis.pairs[member]
    tried = [
        (context, group_hashes(context.keys[rows]).ids)
        for context in contexts(analysis.dataset, analysis.groups.ids, _MAX_HISTORY)
    ]
    reasons = {}
    for column in columns:
        weighed = [(context, weigh(pairs, analysis.cells[member, column], keys)) for context, keys in tried]
        determined = next((found for found in weighed if found[1].answer is Answer.YES), None)
        histories = [found for found in weighed if found[0].history is not None and found[1].repeats >= _FEW]
        if determined is not None:
            context, evidence = determined
            reasons[column] = Reason(ConflictKind.HIDDEN_STATE, context, evidence)
        elif histories and histories[-1][1].answer is Answer.NO:
            reasons[column] = Reason(ConflictKind.NOISE, *histories[-1])
        else:
            reasons[column] = Reason(ConflictKind.UNKNOWN)
    return reasons
