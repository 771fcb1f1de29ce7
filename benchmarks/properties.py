"""Generated property tests on right models: how many are false, and how long they take to make and to run.

Each environment is recorded (1,000 transitions, random and sticky actions). `cwm properties` writes a file of tests for
a right model, once with the real environment to ask and once from the recording alone. Counted are tests that fail on
the right model under plain pytest, and mined rules that the real environment breaks in 10,000 random transitions that
nothing has seen: half from episodes as they are, half from starts all over the state space.

    python -m benchmarks properties
    python -m benchmarks.properties taxi pendulum --seed 5
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.rollouts import MODELS
from cwm_engine.properties.invariants import try_on
from cwm_engine.properties.real import alike, fresh_transitions, puppet
from cwm_engine.properties.suite import collect
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.trajectories.load import load_dataset, save_dataset
from cwm_engine.trajectories.record import record

ENVIRONMENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "cartpole": ("CartPole-v1", {}),
    "mountain_car": ("MountainCar-v0", {}),
    "acrobot": ("Acrobot-v1", {}),
    "taxi": ("Taxi-v4", {}),
    "cliff_walking": ("CliffWalking-v1", {}),
    "frozen_lake": ("FrozenLake-v1", {"is_slippery": False}),
    "pendulum": ("Pendulum-v1", {}),
}
TRANSITIONS = 1_000
UNSEEN = 10_000


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=list(ENVIRONMENTS))
    parser.add_argument("--seed", type=int, default=0, help="of the recording")
    options = parser.parse_args([] if arguments is None else arguments)
    print(f"Generated from {TRANSITIONS:,} transitions, on right models; false: in {UNSEEN:,} real transitions")
    print("(Must show: 0 failing, 0 false; made in <= 10 s, run in <= 20 s)\n")
    headings = ("asked", "rules", "dropped", "tests", "failing", "false", "made", "(CPU)", "run", "(CPU)")
    print(f"{'':14}" + "".join(f" {heading:>7}" for heading in headings))
    for name in options.names:
        for asked in (True, False):
            _row(name, options.seed, asked)


def _row(name: str, seed: int, asked: bool) -> None:
    environment, kwargs = ENVIRONMENTS[name]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        dataset = _project(folder, name, environment, kwargs, seed)
        started = _seconds()
        written = _cwm(folder, name, *(() if asked else ("--no-env",)))
        made = _seconds(started)
        started = _seconds()
        passed, failed = _pytest(folder / written["file"])
        ran = _seconds(started)
        false = _false(dataset, environment if asked else None, environment, kwargs, seed)
    print(
        f"{name:14} {'yes' if asked else 'no':>7} {len(written['properties']):>7} {len(written['dropped']):>7} "
        f"{passed + len(failed):>7} {len(failed):>7} {len(false):>7} "
        + " ".join(f"{seconds:>6.1f}s" for seconds in (*made, *ran)),
        flush=True,
    )
    for line in (*failed, *false):
        print(f"    {line}")


def _seconds(since: tuple[float, float] = (0.0, 0.0)) -> tuple[float, float]:
    """The clock, and what child processes have computed so far; other work on the machine changes only the first."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - since[0], used.ru_utime + used.ru_stime - since[1]


def _project(folder: Path, name: str, environment: str, kwargs: dict[str, Any], seed: int) -> Dataset:
    """A model with its data and configuration, as a user has them."""
    (folder / f"{name}.py").write_text((MODELS / f"{name}.py").read_text())
    (folder / "cwm.toml").write_text(f'[[models]]\nfile = "{name}.py"\nenv = "{environment}"\n')
    path = folder / "all.sqlite"
    record(environment, episodes=60, path=path, policy="mixture", seed=seed, max_steps=50, env_kwargs=kwargs)
    while len(load_dataset([str(path)])) < TRANSITIONS:
        record(environment, episodes=60, path=path, policy="mixture", seed=seed, max_steps=50, env_kwargs=kwargs,
               append=True)  # fmt: skip
    dataset = load_dataset([str(path)]).rows(slice(0, TRANSITIONS))
    (folder / "trajectories").mkdir()
    save_dataset(dataset, folder / "trajectories" / f"{name}.jsonl")
    return dataset


def _cwm(folder: Path, name: str, *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "cwm_engine", "properties", f"{name}.py", "--output-format", "json", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def _pytest(file: Path) -> tuple[int, list[str]]:
    """How many tests passed, and which failed; from another directory, with nothing of this project."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    with tempfile.TemporaryDirectory() as elsewhere:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", elsewhere, str(file)]
        done = subprocess.run(
            [*command, "-rA"], cwd=elsewhere, env=environment, capture_output=True, text=True, check=False
        )
    lines = done.stdout.splitlines()
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    return sum(line.startswith("PASSED") for line in lines), failed


def _false(dataset: Dataset, asked: str | None, environment: str, kwargs: dict[str, Any], seed: int) -> list[str]:
    """Rules that the real environment breaks."""
    suite = collect(dataset, asked, kwargs, seed=0)
    unseen = alike(fresh_transitions(environment, kwargs, count=UNSEEN, seed=seed + 977), dataset)
    ask = puppet(environment, kwargs, unseen)
    alone = [one for one in suite.invariants if one.other is None]
    pairs = [one for one in suite.invariants if one.other is not None]
    counts = [*try_on(alone, unseen), *try_on(pairs, ask.again(unseen) if ask else unseen, ask)]
    return [
        f"false: {one.statement} ({len(count.violations)} of {count.applied:,})"
        for one, count in zip([*alone, *pairs], counts, strict=True)
        if count.violations
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
