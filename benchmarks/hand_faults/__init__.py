"""Models that people got wrong, and how many of them the local proposer repairs."""

from benchmarks.hand_faults.run import main

__all__ = ["main"]
