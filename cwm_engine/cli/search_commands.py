"""The commands around the search as Typer reads them: `synthesize`, `fit`, `runs`, `show`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class TextOrJson(StrEnum):
    """Values of `--output-format` for everything that has no other forms."""

    TEXT = "text"
    JSON = "json"


class ProposerName(StrEnum):
    """Who writes programs."""

    LOCAL = "local"
    OPENAI = "openai"
    REPLAY = "replay"


class StrategyName(StrEnum):
    """What chooses where the search goes on."""

    GIF_MCTS = "gif-mcts"
    REX = "rex"
    GREEDY = "greedy"
    BEST_OF_N = "best-of-n"
    AB_MCTS = "ab-mcts"


class VariantName(StrEnum):
    """Whose GIF-MCTS."""

    DEFAULT = "default"
    PAPER = "paper"
    RELEASED = "released"


class PromptStyleName(StrEnum):
    """What a language model is told."""

    DEFAULT = "default"
    PAPER = "paper"


def synthesize(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE", help="The model: `file.py` or `file.py::Class`. With --resume also, or instead, a run."
        ),
    ],
    trajectories: Annotated[
        list[str] | None,
        typer.Option("--trajectories", "-t", help="Data to search with: sqlite, jsonl, npz, parquet or a Minari id."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the program to this file.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Put the program in the place of the file.")] = False,
    output_format: Annotated[TextOrJson, typer.Option(help="How to print the result.")] = TextOrJson.TEXT,
    proposer: Annotated[
        ProposerName | None,
        typer.Option(help="Who writes programs: `local` repairs by itself, `openai` asks a language model."),
    ] = None,
    model: Annotated[str | None, typer.Option(help="The language model's name [default: $CWM_MODEL].")] = None,
    base_url: Annotated[
        str | None,
        typer.Option(help="Its endpoint [default: $OPENAI_BASE_URL, else OpenAI]; the key: $OPENAI_API_KEY."),
    ] = None,
    replay: Annotated[
        str | None, typer.Option(metavar="RUN", help="Answer with the replies of an earlier run.")
    ] = None,
    description: Annotated[
        str | None, typer.Option(metavar="TEXT|@FILE", help="What the environment is, for the language model.")
    ] = None,
    strategy: Annotated[
        StrategyName | None, typer.Option(help="What chooses where to go on [default: gif-mcts].")
    ] = None,
    variant: Annotated[VariantName | None, typer.Option(help="Of gif-mcts [default: default].")] = None,
    prompt_style: Annotated[
        PromptStyleName | None, typer.Option(help="What the language model is told [default: default].")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the strategy and of what is held out.")] = None,
    parallel: Annotated[int | None, typer.Option(min=1, help="Requests under way at once.")] = None,
    workers: Annotated[int | None, typer.Option("--workers", "-j", min=1, help="Candidates checked at once.")] = None,
    held_out: Annotated[
        float | None, typer.Option(min=0.0, max=0.9, help="The part of the episodes that the search never sees.")
    ] = None,
    max_calls: Annotated[int | None, typer.Option(min=0, help="Requests to a language model [default: 20].")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=0, help="Tokens read and written.")] = None,
    max_cost: Annotated[float | None, typer.Option(min=0.0, help="Dollars.")] = None,
    max_seconds: Annotated[
        float | None, typer.Option(min=0.0, help="Seconds [default: 120 without a language model].")
    ] = None,
    max_nodes: Annotated[int | None, typer.Option(min=0, help="Programs to try.")] = None,
    polish: Annotated[
        bool | None, typer.Option("--polish/--no-polish", help="Repair a language model's programs before scoring.")
    ] = None,
    fit: Annotated[bool | None, typer.Option("--fit/--no-fit", help="Fit the numbers of programs.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run, or with the last one of FILE.")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave malformed records of the data out.")] = False,
    timeout: Annotated[float | None, typer.Option(min=0.1, help="Seconds one program may take.")] = None,
) -> None:
    """Search for a program that predicts recorded transitions, from a model file or from none."""
    from cwm_engine.cli.synthesize import SynthesizeOptions, run_synthesize

    plan = {
        "proposer": proposer and str(proposer),
        "model": model,
        "base_url": base_url,
        "replay": replay,
        "strategy": strategy and str(strategy),
        "variant": variant and str(variant),
        "prompt_style": prompt_style and str(prompt_style),
        "seed": seed,
        "parallel": parallel,
        "held_out": held_out,
        "polish": polish,
        "fit": fit,
        "max_calls": max_calls,
        "max_tokens": max_tokens,
        "max_cost": max_cost,
        "max_seconds": max_seconds,
        "max_nodes": max_nodes,
    }
    options = SynthesizeOptions(
        names=tuple(names),
        trajectories=tuple(trajectories or ()),
        plan=plan,
        description=description,
        output=output,
        write=write,
        resume=resume,
        workers=workers,
        as_json=output_format is TextOrJson.JSON,
        skip_bad=skip_bad,
        timeout=timeout,
    )
    raise typer.Exit(run_synthesize(options))


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(epilog="Example: `cwm synthesize models/taxi.py --trajectories trajectories/taxi.sqlite`")(synthesize)
