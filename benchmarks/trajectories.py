"""Recording against the bare environment loop, and loading of each format with and without the cache."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from cwm_engine.trajectories.columns import Columns, Kind, Leaf
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.trajectories.formats.cache import OFF_VARIABLE
from cwm_engine.trajectories.load import load_dataset, save_dataset
from cwm_engine.trajectories.record import record

ENVIRONMENTS = {
    "CartPole-v1": 1000,
    "Taxi-v4": 100,
    "CliffWalking-v1": 20,
    "Blackjack-v1": 2000,
    "Pendulum-v1": 100,
    "Acrobot-v1": 40,
}
SIZES = (10_000, 100_000, 1_000_000)
_EPISODE = 200


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        console = Console()
        console.print(_recording(Path(folder)))
        console.print(_loading(Path(folder)))


def _recording(folder: Path) -> Table:
    table = Table(title="cwm record, random policy")
    for heading in ("environment", "steps an episode", "bare loop, steps/s", "recorded, steps/s", "ratio"):
        table.add_column(heading, justify="left" if heading == "environment" else "right")
    for env_id, episodes in ENVIRONMENTS.items():
        path = folder / f"{env_id}.sqlite"
        steps, bare = _bare_loop(env_id, episodes)
        result, recorded = _timed(lambda: record(env_id, episodes=episodes, path=path))  # noqa: B023 - called at once
        rates = steps / bare, result.transitions / recorded
        table.add_row(
            env_id, f"{steps / episodes:.1f}", f"{rates[0]:,.0f}", f"{rates[1]:,.0f}", f"{rates[1] / rates[0]:.2f}"
        )
    return table


def _bare_loop(env_id: str, episodes: int) -> tuple[int, float]:
    import gymnasium

    env = gymnasium.make(env_id, disable_env_checker=True)
    env.action_space.seed(0)
    steps, started = 0, time.perf_counter()
    for seed in range(episodes):
        env.reset(seed=seed)
        for _ in range(1000):
            _, _, terminated, truncated, _ = env.step(env.action_space.sample())
            steps += 1
            if terminated or truncated:
                break
    return steps, time.perf_counter() - started


def _loading(folder: Path) -> Table:
    table = Table(title="loading 17 float32 observed and 6 float64 done, episodes of 200")
    for heading in ("transitions", "format", "size", "write, s", "read, s", "from the cache, s"):
        table.add_column(heading, justify="left" if heading == "format" else "right")
    for size in SIZES:
        dataset = _synthetic(size)
        for suffix in (".sqlite", ".npz", ".parquet", ".jsonl"):
            path = folder / f"data{suffix}"
            _, written = _timed(lambda: save_dataset(dataset, path))  # noqa: B023 - called at once
            os.environ[OFF_VARIABLE] = "1"
            _, plain = _timed(lambda: load_dataset(path))  # noqa: B023
            del os.environ[OFF_VARIABLE]
            load_dataset(path)
            _, cached = _timed(lambda: load_dataset(path))  # noqa: B023
            megabytes = f"{path.stat().st_size / 1e6:.0f} MB"
            table.add_row(f"{size:,}", suffix, megabytes, f"{written:.3f}", f"{plain:.3f}", f"{cached:.4f}")
            path.unlink()
    return table


def _synthetic(size: int) -> Dataset:
    rng = np.random.default_rng(0)
    episodes = size // _EPISODE
    chain = rng.normal(size=(episodes, _EPISODE + 1, 17)).astype(np.float32)
    leaf = Leaf(Kind.FLOAT, "float32", (17,))
    terminated = np.zeros(size, dtype=np.bool_)
    terminated[_EPISODE - 1 :: _EPISODE] = True
    return Dataset(
        observations=Columns(leaf, (chain[:, :-1].reshape(size, 17),)),
        actions=Columns(Leaf(Kind.FLOAT, "float64", (6,)), (rng.normal(size=(size, 6)),)),
        next_observations=Columns(leaf, (chain[:, 1:].reshape(size, 17),)),
        rewards=rng.normal(size=size),
        terminated=terminated,
        truncated=np.zeros(size, dtype=np.bool_),
        episode=np.repeat(np.arange(episodes, dtype=np.int32), _EPISODE),
        step=np.tile(np.arange(_EPISODE, dtype=np.int32), episodes),
    )


def _timed(action: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    result = action()
    return result, time.perf_counter() - started


if __name__ == "__main__":
    main()
