"""All benchmark tables, one after the other; or those named on the command line, one of them with its options."""

from __future__ import annotations

import importlib
import sys

TABLES = (
    "throughput",
    "memory",
    "coverage",
    "localization",
    "fitting",
    "repair",
    "hand_faults",
    "cwmb",
    "attacks",
    "trajectories",
    "search_overhead",
    "latency",
    "properties",
    "adequacy",
)


def main() -> None:
    """Print the tables."""
    names = [name for name in sys.argv[1:] if not name.startswith("-")]
    if names and sys.argv[2:] and sys.argv[2].startswith("-"):
        importlib.import_module(f"benchmarks.{names[0]}").main(sys.argv[2:])
        return
    for name in names or TABLES:
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
