"""Fresh transitions of the real environment, which has the last word on every property."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from cwm_engine.errors import CwmError
from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.trajectories.load import load_dataset
from cwm_engine.trajectories.record import record

STEPS = 20
"""Steps of an episode: many short ones see more of an environment than a few long ones."""
LONG_STEPS = 200


def fresh_transitions(
    environment: str, kwargs: Mapping[str, Any] | None = None, *, count: int, seed: int = 0
) -> Dataset:
    """Play an environment anew.

    Half of the transitions are from episodes as they are, half from short ones that start all over the state space,
    where that is possible.

    Args:
        environment: Its Gymnasium id.
        kwargs: Its arguments.
        count: How many transitions, roughly: whole episodes are played.
        seed: Decides everything random.

    Raises:
        CwmError: The environment cannot be made or played.
    """
    with tempfile.TemporaryDirectory() as folder:
        parts = [_played(Path(folder, "reset.sqlite"), environment, kwargs, "reset", LONG_STEPS, count // 2, seed)]
        try:
            parts.append(_played(Path(folder, "spread.sqlite"), environment, kwargs, "spread", STEPS, count // 2, seed))
        except CwmError:  # its state cannot be set
            more = Path(folder, "more.sqlite")
            parts.append(_played(more, environment, kwargs, "reset", LONG_STEPS, count // 2, seed + 1))
        return Dataset.concatenate(parts)


def alike(fresh: Dataset, stored: Dataset) -> Dataset:
    """Fresh transitions in the structure of stored ones, so that both can be put together.

    Raises:
        CwmError: The environment gives other states or actions than were recorded.
    """
    try:
        return replace(
            fresh,
            observations=_cast(fresh.observations, stored.observations),
            actions=_cast(fresh.actions, stored.actions),
            next_observations=_cast(fresh.next_observations, stored.next_observations),
            spaces=stored.spaces if stored.spaces.observation else fresh.spaces,
        )
    except CwmError as error:
        raise CwmError(
            f"environment {fresh.provenance.environment} gives other states or actions than were recorded: {error}",
            hint="name the environment that was recorded, or leave it out with --no-env",
        ) from None


def _cast(columns: Columns, like: Columns) -> Columns:
    if columns.structure == like.structure:
        return columns
    return Columns.from_values(columns.plain(0, len(columns)), like.structure)


def _played(  # noqa: PLR0917 - see `fresh_transitions`
    path: Path,
    environment: str,
    kwargs: Mapping[str, Any] | None,
    starts: Literal["reset", "spread"],
    steps: int,
    count: int,
    seed: int,
) -> Dataset:
    wanted, episodes = count, max(count // steps, 1)
    while True:
        done = record(
            environment, episodes=episodes, path=path, policy="mixture", starts=starts, seed=seed, max_steps=steps,
            env_kwargs=kwargs, append=True,
        )  # fmt: skip
        wanted -= done.transitions
        if wanted <= 0:
            return load_dataset([str(path)])
        episodes = wanted * episodes // done.transitions + 1
