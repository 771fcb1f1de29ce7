"""From a configured model to a session: its data, its settings and its limits, the same for every front door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cwm_engine.checking.compare import Tolerance
from cwm_engine.checking.report import ModelReport, Status
from cwm_engine.diagnosis.session import Session, Settings
from cwm_engine.errors import CwmError
from cwm_engine.project import ModelTarget
from cwm_engine.sandbox.limits import Limits
from cwm_engine.settings import Settings as Configured
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.trajectories.load import load_dataset


@dataclass(frozen=True)
class Request:
    """What is asked of every check.

    Attributes:
        select: Codes or prefixes of the findings to show; the configuration decides where it is empty.
        ignore: Codes or prefixes of the findings to leave out; the configuration decides where it is empty.
        cwmb: Whether to work out the `cwmb` score too.
        skip_bad: Whether to leave malformed records of the data out.
        timeout: Seconds one model may take, instead of what is configured.
        fallback: How near a float must be where nothing is configured.
        wall_seconds: Seconds one model may take where nothing is configured.
        coverage: Whether to find out what each episode runs.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    cwmb: bool = False
    skip_bad: bool = False
    timeout: float | None = None
    fallback: Tolerance = Tolerance()
    wall_seconds: float | None = None
    coverage: bool = False


def open_session(target: ModelTarget, configured: Configured, request: Request) -> tuple[Dataset, Session]:
    """Load the data of a model and make a session over it.

    Args:
        target: The model and what is configured for it.
        configured: The settings of its project.
        request: What is asked beyond that.

    Raises:
        CwmError: The data cannot be read, or there is none in it.
    """
    dataset = load_data(target, skip_bad=request.skip_bad)
    settings = replace(
        session_settings(target, request.fallback),
        select=request.select or configured.select or ("ALL",),
        ignore=request.ignore or configured.ignore,
        cwmb=request.cwmb,
    )
    seconds = request.timeout or configured.wall_seconds or request.wall_seconds
    return dataset, Session(settings, dataset, sandbox_limits(configured, seconds))


def load_data(target: ModelTarget, *, skip_bad: bool = False) -> Dataset:
    """The data that checks a model.

    Raises:
        CwmError: It cannot be read or holds no transition.
    """
    dataset = load_dataset([*target.trajectories, *target.pinned], skip_bad=skip_bad)
    if not len(dataset):
        raise CwmError(
            "holds no transitions, so nothing can be checked",
            path=dataset.provenance.source,
            hint="record some with `cwm record`, or see what is in it with `cwm describe`",
        )
    return dataset


def session_settings(target: ModelTarget, fallback: Tolerance = Tolerance()) -> Settings:
    """How a model is checked, as it is configured; `fallback` says how near a float must be where nothing does."""
    return Settings(
        file=str(target.path),
        path=target.path,
        root=target.root,
        model=target.class_name,
        environment=target.env,
        mode=target.mode,
        tolerance=Tolerance(
            fallback.atol if target.atol is None else target.atol,
            fallback.rtol if target.rtol is None else target.rtol,
        ),
        goal=target.goal,
        stochastic=target.stochastic,
        ignore_fields=target.ignore_fields,
        allow_modules=target.allow_modules,
    )


def sandbox_limits(configured: Configured, seconds: float | None = None) -> Limits:
    """What a model may use: as configured, for as long as the caller says."""
    limits = Limits()
    seconds = seconds or configured.wall_seconds
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


def with_skipped(reports: Sequence[ModelReport], dataset: Dataset | None) -> tuple[ModelReport, ...]:
    """Say what `skip_bad` left out: a check of part of the data is not a check of all of it."""
    if dataset is None or not dataset.skipped:
        return tuple(reports)
    first, count = dataset.skipped[0], len(dataset.skipped)
    records = "1 bad record" if count == 1 else f"{count:,} bad records, first"
    note = f"left out {records}{':' if count == 1 else ''} {first.path}, {first.record}: {first.reason}"
    return tuple(replace(report, note=note) for report in reports)
