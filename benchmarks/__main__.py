"""All benchmark tables, one after the other; or those named on the command line."""

from __future__ import annotations

import importlib
import sys

TABLES = (
    "throughput",
    "memory",
    "localization",
    "fitting",
    "hand_faults",
    "cwmb",
    "attacks",
    "trajectories",
    "search_overhead",
    "latency",
)


def main() -> None:
    """Print the tables."""
    for name in sys.argv[1:] or TABLES:
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
