"""Determinism: is this data a function of state and action, and if not, what history would make it one?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.trajectories.health.conflicts import OutcomeClasses, outcome_classes
from cwm_engine.trajectories.health.contexts import Answer, contexts, repeated_episodes, weigh
from cwm_engine.trajectories.health.grouping import Groups, group_hashes, group_transitions
from cwm_engine.trajectories.health.neighbours import FieldTest, Smooth, neighbour_test

_ENOUGH = 20
_FEW = 10
_EVIDENCE_ROWS = 50_000


class Verdict(StrEnum):
    """Is the data a function?"""

    FUNCTION = "function"  # of the state and the action
    HISTORY = "history"  # of the last few (state, action) pairs
    HIDDEN_STATE = "hidden-state"  # of something that stays for an episode, or that counts the steps
    NOISE = "noise"  # not of anything tried
    NOT_A_FUNCTION = "not-a-function"  # of state and action; of what else is unknown
    UNKNOWN = "unknown"


class Method(StrEnum):
    """How the verdict was reached."""

    REPETITION = "repetition"
    NEIGHBOURS = "neighbours"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Repetition:
    """Rows seen again with an equal history: how often, and how many of them with another outcome.

    Beyond a history of 1 only states and actions with different outcomes are counted.
    """

    history: int
    repeats: int
    disagreements: int


@dataclass(frozen=True, slots=True)
class Determinism:
    """The answer.

    Attributes:
        verdict: What the outcome is a function of.
        history: How many (state, action) pairs determine it, the present one included; None if not known.
        method: Exact repetition, neighbours, or none.
        message: The answer and its evidence as a sentence.
        repetitions: The evidence of exact repetition, by history.
        fields: For neighbours, the test of each continuous field with the history the verdict is about.
    """

    verdict: Verdict
    history: int | None
    method: Method
    message: str
    repetitions: tuple[Repetition, ...] = ()
    fields: tuple[FieldTest, ...] = ()


def history_needed(dataset: Dataset, max_history: int = 4, atol: float = 1e-5, rtol: float = 1e-5) -> Determinism:
    """Say whether (state, action) determines the outcome, and if not, the last how many such pairs do.

    Where states and actions repeat, their outcomes are compared; terminations that are time limits in disguise and
    copies of whole episodes do not count. Where they do not repeat, continuous fields are tested with neighbours.

    Args:
        dataset: The data.
        max_history: Longest history to try.
        atol: Absolute tolerance for floats.
        rtol: Relative tolerance for floats, times the observed value.
    """
    if not len(dataset):
        return Determinism(Verdict.UNKNOWN, None, Method.NONE, "There are no transitions.")
    fresh = ~np.repeat(repeated_episodes(dataset), dataset.episode_lengths)
    groups = group_transitions(dataset)
    repeats = int(fresh.sum()) - len(np.unique(groups.ids[fresh]))
    classes = outcome_classes(dataset, atol, rtol)
    if len(classes.rows):
        found = _from_conflicts(dataset, groups, classes.take(fresh[classes.rows]), repeats, max_history)
        if found.verdict is not Verdict.NOT_A_FUNCTION:
            return found
        tested = _from_neighbours(dataset, repeats, max_history)
        return tested if tested.verdict in (Verdict.HISTORY, Verdict.NOISE) else found
    if repeats >= _ENOUGH:
        text = f"Each of {repeats:,} repetitions of a state and action has the outcome of the first."
        return Determinism(Verdict.FUNCTION, 1, Method.REPETITION, text, (Repetition(1, repeats, 0),))
    return _from_neighbours(dataset, repeats, max_history)


def _from_conflicts(
    dataset: Dataset, groups: Groups, classes: OutcomeClasses, repeats: int, max_history: int
) -> Determinism:
    """The answer for data in which equal states and actions have different outcomes."""
    classes = classes.take(slice(_EVIDENCE_ROWS))
    rows, pairs, joint = classes.rows, classes.pairs, classes.joint
    present = weigh(pairs, joint, np.zeros_like(pairs))
    evidence = [Repetition(1, repeats, present.disagreements)]
    weighed = []
    for context in contexts(dataset, groups.ids, max_history):
        found = weigh(pairs, joint, group_hashes(context.keys[rows]).ids)
        weighed.append((context, found))
        if context.history is not None:
            evidence.append(Repetition(context.history, found.repeats, found.disagreements))
    start = f"{present.disagreements:,} of {repeats:,} repetitions of a state and action have another outcome"
    known = tuple(evidence)
    for context, found in weighed:
        if found.answer is not Answer.YES:
            continue
        text = f"{start}; {context.description} would determine it ({found.repeats:,} repetitions without exception)."
        verdict = Verdict.HIDDEN_STATE if context.history is None else Verdict.HISTORY
        return Determinism(verdict, context.history, Method.REPETITION, text, known)
    histories = [(c, e) for c, e in weighed if c.history is not None and e.repeats >= _FEW]
    if histories and histories[-1][1].answer is Answer.NO:
        context, found = histories[-1]
        text = (
            f"{start}, and so do {found.disagreements:,} of {found.repeats:,} where {context.description} are equal: "
            "the environment is random, or it hides something for longer."
        )
        return Determinism(Verdict.NOISE, None, Method.REPETITION, text, known)
    text = f"{start}; longer histories repeat too rarely to tell randomness from a hidden state."
    return Determinism(Verdict.NOT_A_FUNCTION, None, Method.REPETITION, text, known)


def _from_neighbours(dataset: Dataset, repeats: int, max_history: int) -> Determinism:
    """The answer for data in which states and actions do not repeat."""
    rarely = "No state and action repeats"
    if repeats:
        rarely = f"There {'is' if repeats == 1 else 'are'} only {repeats:,} repetition{'s'[: repeats != 1]}"
    tests = neighbour_test(dataset)
    if not tests:
        text = f"{rarely} and the data is too small, too wide or too discrete to compare neighbours: cannot tell."
        return Determinism(Verdict.UNKNOWN, None, Method.NONE, text)
    if _all_functions(tests):
        worst = max(test.error for test in tests)
        text = (
            f"{rarely}, but near ones have near outcomes, to {max(worst, 0.001):.1%} of the usual change: "
            "it looks like a function."
        )
        return Determinism(Verdict.FUNCTION, 1, Method.NEIGHBOURS, text, fields=tests)
    noisy = [test.name for test in tests if test.answer is Smooth.NOISE]
    if not noisy:
        text = f"{rarely} and neighbours are not near enough to tell noise from dynamics: cannot tell."
        return Determinism(Verdict.UNKNOWN, None, Method.NEIGHBOURS, text, fields=tests)
    differ = f"{rarely}, and near ones differ in {_listing(noisy)} as much as far ones"
    doubtful = False
    for history in range(2, max_history + 1):
        longer = neighbour_test(dataset, history)
        if _all_functions(longer):
            fewer = " (fewer may be enough)" if doubtful else ""
            text = f"{differ}; where the last {history} (state, action) pairs are near{fewer} they do not."
            return Determinism(Verdict.HISTORY, history, Method.NEIGHBOURS, text, fields=longer)
        doubtful |= not any(test.answer is Smooth.NOISE for test in longer)
    text = f"{differ}, whatever came before: noise, or a state that is hidden for longer."
    return Determinism(Verdict.NOISE, None, Method.NEIGHBOURS, text, fields=tests)


def _all_functions(tests: Sequence[FieldTest]) -> bool:
    return bool(tests) and all(test.answer is Smooth.FUNCTION for test in tests)


def _listing(names: Sequence[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
