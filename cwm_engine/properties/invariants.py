"""Invariants: what held in every stored transition, as expressions that can be tried on any other.

A candidate is made from columns of numbers and then verified by its own expression, transition by transition, so that a
test that contains the expression says what was verified.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from cwm_engine.checking.compare import Tolerance
from cwm_engine.trajectories.dataset import Dataset

LEAST_SUPPORT = 20
"""What fewer transitions say may be chance."""

_TOLERANCE = Tolerance()


class Kind(StrEnum):
    """What an invariant is about."""

    COPIED = "copied"
    """A number never changes, or not by some action."""
    CONSTANT = "constant"
    """A number is always the same after a step."""
    NO_OP = "no-op"
    """An action changes nothing."""
    BOUND = "bound"
    """A number stops at a limit."""
    STEP = "step"
    """A number changes by one of a few amounts."""
    MONOTONE = "monotone"
    """A number never falls, or never grows."""
    RELATION = "relation"
    """A number grows by a multiple of another."""
    CONSERVED = "conserved"
    """Two numbers stay on a circle."""
    INVERSE = "inverse"
    """One action undoes another."""
    REWARD = "reward"
    """The reward follows from something else."""
    TERMINATION = "termination"
    """When an episode ends, and when it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """A statement about every transition.

    Attributes:
        kind: What it is about.
        statement: The statement in words.
        expression: The same in Python, of `state`, `action`, `next_state`, `reward` and `terminated`, with the helpers
            `close` and `same`. Of an invariant of two steps also of `next_action` and `state_after`.
        condition: Where it applies, in the same way.
        fields: The fields it is about.
        steps: How many steps in a row it speaks of, 1 or 2.
        absence: Whether it says that something never happens which may only not have been recorded. It is worth keeping
            where the real environment was asked.
        support: In how many stored transitions it applied, and held.
    """

    kind: Kind
    statement: str
    expression: str
    condition: str = "True"
    fields: tuple[str, ...] = ()
    steps: int = 1
    absence: bool = False
    support: int = 0


@dataclass(frozen=True, slots=True)
class Count:
    """How an invariant did: in how many transitions it applied, and where it did not hold (rows of the dataset)."""

    applied: int
    violations: tuple[int, ...]


def verified(candidates: Iterable[Invariant], dataset: Dataset, least: int = LEAST_SUPPORT) -> list[Invariant]:
    """Those candidates that held wherever they applied, and applied often enough, with their support."""
    several = list(candidates)
    counts = try_on(several, dataset)
    return [
        replace(candidate, support=count.applied)
        for candidate, count in zip(several, counts, strict=True)
        if not count.violations and count.applied >= least
    ]


def try_on(invariants: Sequence[Invariant], dataset: Dataset) -> list[Count]:
    """Try invariants on transitions, such as fresh ones of the real environment.

    An expression that raises an exception does not hold.
    """
    applied = [0] * len(invariants)
    violations: list[list[int]] = [[] for _ in invariants]
    tests = [(number, one.steps, *_compiled(one)) for number, one in enumerate(invariants)]
    for row, (values, has_second) in enumerate(_transitions(dataset)):
        for number, steps, condition, expression in tests:
            if (steps == 2 and not has_second) or not _true(condition, values):
                continue
            applied[number] += 1
            if not _true(expression, values):
                violations[number].append(row)
    return [Count(count, tuple(rows)) for count, rows in zip(applied, violations, strict=True)]


def close(left: Any, right: Any) -> bool:
    """Whether a number is as near another as a right prediction has to be."""
    return bool(abs(left - right) <= _TOLERANCE.atol + _TOLERANCE.rtol * abs(right))


def same(left: Any, right: Any) -> bool:
    """Whether two states are the same, number by number within tolerance."""
    if isinstance(left, Mapping):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, tuple | list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, np.ndarray):
        return left.shape == np.shape(right) and all(map(same, left.ravel().tolist(), np.ravel(right).tolist()))
    return bool(left == right) or (isinstance(left, float) and math.isfinite(left) and close(right, left))


_NAMES = ("state", "action", "next_state", "reward", "terminated", "next_action", "state_after")
_HELPERS = {"close": close, "same": same, "abs": abs, "round": round, "all": all, "any": any, "__builtins__": {}}

_Test = Callable[..., Any]
_Values = tuple[Any, ...]


def _compiled(invariant: Invariant) -> tuple[_Test, _Test]:
    """Condition and expression as functions. Both are made here, of numbers and names of fields."""
    head = f"lambda {', '.join(_NAMES)}: "
    condition, expression = (
        eval(f"{head}{text}", dict(_HELPERS))  # noqa: S307
        for text in (invariant.condition, invariant.expression)
    )
    return condition, expression


def _true(test: _Test, values: _Values) -> bool:
    try:
        return bool(test(*values))
    except Exception:  # noqa: BLE001 - what cannot be said of a transition does not hold
        return False


def _transitions(dataset: Dataset) -> Iterable[tuple[_Values, bool]]:
    """The values of every transition, and whether another one follows in its episode."""
    count = len(dataset)
    if not count:
        return
    states, actions, after = (
        columns.plain(0, count) for columns in (dataset.observations, dataset.actions, dataset.next_observations)
    )
    rewards, terminated = dataset.rewards.tolist(), dataset.terminated.tolist()
    same_episode = np.append(dataset.episode[1:] == dataset.episode[:-1], False)
    one_later = np.append(dataset.step[1:] == dataset.step[:-1] + 1, False)
    follows = (same_episode & one_later).tolist()
    for row in range(count):
        second = (actions[row + 1], after[row + 1]) if follows[row] else (None, None)
        yield (states[row], actions[row], after[row], rewards[row], terminated[row], *second), follows[row]
