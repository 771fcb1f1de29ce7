"""`cwm/runs`, `cwm/run`, `cwm/deleteRuns`: the searches there were."""

from __future__ import annotations

import asyncio
from typing import Any

from cwm_server.app import CwmServer
from cwm_server.messages import (
    DELETE_RUNS,
    RUN,
    RUNS,
    DeleteRunsParams,
    DeleteRunsResult,
    RunParams,
    RunResult,
    RunsParams,
    RunsResult,
)


def register(server: CwmServer) -> None:
    """Add the requests."""

    @server.feature(RUNS)
    async def all_runs(params: RunsParams) -> RunsResult:
        del params
        return await asyncio.to_thread(_call, "runs")

    @server.feature(RUN)
    async def one_run(params: RunParams) -> RunResult:
        return await asyncio.to_thread(_call, "run", params.run, params.after, params.count)

    @server.feature(DELETE_RUNS)
    async def delete_runs(params: DeleteRunsParams) -> DeleteRunsResult:
        return await asyncio.to_thread(_call, "delete", params.runs)


def _call(function: str, *arguments: Any) -> Any:
    """Call a function of `cwm_server.runs`, which brings in what the server does not need to start."""
    from cwm_server import runs

    return getattr(runs, function)(*arguments)
