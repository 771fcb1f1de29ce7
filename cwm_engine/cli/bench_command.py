"""The options of `cwm bench ...`; what computes is imported when it runs, so that `cwm --help` answers at once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

bench = typer.Typer(
    name="bench", help="Compare strategies of the search.", no_args_is_help=True, rich_markup_mode="markdown"
)


class BenchProposer(StrEnum):
    """Values of `--proposer` for a benchmark."""

    SIMULATED = "simulated"
    OPENAI = "openai"
    REPLAY = "replay"


class BenchFormat(StrEnum):
    """Values of `--output-format` for a benchmark."""

    TEXT = "text"
    JSON = "json"


@bench.callback()
def _group() -> None:
    """Compare strategies of the search."""


@bench.command(epilog="Example: `cwm bench search --strategies gif-mcts,rex,best-of-n --seeds 30`")
def search(
    strategies: Annotated[
        list[str] | None, typer.Option(help="Strategies, with commas between them; all that are installed if none.")
    ] = None,
    tasks: Annotated[list[str] | None, typer.Option(help="Tasks, with commas between them; all if none.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Searches of each strategy on each task.")] = 30,
    max_calls: Annotated[int, typer.Option(min=1, help="Programs a search may ask for.")] = 25,
    proposer: Annotated[
        BenchProposer, typer.Option(help="Who writes programs: a simulation, a language model, or recorded replies.")
    ] = BenchProposer.SIMULATED,
    rate: Annotated[
        list[str] | None, typer.Option(help="How often the simulation does something, name=number.")
    ] = None,
    journals: Annotated[
        Path | None, typer.Option(help="A folder to keep journals in, go on from, or replay; nothing is kept if none.")
    ] = None,
    workers: Annotated[int | None, typer.Option("--workers", "-j", min=1, help="Programs checked at once.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask a language model without asking back.")] = False,
    output_format: Annotated[BenchFormat, typer.Option(help="How to print the result.")] = BenchFormat.TEXT,
) -> None:
    """Compare search strategies on the same small tasks, with the same proposer, budget and seeds."""
    from cwm_engine.cli.bench import BenchOptions, run_bench_search

    options = BenchOptions(
        strategies=_names(strategies),
        tasks=_names(tasks),
        seeds=seeds,
        max_calls=max_calls,
        proposer=proposer,
        rates=_names(rate),
        journals=journals,
        workers=workers,
        yes=yes,
        output_format=output_format,
    )
    raise typer.Exit(run_bench_search(options))


def _names(values: list[str] | None) -> tuple[str, ...]:
    """Names given as several options or separated by commas."""
    return tuple(name.strip() for value in values or () for name in value.split(",") if name.strip())
