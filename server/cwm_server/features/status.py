"""`cwm/status`: where the check of each file stands, said at every change of it."""

from __future__ import annotations

from collections import Counter

from cwm_engine.checking.report import ModelReport
from cwm_engine.findings import Severity
from cwm_server.app import CwmServer
from cwm_server.documents import Checked
from cwm_server.messages import SCHEMA, STATUS, Counts, ModelStatus, State, StatusParams


def register(server: CwmServer) -> None:
    """Add the observer."""

    def tell(checked: Checked) -> None:
        current = server.documents.current(checked.snapshot.uri)
        snapshot = server.documents.snapshot(checked.snapshot.uri)
        if current is not None and snapshot is not None:
            server.protocol.notify(STATUS, status_of(current, snapshot.version, trusted=server.checks.trusted))

    server.checks.observe(tell)


def status_of(checked: Checked, version: int, *, trusted: bool) -> StatusParams:
    """The status of a file.

    Args:
        checked: What is known about it.
        version: The version of the buffer.
        trusted: Whether the client trusts its workspace.
    """
    counts = Counter(finding.severity for finding, _ in checked.findings)
    accuracies = [report.accuracy for report in checked.reports if report.accuracy is not None]
    seconds = [report.seconds for report in checked.reports if report.seconds is not None]
    return StatusParams(
        schema=SCHEMA,
        uri=checked.snapshot.uri,
        version=version,
        state=_state(checked, trusted=trusted),
        stale=checked.stale,
        run=checked.snapshot.settings.run,
        models=[_model(report) for report in checked.reports],
        counts=Counts(**{str(severity): counts[severity] for severity in Severity}),
        accuracy=min(accuracies, default=None),
        isolation=checked.isolation,
        seconds=sum(seconds) if seconds else None,
    )


def _state(checked: Checked, *, trusted: bool) -> State:
    if not checked.complete:
        return "checking"
    match checked.outcome:
        case "checked":
            from cwm_engine.checking.report import Report

            state: State = Report(checked.reports).status.value
            return state
        case "failed":
            return "error"
        case "notRun" if not trusted:
            return "untrusted"
        case outcome:
            return outcome


def _model(report: ModelReport) -> ModelStatus:
    return ModelStatus(
        name=report.model,
        status=report.status.value,
        accuracy=report.accuracy,
        baseline=report.baseline,
        ceiling=report.ceiling,
        passed=report.transitions.passed,
        checked=report.transitions.checked,
        total=report.transitions.total,
        fields=dict(report.fields),
        trajectories=report.trajectories,
        environment=report.environment,
        message=report.message,
    )
