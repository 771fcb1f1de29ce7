"""A process that records, for tests that interrupt it."""

import sys

from cwm_engine.trajectories.record import Progress, record


def main(path: str, episodes: str, seed: str) -> None:
    """Record CartPole; a line on standard output for each episode that is safe."""

    def report(progress: Progress) -> None:
        sys.stdout.write(f"{progress.kept}\n")
        sys.stdout.flush()

    record("CartPole-v1", episodes=int(episodes), path=path, seed=int(seed), append=True, on_episode=report)


if __name__ == "__main__":
    main(*sys.argv[1:])
