"""How fast a check is: ratios to the bare loop of the model, and to an evaluator that copies and compares one by one.

Everything is measured in one process after the other in one run; ratios hold on other machines, seconds do not.
"""

from __future__ import annotations

import ast
import statistics
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.evaluator import evaluate
from benchmarks.rollouts import ENVIRONMENTS, recorded, source_of
from cwm_engine.checking.evidence import Program
from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.run import Progress, Runner
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.world_model.discovery import discover

SIZES = (1_000, 10_000, 100_000)
EVALUATED = 1_000
ROUNDS = 15

# One slip each, that shows in some transitions.
FAULTS = {
    "cartpole": ("temp - self.polemass_length", "temp + self.polemass_length"),
    "taxi": ("max(row - 1, 0)", "max(row - 1, 1)"),
    "acrobot": ("GRAVITY = 9.8", "GRAVITY = 9.81"),
}


def main() -> None:
    """Print the table."""
    table = Table(title="cwm check, warm and sandboxed, probes on, without localization")
    for heading in (
        "model",
        "transitions",
        "bare loop",
        "check",
        "ratio",
        "allowed",
        "first mismatch p50",
        "evaluator",
    ):
        table.add_column(heading, justify="left" if heading == "model" else "right")
    for name in ENVIRONMENTS:
        for size in SIZES:
            table.add_row(name, f"{size:,}", *_measure(name, size))
    Console(width=110).print(table)
    print("allowed: 3 x the bare loop + 5 ms; evaluator: how many times more transitions a second the check does")


def _measure(name: str, size: int) -> list[str]:
    dataset = recorded(name, size)
    dataset = dataset.rows(slice(0, size))
    source = source_of(name)
    wrong = source.replace(*FAULTS[name])
    if wrong == source:
        raise ValueError(f"the fault of {name} is not in its source any more")
    rounds = ROUNDS if size < SIZES[-1] else 5
    bare, checked, first = [], [], []
    construct, states, actions = _bare(source, dataset)
    with Runner(Prepared(dataset)) as runner:
        runner.run(_program(source))
        for _ in range(rounds):
            bare.append(_time(lambda: _loop(construct(), states, actions)))
            time.sleep(0.02)  # the next child is forked while nobody waits for it
            checked.append(_time(lambda: runner.run(_program(source))))
            time.sleep(0.02)
            first.append(_first_mismatch(runner, _program(wrong)))
    evaluated = min(_time(lambda: evaluate(construct, _transitions(dataset))) for _ in range(3))
    speed = size / statistics.median(checked)
    evaluator_speed = min(size, EVALUATED) / evaluated
    loop = statistics.median(bare)
    return [
        f"{loop * 1e3:.1f} ms",
        f"{statistics.median(checked) * 1e3:.1f} ms",
        f"{statistics.median(checked) / loop:.2f} x",
        f"{(3 * loop + 0.005) * 1e3:.1f} ms",
        f"{statistics.median(first) * 1e3:.1f} ms",
        f"{speed / evaluator_speed:.0f} x",
    ]


def _program(source: str) -> Program:
    found = discover(ast.parse(source), source.splitlines())
    return Program(source=source, spec=found.models[0])


def _bare(source: str, dataset: Dataset) -> tuple[Callable[[], Any], list[Any], list[Any]]:
    namespace: dict[str, Any] = {}
    exec(compile(source, "model", "exec"), namespace)
    count = len(dataset)
    return namespace["Environment"], dataset.observations.plain(0, count), dataset.actions.plain(0, count)


def _loop(model: Any, states: list[Any], actions: list[Any]) -> None:
    for state, action in zip(states, actions, strict=True):
        model.set_state(state)
        model.step(action)


def _transitions(dataset: Dataset) -> list[tuple[Any, Any, Any, float, bool]]:
    return [
        (
            dataset.observations.row(row),
            dataset.actions.row(row),
            dataset.next_observations.row(row),
            float(dataset.rewards[row]),
            bool(dataset.terminated[row]),
        )
        for row in range(min(len(dataset), EVALUATED))
    ]


def _first_mismatch(runner: Runner, program: Program) -> float:
    started = time.perf_counter()
    seen: list[float] = []

    def notice(progress: Progress) -> None:
        if progress.failing and not seen:
            seen.append(time.perf_counter() - started)

    runner.run(program, on_progress=notice)
    return seen[0] if seen else float("inf")


def _time(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
