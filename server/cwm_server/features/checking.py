"""`cwm/check`, as a request and as a command: check a file now, whatever its run mode."""

from __future__ import annotations

from cwm_engine.checking.report import Report
from cwm_engine.errors import CwmError
from cwm_server.app import CwmServer
from cwm_server.messages import CHECK, SCHEMA, CheckParams, CheckResult

COMMAND = "cwm.check"


def register(server: CwmServer) -> None:
    """Add the request and the command."""

    @server.feature(CHECK)
    @server.command(COMMAND)
    async def check(params: CheckParams) -> CheckResult:
        snapshot = server.documents.snapshot(params.uri)
        if snapshot is None:
            raise CwmError("is not open", path=params.uri, hint="open it first; only open files are checked")
        if params.anyway:
            server.checks.run_anyway(snapshot)
        checked = await server.checks.check(snapshot)
        report = Report(checked.reports).to_json()
        return CheckResult(schema=SCHEMA, version=checked.snapshot.version, outcome=checked.outcome, report=report)
