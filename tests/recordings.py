"""Short recordings of Gymnasium's environments, and models that are right about them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.dataset import Dataset, Provenance

ROOT = Path(__file__).resolve().parents[1]
RIGHT = {
    "CartPole-v1": ROOT / "examples/cartpole/cartpole.py",
    "Taxi-v4": ROOT / "examples/taxi/taxi.py",
    "Acrobot-v1": ROOT / "benchmarks/models/acrobot.py",
    "Pendulum-v1": ROOT / "tests/models/pendulum.py",
    "CliffWalking-v1": ROOT / "tests/models/cliff_walking.py",
    "FrozenLake-v1": ROOT / "tests/models/frozen_lake.py",
}
"""Files that hold a right model, by environment."""

_KWARGS = {"FrozenLake-v1": {"is_slippery": False}}


def right_model(environment: str) -> str:
    """The text of a right model."""
    return RIGHT[environment].read_text()


@cache
def recorded(environment: str, count: int = 300, seed: int = 0) -> Dataset:
    """The first transitions of random play, whole episodes but for the last."""
    import gymnasium

    env = gymnasium.make(environment, **_KWARGS.get(environment, {}))
    env.action_space.seed(seed)
    rows = []
    for episode in range(count):
        state, _ = env.reset(seed=seed * 10_000 + episode)
        for step in range(count - len(rows)):
            action = env.action_space.sample()
            following, reward, terminated, truncated, _ = env.step(action)
            rows.append((state, action, following, float(reward), terminated, truncated, episode, step))
            state = following
            if terminated or truncated:
                break
        if len(rows) == count:
            break
    env.close()
    return _dataset(rows, environment)


def made(rows, *, lengths=None, environment: str | None = None) -> Dataset:
    """A dataset of given transitions: (state, action, next state, reward, terminated); one episode unless told."""
    lengths = lengths or [len(rows)]
    places = [(episode, step) for episode, length in enumerate(lengths) for step in range(length)]
    full = [(*row[:5], False, *place) for row, place in zip(rows, places, strict=True)]
    return _dataset(full, environment)


def _dataset(rows, environment: str | None) -> Dataset:
    states, actions, following, rewards, terminated, truncated, episodes, steps = zip(*rows, strict=True)
    return Dataset(
        observations=Columns.from_values(states),
        actions=Columns.from_values(actions),
        next_observations=Columns.from_values(following),
        rewards=np.array(rewards, dtype=np.float64),
        terminated=np.array(terminated, dtype=np.bool_),
        truncated=np.array(truncated, dtype=np.bool_),
        episode=np.array(episodes, dtype=np.int32),
        step=np.array(steps, dtype=np.int32),
        provenance=Provenance(environment=environment),
    )
