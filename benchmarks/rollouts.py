"""Recorded rollouts of CartPole, Taxi and Acrobot for the benchmarks, and states the recording never saw."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.dataset import Dataset, Provenance

ENVIRONMENTS = {"cartpole": "CartPole-v1", "taxi": "Taxi-v4", "acrobot": "Acrobot-v1"}
TRANSITIONS = {"cartpole": 400, "taxi": 1600, "acrobot": 4500}
MODELS = Path(__file__).parent / "models"

Policy = Callable[[int, int, Any, Any], Any]
"""Chooses an action, given the episode, the step, the observation and the action before."""


def source_of(name: str) -> str:
    """The right world model of an environment."""
    return (MODELS / f"{name}.py").read_text()


@cache
def recorded(name: str, count: int | None = None, seed: int = 0) -> Dataset:
    """At least `count` transitions, whole episodes, half of them random and half with sticky actions."""

    def policy(env: gymnasium.Env[Any, Any], rng: np.random.Generator) -> Policy:
        def act(episode: int, step: int, _: Any, action: Any) -> int:
            sticky = episode % 2 == 1 and step > 0
            return action if sticky and rng.random() >= 0.5 else int(rng.integers(env.action_space.n))

        return act

    return rollouts(ENVIRONMENTS[name], policy, TRANSITIONS[name] if count is None else count, seed)


def rollouts(
    environment: str,
    policy: Callable[[gymnasium.Env[Any, Any], np.random.Generator], Policy],
    count: int,
    seed: int,
    *,
    episodes: int = 0,
    longest: int | None = None,
) -> Dataset:
    """At least so many transitions, whole episodes.

    Args:
        environment: Its Gymnasium id.
        policy: Makes what chooses the actions, from the environment and a source of chance.
        count: How many transitions at least.
        seed: Of the environment and of chance.
        episodes: How many episodes at least.
        longest: After how many steps an episode is cut off; as the environment says if None.
    """
    env = gymnasium.make(environment)
    env.action_space.seed(seed)
    act = policy(env, np.random.default_rng(seed))
    rows: list[tuple[Any, ...]] = []
    episode = 0
    while len(rows) < count or episode < episodes:
        observation, _ = env.reset(seed=seed * 100_003 + episode)
        action, step, over = None, 0, False
        while not over:
            action = act(episode, step, observation, action)
            following, reward, terminated, truncated, _ = env.step(action)
            over = terminated or truncated or step + 1 == longest
            rows.append(
                (observation, action, following, float(reward), terminated, over and not terminated, episode, step)
            )
            observation, step = following, step + 1
        episode += 1
    env.close()
    states, actions, following_states, rewards, ended, cut, numbers, steps = zip(*rows, strict=True)
    return Dataset(
        observations=Columns.from_values(states),
        actions=Columns.from_values(actions),
        next_observations=Columns.from_values(following_states),
        rewards=np.array(rewards),
        terminated=np.array(ended),
        truncated=np.array(cut),
        episode=np.array(numbers, dtype=np.int32),
        step=np.array(steps, dtype=np.int32),
        provenance=Provenance(environment=environment, seed=seed),
    )


@cache
def unseen(name: str, count: int = 2000, seed: int = 1) -> tuple[Columns, Columns]:
    """States and actions far wider than the recording; for Taxi all of them."""
    rng = np.random.default_rng(seed)
    if name == "taxi":
        return Columns.from_values(np.repeat(np.arange(500), 6).tolist()), Columns.from_values(list(range(6)) * 500)
    if name == "cartpole":
        states = rng.uniform([-3, -3, -0.3, -3], [3, 3, 0.3, 3], size=(count, 4))
    else:
        angles = rng.uniform(-np.pi, np.pi, size=(count, 2))
        speeds = rng.uniform([-8, -20], [8, 20], size=(count, 2))
        first, second = angles.T
        states = np.column_stack([np.cos(first), np.sin(first), np.cos(second), np.sin(second), speeds])
    actions = rng.integers(2 if name == "cartpole" else 3, size=count)
    return Columns.from_values(list(states.astype(np.float32))), Columns.from_values(actions.tolist())
