"""The jobs of a diagnosing child: rank the lines, search for the one edit. Everything it needs is imported here.

Both get a sample with outcomes as their blob, run the program many times, and tell what they found as
messages. Nothing they say is a verdict: hits are compared again by the host with a fresh child's answers.
"""

from __future__ import annotations

import ast
import time
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from cwm_engine.diagnosis.editing.pairs import search_pairs
from cwm_engine.diagnosis.editing.search import Hit, SearchResult, search_single_edits
from cwm_engine.diagnosis.editing.texts import TextTester
from cwm_engine.diagnosis.execution.executor import Loader, ModelRef
from cwm_engine.diagnosis.execution.sample import Sample
from cwm_engine.diagnosis.localization.localize import Localization, localize
from cwm_engine.sandbox.program import error_of, load_program

_RANK_SECONDS, _SEARCH_SECONDS = 0.25, 1.5


def localize_job(context: Any, request: Mapping[str, Any], blob: bytes) -> None:
    """Rank the lines of a model.

    The request names `source`, `siblings`, `allowed`, `model` (`name`, `dialect`, `goal`) and `seconds` of CPU
    time; the blob is a `Sample`. One message: `localized` with `ranked`, `groups` (their `rows` are rows of the
    dataset) and `seconds`, or `failed` with `error`.
    """
    try:
        sample = Sample.from_bytes(blob)
        found = localize(
            request["source"],
            ModelRef.from_json(request["model"]),
            sample,
            seconds=float(request.get("seconds", _RANK_SECONDS)),
            loader=_loader(request),
        )
    except BaseException as error:  # noqa: BLE001 - the model's own code runs here
        context.send({"event": "failed", "error": error_of(error)})
        return
    context.send({"event": "localized", **_localization_json(found, sample)})


def search_job(context: Any, request: Mapping[str, Any], blob: bytes) -> None:
    """Search for the single edits that make every transition of a sample right.

    The request names what that of `localize_job` names, and `ranked` lines (without, they are ranked first; what raises
    exceptions is `blamed`), `most` hits to find, and `slips_only`. Messages: `hit`
    for each as it is found, then `searched` with all `hits`, the most plausible first, `exhausted` and `tried`; or
    `failed` with `error`.
    """
    search = partial(search_single_edits, slips_only=True) if request.get("slips_only") else search_single_edits
    _search(context, request, blob, search)


def pairs_job(context: Any, request: Mapping[str, Any], blob: bytes) -> None:
    """Search for two edits that only together make every transition of a sample right; else as `search_job`."""
    _search(context, request, blob, search_pairs)


def score_job(context: Any, request: Mapping[str, Any], blob: bytes) -> None:
    """Say how far texts come on a sample.

    The request names what that of `localize_job` names, and `texts`. One message: `scored` with `scores`, for each text
    how many transitions it predicts, how many cells it predicts rightly and how many there are, or None where its model
    cannot be made; texts are left out for which there is no time.
    """
    until = time.process_time() + float(request.get("seconds", _SEARCH_SECONDS))
    scores: list[list[int] | None] = []
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            tester = TextTester(ModelRef.from_json(request["model"]), Sample.from_bytes(blob), _loader(request))
            for text in request["texts"]:
                if time.process_time() > until:
                    break
                score = tester.score(text)
                scores.append(None if score is None else [score.predicted, score.right, score.whole])
    except BaseException as error:  # noqa: BLE001 - the model's own code runs here
        context.send({"event": "failed", "error": error_of(error)})
        return
    context.send({"event": "scored", "scores": scores})


def _search(context: Any, request: Mapping[str, Any], blob: bytes, search: Callable[..., SearchResult]) -> None:
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            sample = Sample.from_bytes(blob)
            result = search(
                request["source"],
                ModelRef.from_json(request["model"]),
                sample,
                _ranked(request, sample),
                deadline=time.process_time() + float(request.get("seconds", _SEARCH_SECONDS)),
                most=int(request.get("most", 20)),
                on_hit=lambda hit: context.send({"event": "hit", **_hit_json(hit)}),
                loader=_loader(request),
            )
    except BaseException as error:  # noqa: BLE001 - the model's own code runs here
        context.send({"event": "failed", "error": error_of(error)})
        return
    context.send({
        "event": "searched",
        "hits": [_hit_json(hit) for hit in result.hits],
        "exhausted": result.exhausted,
        "tried": result.tried,
    })  # fmt: skip


def _ranked(request: Mapping[str, Any], sample: Sample) -> list[tuple[int, float]]:
    """The lines to edit, as the request names them or as they are found out now."""
    if request.get("ranked") is not None:
        return [(int(line), float(score)) for line, score in request["ranked"]]
    model, loader = ModelRef.from_json(request["model"]), _loader(request)
    found = localize(request["source"], model, sample, seconds=_RANK_SECONDS, loader=loader)
    blamed = [int(line) for line in request.get("blamed", ())]
    return [*((line, 1.0) for line in blamed), *((line, score) for line, score in found.ranked if line not in blamed)]


def _loader(request: Mapping[str, Any]) -> Loader:
    """Runs the module as the check runs it: with its siblings, and imports from the list only."""
    siblings, package, allowed = request.get("siblings") or {}, request.get("package") or "", request.get("allowed")

    def load(tree: ast.Module, names: Mapping[str, Any]) -> dict[str, Any]:
        return load_program(tree, siblings=siblings, package=package, namespace=names, allowed=allowed)

    return load


def _localization_json(found: Localization, sample: Sample) -> dict[str, Any]:
    return {
        "ranked": [list(item) for item in found.ranked],
        "groups": [
            {
                "line": group.line,
                "suspects": [list(item) for item in group.suspects],
                "rows": sample.rows[list(group.rows)].tolist(),
            }
            for group in found.groups
        ],
        "seconds": found.seconds,
    }


def _hit_json(hit: Hit) -> dict[str, Any]:
    span = hit.patch.span
    return {
        "line": hit.line,
        "kind": hit.kind,
        "cost": hit.cost,
        "description": hit.patch.description,
        "span": [span.line, span.column, span.end_line, span.end_column],
        "replacement": hit.patch.replacement,
        "text": hit.patch.text,
    }
