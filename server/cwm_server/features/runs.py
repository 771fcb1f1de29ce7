"""`cwm/runs`, `cwm/run`, `cwm/deleteRuns`: the searches there were."""

from __future__ import annotations

import asyncio

from cwm_server import runs
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
        return await asyncio.to_thread(runs.runs)

    @server.feature(RUN)
    async def one_run(params: RunParams) -> RunResult:
        return await asyncio.to_thread(runs.run, params.run, params.after, params.count)

    @server.feature(DELETE_RUNS)
    async def delete_runs(params: DeleteRunsParams) -> DeleteRunsResult:
        return await asyncio.to_thread(runs.delete, params.runs)
