"""The examination of a dataset: every question of this room asked, and the answers as findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cwm_engine.findings import Severity
from cwm_engine.trajectories.dataset import Bools, Dataset
from cwm_engine.trajectories.health.clipping import ClippedField, Clipping, clipped_values
from cwm_engine.trajectories.health.conflicts import ConflictKind, Conflicts, find_conflicts
from cwm_engine.trajectories.health.continuity import continuity
from cwm_engine.trajectories.health.determinism import Determinism, Method, Verdict, history_needed
from cwm_engine.trajectories.health.firststeps import FirstSteps, Fit, first_steps
from cwm_engine.trajectories.health.grouping import Rows
from cwm_engine.trajectories.health.timelimit import known_time_limit, unexplainable_terminations
from cwm_engine.trajectories.health.values import (
    constant_fields,
    duplicates,
    float32_rewards,
    not_finite,
    outside_space,
    unused_actions,
)

_EXAMPLES = 5
_NAMES = 6
_LONG_EPISODE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthFinding:
    """One thing to know about a dataset.

    Attributes:
        slug: Its stable name, e.g. `clipped-values`.
        severity: Warning if a right model is judged wrong because of it, info otherwise.
        message: What it is and where, as one sentence.
        advice: What to do about it.
        count: How many rows, episodes, fields or actions it concerns, as the message says.
        fields: The fields concerned, as far as it is about fields.
        examples: (episode, step) of the first few.
    """

    slug: str
    severity: Severity
    message: str
    advice: str
    count: int
    fields: tuple[str, ...] = ()
    examples: tuple[tuple[int, int], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The finding as JSON values."""
        return {
            "slug": self.slug,
            "severity": str(self.severity),
            "message": self.message,
            "advice": self.advice,
            "count": self.count,
            "fields": list(self.fields),
            "examples": [{"episode": episode, "step": step} for episode, step in self.examples],
        }


@dataclass(frozen=True, slots=True)
class Health:
    """Everything found out about a dataset.

    Attributes:
        findings: What to tell, warnings first.
        conflicts: Equal states and actions with different outcomes.
        determinism: Whether the data is a function.
        unexplainable: Terminations that are time limits in disguise, bool (n,).
    """

    findings: tuple[HealthFinding, ...]
    conflicts: Conflicts
    determinism: Determinism
    unexplainable: Bools


def examine(dataset: Dataset, atol: float = 1e-5, rtol: float = 1e-5) -> Health:
    """Look for everything that can be wrong with a dataset.

    Args:
        dataset: The data.
        atol: Absolute tolerance for floats.
        rtol: Relative tolerance for floats, times the observed value.
    """
    conflicts = find_conflicts(dataset, atol, rtol)
    determinism = history_needed(dataset, atol=atol, rtol=rtol)
    unexplainable = unexplainable_terminations(dataset)
    findings = [
        *_time_limits(dataset, conflicts, unexplainable),
        *_conflicting(dataset, conflicts),
        *_not_a_function(determinism),
        *_first_steps(dataset, first_steps(dataset)),
        *_breaks(dataset, atol, rtol),
        *_clipping(dataset, clipped_values(dataset)),
        *_misplaced(dataset),
        *_repeated(dataset),
        *_untaught(dataset),
    ]
    findings.sort(key=lambda finding: list(Severity).index(finding.severity))
    return Health(tuple(findings), conflicts, determinism, unexplainable)


def _time_limits(dataset: Dataset, conflicts: Conflicts, unexplainable: Bools) -> Iterator[HealthFinding]:
    rows = np.flatnonzero(unexplainable)
    if not len(rows):
        return
    length = int(dataset.step[rows].max()) + 1
    known = known_time_limit(dataset) == length
    longest = f"the time limit of {dataset.provenance.environment or 'this data'}" if known else "the longest there are"
    contradicted = conflicts.counts.get(ConflictKind.TRUNCATION, 0)
    proof = f", and {contradicted:,} of these (state, action) pairs go on elsewhere" if contradicted else ""
    yield HealthFinding(
        slug="truncation-as-termination",
        severity=Severity.WARNING,
        message=f"A time limit was stored as termination: {len(rows):,} of {dataset.episode_count:,} episodes are "
        f"terminated after exactly {length:,} steps, {longest}, in no state that ends shorter ones{proof}.",
        advice="Store `terminated` and `truncated` apart; until then it is not held against a model.",
        count=len(rows),
        fields=("terminated",),
        examples=_places(dataset, rows),
    )


def _conflicting(dataset: Dataset, conflicts: Conflicts) -> Iterator[HealthFinding]:
    texts = {
        ConflictKind.NOISE: (
            "noisy-transitions",
            "Model the chances with `outcomes(state, action)`, or leave these fields out with `ignore`.",
        ),
        ConflictKind.HIDDEN_STATE: (
            "hidden-state",
            "Record what is missing as part of the observation, or check the model in episode mode.",
        ),
        ConflictKind.UNKNOWN: (
            "conflicting-transitions",
            "Look at the examples: is the environment random, or does the observation leave something out?",
        ),
    }
    for kind, (slug, advice) in texts.items():
        count = conflicts.counts.get(kind, 0)
        if not count:
            continue
        fields = conflicts.fields_of(kind)
        numbers = [number for number, found in enumerate(conflicts.kinds) if found is kind][:_EXAMPLES]
        yield HealthFinding(
            slug=slug,
            severity=Severity.WARNING,
            message=f"{count:,} of {conflicts.distinct:,} different (state, action) pairs have more than one outcome "
            f"in {_listing(fields)}{_reason(conflicts, kind, fields)}; no model of state and action can be right "
            f"about more than {conflicts.ceiling:.1%} of the transitions.",
            advice=advice,
            count=count,
            fields=fields,
            examples=tuple(place for number in numbers for place in _places(dataset, conflicts.members(number)[:1])),
        )


def _reason(conflicts: Conflicts, kind: ConflictKind, fields: Sequence[str]) -> str:
    found = [conflicts.reasons[name] for name in fields if name in conflicts.reasons]
    found = [reason for reason in found if reason.kind is kind and reason.context is not None]
    if not found or found[0].context is None or found[0].evidence is None:
        return ", and too little repeats itself to tell noise from a hidden state"
    context, evidence = found[0].context, found[0].evidence
    if kind is ConflictKind.HIDDEN_STATE:
        return f", and {context.description} would determine it ({evidence.repeats:,} repetitions without exception)"
    return f", even where {context.description} are equal ({evidence.disagreements:,} of {evidence.repeats:,} differ)"


def _not_a_function(determinism: Determinism) -> Iterator[HealthFinding]:
    if determinism.method is not Method.NEIGHBOURS or determinism.verdict not in (Verdict.HISTORY, Verdict.NOISE):
        return  # contradictions have findings of their own
    advice = "Check whether the observation leaves out something that moves, such as a velocity."
    yield HealthFinding(
        slug="not-a-function",
        severity=Severity.WARNING,
        message=determinism.message,
        advice=advice,
        count=len(determinism.fields),
        fields=tuple(test.name for test in determinism.fields),
    )


def _first_steps(dataset: Dataset, found: FirstSteps) -> Iterator[HealthFinding]:
    if found.verdict is not Fit.MISFITS:
        return
    seen = f" ({_listing(found.fields)})" if found.fields else ""
    yield HealthFinding(
        slug="first-transition-misfit",
        severity=Severity.WARNING,
        message=f"The first transition of {len(found.rows):,} of {found.judged:,} episodes does not follow from its "
        f"state as the later ones do{seen}: the step was made from another state than the stored one.",
        advice="Leave the first transitions out, or record again without copying or restoring the environment.",
        count=len(found.rows),
        fields=found.fields,
        examples=_places(dataset, np.array(found.rows, dtype=np.int64)),
    )


def _breaks(dataset: Dataset, atol: float, rtol: float) -> Iterator[HealthFinding]:
    found = continuity(dataset, atol, rtol)
    yield from _rows_finding(
        dataset, found.jumps, "discontinuous-episode", "begins in another state than the one before it ended in",
        "Begin a new episode there; episode mode and histories go wrong across it.",
    )  # fmt: skip
    yield from _rows_finding(
        dataset, found.gaps, "missing-steps", "follows a gap in the numbering of steps",
        "Begin a new episode there, or record the missing steps.",
    )  # fmt: skip
    yield from _rows_finding(
        dataset, found.inner_ends, "end-inside-episode", "is marked as the end although the episode goes on",
        "Begin a new episode after it, or correct the flags.",
    )  # fmt: skip
    if len(found.cut):
        yield HealthFinding(
            slug="cut-without-flag",
            severity=Severity.INFO,
            message=f"{_count(len(found.cut), 'episode')} of {dataset.episode_count:,} "
            f"{'stop' if len(found.cut) > 1 else 'stops'} without being terminated or truncated.",
            advice="Nothing, if recording was simply stopped; mark the last step as truncated to make that known.",
            count=len(found.cut),
            examples=_places(dataset, found.cut),
        )


def _clipping(dataset: Dataset, found: Clipping) -> Iterator[HealthFinding]:
    if not found.fields:
        return
    rows = np.flatnonzero(found.rows)
    bounds = _listing([_bounds_text(field) for field in found.fields])
    start = f"{len(rows):,} of {len(dataset):,} observations have a number exactly at a bound: {bounds}"
    if found.hides:
        message = (
            f"{start}; transitions from there fit worse than from just before it, so something seems hidden beyond."
        )
        advice = "Record the unclipped numbers; what they hide no model can predict from the observation."
    elif found.hides is None:
        message = f"{start}; whether something is hidden beyond could not be judged."
        advice = "If the environment clips what it shows and not its state, record the unclipped numbers."
    else:
        message = f"{start}; the transitions from there fit, so the state itself seems to be limited."
        advice = "Limit these numbers in the model."
    yield HealthFinding(
        slug="clipped-values",
        severity=Severity.WARNING if found.hides or (found.hides is None and found.shared) else Severity.INFO,
        message=message,
        advice=advice,
        count=len(rows),
        fields=tuple(field.name for field in found.fields),
        examples=_places(dataset, rows),
    )


def _bounds_text(field: ClippedField) -> str:
    bounds = " and ".join(f"{bound:.6g}" for bound in (field.low, field.high) if bound is not None)
    return f"{field.name} at {bounds}"


def _misplaced(dataset: Dataset) -> Iterator[HealthFinding]:
    bad = not_finite(dataset)
    yield from _rows_finding(
        dataset, bad.rows, "not-finite", f"holds NaN or an infinite number in {_listing(bad.fields)}",
        "Find out where it comes from; NaN matches no prediction.", fields=bad.fields,
    )  # fmt: skip
    beyond = outside_space(dataset)
    yield from _rows_finding(
        dataset, beyond.rows, "outside-space", f"holds a value beyond its declared space in {_listing(beyond.fields)}",
        "Check that the spaces belong to this environment and its version.", fields=beyond.fields,
    )  # fmt: skip


def _repeated(dataset: Dataset) -> Iterator[HealthFinding]:
    found = duplicates(dataset)
    if len(found.episodes):
        long = bool((dataset.episode_lengths[found.episodes] >= _LONG_EPISODE).any())
        yield HealthFinding(
            slug="duplicate-episodes",
            severity=Severity.WARNING if long else Severity.INFO,
            message=f"{_count(len(found.episodes), 'episode')} of {dataset.episode_count:,} "
            f"{'equal earlier ones' if len(found.episodes) > 1 else 'equals an earlier one'} in every value.",
            advice="Record with different seeds; the same episode twice counts twice and teaches nothing.",
            count=len(found.episodes),
            examples=_places(dataset, dataset.episode_starts[found.episodes]),
        )
    if len(found.transitions):
        left = len(dataset) - len(found.transitions)
        yield HealthFinding(
            slug="duplicate-transitions",
            severity=Severity.INFO,
            message=f"{len(found.transitions):,} of {len(dataset):,} transitions were seen before, outcome included; "
            f"{left:,} are different.",
            advice="Judge how much the data covers by the different ones.",
            count=len(found.transitions),
            examples=_places(dataset, found.transitions),
        )


def _untaught(dataset: Dataset) -> Iterator[HealthFinding]:
    """What the data says nothing, or nothing exact, about."""
    if not len(dataset):
        return
    constants = constant_fields(dataset)
    if constants:
        names = [f"{name} = {value}" for name, value in constants.items()]
        yield _note("constant-field", f"{_count(len(names), 'field')} never changes: {_listing(names)}.",
                    "No transition can show whether a model computes it.", len(names), tuple(constants))  # fmt: skip
    actions = unused_actions(dataset)
    if actions:
        yield _note("unused-action", f"{_count(len(actions), 'action')} was never taken: {_listing(actions)}.",
                    "Record with a policy that takes every action.", len(actions))  # fmt: skip
    rewards = np.unique(dataset.rewards)
    if len(rewards) == 1:
        yield _note("constant-reward", f"Every reward is {rewards[0]:g}.",
                    "Any constant model of the reward is right here; record what is rewarded otherwise.",
                    len(dataset))  # fmt: skip
    elif float32_rewards(dataset):
        yield _note("float32-rewards", "The rewards were rounded to float32.",
                    "Compare them with a tolerance: computed in float64, even the true rewards differ in the last "
                    "digits.", len(dataset), ("reward",))  # fmt: skip
    if not dataset.terminated.any():
        yield _note("no-termination", "No transition is terminated.",
                    "Record episodes that end, or nothing can be said about when they do.", len(dataset))  # fmt: skip
    if dataset.skipped:
        yield _note("skipped-records", f"{_count(len(dataset.skipped), 'record')} could not be read and was left out.",
                    "Correct the file; without `--skip-bad` the reasons are shown.", len(dataset.skipped))  # fmt: skip


def _note(slug: str, message: str, advice: str, count: int, fields: tuple[str, ...] = ()) -> HealthFinding:
    return HealthFinding(slug=slug, severity=Severity.INFO, message=message, advice=advice, count=count, fields=fields)


def _rows_finding(
    dataset: Dataset, rows: Rows, slug: str, what: str, advice: str, *, fields: tuple[str, ...] = ()
) -> Iterator[HealthFinding]:
    """A warning about single rows, if there are any."""
    if len(rows):
        yield HealthFinding(
            slug=slug,
            severity=Severity.WARNING,
            message=f"{len(rows):,} of {len(dataset):,} transitions: each {what}.",
            advice=advice,
            count=len(rows),
            fields=fields,
            examples=_places(dataset, rows),
        )


def _places(dataset: Dataset, rows: Rows) -> tuple[tuple[int, int], ...]:
    """(episode, step) of the first few rows."""
    return tuple((int(dataset.episode[row]), int(dataset.step[row])) for row in rows[:_EXAMPLES])


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _listing(names: Iterable[object]) -> str:
    texts = [str(name) for name in names]
    more = f" and {len(texts) - _NAMES:,} more" if len(texts) > _NAMES else ""
    return ", ".join(texts[:_NAMES]) + more
