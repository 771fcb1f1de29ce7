"""All messages beyond the protocol's own, in one place; the TypeScript side is generated from this module.

Each carries `schema`, the version of its form. Names are written as Python writes them and travel in camelCase.
"""

from __future__ import annotations

from typing import Any, Literal

import attrs

SCHEMA = 1

State = Literal[
    "checking",
    "complete",
    "partial",
    "timeout",
    "error",
    "notRun",
    "noData",
    "noModel",
    "blocked",
    "stopped",
    "untrusted",
]
"""What a status item shows of a file; `complete`, `partial`, `timeout` and `error` as in the report document."""


@attrs.frozen(kw_only=True)
class ModelStatus:
    """One model in a status.

    Attributes:
        name: Its class or function; None where none was found.
        accuracy, baseline, ceiling: Fractions, 0..1.
        passed, checked, total: Numbers of transitions.
        fields: The accuracy of every field.
        trajectories: The data it was checked against.
        environment: What the data is of.
        message: Why it could not be checked.
    """

    name: str | None
    status: Literal["complete", "partial", "timeout", "error"]
    accuracy: float | None
    baseline: float | None
    ceiling: float | None
    passed: int
    checked: int
    total: int
    fields: dict[str, float]
    trajectories: str | None
    environment: str | None
    message: str | None


@attrs.frozen(kw_only=True)
class Counts:
    """How many findings there are of each severity."""

    error: int
    warning: int
    info: int
    hint: int


@attrs.frozen(kw_only=True)
class StatusParams:
    """`cwm/status`, from the server: where the check of a file stands.

    Attributes:
        uri: The file.
        version: The version of the buffer.
        state: Where it stands.
        stale: Whether models and counts are about an older version.
        run: The run mode: `onType`, `onSave` or `manual`.
        accuracy: The lowest accuracy of the models.
        isolation: The level at which models run: `full`, `partial` or `process`.
        seconds: How long the check took.
    """

    schema: int
    uri: str
    version: int
    state: State
    stale: bool
    run: Literal["onType", "onSave", "manual"]
    models: list[ModelStatus]
    counts: Counts
    accuracy: float | None
    isolation: str | None
    seconds: float | None


@attrs.frozen(kw_only=True)
class CheckParams:
    """`cwm/check`, to the server: check a file now, whatever its run mode. Cancelling the request stops the check.

    Attributes:
        uri: The file, which has to be open.
        anyway: Run it below the full isolation level too, from now on.
    """

    uri: str
    anyway: bool = False


@attrs.frozen(kw_only=True)
class CheckResult:
    """The answer to `cwm/check`.

    Attributes:
        version: The version that was checked.
        outcome: How it ended, see `documents.Outcome`.
        report: The report document, as `cwm check --output-format json` prints it.
    """

    schema: int
    version: int
    outcome: str
    report: dict[str, Any]


@attrs.frozen(kw_only=True)
class DatasetParams:
    """`cwm/dataset`, to the server: what data a file was checked against, and where it fails.

    Attributes:
        uri: The file, which has to be open and checked.
        model: Which model of it; the first one where it is not said.
    """

    uri: str
    model: str | None = None


@attrs.frozen(kw_only=True)
class DatasetResult:
    """The answer to `cwm/dataset`.

    Attributes:
        models: All models of the file that were run.
        dataset: The document of `cwm_engine.checking.episodes.dataset_json`.
    """

    schema: int
    models: list[str]
    dataset: dict[str, Any]


@attrs.frozen(kw_only=True)
class EpisodeParams:
    """`cwm/episode`, to the server: steps of an episode, as they were observed and predicted.

    Attributes:
        uri: The file, which has to be open and checked.
        episode: The number of the episode, from 0.
        model: Which model of the file; the first one where it is not said.
        start: The first step, from 0.
        count: How many steps at most.
    """

    uri: str
    episode: int
    model: str | None = None
    start: int = 0
    count: int = 500


@attrs.frozen(kw_only=True)
class EpisodeResult:
    """The answer to `cwm/episode`.

    Attributes:
        episode: The document of `cwm_engine.checking.episodes.episode_json`.
    """

    schema: int
    episode: dict[str, Any]


@attrs.frozen(kw_only=True)
class FailuresParams:
    """`cwm/failures`, to the server: the first failing steps of an episode, whole.

    Attributes:
        uri: The file, which has to be open and checked.
        episode: The number of the episode, from 0.
        model: Which model of the file; the first one where it is not said.
        count: How many at most.
    """

    uri: str
    episode: int
    model: str | None = None
    count: int = 100


@attrs.frozen(kw_only=True)
class FailuresResult:
    """The answer to `cwm/failures`.

    Attributes:
        failures: The documents of `cwm_engine.checking.episodes.failures_json`.
    """

    schema: int
    failures: list[dict[str, Any]]


@attrs.frozen(kw_only=True)
class ImagesParams:
    """`cwm/images`, to the server: the pictures of one step.

    Attributes:
        uri: The file, which has to be open and checked.
        episode: The number of the episode, from 0.
        step: The number of the step, from 0.
        model: Which model of the file; the first one where it is not said.
    """

    uri: str
    episode: int
    step: int
    model: str | None = None


@attrs.frozen(kw_only=True)
class ImagesResult:
    """The answer to `cwm/images`.

    Attributes:
        images: The documents of `cwm_engine.checking.episodes.images_json`.
    """

    schema: int
    images: list[dict[str, Any]]


CHECK = "cwm/check"
DATASET = "cwm/dataset"
EPISODE = "cwm/episode"
FAILURES = "cwm/failures"
IMAGES = "cwm/images"
STATUS = "cwm/status"

NOTIFICATIONS: dict[str, type] = {STATUS: StatusParams}
"""By method; those from the client to the server are handed over as these types."""

REQUESTS: dict[str, tuple[type, type]] = {
    CHECK: (CheckParams, CheckResult),
    DATASET: (DatasetParams, DatasetResult),
    EPISODE: (EpisodeParams, EpisodeResult),
    FAILURES: (FailuresParams, FailuresResult),
    IMAGES: (ImagesParams, ImagesResult),
}
"""By method: the parameters and the answer."""
