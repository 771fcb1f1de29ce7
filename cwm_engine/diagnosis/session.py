"""A session: one model file against one dataset, version after version, from text to report."""

from __future__ import annotations

import ast
import difflib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self

from cwm_engine.checking.compare import Tolerance
from cwm_engine.checking.evidence import Evidence, Program
from cwm_engine.checking.order import Runs, after
from cwm_engine.checking.prepared import Mode, Prepared
from cwm_engine.checking.report import ModelReport, Status, Transitions, filter_findings
from cwm_engine.checking.run import EARLY_SECONDS, Early, Progress, Runner
from cwm_engine.diagnosis.carry import Carrier
from cwm_engine.diagnosis.coverage import Coverage, coverage_of
from cwm_engine.diagnosis.failures import failures, wrong_data
from cwm_engine.diagnosis.investigation import Investigation, investigate
from cwm_engine.diagnosis.mismatches import mismatch, mispredicted
from cwm_engine.diagnosis.notes import run_notes
from cwm_engine.diagnosis.places import Places
from cwm_engine.diagnosis.thresholds import unreached_thresholds
from cwm_engine.errors import CwmError
from cwm_engine.findings import Finding, Severity
from cwm_engine.sandbox.limits import Limits
from cwm_engine.sandbox.stop import Stop
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.world_model.blocks import Instrumented
from cwm_engine.world_model.discovery import Discovery, ModelSpec, discover
from cwm_engine.world_model.imports import ALLOWED_MODULES, Imports, resolve_imports
from cwm_engine.world_model.notes import scalar_numpy
from cwm_engine.world_model.probes import instrument
from cwm_engine.world_model.source import parse, split_lines
from cwm_engine.world_model.suppress import suppressions


@dataclass(frozen=True)
class Settings:
    """How one model is to be checked.

    Attributes:
        file: The model's file as the user names it.
        path: The model's file.
        root: The project's directory, from which the model's own modules may be imported too.
        model: Which model of the file; all of them when None.
        environment: The environment it models, as the configuration says.
        mode: `transition` sets the state before every step, `episode` once per episode.
        tolerance: How near a float must be.
        goal: Which of the file's `REWARDS` pays.
        stochastic: Whether predictions may differ from call to call.
        ignore_fields: Fields that are not compared.
        allow_modules: Modules it may import besides those always allowed.
        select: Codes or prefixes of the findings to show.
        ignore: Codes or prefixes of the findings to leave out.
        cwmb: Whether to work out the `cwmb` score too.
        repair: Whether to look for the single edit that makes every transition pass.
    """

    file: str
    path: Path
    root: Path | None = None
    model: str | None = None
    environment: str | None = None
    mode: Mode = "transition"
    tolerance: Tolerance = Tolerance()
    goal: str | None = None
    stochastic: bool = False
    ignore_fields: tuple[str, ...] = ()
    allow_modules: tuple[str, ...] = ()
    select: tuple[str, ...] = ("ALL",)
    ignore: tuple[str, ...] = ()
    cwmb: bool = False
    repair: bool = True


@dataclass(frozen=True)
class _Version:
    """One version of the file, read but not run."""

    text: str
    lines: tuple[str, ...]
    tree: ast.Module
    imports: Imports
    models: tuple[ModelSpec, ...]

    def means_the_same_as(self, other: _Version) -> bool:
        """Whether two versions differ in comments and white space only."""
        return self.imports.siblings == other.imports.siblings and self._meaning == other._meaning

    @cached_property
    def _meaning(self) -> str:
        return ast.dump(self.tree)


_JOBS = tuple(f"cwm_engine.diagnosis.{name}" for name in ("jobs", "thresholds", "tracing"))

OnReport = Callable[[ModelReport], None]
OnProgress = Callable[[Progress], None]


class Session:
    """Checks the versions of one model file against one dataset.

    Args:
        settings: How to check.
        dataset: What was observed.
        limits: What the model may use.

    Attributes:
        files: The modules of its own that the last version imports.
    """

    def __init__(self, settings: Settings, dataset: Dataset, limits: Limits = Limits()) -> None:
        self.settings = settings
        self.prepared = Prepared(dataset, settings.mode, settings.tolerance, settings.ignore_fields)
        self._runner = Runner(self.prepared, limits, jobs=_JOBS)
        self.files: tuple[Path, ...] = ()
        self._before: dict[str, tuple[Evidence, Instrumented]] = {}
        self._last: tuple[_Version, list[ModelReport]] | None = None
        self._told: dict[str | None, ModelReport] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the sandbox."""
        self._runner.close()

    def seen(self, model: str) -> tuple[Evidence, Instrumented] | None:
        """What the last run of a model showed, and that version with its probes; None before the first."""
        return self._before.get(model)

    @property
    def evidence(self) -> Mapping[str, Evidence]:
        """What the last run of each model that was run has shown, by the model's name."""
        return {name: evidence for name, (evidence, _) in self._before.items()}

    def coverage(self) -> list[Coverage]:
        """What each episode ran of the models of the text that was checked last."""
        return [coverage_of(self._runner, evidence, self.settings.path) for evidence in self.evidence.values()]

    def forget(self) -> None:
        """Check the next text as if it were the first: what was seen before decides nothing about it."""
        self._before.clear()
        self._told.clear()
        self._last = None

    def check(
        self,
        text: str,
        *,
        on_report: OnReport | None = None,
        on_progress: OnProgress | None = None,
        stop: Stop | None = None,
    ) -> list[ModelReport]:
        """Check one version of the file.

        Args:
            text: The file's text, saved or not.
            on_report: Called with what is known so far: of a slow model what the first transitions show, then all
                mismatches, then ranked lines; the last one is returned.
            on_progress: Called while transitions are run.
            stop: Lets another thread stop this check.

        Returns:
            A report for each model of the file; one report without a model where none could be found.

        Raises:
            CwmError: The model that the settings name is not in the file.
            Stopped: `stop` was called; the next check goes on from what was known before this one.
        """
        self._runner.stop = stop or Stop()
        tree = parse(text)
        if isinstance(tree, Finding):
            return [self._filtered(self._unchecked((tree,)), text)]
        lines = split_lines(text)
        found = discover(tree, lines)
        settings = self.settings
        imports = resolve_imports(tree, settings.path, settings.allow_modules, root=settings.root, lines=lines)
        self.files = imports.files
        version = _Version(text, lines, tree, imports, found.models)
        models = [spec for spec in found.models if settings.model in (None, spec.name)]
        if not models:
            if found.models:
                raise _no_such_model(settings, found.models)
            return [self._filtered(self._unchecked((*found.problems, *imports.problems)), text)]
        reports = self._carried(version)
        self._told.update((report.model, report) for report in reports)
        for spec in models if not reports else ():
            problems = (*_problems_of(spec, found), *imports.problems)
            if any(_keeps_from_running(problem) for problem in problems):
                reports.append(self._unchecked(problems, spec))
            else:
                reports.append(self._check_model(version, spec, problems, on_report, on_progress))
        self._last = (version, reports)
        return [self._filtered(report, text) for report in reports]

    def _check_model(
        self,
        version: _Version,
        spec: ModelSpec,
        problems: Sequence[Finding],
        on_report: OnReport | None,
        on_progress: OnProgress | None,
    ) -> ModelReport:
        started = time.monotonic()
        program = Program(
            source=version.text,
            spec=spec,
            siblings=version.imports.siblings,
            package=version.imports.package,
            goal=self.settings.goal,
            preload=version.imports.preload,
            allowed=ALLOWED_MODULES | {name.partition(".")[0] for name in self.settings.allow_modules},
        )
        others = [other.body for other in version.models if other != spec]
        places = Places(version.lines, spec, others)
        instrumented = instrument(version.tree)

        def tell(evidence: Evidence, certain: Sequence[Finding], investigation: Investigation) -> ModelReport:
            result = self._report(evidence, (*investigation.findings, *certain), investigation, started)
            self._runner.stop.check()  # what a child left behind that was killed is no finding
            self._told[spec.name] = result
            if on_report is not None:
                on_report(self._filtered(result, version.text))
            return result

        def tell_early(evidence: Evidence) -> None:
            tell(evidence, (*problems, *failures(evidence, places)), _first_look(evidence, places))

        early = None
        if on_report is not None and self.prepared.ceiling in {None, 1.0}:  # else only all of them show who is to blame
            shown = self._told.get(spec.name)
            # What the first few transitions say is less than what is shown of mismatches already.
            is_wrong = shown is not None and shown.transitions.passed < shown.transitions.checked
            early = Early(tell_early, EARLY_SECONDS if is_wrong else 0.0)
        evidence = self._runner.run(program, first=self._first(program), on_progress=on_progress, early=early)
        self._before[spec.name] = (evidence, instrumented)
        certain = [
            *problems,
            *wrong_data(evidence, places, instrumented, self.settings.environment),
            *failures(evidence, places),
            *run_notes(evidence, places, instrumented, version.tree, stochastic=self.settings.stochastic),
            *scalar_numpy(version.tree, version.lines),
        ]

        # No model can be more right than the ceiling, so what is wrong then is no mistake of this one.
        settled = evidence.status is Status.COMPLETE and evidence.reaches_ceiling
        known = Investigation() if settled else _first_look(evidence, places)
        result = tell(evidence, certain, known)  # before thresholds are watched, which takes another run
        if evidence.status is Status.COMPLETE:
            certain += unreached_thresholds(self._runner, evidence, version.tree, version.lines)
            result = tell(evidence, certain, known)
        if settled:
            return result
        for investigation in investigate(
            self._runner, evidence, instrumented, places, file=self.settings.file, repair=self.settings.repair
        ):
            result = tell(evidence, certain, investigation)
        return result

    def _carried(self, version: _Version) -> list[ModelReport]:
        """The last reports, if the text means what it meant then; empty if it has to be checked."""
        if self._last is None or not self._last[0].means_the_same_as(version):
            return []
        before, reports = self._last
        carrier = Carrier.between(before.tree, version.tree, before.lines, version.lines)
        carried = [carrier.carry(report, self.settings.file) for report in reports]
        kept = [report for report in carried if report is not None]
        return kept if len(kept) == len(reports) else []

    def _first(self, program: Program) -> Runs | None:
        """Which transitions to run first, from what the version before showed."""
        before = self._before.get(program.spec.name)
        if before is None or not before[0].paths:
            return None
        evidence, instrumented = before
        return after(evidence, instrumented, _changed_lines(evidence.program.source, program.source))

    def _unchecked(self, problems: Sequence[Finding], spec: ModelSpec | None = None) -> ModelReport:
        return ModelReport(
            file=self.settings.file,
            model=spec.name if spec else None,
            dialect=str(spec.dialect) if spec else None,
            status=Status.ERROR,
            transitions=Transitions(0, len(self.prepared.dataset), 0),
            environment=self.prepared.dataset.provenance.environment,
            trajectories=self.prepared.dataset.provenance.source,
            findings=tuple(problems),
        )

    def _report(
        self, evidence: Evidence, findings: Sequence[Finding], investigation: Investigation, started: float
    ) -> ModelReport:
        prepared, spec = self.prepared, evidence.program.spec
        return ModelReport(
            file=self.settings.file,
            model=spec.name,
            dialect=str(spec.dialect),
            status=evidence.status,
            transitions=Transitions(int(evidence.checked.sum()), len(prepared.dataset), evidence.passed),
            accuracy=evidence.accuracy,
            baseline=prepared.baseline,
            ceiling=prepared.ceiling,
            cwmb_score=evidence.cwmb_score if self.settings.cwmb else None,
            fields=evidence.field_accuracies,
            findings=tuple(findings),
            repairs=investigation.repairs,
            trajectories=prepared.dataset.provenance.source,
            environment=prepared.dataset.provenance.environment,
            isolation=self._runner.isolation_level,
            seconds=time.monotonic() - started,
        )

    def _filtered(self, report: ModelReport, text: str) -> ModelReport:
        kept = filter_findings(
            report.findings,
            select=self.settings.select,
            ignore=self.settings.ignore,
            suppressions=suppressions(text),
        )
        return replace(report, findings=kept)


def _first_look(evidence: Evidence, places: Places) -> Investigation:
    """All wrong predictions as one finding, before anything is known of their causes."""
    rows = mispredicted(evidence)
    return Investigation((mismatch(evidence, rows, places),) if len(rows) else ())


def _problems_of(spec: ModelSpec, found: Discovery) -> list[Finding]:
    """What discovery says about a model or about no model in particular, not about another one."""
    others = [other.body for other in found.models if other is not spec]
    return [
        problem
        for problem in found.problems
        if not any(body.line <= problem.span.line <= body.end_line for body in others)
    ]


def _keeps_from_running(problem: Finding) -> bool:
    """Half a model (CWM103) in a file does not keep the others from being checked; all else does."""
    return problem.severity is Severity.ERROR and problem.code != "CWM103"


def _no_such_model(settings: Settings, models: Sequence[ModelSpec]) -> CwmError:
    names = ", ".join(f"`{spec.name}`" for spec in models)
    return CwmError(
        f"holds no model named `{settings.model}`", path=settings.file, hint=f"the models of this file: {names}"
    )


def _changed_lines(before: str, now: str) -> list[int]:
    """Lines of the text before that an edit touched; an insertion touches the line it comes after."""
    matcher = difflib.SequenceMatcher(None, before.splitlines(), now.splitlines(), autojunk=False)
    touched: list[int] = []
    for tag, start, stop, _, _ in matcher.get_opcodes():
        if tag != "equal":
            touched.extend(range(start + 1, stop + 1) if stop > start else [start])
    return touched
