"""Peak memory and time of `cwm check` on up to a million transitions: linear time, at most twice the data and 200 MB.

The figure is the proportional set size of the command and all its sandboxed processes together, sampled while it runs.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.rollouts import MODELS, recorded

SIZES = (100_000, 500_000, 1_000_000)
_MB = 1 << 20


def main() -> None:
    """Print the table."""
    table = Table(title="cwm check on large data")
    for heading in ("model", "transitions", "columns", "allowed", "peak memory", "seconds", "us per transition"):
        table.add_column(heading, justify="left" if heading == "model" else "right")
    with tempfile.TemporaryDirectory() as folder:
        for name in ("cartpole", "acrobot"):
            for size in SIZES:
                data, columns = _write(name, size, Path(folder))
                peak, seconds = _check(MODELS / f"{name}.py", data)
                table.add_row(
                    name,
                    f"{size:,}",
                    f"{columns / _MB:.0f} MB",
                    f"{2 * columns / _MB + 200:.0f} MB",
                    f"{peak / _MB:.0f} MB",
                    f"{seconds:.1f}",
                    f"{seconds / size * 1e6:.2f}",
                )
    Console(width=110).print(table)


def _write(name: str, size: int, folder: Path) -> tuple[Path, int]:
    """A recording of a hundred thousand transitions, repeated as further episodes; and the bytes of its columns."""
    dataset = recorded(name, 100_000)
    times = -(-size // len(dataset))
    rows = np.tile(np.arange(len(dataset)), times)[:size]
    episode = np.repeat(np.arange(times), len(dataset))[:size] * dataset.episode_count + dataset.episode[rows]
    arrays = {
        "obs": dataset.observations.arrays[0][rows],
        "next_obs": dataset.next_observations.arrays[0][rows],
        "action": dataset.actions.arrays[0][rows],
        "reward": dataset.rewards[rows].astype(np.float32),
        "terminated": dataset.terminated[rows],
        "truncated": dataset.truncated[rows],
        "episode": episode.astype(np.int32),
    }
    path = folder / f"{name}.npz"
    np.savez(path, **arrays)
    return path, sum(array.nbytes for array in arrays.values())


def _check(model: Path, data: Path) -> tuple[int, float]:
    command = [sys.executable, "-m", "cwm_engine.cli.main", "check", str(model), "-t", str(data), "--timeout", "600"]
    started, peak = time.perf_counter(), 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        while process.poll() is None:
            peak = max(peak, sum(_proportional(one) for one in _family(process.pid)))
            time.sleep(0.01)
        output = process.communicate()[0]
    if process.returncode != 0:
        raise RuntimeError(f"the check of a right model failed:\n{output}")
    return peak, time.perf_counter() - started


def _family(root: int) -> list[int]:
    """A process and all that descend from it."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has just ended
    family = [root]
    for one in family:
        family.extend(child for child, parent in parents.items() if parent == one)
    return family


def _proportional(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:")), 0)


if __name__ == "__main__":
    main()
