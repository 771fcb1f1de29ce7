"""What coverage by trajectory costs: `cwm check --coverage` against the same command without its probes.

Beside it what a warm session needs for the check, for finding out what each episode runs, and for writing the file; and
what coverage.py's own tracer needs, with a context for each episode, as a multiple of the model's bare loop.
"""

from __future__ import annotations

import importlib.util
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.rollouts import ENVIRONMENTS, MODELS, recorded, source_of
from cwm_engine.diagnosis.coverage import write_coverage
from cwm_engine.diagnosis.session import Session, Settings
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.trajectories.load import save_dataset

SIZES = (1_000, 10_000)
ROUNDS = 5
TRACED = 2_000

# The command with the probes left out, in the sandbox too: the worker imports this package's parent by itself.
_UNPROBED = """
import sys
from cwm_engine.checking import run
from cwm_engine.cli.main import main
from cwm_engine.sandbox.handles import Child
send = Child.send
def unprobed(self, request, blob=b""):
    if request["job"] == "cwm_engine.sandbox.predict:predict":
        request = {**request, "job": "benchmarks.unprobed:predict"}
    send(self, request, blob)
Child.send = unprobed
init = run.Runner.__init__
def with_job(self, prepared, limits=run.Limits(), jobs=()):
    init(self, prepared, limits, (*jobs, "benchmarks.unprobed"))
run.Runner.__init__ = with_job
sys.argv = ["cwm", *sys.argv[1:]]
main()
"""


def main() -> None:
    """Print the table."""
    table = Table(title="coverage by trajectory")
    for heading in (
        "model", "transitions", "episodes", "command, no probes", "--coverage", "ratio",
        "session: check", "trace", "write", "coverage.py / loop",
    ):  # fmt: skip
        table.add_column(heading, justify="left" if heading == "model" else "right")
    for name in ENVIRONMENTS:
        for size in SIZES:
            dataset = recorded(name, size).rows(slice(0, size))
            table.add_row(name, f"{size:,}", f"{len(dataset.episode_starts):,}", *_measure(name, dataset))
    Console(width=130).print(table)
    print("allowed: ratio 2")


def _measure(name: str, dataset: Dataset) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        data, target = Path(folder, "data.sqlite"), Path(folder, "coverage")
        save_dataset(dataset, data)
        arguments = ["check", str(MODELS / f"{name}.py"), "-t", str(data)]
        covering = [*arguments, "--coverage", "--coverage-file", str(target)]
        commands = ([sys.executable, "-c", _UNPROBED, *arguments], [sys.executable, "-m", "cwm_engine", *covering])
        seconds: tuple[list[float], ...] = ([], [])
        for _ in range(ROUNDS):  # in turn, so that both see the same machine
            for command, found in zip(commands, seconds, strict=True):
                found.append(_seconds(lambda command=command: subprocess.run(command, capture_output=True, check=True)))
        plain, covered = (statistics.median(found) for found in seconds)
        return [f"{plain:.2f} s", f"{covered:.2f} s", f"{covered / plain:.2f}", *_warm(name, dataset, target),
                f"{_traced(name, dataset, target):.0f} x"]  # fmt: skip


def _warm(name: str, dataset: Dataset, target: Path) -> list[str]:
    settings = Settings(file=name, path=MODELS / f"{name}.py")
    steps: tuple[list[float], ...] = ([], [], [])
    with Session(settings, dataset) as session:
        for _ in range(ROUNDS):
            session.forget()
            steps[0].append(_seconds(lambda: session.check(source_of(name))))
            steps[1].append(_seconds(session.coverage))
            covered = session.coverage()
            steps[2].append(_seconds(lambda covered=covered: write_coverage(covered, target)))
    return [f"{1000 * statistics.median(found):.0f} ms" for found in steps]


def _traced(name: str, dataset: Dataset, target: Path) -> float:
    """How many times longer a loop over the transitions takes under coverage.py, a context for each episode."""
    from coverage import Coverage

    dataset = dataset.rows(slice(0, TRACED))
    path = str(MODELS / f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    environment = module.Environment()
    rows = list(zip(dataset.episode.tolist(), dataset.observations.plain(0, len(dataset)),
                    dataset.actions.plain(0, len(dataset)), strict=True))  # fmt: skip

    def loop(switch: Callable[[str], Any]) -> None:
        before = None
        for episode, state, action in rows:
            if episode != before:
                switch(f"episode {episode}")
                before = episode
            environment.set_state(state)
            environment.step(action)

    bare = min(_seconds(lambda: loop(lambda _: None)) for _ in range(ROUNDS))
    measured = Coverage(data_file=str(target), branch=True, config_file=False, include=[path])
    measured.start()
    try:
        return _seconds(lambda: loop(measured.switch_context)) / bare
    finally:
        measured.stop()
        measured.save()


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
