"""Examining a model that is right about its data: what nothing tests, and what to record to test it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cwm_engine.checking.report import ModelReport, Status, filter_findings
from cwm_engine.checking.show import show_share
from cwm_engine.diagnosis.notes import silent_blocks
from cwm_engine.diagnosis.places import Places
from cwm_engine.diagnosis.session import Session, Settings
from cwm_engine.errors import CwmError
from cwm_engine.findings import Finding, Severity
from cwm_engine.properties.adequacy.findings import untested
from cwm_engine.properties.adequacy.score import Adequacy, OnProgress, Subject, adequacy
from cwm_engine.properties.asking.search import SECONDS, Asked, ask, recorded_starts, reset_starts
from cwm_engine.properties.suite import Suite
from cwm_engine.sandbox.limits import Limits
from cwm_engine.world_model.discovery import discover
from cwm_engine.world_model.source import parse, split_lines
from cwm_engine.world_model.suppress import suppressions

_COVERAGE = "CWM6"


@dataclass(frozen=True)
class Examination:
    """What is tested of a model and what is not.

    Attributes:
        report: Its check, with the findings about what nothing tests and no others.
        adequacy: Its mutants and what became of them.
        asked: Sequences of actions that would test more.
    """

    report: ModelReport
    adequacy: Adequacy
    asked: Asked


@dataclass(frozen=True, kw_only=True)
class Examiner:
    """How to examine models.

    Attributes:
        settings: How to check them.
        suite: What is known of the environment, and the data.
        environment: The real environment, whose resets sequences of actions start from; recorded states where None.
        kwargs: Its arguments.
        limits: What a model may use.
        seed: Of everything random.
        seconds: How long to look for sequences of actions; 0 to look for none.
    """

    settings: Settings
    suite: Suite
    environment: str | None = None
    kwargs: Mapping[str, Any] | None = None
    limits: Limits = Limits()
    seed: int = 0
    seconds: float = SECONDS

    def examine(self, text: str, on_progress: OnProgress | None = None) -> Examination:
        """Examine the text of a model.

        Raises:
            CwmError: It holds no model, or several, or one that is wrong about its data.
        """
        dataset, settings = self.suite.dataset, replace(self.settings, repair=False)
        with Session(settings, dataset, self.limits) as session:
            reports = session.check(text)
            report = self._accepted(reports)
            seen = session.seen(report.model or "")
            prepared = session.prepared
        if seen is None:
            raise CwmError("was not run", path=settings.file)
        evidence, instrumented = seen
        if not (evidence.reaches_ceiling or evidence.accuracy == 1.0):
            raise CwmError(
                f"is wrong in {evidence.failing.sum():,} of {evidence.checked.sum():,} transitions "
                f"(accuracy {show_share(evidence.accuracy or 0.0)})",
                path=settings.file,
                hint="what tests a model is asked of one that is right about its data; `cwm check` shows its mistakes",
            )
        tree = parse(text)
        models = discover(tree, split_lines(text)).models if not isinstance(tree, Finding) else ()
        spec = evidence.program.spec
        others = tuple(other.body for other in models if other.name != spec.name)
        subject = Subject(evidence.program, dataset, evidence.form, prepared, others)
        result = adequacy(
            subject,
            self.suite.invariants,
            limits=self.limits,
            observed=self.suite.observed,
            seed=self.seed,
            on_progress=on_progress,
        )
        blocks = [block for block in silent_blocks(evidence, Places(split_lines(text), spec, others), instrumented)
                  if block.lines]  # fmt: skip
        told = [finding for finding in report.findings if finding.code.startswith(_COVERAGE)]
        more = untested(result, [finding.span for finding in told if finding.code == "CWM601"])
        kept = filter_findings(more, select=settings.select, ignore=settings.ignore, suppressions=suppressions(text))
        findings = tuple(sorted((*told, *kept), key=lambda one: (one.span.line, one.span.column, one.code)))
        return Examination(
            replace(report, findings=findings), result, self._asked(subject, result, blocks, on_progress)
        )

    def _accepted(self, reports: list[ModelReport]) -> ModelReport:
        if len(reports) != 1:
            names = ", ".join(f"{self.settings.file}::{report.model}" for report in reports)
            raise CwmError("holds several models", path=self.settings.file, hint=f"name one of {names}")
        (report,) = reports
        if report.status is not Status.COMPLETE:
            worst = next((one.message for one in report.findings if one.severity is Severity.ERROR), "it did not end")
            raise CwmError(f"could not be checked: {worst}", path=self.settings.file, hint="`cwm check` says more")
        return report

    def _asked(self, subject: Subject, result: Adequacy, blocks: list[Any], on_progress: OnProgress | None) -> Asked:
        mutants = [verdict.mutant for verdict in result.survivors]
        if not (mutants or blocks) or not self.seconds:
            return Asked((), (*mutants, *blocks), 0)
        total = len(mutants) + len(blocks)
        tell: Callable[[str, int, int], None] = on_progress or (lambda *_: None)
        tell("sequences of actions", 0, total)
        dataset = subject.dataset
        starts = recorded_starts(dataset)
        if self.environment is not None:
            starts = reset_starts(self.environment, self.kwargs, dataset)
        return ask(
            subject.program,
            dataset,
            mutants,
            blocks,
            form=subject.form,
            starts=starts,
            tolerance=subject.prepared.tolerance,
            ignore=subject.prepared.ignore,
            limits=self.limits,
            seconds=self.seconds,
            seed=self.seed,
            on_found=lambda found: tell("sequences of actions", found, total),
        )
