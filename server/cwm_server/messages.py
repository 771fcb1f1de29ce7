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


CHECK = "cwm/check"
STATUS = "cwm/status"

NOTIFICATIONS: dict[str, type] = {STATUS: StatusParams}
"""By method; those from the client to the server are handed over as these types."""

REQUESTS: dict[str, tuple[type, type]] = {CHECK: (CheckParams, CheckResult)}
"""By method: the parameters and the answer."""
