"""Recording: episodes of a real environment into a trajectory store, one transaction each.

Every episode has a number, and its number and the seed of the recording decide everything random in it. Recording
more later, or after a crash, goes on with the next number and never repeats an episode.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from cwm_engine.errors import CwmError
from cwm_engine.trajectories.columns import Columns, Structure, common_structure, infer_structure, leaves
from cwm_engine.trajectories.dataset import Provenance, Spaces
from cwm_engine.trajectories.episodes import Episode
from cwm_engine.trajectories.formats.store import SeedTakenError, TrajectoryStore
from cwm_engine.trajectories.recording.environments import full_id, make_environment, package_versions
from cwm_engine.trajectories.recording.policies import GivenActions, Policy, make_policy
from cwm_engine.trajectories.recording.starts import Starts, spread_starts
from cwm_engine.trajectories.spaces import space_to_json, structure_of_space
from cwm_engine.trajectories.structures import JSON_LEAF

if TYPE_CHECKING:
    from gymnasium import Env, Space

STEPS_WITHOUT_LIMIT: Final = 1000
"""Where an environment has no time limit and none is asked for, episodes are cut off after as many steps."""
TRIES_PER_EPISODE: Final = 100
"""With a threshold, how many episodes are played for each that is wanted before giving up."""

_SUFFIXES: Final = (".sqlite", ".db")
_SEEDS: Final = 2**31


@dataclass(frozen=True, slots=True)
class Progress:
    """One episode that was played: how many are kept by now, out of how many tries."""

    kept: int
    tries: int
    length: int
    total_reward: float
    was_kept: bool


@dataclass(frozen=True, slots=True)
class Recording:
    """What one call recorded."""

    path: Path
    environment: str
    episodes: int
    transitions: int
    tries: int
    mean_return: float


def record(
    env_id: str,
    *,
    episodes: int,
    path: Path | str,
    policy: str = "random",
    seed: int = 0,
    starts: Literal["reset", "spread"] = "reset",
    max_steps: int | None = None,
    keep: float | None = None,
    max_tries: int | None = None,
    env_kwargs: Mapping[str, Any] | None = None,
    info_keys: Sequence[str] = (),
    append: bool = False,
    on_episode: Callable[[Progress], None] | None = None,
) -> Recording:
    """Play episodes and store them; whatever stops it, every complete episode stays.

    Args:
        env_id: A Gymnasium id; `module:Name-v0` imports the module that registers it.
        episodes: How many to record, besides those already in the file.
        path: A `.sqlite` file; its directory is made.
        policy: `random`, `mixture` or `file.py:function` (see `policies.make_policy`).
        seed: With the number of an episode, decides everything random in it.
        starts: `reset`, or `spread` over the state space (see `starts.spread_starts`).
        max_steps: Cut episodes off after as many steps, as truncated; 1000 where the environment has no limit.
        keep: Keep only episodes with at least this return.
        max_tries: With `keep`, how many to play before giving up; 100 for each wanted.
        env_kwargs: Arguments of the environment.
        info_keys: Parts of Gymnasium's info to store with every step.
        append: Add to an existing file.
        on_episode: Called after every episode, once it is safe.

    Raises:
        CwmError: The environment, policy or file cannot be used, the environment fails in an episode, or too few
            episodes reach the threshold.
    """
    path = Path(path)
    _check_arguments(path, episodes, max_steps, append)
    with ExitStack() as resources:
        env = make_environment(env_id, env_kwargs)
        resources.callback(env.close)
        own_limit = env.spec.max_episode_steps if env.spec is not None else None
        player = _Player(
            env=env,
            policy=make_policy(policy, env.action_space),
            starts=spread_starts(env, env_id, seed) if starts == "spread" else None,
            seed=seed,
            limit=max_steps or own_limit or STEPS_WITHOUT_LIMIT,
            info_keys=tuple(info_keys),
        )
        provenance = Provenance(
            environment=full_id(env_id, env),
            environment_kwargs=dict(env_kwargs or {}),
            policy=_describe_policy(policy, starts, keep),
            seed=seed,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            versions=package_versions(env),
            max_episode_steps=min(own_limit, player.limit) if own_limit else player.limit,
        )
        spaces = Spaces(space_to_json(env.observation_space)[0], space_to_json(env.action_space)[0])
        store = resources.enter_context(_open_store(path))
        store.begin(spaces=spaces, provenance=provenance)
        most_tries = (max_tries or TRIES_PER_EPISODE * episodes) if keep is not None else None
        goal = _Goal(episodes, keep, most_tries)
        transitions, tries, total = _play(player, store, goal, on_episode)
    return Recording(path, full_id(env_id, env), episodes, transitions, tries, total / episodes)


def record_actions(
    env_id: str,
    sequences: Sequence[tuple[int, Sequence[Any]]],
    *,
    path: Path | str,
    env_kwargs: Mapping[str, Any] | None = None,
    append: bool = False,
) -> Recording:
    """Play given actions and store what happens, one episode for each sequence.

    Args:
        env_id: A Gymnasium id; `module:Name-v0` imports the module that registers it.
        sequences: Seeds of the reset, and the actions that follow it. An episode that ends before them ends there.
        path: A `.sqlite` file; its directory is made.
        env_kwargs: Arguments of the environment.
        append: Add to an existing file.

    Raises:
        CwmError: The environment or file cannot be used, or the environment fails in an episode.
    """
    path = Path(path)
    _check_arguments(path, len(sequences), None, append)
    with ExitStack() as resources:
        env = make_environment(env_id, env_kwargs)
        resources.callback(env.close)
        provenance = Provenance(
            environment=full_id(env_id, env),
            environment_kwargs=dict(env_kwargs or {}),
            policy="given actions",
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            versions=package_versions(env),
        )
        spaces = Spaces(space_to_json(env.observation_space)[0], space_to_json(env.action_space)[0])
        store = resources.enter_context(_open_store(path))
        store.begin(spaces=spaces, provenance=provenance)
        transitions, total = 0, 0.0
        for index, (seed, actions) in enumerate(sequences):
            player = _Player(
                env=env, policy=GivenActions(actions), starts=None, seed=0, limit=len(actions), info_keys=()
            )
            episode = player.play(index, seed)
            try:
                store.append(episode)
            except SeedTakenError:  # the file has another episode from this reset
                store.append(replace(episode, seed=None))
            transitions += len(episode)
            total += episode.total_reward
    count = len(sequences)
    return Recording(path, full_id(env_id, env), count, transitions, count, total / count)


def episode_seed(seed: int, index: int) -> int:
    """What the environment is reset with in an episode; no two episodes of a recording share it.

    Args:
        seed: That of the recording.
        index: The number of the episode.
    """
    # Gymnasium hashes seeds, so neighbours are as independent as any two.
    return (_first_seed(seed) + index) % _SEEDS


@cache
def _first_seed(seed: int) -> int:
    return int(np.random.SeedSequence(seed).generate_state(1)[0])


@dataclass
class _Memory:
    """What happened in an episode so far."""

    observations: list[Any] = field(default_factory=list)
    actions: list[Any] = field(default_factory=list)
    rewards: list[Any] = field(default_factory=list)
    infos: list[Mapping[str, Any]] = field(default_factory=list)
    terminated: bool = False
    truncated: bool = False


@dataclass
class _Player:
    """Plays single episodes."""

    env: Env[Any, Any]
    policy: Policy
    starts: Starts | None
    seed: int
    limit: int
    info_keys: tuple[str, ...]

    def __post_init__(self) -> None:
        self._observation = _space_structure(self.env.observation_space)
        self._action = _space_structure(self.env.action_space)
        self._settled = False

    def play(self, index: int, seed: int | None = None) -> Episode:
        """Play the episode of a number, from a reset with its seed or another."""
        seed = episode_seed(self.seed, index) if seed is None else seed
        rng = np.random.default_rng([self.seed, index])
        memory = _Memory()
        try:
            observation, _ = self.env.reset(seed=seed)
            if self.starts is not None:
                observation = self.starts.begin(rng)
            self.policy.begin(rng)
            self._play_on(observation, memory)
        except CwmError:
            raise
        except Exception as error:
            step = len(memory.rewards)
            message = f"the environment failed in episode {index}, step {step}: {type(error).__name__}: {error}"
            raise CwmError(message) from error
        return self._episode(index, memory, seed)

    def _play_on(self, observation: Any, memory: _Memory) -> None:
        # The loop that decides how fast recording is: nothing here but playing and remembering.
        step, act, limit, keys = self.env.step, self.policy.act, self.limit, self.info_keys
        observations, actions, rewards = memory.observations, memory.actions, memory.rewards
        observations.append(_remembered(observation))
        while True:
            action = act(observation)
            actions.append(_remembered(action))
            observation, reward, terminated, truncated, info = step(action)
            observations.append(_remembered(observation))
            rewards.append(reward)
            if keys:
                memory.infos.append({key: copy.deepcopy(info.get(key)) for key in keys})
            if terminated or truncated or len(rewards) >= limit:
                memory.terminated = bool(terminated)
                memory.truncated = bool(truncated) or not terminated
                return

    def _episode(self, index: int, memory: _Memory, seed: int) -> Episode:
        if not self._settled:
            self._observation = _settle(self._observation, memory.observations)
            self._action = _settle(self._action, memory.actions)
            self._settled = True
        ends = np.zeros((2, len(memory.rewards)), dtype=bool)
        ends[:, -1] = memory.terminated, memory.truncated
        try:
            return Episode(
                observations=Columns.from_values(memory.observations, self._observation),
                actions=Columns.from_values(memory.actions, self._action),
                rewards=np.array([np.asarray(reward).item() for reward in memory.rewards], dtype=np.float64),
                terminated=ends[0],
                truncated=ends[1],
                info={key: Columns.from_values([info[key] for info in memory.infos]) for key in self.info_keys},
                seed=seed,
                index=index,
            )
        except (CwmError, TypeError, ValueError) as error:
            raise CwmError(f"episode {index} cannot be stored: {error}") from error


@dataclass(frozen=True, slots=True)
class _Goal:
    """When to stop: so many episodes of at least this return, in at most so many tries."""

    episodes: int
    keep: float | None
    most_tries: int | None


def _play(
    player: _Player, store: TrajectoryStore, goal: _Goal, on_episode: Callable[[Progress], None] | None
) -> tuple[int, int, float]:
    """Transitions kept, tries made, and the sum of the returns kept."""
    index = store.next_try(player.seed)
    kept = tries = transitions = 0
    total, best = 0.0, -np.inf
    while kept < goal.episodes:
        if goal.most_tries is not None and tries >= goal.most_tries:
            raise CwmError(
                f"only {kept} of {goal.episodes} episodes reached a return of {goal.keep:g} in {tries} tries;"
                f" the best had {best:g}",
                path=store.path,
                hint="lower the threshold, allow more tries or use a better policy; what was kept is in the file",
            )
        episode = player.play(index)
        good = goal.keep is None or episode.total_reward >= goal.keep
        if good:
            try:
                store.append(episode)
            except SeedTakenError:
                # Another process is recording from the same seed into the same file.
                index = max(index + 1, store.next_try(player.seed))
                continue
            kept += 1
            transitions += len(episode)
            total += episode.total_reward
        index += 1
        tries += 1
        best = max(best, episode.total_reward)
        if on_episode is not None:
            on_episode(Progress(kept, tries, len(episode), episode.total_reward, good))
    return transitions, tries, total


def _check_arguments(path: Path, episodes: int, max_steps: int | None, append: bool) -> None:
    if episodes < 1:
        raise CwmError(f"cannot record {episodes} episodes", hint="ask for one or more")
    if max_steps is not None and max_steps < 1:
        raise CwmError(f"cannot record episodes of {max_steps} steps", hint="ask for one or more")
    if not path.name.endswith(_SUFFIXES):
        raise CwmError("recording writes .sqlite files", path=path, hint="other formats are exported from one")
    if path.exists() and path.stat().st_size > 0 and not append:
        raise CwmError("already exists", path=path, hint="--append adds to it")


def _open_store(path: Path) -> TrajectoryStore:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CwmError(f"cannot be written: {error.strerror or error}", path=path) from error
    try:
        return TrajectoryStore.create(path)
    except CwmError:
        return TrajectoryStore.open(path)


def _describe_policy(policy: str, starts: str, keep: float | None) -> str:
    details = [f"{starts} starts"] if starts != "reset" else []
    details += [f"return >= {keep:g}"] if keep is not None else []
    return f"{policy} ({', '.join(details)})" if details else policy


def _remembered(value: Any) -> Any:
    """A copy of what an environment may change in place at its next step."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, int | float | str | np.generic):
        return value
    return copy.deepcopy(value)


def _space_structure(space: Space[Any]) -> Structure | None:
    described, _ = space_to_json(space)
    return None if described is None else structure_of_space(described)


def _settle(declared: Structure | None, values: Sequence[Any]) -> Structure:
    """The structure of the space, in the dtypes that the environment really gives; for other spaces, that of values."""
    found = infer_structure(values)
    if declared is None:
        return found
    common = common_structure([declared, found])
    fits = sorted(path for path, _ in leaves(common)) == sorted(path for path, _ in leaves(declared))
    return common if fits and common != JSON_LEAF else declared
