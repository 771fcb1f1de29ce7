"""The real environment, which has the last word on every property: fresh transitions of it, and any other asked for."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cwm_engine.errors import CwmError
from cwm_engine.properties.invariants import Outcome, Place
from cwm_engine.properties.sampling import cases_of
from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.trajectories.load import load_dataset
from cwm_engine.trajectories.record import record
from cwm_engine.trajectories.recording.environments import make_environment
from cwm_engine.trajectories.recording.starts import TableStarts, spread_starts

if TYPE_CHECKING:
    from gymnasium import Env

STEPS = 20
"""Steps of an episode: many short ones see more of an environment than a few long ones."""
LONG_STEPS = 200
MOST_PLACES = 20_000
"""An environment with no more states and actions is asked about each."""
_TRIED = 60
"""Transitions that have to come out as they were recorded for an environment to be put into states."""


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
        first = _Session(environment, kwargs, Path(folder, "reset.sqlite"), seed)
        parts = [first.played("reset", LONG_STEPS, count // 2)]
        try:
            spread = replace(first, path=Path(folder, "spread.sqlite"))
            parts.append(spread.played("spread", STEPS, count // 2))
        except CwmError:  # its state cannot be set
            more = replace(first, path=Path(folder, "more.sqlite"), seed=seed + 1)
            parts.append(more.played("reset", LONG_STEPS, count // 2))
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
            info={},
        )
    except CwmError as error:
        raise CwmError(
            f"environment {fresh.provenance.environment} gives other states or actions than were recorded: {error}",
            hint="name the environment that was recorded, or leave it out with --no-env",
        ) from None


class Puppet:
    """A real environment that can be put into any state, by its observation.

    Args:
        env: The environment.
        put: Puts it, freshly reset, into the state of an observation.
        like: Transitions with the structure of its states and actions.
        seed: Of its resets.
    """

    def __init__(self, env: Env[Any, Any], put: Callable[[Any], None], like: Dataset, seed: int) -> None:
        self._env = env
        self._put = put
        self._like = like
        env.reset(seed=seed)

    def __call__(self, places: Sequence[Place]) -> list[Outcome | None]:
        """What follows in some places; None where the environment fails."""
        if not places:
            return []
        answers = self.transitions(places)
        after = answers.next_observations.plain(0, len(answers))
        return list(zip(after, answers.rewards.tolist(), answers.terminated.tolist(), strict=True))

    def again(self, dataset: Dataset) -> Dataset:
        """The transitions of a dataset once more, from the states as they are stored."""
        count = len(dataset)
        states, actions = (columns.plain(0, count) for columns in (dataset.observations, dataset.actions))
        return self.transitions(list(zip(states, actions, strict=True)))

    def transitions(self, places: Sequence[Place]) -> Dataset:
        """The transitions from some places, each an episode of its own.

        Raises:
            CwmError: A place is none of this environment.
        """
        cases = cases_of(places, self._like)
        observed, rewards, ends = [], np.zeros(len(cases)), np.zeros(len(cases), dtype=np.bool_)
        for row in range(len(cases)):
            self._env.reset()
            self._put(cases.observations.row(row))
            following, reward, terminated, _, _ = self._env.step(cases.actions.row(row))
            observed.append(following)
            rewards[row], ends[row] = float(reward), bool(terminated)
        after = Columns.from_values([_copied(one) for one in observed], cases.next_observations.structure)
        return replace(cases, next_observations=after, rewards=rewards, terminated=ends, truncated=~ends)


def puppet(environment: str, kwargs: Mapping[str, Any] | None, known: Dataset, seed: int = 0) -> Puppet | None:
    """The real environment as one that can be put into states, after a look whether it does as it did before.

    Args:
        environment: Its Gymnasium id.
        kwargs: Its arguments.
        known: Transitions of it.
        seed: Of its resets.

    Returns:
        None where its state cannot be set, or where it does something else then.
    """
    env = make_environment(environment, kwargs)
    for put in _ways(env, known):
        try:
            candidate = Puppet(env, put, known, seed)
            if _repeats(candidate, known):
                return candidate
        except Exception:  # noqa: BLE001, S112 - an environment that is put into odd states may do anything
            continue
    env.close()
    return None


def all_places(environment: str, kwargs: Mapping[str, Any] | None, actions: Sequence[Any]) -> list[Place]:
    """Every state of a table that play can reach, with every action; nothing where there is no table, or too large."""
    env = make_environment(environment, kwargs)
    try:
        starts = spread_starts(env, environment, 0)
    except CwmError:
        return []
    finally:
        env.close()
    states = starts.states if isinstance(starts, TableStarts) else []
    return (
        [(state, action) for state in states for action in actions] if len(states) * len(actions) <= MOST_PLACES else []
    )


def _ways(env: Env[Any, Any], known: Dataset) -> list[Callable[[Any], None]]:
    """How an observation may be made the state."""
    inner: Any = env.unwrapped
    env.reset(seed=0)

    def number(observation: Any) -> None:
        inner.s = int(observation)

    def vector(observation: Any) -> None:
        inner.state = np.array(observation, dtype=np.asarray(inner.state).dtype)

    def angles(observation: Any) -> None:
        inner.state = np.array(_from_circles(observation, circles), dtype=np.asarray(inner.state).dtype)

    if hasattr(inner, "s") and hasattr(inner, "P"):
        return [number]
    states = known.observations.arrays[0].astype(np.float64)
    if getattr(inner, "state", None) is None or states.ndim != 2:
        return []
    circles = [
        index
        for index in range(states.shape[1] - 1)
        if np.allclose(states[:, index] ** 2 + states[:, index + 1] ** 2, 1, atol=1e-4)
    ]
    return [vector, angles] if circles else [vector]


def _from_circles(observation: Any, circles: list[int]) -> list[float]:
    """An observation with one angle for each cosine and sine."""
    state, index = [], 0
    while index < len(observation):
        if index in circles:
            state.append(float(np.arctan2(observation[index + 1], observation[index])))
            index += 1
        else:
            state.append(float(observation[index]))
        index += 1
    return state


def _repeats(candidate: Puppet, known: Dataset) -> bool:
    rows = np.unique(np.linspace(0, len(known) - 1, _TRIED).astype(int))
    part = known.rows(rows)
    again = candidate.again(part)
    states = all(
        np.allclose(one, other, rtol=1e-4, atol=1e-4)
        for one, other in zip(again.next_observations.arrays, part.next_observations.arrays, strict=True)
    )
    return states and bool(np.allclose(again.rewards, part.rewards, rtol=1e-4, atol=1e-4)
                           and (again.terminated == part.terminated).all())  # fmt: skip


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def _cast(columns: Columns, like: Columns) -> Columns:
    if columns.structure == like.structure:
        return columns
    return Columns.from_values(columns.plain(0, len(columns)), like.structure)


@dataclass(frozen=True)
class _Session:
    """Recording into a file until there is enough."""

    environment: str
    kwargs: Mapping[str, Any] | None
    path: Path
    seed: int

    def played(self, starts: Literal["reset", "spread"], steps: int, count: int) -> Dataset:
        wanted, episodes = count, max(count // steps, 1)
        while True:
            done = record(
                self.environment, episodes=episodes, path=self.path, policy="mixture", starts=starts, seed=self.seed,
                max_steps=steps, env_kwargs=self.kwargs, append=True,
            )  # fmt: skip
            wanted -= done.transitions
            if wanted <= 0:
                return load_dataset([str(self.path)])
            episodes = wanted * episodes // done.transitions + 1
