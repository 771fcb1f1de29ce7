"""`cwm properties` as Typer reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cwm_engine.cli.search_commands import TextOrJson


def properties(
    file: Annotated[str, typer.Argument(help="The model: `file.py` or `file.py::Class`.")],
    trajectories: Annotated[
        list[str] | None,
        typer.Option("--trajectories", "-t", help="Data to mine: sqlite, jsonl, npz, parquet or a Minari id."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file of tests [default: tests/test_MODEL_properties.py]."),
    ] = None,
    diff: Annotated[bool, typer.Option("--diff", help="Show what would change and write nothing.")] = False,
    env: Annotated[
        str | None, typer.Option(metavar="ID", help="The real environment, where not the configuration's.")
    ] = None,
    no_env: Annotated[bool, typer.Option("--no-env", help="Do not play the real environment.")] = False,
    adequacy: Annotated[
        bool,
        typer.Option("--adequacy", help="Write no tests; say what of the model neither the data nor its rules test."),
    ] = False,
    data_only: Annotated[
        bool, typer.Option("--data-only", help="With --adequacy: what the data tests alone, without any rules.")
    ] = False,
    script: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --adequacy: write a script that records what would test more."),
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="With --adequacy: end with 1 if the score is lower."),
    ] = None,
    run: Annotated[
        bool,
        typer.Option(
            "--run", help="Run the tests in the sandbox, as they are; they are written first if there are none."
        ),
    ] = False,
    timeout: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            help="With --run: seconds that all tests may take [default: 60]. With --adequacy: seconds that the search "
            "for sequences of actions may take [default: 20].",
        ),
    ] = None,
    output_format: Annotated[TextOrJson, typer.Option(help="How to print the result.")] = TextOrJson.TEXT,
    seed: Annotated[int, typer.Option(min=0, help="Of what is played in the real environment.")] = 0,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave malformed records of the data out.")] = False,
) -> None:
    """Write property tests for a model: rules mined from its data and tried on the real environment."""
    from cwm_engine.cli.properties import PropertiesOptions, run_properties

    if env and no_env:
        raise typer.BadParameter("give --env or --no-env, not both")
    if adequacy:
        from cwm_engine.cli.adequacy import AdequacyOptions, run_adequacy

        if output is not None or diff:
            raise typer.BadParameter("--adequacy writes no tests; leave --output and --diff out")
        asked = AdequacyOptions(
            file=file,
            trajectories=tuple(trajectories or ()),
            env=env,
            use_env=not no_env,
            data_only=data_only,
            script=script,
            timeout=timeout,
            min_score=min_score,
            as_json=output_format is TextOrJson.JSON,
            seed=seed,
            skip_bad=skip_bad,
        )
        raise typer.Exit(run_adequacy(asked))
    if script is not None or min_score is not None or data_only:
        raise typer.BadParameter("--script, --min-score and --data-only belong to --adequacy")
    options = PropertiesOptions(
        file=file,
        trajectories=tuple(trajectories or ()),
        output=output,
        diff=diff,
        env=env,
        use_env=not no_env,
        as_json=output_format is TextOrJson.JSON,
        seed=seed,
        skip_bad=skip_bad,
    )
    if run:
        from cwm_engine.cli.properties_run import run_written

        if diff:
            raise typer.BadParameter("give --run or --diff, not both")
        raise typer.Exit(run_written(options, timeout))
    if timeout is not None:
        raise typer.BadParameter("--timeout belongs to --run and --adequacy")
    raise typer.Exit(run_properties(options))


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog="Example: `cwm properties models/taxi.py`")(properties)
