"""Contexts: what beyond the state and the action might tell two equal transitions with different outcomes apart.

The candidates are the last k (state, action) pairs, the episode (something fixed at its reset) and the step
(something that changes with time). Whether one of them explains the data is a statistical question: a context
under which nothing is ever seen twice explains everything and proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.trajectories.health.grouping import Groups, Rows, Words, group_hashes, group_rows, mix, pair

EPISODE = "episode"
STEP = "step"
CHANCE = 0.001


class Answer(StrEnum):
    """Whether a context determines the outcomes."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the rows say that share the state, the action and a context.

    Attributes:
        repeats: How often such a row was seen again.
        disagreements: How many of them differ from the most frequent outcome of their kind.
        log_chance: Logarithm of the chance that they would agree as they do if the context did not matter.
    """

    repeats: int
    disagreements: int
    log_chance: float

    @property
    def answer(self) -> Answer:
        """Yes if all agree and that is no accident, no if some disagree, unknown otherwise."""
        if self.disagreements:
            return Answer.NO
        return Answer.YES if self.log_chance < np.log(CHANCE) else Answer.UNKNOWN


@dataclass(frozen=True, slots=True)
class Context:
    """One context of every row: a number that is equal where the context is.

    Attributes:
        name: `history 2`, ..., `episode` or `step`.
        history: The number of (state, action) pairs it holds, the present one included; None for the others.
        keys: The number of each row.
    """

    name: str
    history: int | None
    keys: Words

    @property
    def description(self) -> str:
        """What the context holds, for a sentence."""
        if self.history is not None:
            return f"the last {self.history} (state, action) pairs"
        return "something fixed for an episode" if self.name == EPISODE else "the number of the step"


def contexts(dataset: Dataset, transitions: Rows, max_history: int) -> Iterator[Context]:
    """The contexts worth trying, simplest first.

    Args:
        dataset: The data.
        transitions: Group number of (state, action) of each row.
        max_history: Longest history to try.
    """
    own = mix(transitions.astype(np.uint64) + np.uint64(1))
    follows = np.zeros(len(dataset), dtype=np.bool_)
    follows[1:] = (dataset.episode[1:] == dataset.episode[:-1]) & (np.diff(dataset.step) == 1)
    keys = own
    for history in range(2, max_history + 1):
        before = np.zeros_like(own)
        before[1:][follows[1:]] = keys[:-1][follows[1:]]  # 0 says that the episode began here
        keys = mix(before * np.uint64(0x9E3779B97F4A7C15) + own)
        yield Context(f"history {history}", history, keys)
    yield Context(EPISODE, None, dataset.episode.astype(np.uint64))
    yield Context(STEP, None, dataset.step.astype(np.uint64))


def weigh(transitions: Rows, outcomes: Rows, context: Rows) -> Evidence:
    """Do rows of equal (state, action) and equal context have equal outcomes?

    Under the null hypothesis each row repeats the outcome of another row of its (state, action) as often as any two
    rows of that (state, action) agree.

    Args:
        transitions: Group number of (state, action) of each row considered.
        outcomes: Class of the outcome of each row considered.
        context: Number of the context of each row considered.
    """
    if not len(transitions):
        return Evidence(0, 0, 0.0)
    whole = group_hashes(transitions)
    classes = pair(whole.ids, outcomes)
    agreeing = np.bincount(whole.ids[classes.first], classes.sizes * (classes.sizes - 1.0), minlength=len(whole))
    pairs = whole.sizes * (whole.sizes - 1.0)
    agreement = np.divide(agreeing, pairs, out=np.ones(len(whole)), where=pairs > 0)

    shared = pair(whole.ids, context)
    again = shared.sizes - 1
    split = pair(shared.ids, outcomes)
    most = np.zeros(len(shared), dtype=np.int64)
    np.maximum.at(most, shared.ids[split.first], split.sizes)
    with np.errstate(divide="ignore"):
        chance = np.log(agreement)[whole.ids[shared.first]]
    log_chance = float(np.sum(chance[again > 0] * again[again > 0]))
    return Evidence(int(again.sum()), int((shared.sizes - most).sum()), log_chance)


def repeated_episodes(dataset: Dataset, rows: Groups | None = None) -> npt.NDArray[np.bool_]:
    """Episodes that equal an earlier one in every value, bool (episodes,): they are no new evidence.

    Args:
        dataset: The data.
        rows: Its rows by equal state, action and outcome, if known already.
    """
    if not len(dataset):
        return np.zeros(0, dtype=np.bool_)
    if rows is None:
        rows = group_rows(
            dataset.observations, dataset.actions, dataset.next_observations, dataset.rewards, dataset.terminated
        )
    place = np.arange(len(dataset)) - np.repeat(dataset.episode_starts, dataset.episode_lengths)
    scrambled = mix(mix(rows.ids.astype(np.uint64) + np.uint64(1)) + place.astype(np.uint64))
    sums = np.add.reduceat(scrambled, dataset.episode_starts)
    groups = group_rows(sums, dataset.episode_lengths)
    return np.asarray(np.arange(len(groups.ids)) != groups.first[groups.ids])
