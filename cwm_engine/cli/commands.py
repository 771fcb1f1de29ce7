"""The commands of `cwm`: reads the command line, hands over, and turns errors into messages and exit codes.

Everything a command needs is imported inside it, so that `cwm --help` answers at once.
"""

from __future__ import annotations

import io
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cwm_engine import __version__
from cwm_engine.cli import properties_command, search_commands
from cwm_engine.cli.bench_command import bench
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

app.add_typer(bench)


class DescribeFormat(StrEnum):
    """Values of `--output-format` for a description."""

    TEXT = "text"
    JSON = "json"


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
    del version, debug  # `--debug` is looked up by `run`, which has to know it even where parsing fails


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
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Write what each episode runs to `.coverage`, for coverage.py.")
    ] = False,
    coverage_file: Annotated[
        Path | None,
        typer.Option("--coverage-file", envvar="COVERAGE_FILE", help="Where to write it; only with --coverage."),
    ] = None,
) -> None:
    """Check world models against recorded transitions and show their faults on the lines."""
    from cwm_engine.cli.check import CheckOptions, run_check

    if coverage and watch:
        raise typer.BadParameter("give --coverage or --watch, not both")
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
        coverage=(coverage_file or Path(".coverage")) if coverage else None,
    )
    raise typer.Exit(run_check(options))


@app.command("record", epilog="Example: `cwm record CartPole-v1 --episodes 50 -o trajectories/cartpole.sqlite`")
def record_(
    environment: Annotated[str, typer.Argument(help="A Gymnasium id; `module:Name-v0` imports the module first.")],
    episodes: Annotated[int, typer.Option("--episodes", "-n", min=1, help="Episodes to record.")] = 20,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A .sqlite file [default: trajectories/ENVIRONMENT.sqlite].")
    ] = None,
    policy: Annotated[
        str, typer.Option(help="`random`, `mixture` (random and sticky), or `file.py:function`.")
    ] = "random",
    seed: Annotated[int, typer.Option(min=0, help="Decides everything random in the recording.")] = 0,
    starts: Annotated[Starts, typer.Option(help="Where episodes start: `spread` over the state space.")] = Starts.RESET,
    append: Annotated[bool, typer.Option("--append", help="Add to an existing file.")] = False,
    max_steps: Annotated[int | None, typer.Option(min=1, help="Cut episodes off after as many steps.")] = None,
    keep: Annotated[float | None, typer.Option(help="Keep only episodes with at least this return.")] = None,
    max_tries: Annotated[
        int | None, typer.Option(min=1, help="With --keep: episodes to play before giving up.")
    ] = None,
    env_kwarg: Annotated[list[str] | None, typer.Option(help="An argument of the environment, name=value.")] = None,
    info: Annotated[list[str] | None, typer.Option(help="A key of Gymnasium's info to store.")] = None,
) -> None:
    """Record episodes of a Gymnasium environment; every complete one survives a crash."""
    from cwm_engine.cli.record import RecordOptions, run_record

    options = RecordOptions(
        environment=environment,
        episodes=episodes,
        output=output,
        policy=policy,
        seed=seed,
        starts=starts.value,
        append=append,
        max_steps=max_steps,
        keep=keep,
        max_tries=max_tries,
        env_kwargs=env_kwarg or (),
        info=info or (),
    )
    raise typer.Exit(run_record(options))


@app.command("import", epilog="Example: `cwm import CartPole-v1.npz -o trajectories/cartpole.sqlite`")
def import_(
    sources: Annotated[list[str], typer.Argument(help="npz, jsonl, parquet or sqlite files, or minari:ID.")],
    output: Annotated[str, typer.Option("--output", "-o", help="The .sqlite file to write.")],
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave malformed records out.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")] = False,
) -> None:
    """Import trajectories into the project's own format."""
    from cwm_engine.cli.transfer import run_transfer

    raise typer.Exit(run_transfer(sources, output, skip_bad=skip_bad, overwrite=overwrite))


@app.command("export", epilog="Example: `cwm export trajectories/cartpole.sqlite cartpole.jsonl`")
def export_(
    source: Annotated[str, typer.Argument(help="Trajectories in any format.")],
    target: Annotated[str, typer.Argument(help="A .jsonl, .npz, .parquet or .sqlite file, or minari:ID.")],
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave malformed records out.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")] = False,
) -> None:
    """Export trajectories to another format."""
    from cwm_engine.cli.transfer import run_transfer

    raise typer.Exit(run_transfer([source], target, skip_bad=skip_bad, overwrite=overwrite))


@app.command("describe", epilog="Example: `cwm describe trajectories/cartpole.sqlite`")
def describe_(
    data: Annotated[list[str], typer.Argument(help="Trajectories in any format, folders or patterns.")],
    output_format: Annotated[DescribeFormat, typer.Option(help="How to print it.")] = DescribeFormat.TEXT,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave malformed records out.")] = False,
    fail_on: Annotated[Severity, typer.Option(help="The mildest severity that fails.")] = Severity.WARNING,
) -> None:
    """Say what is in trajectories and how far they can be trusted."""
    from cwm_engine.cli.describe import DescribeFormat as Format
    from cwm_engine.cli.describe import DescribeOptions, run_describe

    options = DescribeOptions(tuple(data), Format(output_format.value), skip_bad, fail_on)
    raise typer.Exit(run_describe(options))


search_commands.register(app)
properties_command.register(app)


@app.command(epilog="Example: `cwm serve --stdio`")
def serve(
    stdio: Annotated[bool, typer.Option("--stdio", help="Use the standard streams; so it does by itself.")] = False,
    tcp: Annotated[bool, typer.Option("--tcp", help="Wait for one connection instead.")] = False,
    host: Annotated[str, typer.Option(help="With --tcp: where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="With --tcp: where to listen; 0 takes any.")] = 0,
    client_process_id: Annotated[
        int | None, typer.Option("--clientProcessId", help="End when this process has ended.")
    ] = None,
) -> None:
    """Run the language server that shows mismatches in an editor."""
    from cwm_engine.cli.serve import run_serve

    if stdio and tcp:
        raise typer.BadParameter("give --stdio or --tcp, not both")
    raise typer.Exit(run_serve(tcp=tcp, host=host, port=port, client=client_process_id))


@app.command(epilog="Example: `cwm doctor`")
def doctor() -> None:
    """Say which layers of the sandbox work on this machine, and what that means."""
    from cwm_engine.cli.doctor import run_doctor

    raise typer.Exit(run_doctor())


def run() -> None:
    """Do what the command line says: never a traceback, unless asked for with `--debug`."""
    debug = "--debug" in sys.argv
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a model may hold characters that the terminal has not
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
