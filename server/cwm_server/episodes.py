"""What a worker answers about the data of its file and what the last check has shown of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cwm_engine.checking.episodes import dataset_json, episode_json, failures_json, images_json
from cwm_engine.checking.evidence import Evidence
from cwm_engine.errors import CwmError
from cwm_server.checker import Checker

Params = Mapping[str, Any]


def dataset(checker: Checker, params: Params) -> dict[str, Any]:
    """The episodes that a model was checked against, and which models of the file there are."""
    return {"models": list(_all(checker)), "dataset": dataset_json(_evidence(checker, params))}


def episode(checker: Checker, params: Params) -> dict[str, Any]:
    """Steps of an episode, as they were observed and predicted."""
    return episode_json(
        _evidence(checker, params), params["episode"], start=params["start"], count=max(params["count"], 0)
    )


def failures(checker: Checker, params: Params) -> list[dict[str, Any]]:
    """The first failing steps of an episode."""
    return failures_json(_evidence(checker, params), params["episode"], count=max(params["count"], 0))


def images(checker: Checker, params: Params) -> list[dict[str, Any]]:
    """The pictures of one step."""
    return images_json(_evidence(checker, params), params["episode"], params["step"])


def _all(checker: Checker) -> dict[str, Evidence]:
    return {name: evidence for opened in checker.opened for name, evidence in opened.session.evidence.items()}


def _evidence(checker: Checker, params: Params) -> Evidence:
    found, name = _all(checker), params["model"]
    if name is None and found:
        return next(iter(found.values()))
    if name not in found:
        hint = "check it first; a file that cannot be loaded has no predictions"
        raise CwmError(f"no model {name} was run" if name else "no model of this file was run", hint=hint)
    return found[name]
