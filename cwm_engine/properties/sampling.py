"""States and actions nobody has recorded, near those that somebody has: where properties are tried on a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cwm_engine.properties.invariants import Invariant, Kind, Place
from cwm_engine.trajectories.columns import Columns, Leaf
from cwm_engine.trajectories.columns import Kind as LeafKind
from cwm_engine.trajectories.dataset import Dataset, Floats

STRETCH = 0.5
"""How far a state is moved, as a part of the way between two others."""


def sample_cases(dataset: Dataset, count: int, seed: int = 0, invariants: tuple[Invariant, ...] = ()) -> Dataset:
    """States with actions, each an episode of its own; nothing is known of what follows, so it stands as no change.

    Half of them are recorded states with another recorded action. The other half are moved, each along the difference
    of two others, within what was recorded of each number; that needs states that are one vector of floats, and no
    invariant that binds the numbers of a state to each other.

    Args:
        dataset: What was observed.
        count: How many.
        seed: Of the lot.
        invariants: What is known of the states (see `mining.mine`).
    """
    lot = np.random.default_rng(seed)
    states = begun_from(dataset)
    chosen = states.take(lot.integers(0, len(states), count))
    actions = dataset.actions.take(lot.integers(0, len(dataset), count))
    bound = any(invariant.kind is Kind.CONSERVED for invariant in invariants)
    if isinstance(states.structure, Leaf) and states.structure.kind is LeafKind.FLOAT and not bound:
        moved = count // 2
        chosen = replace(chosen, arrays=(_moved(chosen.arrays[0], states.arrays[0], moved, lot),))
    return as_cases(dataset, chosen, actions)


def cases_of(places: Sequence[Place], like: Dataset) -> Dataset:
    """Given states with given actions as cases of a dataset's structure.

    Raises:
        CwmError: One of them does not have that structure.
    """
    states, actions = zip(*places, strict=True)
    return as_cases(
        like,
        Columns.from_values(states, like.observations.structure),
        Columns.from_values(actions, like.actions.structure),
    )


def as_cases(dataset: Dataset, states: Columns, actions: Columns) -> Dataset:
    """States and actions as a dataset of episodes of one step, in which nothing is known to follow."""
    count = len(states)
    return replace(
        dataset,
        observations=states,
        actions=actions,
        next_observations=states if states.structure == dataset.next_observations.structure
        else dataset.next_observations.take(np.zeros(count, dtype=np.intp)),
        rewards=np.zeros(count),
        terminated=np.zeros(count, dtype=np.bool_),
        truncated=np.ones(count, dtype=np.bool_),
        episode=np.arange(count, dtype=np.int32),
        step=np.zeros(count, dtype=np.int32),
        info={},
        skipped=(),
    )  # fmt: skip


def begun_from(dataset: Dataset) -> Columns:
    """The recorded states that a step can begin from: those that ended an episode are none."""
    going_on = np.flatnonzero(~dataset.terminated)
    return Columns.concatenate([dataset.observations, dataset.next_observations.take(going_on)])


def _moved(chosen: Floats, states: Floats, count: int, lot: np.random.Generator) -> Floats:
    """The first so many states, moved."""
    one, other = (states[lot.integers(0, len(states), count)] for _ in range(2))
    moved = chosen.copy()
    moved[:count] = np.clip(chosen[:count] + STRETCH * (one - other), states.min(axis=0), states.max(axis=0))
    return moved
