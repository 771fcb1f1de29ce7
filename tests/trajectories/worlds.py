"""Datasets for the tests of data health: made by hand, recorded from Gymnasium, and the published buffers."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.dataset import Dataset, Provenance
from cwm_engine.trajectories.load import load_dataset

BUFFERS = Path(os.environ.get("CWM_CWMB_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data" / "cwmb"))


def published(name: str, *, one_flag: bool = False) -> Dataset:
    """A published buffer; with `one_flag` as it was first stored: `done` alone, time limits included."""
    path = BUFFERS / f"{name}.npz"
    if not path.exists():
        pytest.skip("the published buffers are not here; set CWM_CWMB_DATA")
    return with_one_flag(load_dataset(path)) if one_flag else load_dataset(path)


def with_one_flag(dataset: Dataset) -> Dataset:
    """The dataset as a collector stores it that knows only `done`."""
    return replace(
        dataset, terminated=dataset.terminated | dataset.truncated, truncated=np.zeros_like(dataset.truncated)
    )


def anonymous(dataset: Dataset) -> Dataset:
    """The dataset without a word about where it came from."""
    return replace(dataset, provenance=Provenance())


def made(states, actions, next_states, *, rewards=None, terminated=None, lengths=None, truncated=None) -> Dataset:
    """A dataset of the given columns; one episode unless `lengths` says otherwise."""
    count = len(actions)
    lengths = lengths or [count]
    return Dataset(
        observations=Columns.from_values(list(states)),
        actions=Columns.from_values(list(actions)),
        next_observations=Columns.from_values(list(next_states)),
        rewards=np.zeros(count) if rewards is None else np.array(rewards, dtype=np.float64),
        terminated=np.zeros(count, dtype=np.bool_) if terminated is None else np.array(terminated, dtype=np.bool_),
        truncated=np.zeros(count, dtype=np.bool_) if truncated is None else np.array(truncated, dtype=np.bool_),
        episode=np.repeat(np.arange(len(lengths), dtype=np.int32), lengths),
        step=np.concatenate([np.arange(length, dtype=np.int32) for length in lengths]),
    )


def chained(episodes, *, actions=None, rewards=None, terminated=None) -> Dataset:
    """A dataset of continuous episodes, each given as its states from first to last."""
    states = [state for episode in episodes for state in episode[:-1]]
    after = [state for episode in episodes for state in episode[1:]]
    actions = [0] * len(states) if actions is None else actions
    lengths = [len(episode) - 1 for episode in episodes]
    return made(states, actions, after, rewards=rewards, terminated=terminated, lengths=lengths)


def ends(lengths) -> list[bool]:
    """Flags that end each episode at its last step."""
    return [step == length - 1 for length in lengths for step in range(length)]


def recorded(environment: str, *, episodes=10, most=1000, seed=0, hold=1, scale=None) -> Dataset:
    """Random play in a Gymnasium environment, each action held for `hold` steps and scaled, if asked."""
    import gymnasium

    env = gymnasium.make(environment)
    env.action_space.seed(seed)
    rows = []
    for episode in range(episodes):
        state, _ = env.reset(seed=1000 * seed + episode)
        action = env.action_space.sample()
        for step in range(most):
            if step % hold == 0:
                action = env.action_space.sample() if scale is None else scale * env.action_space.sample()
            after, reward, terminated, truncated, _ = env.step(action)
            rows.append((state, action, after, reward, terminated, truncated, episode, step))
            state = after
            if terminated or truncated:
                break
    env.close()
    states, actions, nexts, rewards, terminated, truncated, numbers, steps = zip(*rows, strict=True)
    return Dataset(
        observations=Columns.from_values(states),
        actions=Columns.from_values(actions),
        next_observations=Columns.from_values(nexts),
        rewards=np.array(rewards, dtype=np.float64),
        terminated=np.array(terminated, dtype=np.bool_),
        truncated=np.array(truncated, dtype=np.bool_),
        episode=np.array(numbers, dtype=np.int32),
        step=np.array(steps, dtype=np.int32),
        provenance=Provenance(environment=environment, seed=seed),
    )


def with_observed(dataset: Dataset, change) -> Dataset:
    """The dataset as seen through `change`, a function of the table of observations."""
    (before,), (after,) = dataset.observations.arrays, dataset.next_observations.arrays
    return replace(
        dataset,
        observations=Columns.from_values(list(change(before))),
        next_observations=Columns.from_values(list(change(after))),
    )
