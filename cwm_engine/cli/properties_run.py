"""`cwm properties --run`: the tests of a model, as they are in their file, run in the sandbox."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from cwm_engine.checking.report import ModelReport, Status
from cwm_engine.checking.show import printable, show_count
from cwm_engine.cli.output_text import near, print_findings
from cwm_engine.cli.properties import PropertiesOptions, write_tests
from cwm_engine.cli.target import existing_model
from cwm_engine.diagnosis.opening import load_data, sandbox_limits
from cwm_engine.project import ModelTarget, Project
from cwm_engine.properties.generation import file_of_tests
from cwm_engine.properties.running import DEADLINE_SECONDS, Outcome, Run, findings_of, run_tests, written_tests
from cwm_engine.world_model.source import ModelSource

_INTERRUPTED = 130
_LISTED = 6
_STATUS = {"complete": Status.COMPLETE, "partial": Status.PARTIAL, "error": Status.ERROR}


def run_written(options: PropertiesOptions, seconds: float | None) -> int:
    """Run the tests of a model, which are written first where there are none.

    Args:
        options: What the command line asked for.
        seconds: How long all tests may take.

    Returns:
        0 if every test holds, 1 if one does not or was not decided.

    Raises:
        CwmError: There is no such model, or its tests cannot be written or run.
    """
    project, target, source = existing_model(options.file, options.trajectories)
    path = options.output or file_of_tests(target)
    try:
        if not path.exists():
            write_tests(target, source.text, load_data(target, skip_bad=options.skip_bad), path, options)
        run = _run(target, source, path, project, seconds or DEADLINE_SECONDS)
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        return _INTERRUPTED
    report = ModelReport(
        file=str(target.path),
        model=target.class_name,
        status=_STATUS[run.status],
        findings=findings_of(run, source.text, path.read_text(encoding="utf-8"), path, target.class_name),
        isolation=run.isolation,
        seconds=run.seconds,
        message=run.problem and f"its tests cannot be loaded: {run.problem}",
    )
    _show(run, report, source.text, path, as_json=options.as_json)
    if run.status == "error":
        return 2
    return 1 if run.failed or run.status == "partial" else 0


def _run(target: ModelTarget, source: ModelSource, path: Path, project: Project, seconds: float) -> Run:
    stderr = Console(stderr=True)
    busy = stderr.status(f"Running {path.name}") if stderr.is_terminal else nullcontext()
    with busy as status:

        def tell(outcome: Outcome) -> None:
            if status is not None:
                status.update(f"Running {path.name}: {outcome.test} {outcome.status}")

        return run_tests(
            written_tests(target, source.text, path), sandbox_limits(project.settings), seconds=seconds, on_outcome=tell
        )


def _show(run: Run, report: ModelReport, source: str, path: Path, *, as_json: bool) -> None:
    if as_json:
        document: dict[str, Any] = {"schema": 1, "file": str(path), "models": [report.to_json()], **run.to_json()}
        sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")
        return
    console = Console(highlight=False, soft_wrap=True)
    print_findings(report, source, console)
    for line in _lines(run, path):
        console.print(line)


def _lines(run: Run, path: Path) -> Iterable[Text]:
    name = near(str(path))
    if run.problem is not None:
        yield Text.assemble((name, "bold"), ": ", ("not run", "bold red"), f": {printable(run.problem)}")
        return
    if run.isolation not in {None, "full"}:
        yield Text(f"  ran with {run.isolation} isolation; `cwm doctor` says what is missing", "yellow")
    others = [one for one in run.outcomes if one.status in ("skipped", "unfinished")]
    holds = sum(one.status == "passed" for one in run.outcomes)
    head = Text.assemble((name, "bold"), ": ")
    head.append(f"{holds} of {len(run.outcomes)} properties hold", "bold green" if not run.failed else "bold")
    if run.failed:
        head.append(f", {len(run.failed)} broken", "bold red")
    for status in ("skipped", "unfinished"):
        if count := sum(one.status == status for one in others):
            head.append(f", {count} {status}", "bold yellow")
    yield head.append(f"; {run.seconds:.1f} seconds", "dim")
    for one in others[:_LISTED]:
        yield Text.assemble((f"  {one.status}", "bold yellow"), f": {one.test}: {printable(one.reason or '')}")
    if len(others) > _LISTED:
        yield Text(f"  and {show_count(len(others) - _LISTED, 'more test')} skipped or unfinished", "dim")
