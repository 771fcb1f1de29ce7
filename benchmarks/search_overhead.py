"""What a search itself takes: everything but the proposer and the checks, for each node of a tree of 1000.

The proposer answers at once and every candidate is worth what is written in it, so that the strategy, the requests, the
budget, the journal and the tree are left. Programs have 120 lines and findings with examples, as real ones have.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from cwm_engine.diagnosis.session import Settings
from cwm_engine.findings import Example, Finding, Severity, Span, Suspect
from cwm_engine.synthesis.budget import Limits
from cwm_engine.synthesis.evaluation import Evaluation
from cwm_engine.synthesis.interfaces import WRITING, Estimate, Proposal, Request, Usage
from cwm_engine.synthesis.journal import Journal
from cwm_engine.synthesis.problem import Options, Problem, run_header
from cwm_engine.synthesis.result import SearchEvent
from cwm_engine.synthesis.search import Search
from cwm_engine.synthesis.strategies import STRATEGIES
from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.dataset import Dataset

NODES = 1000
LINES = 120


class Author:
    """Changes a few lines of what it is given."""

    name = "author"
    actions = WRITING

    async def propose(self, request: Request) -> list[Proposal]:
        lot = random.Random(request.number)
        lines = (request.program or request.prefix or "").splitlines()[1:]
        lines += [f"variable_{number} = {number} * state + {number}" for number in range(len(lines), LINES)]
        for _ in range(3):
            lines[lot.randrange(LINES)] = f"variable = {lot.random()}"
        worth = "bug" if lot.random() < 0.2 else f"{lot.random() * 0.9:.3f}"
        program = "\n".join([f"# {worth}", *lines, ""])
        return [Proposal(program=program, reply=program, usage=Usage(3000, 1500), cost=0.01)]

    def estimate(self, _: Request) -> Estimate:
        return Estimate(Usage(4000, 2000), 0.02)


class Reader:
    """Believes what a program says it is worth."""

    def __init__(self) -> None:
        example = Example(0, 0, [0.1] * 8, 1, {"observation": [0.2] * 8}, {"observation": [0.3] * 8}, ("obs[2]",))
        finding = Finding(
            code="CWM201",
            severity=Severity.ERROR,
            message="The predicted next state is wrong.",
            span=Span(3, 1, 3, 20),
            suspects=tuple(Suspect(line, 1 / line) for line in range(1, 6)),
            examples=(example, example),
        )
        self._findings = tuple(replace(finding, count=count) for count in range(4))
        self._fields = {f"obs[{number}]": 0.5 for number in range(8)}

    async def searched(self, program: str) -> Evaluation:
        worth = program.split(maxsplit=2)[1]
        if worth == "bug":
            return Evaluation(buggy=True, reason="it raised an exception", findings=self._findings)
        return Evaluation(accuracy=float(worth), fields=self._fields, findings=self._findings)

    async def heldout(self, program: str) -> Evaluation:
        return await self.searched(program)

    def close(self) -> None:
        pass


def main() -> None:
    """Print the table."""
    table = Table(title=f"Overhead of a search of {NODES} nodes, without proposer and checks")
    for heading in ("strategy", "under way", "ms / node", "last 100", "resumed, ms / node", "journal, KiB / node"):
        table.add_column(heading, justify="left" if heading == "strategy" else "right")
    for strategy in STRATEGIES:
        if strategy == "ab-mcts" and find_spec("treequest") is None:
            continue
        for parallel in (1, 8):
            table.add_row(strategy, str(parallel), *_measure(strategy, parallel))
    Console(width=120).print(table)
    print("allowed: 5 ms / node")


def _measure(strategy: str, parallel: int) -> list[str]:
    problem = Problem(settings=Settings(file="model.py", path=Path("model.py")), dataset=_dataset())
    options = Options(strategy=strategy, parallel=parallel, limits=Limits(nodes=NODES, calls=NODES, cost=1e6))
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "run.sqlite"
        Journal.create(path, run_header(problem, options, "author")).close()
        ends = _run(problem, options, path)
        resumed = _run(problem, options, path)
        size = path.stat().st_size / 1024 / NODES
    each = [1000 * (ends[-1] - ends[0]) / NODES, 1000 * (ends[-1] - ends[-101]) / 100]
    return [*(f"{ms:.2f}" for ms in (*each, 1000 * (resumed[-1] - resumed[0]) / NODES)), f"{size:.1f}"]


def _run(problem: Problem, options: Options, path: Path) -> list[float]:
    """When the search began and when each node was there."""
    ends: list[float] = []
    with Journal.open(path) as journal:
        ends.append(time.perf_counter())

        def note(event: SearchEvent) -> None:
            if event.kind == "node":
                ends.append(time.perf_counter())

        asyncio.run(Search(problem, Author(), journal, options, checks=Reader(), on_event=note).run())
    return ends


def _dataset() -> Dataset:
    count = 200
    states = np.random.default_rng(0).random((count, 8))
    return Dataset(
        observations=Columns.from_values(list(states)),
        actions=Columns.from_values([0] * count),
        next_observations=Columns.from_values(list(states)),
        rewards=np.zeros(count),
        terminated=np.zeros(count, dtype=bool),
        truncated=np.zeros(count, dtype=bool),
        episode=np.repeat(np.arange(10, dtype=np.int32), 20),
        step=np.tile(np.arange(20, dtype=np.int32), 10),
    )


if __name__ == "__main__":
    main()
