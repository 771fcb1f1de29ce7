"""`cwm/lines`: which lines of a file the last check has executed, for marks beside them and for coverage."""

from __future__ import annotations

from cwm_engine.errors import CwmError
from cwm_server.app import CwmServer
from cwm_server.messages import LINES, SCHEMA, LineExecutions, LinesParams, LinesResult


def register(server: CwmServer) -> None:
    """Add the request."""

    @server.feature(LINES)
    async def lines(params: LinesParams) -> LinesResult:
        snapshot = server.documents.snapshot(params.uri)
        if snapshot is None:
            raise CwmError("is not open", path=params.uri)
        found = await server.checks.ask(params.uri, "cwm_server.lines:executed", {"text": snapshot.text})
        counted = [LineExecutions(**line) for line in found]
        return LinesResult(schema=SCHEMA, version=snapshot.version, lines=counted)
