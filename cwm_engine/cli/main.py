"""The `cwm` command: reads the command line, hands over, and turns errors into messages and exit codes.

Everything a command needs is imported inside it, so that `cwm --help` answers at once.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cwm_engine import __version__
from cwm_engine.cli.output import OutputFormat
from cwm_engine.errors import CwmError
from cwm_engine.findings import Severity

EXIT_FAILED = 2

app = typer.Typer(
    name="cwm",
    help="Find where a Python world model is wrong, on the line, and repair it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Starts(StrEnum):
    """Where recorded episodes start."""

    RESET = "reset"
    SPREAD = "spread"


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cwm {__version__}")
        raise typer.Exit


@app.callback()
def cwm(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
) -> None:
    """Find where a Python world model is wrong, on the line, and repair it."""
    del version, debug  # `--debug` is looked up by `main`, which has to know it even where parsing fails


@app.command(epilog="Example: `cwm check models/taxi.py --trajectories trajectories/taxi.sqlite`")
def check(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Model files (`file.py` or `file.py::Class`) or folders; the configured models if none."),
    ] = None,
    trajectories: Annotated[
        list[str] | None,
        typer.Option("--trajectories", "-t", help="Data to check against: sqlite, jsonl, npz, parquet or a Minari id."),
    ] = None,
    output_format: Annotated[OutputFormat, typer.Option(help="How to print the report.")] = OutputFormat.TEXT,
    diff: Annotated[bool, typer.Option("--diff", help="Show the confirmed repairs as diffs.")] = False,
    fix: Annotated[bool, typer.Option("--fix", help="Apply the confirmed repairs.")] = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Check again whenever a file changes.")] = False,
    select: Annotated[list[str] | None, typer.Option(help="Codes or prefixes of the findings to show.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="Codes or prefixes of the findings to leave out.")] = None,
    fail_on: Annotated[Severity | None, typer.Option(help="The mildest severity that fails.")] = None,
    min_accuracy: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="The accuracy every model has to reach.")
    ] = None,
    cwmb: Annotated[bool, typer.Option("--cwmb", help="Also print the score of the released CWMB evaluator.")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave malformed records of the data out.")] = False,
    timeout: Annotated[float | None, typer.Option(min=0.1, help="Seconds one model may take.")] = None,
    workers: Annotated[int | None, typer.Option("--workers", "-j", min=1, help="Models checked at once.")] = None,
) -> None:
    """Check world models against recorded transitions and show their faults on the lines."""
    from cwm_engine.cli.check import CheckOptions, run_check

    options = CheckOptions(
        files=tuple(str(file) for file in files or ()),
        trajectories=tuple(trajectories or ()),
        output_format=output_format,
        diff=diff,
        fix=fix,
        watch=watch,
        select=tuple(_codes(select)),
        ignore=tuple(_codes(ignore)),
        fail_on=fail_on,
        min_accuracy=min_accuracy,
        cwmb=cwmb,
        skip_bad=skip_bad,
        timeout=timeout,
        workers=workers,
    )
    raise typer.Exit(run_check(options))


@app.command(epilog="Example: `cwm doctor`")
def doctor() -> None:
    """Say which layers of the sandbox work on this machine, and what that means."""
    from cwm_engine.cli.doctor import run_doctor

    raise typer.Exit(run_doctor())


def main() -> None:
    """The console script: never a traceback, unless asked for with `--debug`."""
    debug = "--debug" in sys.argv
    try:
        app()
    except CwmError as error:
        if debug:
            raise
        _complain(str(error))
        sys.exit(EXIT_FAILED)
    except Exception as error:
        if debug:
            raise
        _complain(f"internal error: {type(error).__name__}: {error} (`cwm --debug ...` shows the traceback)")
        sys.exit(EXIT_FAILED)


def _complain(message: str) -> None:
    typer.secho(f"error: {message}", fg=typer.colors.RED, err=True)


def _codes(values: list[str] | None) -> list[str]:
    """Codes given as several options or separated by commas."""
    return [code.strip() for value in values or () for code in value.split(",") if code.strip()]
