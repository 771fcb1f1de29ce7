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


def main(arguments: list[str]) -> None:
    """Print the tables."""
    has_options = any(argument.startswith("-") for argument in arguments[1:2])
    names = arguments[:1] if has_options else arguments
    if unknown := [name for name in names if name not in TABLES]:
        sys.exit(
            f"{unknown[0]}: no such table (python -m benchmarks [TABLE ...] or TABLE OPTIONS; {', '.join(TABLES)})"
        )
    if has_options:
        importlib.import_module(f"benchmarks.{names[0]}").main(arguments[1:])
        return
    for name in names or TABLES:
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main(sys.argv[1:])
