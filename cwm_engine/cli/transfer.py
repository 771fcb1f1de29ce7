"""`cwm import` and `cwm export`: trajectories from one format into another."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

from rich.console import Console

from cwm_engine.trajectories.load import load_dataset, save_dataset


def run_transfer(sources: Sequence[str], target: str, *, skip_bad: bool, overwrite: bool) -> int:
    """Read `sources`, write them to `target`, and say what was written.

    Raises:
        CwmError: Something cannot be read or written.
    """
    errors = Console(stderr=True, highlight=False)
    with errors.status(f"Writing {target}") if errors.is_terminal else nullcontext():
        dataset = load_dataset(sources, skip_bad=skip_bad)
        save_dataset(dataset, target, overwrite=overwrite)
    for bad in dataset.skipped:
        errors.print(f"left out: {bad.path}: {bad.record}: {bad.reason}", style="yellow", markup=False)
    counted = f"{dataset.episode_count:,} episodes, {len(dataset):,} transitions"
    Console(highlight=False).print(f"{target}: {counted}", markup=False, soft_wrap=True)
    return 0
