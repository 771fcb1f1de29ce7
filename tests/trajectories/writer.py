"""A process that appends episodes to a store for as long as it lives, and says which are safe."""

import sys

from cwm_engine.trajectories.episodes import split_episodes
from cwm_engine.trajectories.formats.store import TrajectoryStore
from tests.trajectories.datasets import cart


def main(path: str, count: str, seed: str) -> None:
    """Append `count` episodes of 50 steps; a line on standard output for each."""
    episodes = list(split_episodes(cart(episodes=20, steps=50, seed=int(seed))))
    with TrajectoryStore.open(path) as store:
        for number in range(int(count)):
            store.append(episodes[number % len(episodes)])
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
