"""Where one model file is checked, once or again and again: keeps the data and the sandbox between versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from cwm_engine.checking.compare import Tolerance
from cwm_engine.checking.report import ModelReport, Status
from cwm_engine.cli.progress import Bars
from cwm_engine.diagnosis.session import Session, Settings
from cwm_engine.errors import CwmError
from cwm_engine.findings import Finding
from cwm_engine.project import ModelTarget, Project
from cwm_engine.sandbox.limits import Limits
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.trajectories.load import load_dataset
from cwm_engine.world_model.source import ModelSource, read_source


@dataclass(frozen=True)
class Task:
    """One model file, its data and the project it belongs to."""

    target: ModelTarget
    project: Project


@dataclass(frozen=True)
class Request:
    """What the command line asked of every check; empty or None where the configuration decides."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    cwmb: bool = False
    skip_bad: bool = False
    timeout: float | None = None


@dataclass(frozen=True)
class Outcome:
    """The reports about one file, the project they were made in, and the text they are about.

    `task` is None where the file could not even be found, `source` where it could not be read.
    """

    reports: tuple[ModelReport, ...]
    project: Project
    task: Task | None = None
    source: ModelSource | None = None


class Desk:
    """Checks one file; for use from one thread.

    Args:
        task: The file.
        request: What to look for, and how long.
    """

    def __init__(self, task: Task, request: Request) -> None:
        self.task = task
        self._request = request
        self._open: tuple[Dataset, Session] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the data and end the sandbox."""
        if self._open is not None:
            self._open[1].close()
            self._open = None

    @property
    def files(self) -> tuple[Path, ...]:
        """The files beside the model that its last version imports."""
        return self._open[1].files if self._open is not None else ()

    def check(self, bars: Bars) -> Outcome:
        """Check the file as it is now; what keeps it from being checked is part of the report."""
        task, source = self.task, None
        path = str(task.target.path)
        try:
            read = read_source(task.target.path)
            if isinstance(read, Finding):
                report = ModelReport(file=path, status=Status.ERROR, findings=(read,))
                return Outcome((report,), task.project, task)
            source = read
            dataset, session = self._open = self._open or self._prepare()
            reports = session.check(source.text, on_progress=lambda progress: bars.show(task.target.spec, progress))
        except CwmError as error:
            reports, dataset = [failed(path, error, task.target.class_name)], None
        return Outcome(_with_skipped(reports, dataset), task.project, task, source)

    def _prepare(self) -> tuple[Dataset, Session]:
        target, request, configured = self.task.target, self._request, self.task.project.settings
        dataset = load_dataset([*target.trajectories, *target.pinned], skip_bad=request.skip_bad)
        if not len(dataset):
            raise CwmError(
                "holds no transitions, so nothing can be checked",
                path=dataset.provenance.source,
                hint="record some with `cwm record`, or see what is in it with `cwm describe`",
            )
        default = Tolerance()
        settings = Settings(
            file=str(target.path),
            path=target.path,
            root=target.root,
            model=target.class_name,
            environment=target.env,
            mode=target.mode,
            tolerance=Tolerance(
                default.atol if target.atol is None else target.atol,
                default.rtol if target.rtol is None else target.rtol,
            ),
            goal=target.goal,
            stochastic=target.stochastic,
            ignore_fields=target.ignore_fields,
            allow_modules=target.allow_modules,
            select=request.select or configured.select or ("ALL",),
            ignore=request.ignore or configured.ignore,
            cwmb=request.cwmb,
        )
        return dataset, Session(settings, dataset, self._limits())

    def _limits(self) -> Limits:
        limits, configured = Limits(), self.task.project.settings
        seconds = self._request.timeout or configured.wall_seconds
        if seconds is not None:
            limits = replace(limits, wall_seconds=seconds, step_seconds=min(limits.step_seconds, seconds))
        if configured.memory_mb is not None:
            limits = replace(limits, memory_bytes=configured.memory_mb << 20)
        if configured.loop_iterations is not None:
            limits = replace(limits, loop_iterations=configured.loop_iterations)
        return limits


def failed(file: str, error: CwmError, model: str | None = None) -> ModelReport:
    """The report about a file that could not be checked."""
    return ModelReport(file=file, model=model, status=Status.ERROR, message=str(error).removeprefix(f"{file}: "))


def _with_skipped(reports: Sequence[ModelReport], dataset: Dataset | None) -> tuple[ModelReport, ...]:
    """Say what `--skip-bad` left out: a check of part of the data is not a check of all of it."""
    if dataset is None or not dataset.skipped:
        return tuple(reports)
    first, count = dataset.skipped[0], len(dataset.skipped)
    records = "1 bad record" if count == 1 else f"{count:,} bad records, first"
    note = f"left out {records}{':' if count == 1 else ''} {first.path}, {first.record}: {first.reason}"
    return tuple(replace(report, note=note) for report in reports)
