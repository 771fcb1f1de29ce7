"""`cwm/dataset`, `cwm/episode`, `cwm/failures`, `cwm/images`: the data of a file, beside what its model makes of it."""

from __future__ import annotations

from cwm_server.app import CwmServer
from cwm_server.messages import (
    DATASET,
    EPISODE,
    FAILURES,
    IMAGES,
    SCHEMA,
    DatasetParams,
    DatasetResult,
    EpisodeParams,
    EpisodeResult,
    FailuresParams,
    FailuresResult,
    ImagesParams,
    ImagesResult,
)


def register(server: CwmServer) -> None:
    """Add the requests."""

    @server.feature(DATASET)
    async def dataset(params: DatasetParams) -> DatasetResult:
        found = await server.checks.ask(params.uri, "cwm_server.episodes:dataset", {"model": params.model})
        return DatasetResult(schema=SCHEMA, models=found["models"], dataset=found["dataset"])

    @server.feature(EPISODE)
    async def episode(params: EpisodeParams) -> EpisodeResult:
        wanted = {"episode": params.episode, "model": params.model, "start": params.start, "count": params.count}
        found = await server.checks.ask(params.uri, "cwm_server.episodes:episode", wanted)
        return EpisodeResult(schema=SCHEMA, episode=found)

    @server.feature(FAILURES)
    async def failures(params: FailuresParams) -> FailuresResult:
        wanted = {"episode": params.episode, "model": params.model, "count": params.count}
        found = await server.checks.ask(params.uri, "cwm_server.episodes:failures", wanted)
        return FailuresResult(schema=SCHEMA, failures=found)

    @server.feature(IMAGES)
    async def images(params: ImagesParams) -> ImagesResult:
        wanted = {"episode": params.episode, "model": params.model, "step": params.step}
        found = await server.checks.ask(params.uri, "cwm_server.episodes:images", wanted)
        return ImagesResult(schema=SCHEMA, images=found)
