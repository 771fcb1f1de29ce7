"""`cwm check`: which models, against which data, and what to do with the reports."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from cwm_engine.checking.compare import Tolerance
from cwm_engine.checking.report import ModelReport, Report, Status, exit_code
from cwm_engine.cli.output import OutputFormat, write_report
from cwm_engine.cli.progress import Bars
from cwm_engine.diagnosis.session import Session, Settings
from cwm_engine.errors import CwmError
from cwm_engine.findings import Finding, Severity
from cwm_engine.project import ModelTarget, Project, find_project, models_in, resolve_model, split_spec
from cwm_engine.sandbox.limits import Limits
from cwm_engine.settings import CONFIG_NAMES
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.files import replacing
from cwm_engine.trajectories.load import load_dataset
from cwm_engine.world_model.source import ModelSource, read_source

_WATCH_SECONDS = 0.2


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


@dataclass(frozen=True)
class _Task:
    """One model file, its data and the project it belongs to."""

    target: ModelTarget
    project: Project


@dataclass(frozen=True)
class _Outcome:
    """The reports of one task and the text they are about."""

    task: _Task
    reports: tuple[ModelReport, ...]
    source: ModelSource | None = None


def run_check(options: CheckOptions) -> int:
    """Check models, print the report, and return the exit code.

    Raises:
        CwmError: There is nothing to check, or the configuration is not valid.
    """
    if options.watch:
        return _watch(options)
    outcomes = _check_all(_tasks(options), options)
    if options.fix:
        outcomes = [_fixed(outcome, options) for outcome in outcomes]
    return _print(outcomes, options)


def _print(outcomes: Sequence[_Outcome], options: CheckOptions) -> int:
    report = Report(tuple(model for outcome in outcomes for model in outcome.reports))
    texts = {str(outcome.task.target.path): outcome.source.text for outcome in outcomes if outcome.source is not None}
    write_report(report, texts, options.output_format, sys.stdout, diffs=options.diff or options.fix)
    return max((_exit_code(outcome, options) for outcome in outcomes), default=2)


def _tasks(options: CheckOptions) -> list[_Task]:
    tasks: list[_Task] = []
    for name in options.files or (".",):
        path, _ = split_spec(name)
        project = find_project(path)
        data = options.trajectories or None
        targets = models_in(path, project, data) if path.is_dir() else resolve_model(name, project, data)
        if not targets:
            raise CwmError(
                "holds no model with data",
                path=path,
                hint="name a model file, configure [[models]] in cwm.toml, or put data under trajectories/",
            )
        tasks += [_Task(target, project) for target in targets]
    return tasks


def _check_all(tasks: Sequence[_Task], options: CheckOptions) -> list[_Outcome]:
    configured = tasks[0].project.settings.workers
    workers = options.workers or configured or os.cpu_count() or 1
    with Bars() as bars, ThreadPoolExecutor(min(workers, len(tasks))) as pool:
        return list(pool.map(lambda task: _check(task, options, bars), tasks))


def _check(task: _Task, options: CheckOptions, bars: Bars) -> _Outcome:
    """Check one file; what keeps it from being checked is part of the report."""
    with _Desk(task, options) as desk:
        return desk.check(bars)


class _Desk:
    """Where one file is checked, once or again and again: keeps the data and the sandbox between versions."""

    def __init__(self, task: _Task, options: CheckOptions) -> None:
        self.task = task
        self._options = options
        self._session: Session | None = None
        self._dataset: Dataset | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._session is not None:
            self._session.close()

    def check(self, bars: Bars) -> _Outcome:
        """Check the file as it is now."""
        source: ModelSource | None = None
        try:
            read = read_source(self.task.target.path)
            if isinstance(read, Finding):
                return _Outcome(self.task, (_unread(self.task, read),))
            source = read
            if self._session is None or self._dataset is None:
                self._dataset = _dataset(self.task.target, self._options.skip_bad)
                self._session = _session(self.task, self._dataset, self._options)
            name, dataset = self.task.target.spec, self._dataset
            reports = self._session.check(source.text, on_progress=lambda progress: bars.show(name, progress))
            return _Outcome(self.task, tuple(_with_skipped(report, dataset) for report in reports), source)
        except CwmError as error:
            return _Outcome(self.task, (_failed(self.task, error),), source)


def _dataset(target: ModelTarget, skip_bad: bool) -> Dataset:
    return load_dataset([*target.trajectories, *target.pinned], skip_bad=skip_bad)


def _session(task: _Task, dataset: Dataset, options: CheckOptions) -> Session:
    target, configured = task.target, task.project.settings
    default = Tolerance()
    settings = Settings(
        file=str(target.path),
        path=target.path,
        root=target.root,
        model=target.class_name,
        environment=target.env,
        mode=target.mode,
        tolerance=Tolerance(
            default.atol if target.atol is None else target.atol, default.rtol if target.rtol is None else target.rtol
        ),
        goal=target.goal,
        stochastic=target.stochastic,
        ignore_fields=target.ignore_fields,
        allow_modules=target.allow_modules,
        select=options.select or configured.select or ("ALL",),
        ignore=options.ignore or configured.ignore,
        cwmb=options.cwmb,
    )
    limits = Limits()
    seconds = options.timeout or configured.wall_seconds
    if seconds is not None:
        limits = replace(limits, wall_seconds=seconds, step_seconds=min(limits.step_seconds, seconds))
    if configured.memory_mb is not None:
        limits = replace(limits, memory_bytes=configured.memory_mb << 20)
    if configured.loop_iterations is not None:
        limits = replace(limits, loop_iterations=configured.loop_iterations)
    return Session(settings, dataset, limits)


def _fixed(outcome: _Outcome, options: CheckOptions) -> _Outcome:
    """Apply the repairs that are beyond doubt, one model at a time, and check the result."""
    repairs = [report.repairs[0] for report in outcome.reports if len(report.repairs) == 1]
    if not repairs or outcome.source is None:
        return outcome
    repair = repairs[0]
    _write(outcome.source, repair.text)
    again = _check_all([outcome.task], options)[0]
    applied = replace(repair, applied=True)
    reports = tuple(replace(report, repairs=(applied, *report.repairs)) for report in again.reports)
    return replace(again, reports=reports)


def _write(source: ModelSource, text: str) -> None:
    """Put the repaired text in the place of the text it was made from, and of nothing else."""
    path = source.path.resolve()
    now = read_source(path)
    if not isinstance(now, ModelSource) or now.text != source.text:
        raise CwmError(
            "has changed since it was checked, so nothing was written", path=source.path, hint="run it again"
        )
    with replacing(path) as temporary:
        temporary.write_bytes(source.encode(text))
        shutil.copymode(path, temporary)


def _exit_code(outcome: _Outcome, options: CheckOptions) -> int:
    configured = outcome.task.project.settings
    fail_on = options.fail_on or configured.failing_severity
    least = options.min_accuracy if options.min_accuracy is not None else configured.min_accuracy
    return exit_code(Report(outcome.reports), fail_on=fail_on, min_accuracy=least)


def _failed(task: _Task, error: CwmError) -> ModelReport:
    message = str(error).removeprefix(f"{task.target.path}: ")
    return ModelReport(file=str(task.target.path), model=task.target.class_name, status=Status.ERROR, message=message)


def _unread(task: _Task, finding: Finding) -> ModelReport:
    return ModelReport(file=str(task.target.path), status=Status.ERROR, findings=(finding,))


def _with_skipped(report: ModelReport, dataset: Dataset) -> ModelReport:
    """Say what `--skip-bad` left out: a check of part of the data is not a check of all of it."""
    if not dataset.skipped:
        return report
    first = dataset.skipped[0]
    message = (
        f"left out {len(dataset.skipped)} bad records of the data, first {first.path}, {first.record}: {first.reason}"
    )
    return replace(report, note=message)


def _watch(options: CheckOptions) -> int:
    """Check again whenever the model, its data or the configuration changes, until Ctrl-C."""
    code = 0
    desks: dict[_Task, _Desk] = {}
    seen: dict[_Task, tuple[_Stamps, _Stamps]] = {}
    try:
        while True:
            tasks = _tasks(options)
            outcomes = []
            for task in tasks:
                now = (_stamps(_code(task)), _stamps(_data(task)))
                before = seen.get(task)
                if now == before:
                    continue
                if task in desks and (before is None or now[1] != before[1]):
                    desks.pop(task).__exit__()
                desk = desks.setdefault(task, _Desk(task, options))
                with Bars() as bars:
                    outcomes.append(desk.check(bars))
                seen[task] = now
            if outcomes:
                code = _print(outcomes, options)
            time.sleep(_WATCH_SECONDS)
    except KeyboardInterrupt:
        return code
    finally:
        for desk in desks.values():
            desk.__exit__()


_Stamps = tuple[tuple[str, int], ...]


def _stamps(paths: Iterable[Path]) -> _Stamps:
    """When files were last changed."""
    return tuple((str(path), path.stat().st_mtime_ns) for path in paths if path.exists())


def _code(task: _Task) -> Iterable[Path]:
    """The model and whatever it may import from beside it."""
    yield task.target.path
    yield from sorted(task.target.path.parent.rglob("*.py"))


def _data(task: _Task) -> Iterable[Path]:
    """The trajectories and the configuration."""
    yield from (Path(name) for name in (*task.target.trajectories, *task.target.pinned))
    yield from (task.project.root / name for name in CONFIG_NAMES)
