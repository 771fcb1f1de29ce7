"""Compares search strategies: the same tasks, proposer, budget and seeds for each, and what can be said afterwards."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cwm_engine.benchmarks.play import Game, MakeProposer, Played, Table
from cwm_engine.benchmarks.statistics import Estimate, mean, share
from cwm_engine.benchmarks.tasks import load_task, task_names
from cwm_engine.errors import CwmError
from cwm_engine.synthesis.strategies import STRATEGIES

SCHEMA_VERSION = 1
BASELINE = "best-of-n"
"""What the other strategies are compared with, seed by seed, where it is among them."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is played.

    Attributes:
        strategies: Names of strategies (see `strategies.STRATEGIES`).
        tasks: Names of tasks (see `tasks.task_names`).
        seeds: How often each is played.
        max_calls: How many programs a search may ask for.
        workers: How many programs are checked at once.
    """

    strategies: tuple[str, ...]
    tasks: tuple[str, ...]
    seeds: int = 30
    max_calls: int = 25
    workers: int = 2

    def __post_init__(self) -> None:
        for name, known, chosen in (
            ("strategy", tuple(STRATEGIES), self.strategies),
            ("task", task_names(), self.tasks),
        ):
            unknown = [word for word in chosen if word not in known]
            if unknown:
                raise CwmError(f"there is no {name} {unknown[0]!r}", hint=f"choose from {', '.join(known)}")
            if not chosen:
                raise CwmError(f"no {name} is chosen", hint=f"choose from {', '.join(known)}")

    @property
    def games(self) -> int:
        """How many searches that are."""
        return len(self.strategies) * len(self.tasks) * self.seeds


def default_strategies() -> tuple[str, ...]:
    """All strategies whose packages are installed."""
    return tuple(name for name in STRATEGIES if name != "ab-mcts" or find_spec("treequest") is not None)


@dataclass(frozen=True, kw_only=True)
class Row:
    """What a strategy did, on one task or on all.

    Attributes:
        strategy: Its name.
        task: The task; None for all of them.
        searches: How many searches.
        solved: The share of them that ended verified.
        heldout: Mean accuracy of the best program on held-out transitions, 0..1.
        calls: Mean calls until it was solved; a search that was not counts with all it was allowed.
        saved: How many calls fewer than the baseline takes, with the same tasks and seeds; None for the baseline
            itself, and where it was not played.
    """

    strategy: str
    task: str | None
    searches: int
    solved: Estimate
    heldout: Estimate
    calls: Estimate
    saved: Estimate | None

    def to_json(self) -> dict[str, Any]:
        """The row as JSON values."""
        return {
            "strategy": self.strategy,
            "task": self.task,
            "searches": self.searches,
            "solved": self.solved.to_json(),
            "heldout": self.heldout.to_json(),
            "calls": self.calls.to_json(),
            "saved": self.saved.to_json() if self.saved else None,
        }


@dataclass(frozen=True)
class Comparison:
    """Everything that was played."""

    plan: Plan
    played: tuple[Played, ...]

    def rows(self, task: str | None = None) -> list[Row]:
        """One row for each strategy, on one task or on all of them together."""
        return [self._row(strategy, task) for strategy in self.plan.strategies]

    def to_json(self) -> dict[str, Any]:
        """The comparison as JSON values, every search included."""
        plan = self.plan
        return {
            "schema": SCHEMA_VERSION,
            "tasks": list(plan.tasks),
            "strategies": list(plan.strategies),
            "seeds": plan.seeds,
            "max_calls": plan.max_calls,
            "baseline": BASELINE if BASELINE in plan.strategies else None,
            "rows": [row.to_json() for task in (None, *plan.tasks) for row in self.rows(task)],
            "searches": [played.to_json() for played in self.played],
        }

    def _row(self, strategy: str, task: str | None) -> Row:
        tasks = self.plan.tasks if task is None else (task,)
        outcomes = [self._of(strategy, name) for name in tasks]
        everything = [played for outcome in outcomes for played in outcome]
        saved = None
        if BASELINE in self.plan.strategies and strategy != BASELINE:
            baseline = [self._of(BASELINE, name) for name in tasks]
            saved = mean([_differences(b, a, lambda p: p.calls) for b, a in zip(baseline, outcomes, strict=True)])
        return Row(
            strategy=strategy,
            task=task,
            searches=len(everything),
            solved=share(sum(played.solved for played in everything), len(everything)),
            heldout=mean([[played.heldout for played in outcome] for outcome in outcomes]),
            calls=mean([[played.calls for played in outcome] for outcome in outcomes]),
            saved=saved,
        )

    def _of(self, strategy: str, task: str) -> list[Played]:
        """The searches of a strategy on a task, by seed."""
        chosen = [p for p in self.played if p.game.strategy == strategy and p.game.task == task]
        return sorted(chosen, key=lambda played: played.game.seed)


def compare(
    plan: Plan,
    make_proposer: MakeProposer,
    *,
    journals: Path | None = None,
    on_played: Callable[[Played, int], None] | None = None,
) -> Comparison:
    """Play everything, task after task.

    Args:
        plan: What to play.
        make_proposer: Makes who writes the programs of a search.
        journals: The folder in which the journals are kept, and gone on with; nothing is kept without.
        on_played: Told of each search, and how many of its task are done.

    Raises:
        CwmError: A task cannot be recorded, or a proposer gave up.
    """
    with ExitStack() as stack:
        folder = journals or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        played = [one for name in plan.tasks for one in _play_task(plan, name, make_proposer, folder, on_played)]
    return Comparison(plan, tuple(played))


def _play_task(
    plan: Plan,
    name: str,
    make_proposer: MakeProposer,
    folder: Path,
    on_played: Callable[[Played, int], None] | None,
) -> list[Played]:
    done = 0

    def tell(played: Played) -> None:
        nonlocal done
        done += 1
        if on_played is not None:
            on_played(played, done)

    games = [Game(name, strategy, seed) for seed in range(plan.seeds) for strategy in plan.strategies]
    table = Table(load_task(name), make_proposer, folder, max_calls=plan.max_calls, workers=plan.workers)
    try:
        return asyncio.run(table.play_all(games, tell))
    finally:
        table.close()


def _differences(first: Sequence[Played], second: Sequence[Played], value: Callable[[Played], float]) -> list[float]:
    return [value(a) - value(b) for a, b in zip(first, second, strict=True)]
