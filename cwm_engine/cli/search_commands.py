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


class ExecutorName(StrEnum):
    """Where candidates are checked."""

    LOCAL = "local"
    RAY = "ray"


class PartName(StrEnum):
    """What can be shown of a program."""

    PROGRAM = "program"
    DIFF = "diff"
    FINDINGS = "findings"
    PROMPT = "prompt"
    REPLY = "reply"


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
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of the strategy and of what is held out [default: 0].")
    ] = None,
    parallel: Annotated[int | None, typer.Option(min=1, help="Requests under way at once [default: 1].")] = None,
    workers: Annotated[int | None, typer.Option("--workers", "-j", min=1, help="Candidates checked at once.")] = None,
    executor: Annotated[
        ExecutorName, typer.Option(help="Where candidates are checked: on this machine or on a Ray cluster.")
    ] = ExecutorName.LOCAL,
    held_out: Annotated[
        float | None,
        typer.Option(min=0.0, max=0.9, help="The part of the episodes that the search never sees [default: 0.2]."),
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
        executor=str(executor),
        as_json=output_format is TextOrJson.JSON,
        skip_bad=skip_bad,
        timeout=timeout,
    )
    raise typer.Exit(run_synthesize(options))


def fit(
    file: Annotated[str, typer.Argument(help="The model: `file.py` or `file.py::Class`.")],
    trajectories: Annotated[
        list[str] | None,
        typer.Option("--trajectories", "-t", help="Data to fit to: sqlite, jsonl, npz, parquet or a Minari id."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the program to this file.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Put the numbers into the file.")] = False,
    output_format: Annotated[TextOrJson, typer.Option(help="How to print the result.")] = TextOrJson.TEXT,
    max_seconds: Annotated[float | None, typer.Option(min=0.1, help="Seconds to search [default: 20].")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the starts.")] = 0,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave malformed records of the data out.")] = False,
) -> None:
    """Fit the numbers of a model to recorded transitions, and name those that the data cannot determine."""
    from cwm_engine.cli.fit import FitOptions, run_fit

    options = FitOptions(
        file=file,
        trajectories=tuple(trajectories or ()),
        output=output,
        write=write,
        as_json=output_format is TextOrJson.JSON,
        seconds=max_seconds,
        seed=seed,
        skip_bad=skip_bad,
    )
    raise typer.Exit(run_fit(options))


def show(
    run: Annotated[
        str | None, typer.Argument(help="The run, or the beginning of its name; the last one if none.")
    ] = None,
    node: Annotated[
        str | None, typer.Option("--node", "-n", metavar="NUMBER|best", help="Show everything about one program.")
    ] = None,
    part: Annotated[PartName | None, typer.Option(help="Show only this of it, as it is.")] = None,
    html: Annotated[
        bool, typer.Option("--html", help="Write a page that needs nothing else [default: RUN.html].")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write the page, or the part of a program.")
    ] = None,
    output_format: Annotated[TextOrJson, typer.Option(help="How to print it.")] = TextOrJson.TEXT,
) -> None:
    """Show the tree of a search, or one program of it."""
    from cwm_engine.cli.show import ShowOptions, run_show

    options = ShowOptions(
        run=run,
        node=node,
        part=str(part) if part else None,
        html=html,
        output=output,
        as_json=output_format is TextOrJson.JSON,
    )
    raise typer.Exit(run_show(options))


runs = typer.Typer(
    name="runs",
    help="List searches, say where they lie, delete them.",
    invoke_without_command=True,
    rich_markup_mode="markdown",
    epilog="Example: `cwm runs --output-format json`",
)


@runs.callback()
def list_(
    context: typer.Context,
    output_format: Annotated[TextOrJson, typer.Option(help="How to print the list.")] = TextOrJson.TEXT,
) -> None:
    """List searches, say where they lie, delete them."""
    if context.invoked_subcommand is None:
        from cwm_engine.cli.runs import run_list

        raise typer.Exit(run_list(as_json=output_format is TextOrJson.JSON))


@runs.command(epilog="Example: `cwm runs where`")
def where() -> None:
    """Say where runs lie; `CWM_RUNS` names another directory."""
    from cwm_engine.cli.runs import run_where

    raise typer.Exit(run_where())


@runs.command(epilog="Example: `cwm runs delete --older-than 30`")
def delete(
    names: Annotated[list[str] | None, typer.Argument(metavar="RUN", help="The runs, or beginnings of names.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    older_than: Annotated[
        float | None, typer.Option(min=0.0, metavar="DAYS", help="Those that nothing was written to for so many days.")
    ] = None,
) -> None:
    """Delete runs and everything they hold."""
    from cwm_engine.cli.runs import run_delete

    raise typer.Exit(run_delete(names or (), everything=everything, older_than=older_than))


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(epilog="Example: `cwm synthesize models/taxi.py --trajectories trajectories/taxi.sqlite`")(synthesize)
    app.command(epilog="Example: `cwm fit models/cartpole.py --write`")(fit)
    app.command(epilog="Example: `cwm show --node best --part program`")(show)
    app.add_typer(runs)
