"""Where one model file is checked, once or again and again: keeps the data and the sandbox between versions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cwm_engine.checking.report import ModelReport, Status
from cwm_engine.cli.progress import Bars
from cwm_engine.diagnosis.coverage import Coverage
from cwm_engine.diagnosis.opening import Request, failed, open_session, with_skipped
from cwm_engine.diagnosis.session import Session
from cwm_engine.errors import CwmError
from cwm_engine.findings import Finding
from cwm_engine.project import ModelTarget, Project
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.world_model.source import ModelSource, read_source


@dataclass(frozen=True)
class Task:
    """One model file, its data and the project it belongs to."""

    target: ModelTarget
    project: Project


@dataclass(frozen=True)
class Outcome:
    """The reports about one file, the project they were made in, and the text they are about.

    `task` is None where the file could not even be found, `source` where it could not be read. `coverage` is what each
    episode ran of it, where that was asked for.
    """

    reports: tuple[ModelReport, ...]
    project: Project
    task: Task | None = None
    source: ModelSource | None = None
    coverage: tuple[Coverage, ...] = ()


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
        coverage: list[Coverage] = []
        path = str(task.target.path)
        try:
            read = read_source(task.target.path)
            if isinstance(read, Finding):
                report = ModelReport(file=path, status=Status.ERROR, findings=(read,))
                return Outcome((report,), task.project, task)
            source = read
            dataset, session = self._open = self._open or open_session(
                task.target, task.project.settings, self._request
            )
            reports = session.check(source.text, on_progress=lambda progress: bars.show(task.target.spec, progress))
            coverage = session.coverage() if self._request.coverage else []
        except CwmError as error:
            reports, dataset = [failed(path, error, task.target.class_name)], None
        return Outcome(with_skipped(reports, dataset), task.project, task, source, tuple(coverage))
