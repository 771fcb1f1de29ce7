"""`cwm check`: which models, against which data, and what to do with the reports."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from cwm_engine.checking.report import Repair, Report, exit_code
from cwm_engine.checking.show import show_count
from cwm_engine.cli.desk import Desk, Outcome, Task
from cwm_engine.cli.output import OutputFormat, write_report
from cwm_engine.cli.progress import Bars
from cwm_engine.cli.watch import watch
from cwm_engine.cli.writing import replace_text
from cwm_engine.diagnosis.coverage import write_coverage
from cwm_engine.diagnosis.opening import Request, failed
from cwm_engine.errors import CwmError
from cwm_engine.findings import Severity
from cwm_engine.project import Project, find_project, models_in, resolve_model, split_spec

_INTERRUPTED = 130


@dataclass(frozen=True)
class CheckOptions:
    """What the command line asked for; empty or None where the configuration decides."""

    files: tuple[str, ...] = ()
    trajectories: tuple[str, ...] = ()
    output_format: OutputFormat = OutputFormat.TEXT
    diff: bool = False
    fix: bool = False
    watch: bool = False
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fail_on: Severity | None = None
    min_accuracy: float | None = None
    cwmb: bool = False
    skip_bad: bool = False
    timeout: float | None = None
    workers: int | None = None
    coverage: Path | None = None

    @property
    def request(self) -> Request:
        """What concerns the check of each file."""
        return Request(
            self.select, self.ignore, self.cwmb, self.skip_bad, self.timeout, coverage=self.coverage is not None
        )


def run_check(options: CheckOptions) -> int:
    """Check models, print the report, and return the exit code.

    Raises:
        CwmError: The coverage cannot be written.
    """
    if options.watch:
        return watch(lambda: _resolve(options), options.request, lambda outcomes: show(outcomes, options))
    try:
        outcomes = check(options)
        code = show(outcomes, options)
        if options.coverage is not None:
            _write_coverage(outcomes, options.coverage)
        return code
    except KeyboardInterrupt:
        _leave()


def check(options: CheckOptions) -> list[Outcome]:
    """Check models, and repair them if that was asked for."""
    outcomes = _check_all(_resolve(options), options)
    return [_fixed(outcome, options) for outcome in outcomes] if options.fix else outcomes


def show(outcomes: Sequence[Outcome], options: CheckOptions) -> int:
    """Print one report of all outcomes; the exit code."""
    report = Report(tuple(model for outcome in outcomes for model in outcome.reports))
    texts = {str(outcome.source.path): outcome.source.text for outcome in outcomes if outcome.source is not None}
    write_report(report, texts, options.output_format, sys.stdout, diffs=options.diff or options.fix)
    sys.stdout.flush()
    return max((_exit_code(outcome, options) for outcome in outcomes), default=2)


def _write_coverage(outcomes: Sequence[Outcome], target: Path) -> None:
    covered = [coverage for outcome in outcomes for coverage in outcome.coverage]
    if not covered:
        sys.stderr.write("no coverage was written: no model was run\n")
        return
    write_coverage(covered, target)
    episodes = show_count(sum(len(coverage.contexts) - 1 for coverage in covered), "episode")
    named = "" if target == Path(".coverage") else f" --data-file={target}"
    sys.stderr.write(f"coverage by {episodes} written to {target}: `coverage report{named}` shows it\n")


def _resolve(options: CheckOptions) -> list[Task | Outcome]:
    """The files to check; for what cannot be found, or whose configuration cannot be read, the report that says so."""
    found: list[Task | Outcome] = []
    for name in options.files or (".",):
        try:
            found += _tasks(name, options.trajectories or None)
        except CwmError as error:
            file, separator, model = name.rpartition("::")
            report = failed(file, error, model) if separator else failed(name, error)
            found.append(Outcome((report,), Project(Path())))
    return found


def _tasks(name: str, data: tuple[str, ...] | None) -> list[Task]:
    path, _ = split_spec(name)
    if not path.exists():
        hint = "check the spelling; paths are relative to the working directory"
        raise CwmError("no such file", path=path, hint=hint)
    project = find_project(path)
    targets = models_in(path, project, data) if path.is_dir() else resolve_model(name, project, data)
    if not targets:
        hint = "name a model file, configure [[models]] in cwm.toml, or put data under trajectories/"
        raise CwmError("holds no model with data", path=path, hint=hint)
    return [Task(target, project) for target in targets]


def _check_all(found: Sequence[Task | Outcome], options: CheckOptions) -> list[Outcome]:
    tasks = [item for item in found if isinstance(item, Task)]
    configured = tasks[0].project.settings.workers if tasks else None
    workers = options.workers or configured or os.cpu_count() or 1
    pool = ThreadPoolExecutor(max(1, min(workers, len(tasks))))
    try:
        with Bars() as bars:

            def outcome_of(item: Task | Outcome) -> Outcome:
                return item if isinstance(item, Outcome) else _check_task(item, options, bars)

            return list(pool.map(outcome_of, found))
    finally:
        # An interrupted check does not wait for the models that are running.
        pool.shutdown(wait=False, cancel_futures=True)


def _check_task(task: Task, options: CheckOptions, bars: Bars) -> Outcome:
    with Desk(task, options.request) as desk:
        return desk.check(bars)


def _exit_code(outcome: Outcome, options: CheckOptions) -> int:
    configured = outcome.project.settings
    fail_on = options.fail_on or configured.failing_severity
    least = options.min_accuracy if options.min_accuracy is not None else configured.min_accuracy
    return exit_code(Report(outcome.reports), fail_on=fail_on, min_accuracy=least)


def _fixed(outcome: Outcome, options: CheckOptions) -> Outcome:
    """Apply the repairs that are beyond doubt, one after the other, and check what has become of the file."""
    applied: list[tuple[str | None, Repair]] = []
    for _ in outcome.reports:
        certain = [(report.model, report.repairs[0]) for report in outcome.reports if len(report.repairs) == 1]
        if not certain or outcome.source is None or outcome.task is None:
            break
        model, repair = certain[0]
        try:
            replace_text(outcome.source, repair.text)
        except CwmError as error:
            note = f"the repair was not written: {error}"
            return replace(outcome, reports=tuple(replace(report, note=note) for report in outcome.reports))
        applied.append((model, replace(repair, applied=True)))
        outcome = _check_all([outcome.task], options)[0]
    reports = tuple(
        replace(report, repairs=(*(repair for model, repair in applied if model == report.model), *report.repairs))
        for report in outcome.reports
    )
    return replace(outcome, reports=reports)


def _leave() -> NoReturn:
    """End at once: a normal end would wait for the threads that wait for models. Their processes end with this one."""
    sys.stderr.write("stopped\n")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(_INTERRUPTED)
