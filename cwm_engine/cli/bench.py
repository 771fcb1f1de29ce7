"""`cwm bench search`: search strategies on the same tasks, with the same proposer and budget, as tables or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from cwm_engine.benchmarks.play import Game, MakeProposer, Played
from cwm_engine.benchmarks.search import BASELINE, Comparison, Plan, Row, compare, default_strategies
from cwm_engine.benchmarks.simulated import Rates, SimulatedLLM
from cwm_engine.benchmarks.statistics import Estimate
from cwm_engine.benchmarks.tasks import Task, load_task, task_names
from cwm_engine.checking.run import Progress
from cwm_engine.cli.bench_command import BenchFormat, BenchProposer
from cwm_engine.cli.progress import Bars
from cwm_engine.errors import CwmError
from cwm_engine.synthesis.interfaces import Request, SearchAction
from cwm_engine.synthesis.proposers.replay import Replay

_PIPE_WIDTH = 10_000
_STOPPED = 130


@dataclass(frozen=True, kw_only=True)
class BenchOptions:
    """What the command line asked for; empty or None where defaults decide."""

    strategies: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    seeds: int = 30
    max_calls: int = 25
    proposer: BenchProposer = BenchProposer.SIMULATED
    rates: tuple[str, ...] = ()
    journals: Path | None = None
    workers: int | None = None
    yes: bool = False
    output_format: BenchFormat = BenchFormat.TEXT


def run_bench_search(options: BenchOptions) -> int:
    """Play the searches and print what came of them; 130 after Ctrl-C.

    Raises:
        CwmError: A strategy or task does not exist, a task cannot be recorded, or the proposer gave up.
    """
    import os

    plan = Plan(
        strategies=options.strategies or default_strategies(),
        tasks=options.tasks or task_names(),
        seeds=options.seeds,
        max_calls=options.max_calls,
        workers=options.workers or min(os.cpu_count() or 1, 8),
    )
    make_proposer, journals, asked = _proposer(options, plan)
    totals = len(plan.strategies) * plan.seeds
    try:
        with Bars() as bars:

            def show(played: Played, done: int) -> None:
                bars.show(played.game.task, Progress(checked=done, total=totals, failing=0))

            comparison = compare(plan, make_proposer, journals=journals, on_played=show)
    except KeyboardInterrupt:
        kept = f"; what was played is in {journals}, and goes on with the same command" if journals else ""
        Console(stderr=True, highlight=False).print(f"stopped{kept}", soft_wrap=True)
        return _STOPPED
    if options.output_format is BenchFormat.JSON:
        sys.stdout.write(json.dumps({**comparison.to_json(), "proposer": asked}, indent=2, allow_nan=False) + "\n")
        return 0
    console = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    for part in renderables(comparison, asked):
        console.print(part)
    return 0


def renderables(comparison: Comparison, asked: str) -> Sequence[RenderableType]:
    """The comparison as tables for a terminal."""
    plan = comparison.plan
    head = (
        f"tasks: {len(plan.tasks)}, seeds: {plan.seeds}, calls of a search: at most {plan.max_calls}, "
        f"proposer: {asked}; 95 % confidence intervals in brackets"
    )
    notes = (
        "solved: every searched and every held-out transition passes. calls: until solved; all that were allowed where "
        "it was not."
    )
    if BASELINE in plan.strategies:
        notes += f" fewer calls: than {BASELINE} takes, compared seed by seed."
    return [Text(head, "bold"), "", _overall(comparison), "", _by_task(comparison), "", Text(notes, "dim")]


def _overall(comparison: Comparison) -> Table:
    table = _table("all tasks", "solved", "held-out accuracy", "calls")
    rows = comparison.rows()
    paired = any(row.saved is not None for row in rows)
    if paired:
        table.add_column("fewer calls", justify="right", no_wrap=True)
    for row in rows:
        cells = [_percent(row.solved), _percent(row.heldout), _number(row.calls)]
        table.add_row(row.strategy, *cells, *([_number(row.saved) if row.saved else "-"] if paired else []))
    return table


def _by_task(comparison: Comparison) -> Table:
    """How many searches of each task were solved, and in how many calls."""
    plan = comparison.plan
    table = _table("solved, calls", *plan.tasks)
    columns = [comparison.rows(task) for task in plan.tasks]
    for strategy, *rows in zip(plan.strategies, *columns, strict=True):
        table.add_row(strategy, *(_cell(row) for row in rows))
    return table


def _cell(row: Row) -> str:
    return f"{round(row.solved.value * row.searches)}/{row.searches}, {row.calls.value:.1f}"


def _table(title: str, *columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(title, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _percent(estimate: Estimate) -> str:
    return f"{100 * estimate.value:.0f} % [{100 * estimate.low:.0f}, {100 * estimate.high:.0f}]"


def _number(estimate: Estimate) -> str:
    return f"{estimate.value:.1f} [{estimate.low:.1f}, {estimate.high:.1f}]"


def _proposer(options: BenchOptions, plan: Plan) -> tuple[MakeProposer, Path | None, str]:
    """What makes the proposers, where journals are kept, and what the proposer is called."""
    if options.rates and options.proposer is not BenchProposer.SIMULATED:
        raise CwmError("only the simulated proposer has rates", hint="leave `--rate` out")
    match options.proposer:
        case BenchProposer.OPENAI:
            return _openai(options, plan)
        case BenchProposer.REPLAY:
            recorded = options.journals
            if recorded is None:
                raise CwmError("there is nothing to replay", hint="name the folder of the journals with `--journals`")
            return lambda _, game: Replay(recorded / game.file), None, "replay"
    rates = _rates(options.rates)

    def simulated(task: Task, game: Game) -> SimulatedLLM:
        return SimulatedLLM(task, game.seed, rates)

    name = SimulatedLLM(load_task(plan.tasks[0]), 0, rates).name
    return simulated, options.journals, name


def _openai(options: BenchOptions, plan: Plan) -> tuple[MakeProposer, Path | None, str]:
    from cwm_engine.synthesis.proposers.endpoint import Endpoint
    from cwm_engine.synthesis.proposers.openai_proposer import OpenAIProposer

    endpoint = Endpoint.from_environment()
    proposer = OpenAIProposer(endpoint)
    calls = plan.games * plan.max_calls
    task = load_task(plan.tasks[0])
    cost = proposer.estimate(Request(action=SearchAction.GENERATE, description=task.description)).cost
    price = "" if cost is None else f", at most ${cost * calls:,.2f} if no prompt is longer than the first"
    sends = (
        "" if endpoint.is_local else "; the programs, descriptions and a few recorded transitions leave this machine"
    )
    said = f"asks {endpoint.model} at {endpoint.host} at most {calls:,} times{price}{sends}"
    Console(stderr=True, highlight=False).print(said, soft_wrap=True)
    if not options.yes:
        raise CwmError("a benchmark with a language model needs your consent", hint="repeat it with `--yes`")
    return lambda *_: OpenAIProposer(endpoint), options.journals, proposer.name


def _rates(pairs: Sequence[str]) -> Rates:
    """`name=value` pairs as rates."""
    names = [rate.name for rate in fields(Rates)]
    given: dict[str, Any] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        try:
            given[name] = float(value)
        except ValueError:
            raise CwmError(f"`--rate {pair}` is not of the form name=number", hint="e.g. --rate repair=0.3") from None
        if name not in names:
            raise CwmError(f"there is no rate {name!r}", hint=f"choose from {', '.join(names)}")
    return replace(Rates(), **given)
