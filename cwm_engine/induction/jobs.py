"""The jobs of a fitting child. Everything they need is imported here, SciPy too, because a child can open no file.

Each gets a sample with outcomes as its blob: one says how numbers are to be written, the other, in a child of its own,
what transitions that the first did not see say about them. Nothing they say is a verdict: the host writes the text and
compares a fresh child's answers.
"""

from __future__ import annotations

import ast
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from cwm_engine.diagnosis.execution.executor import Loader, ModelRef
from cwm_engine.diagnosis.execution.sample import Sample
from cwm_engine.induction import smooth
from cwm_engine.induction.identifiability import Open
from cwm_engine.induction.literals import Numbers
from cwm_engine.induction.objective import Objective
from cwm_engine.induction.search import search
from cwm_engine.induction.unseen import look
from cwm_engine.sandbox.program import error_of, load_program


def prepare(_inputs: Any, _shared: dict[str, Any]) -> None:
    """Run once in the zygote, which can still open files: what SciPy loads on first use."""
    smooth.prepare()


def fit_job(context: Any, request: Mapping[str, Any], blob: bytes) -> None:
    """Fit the numbers of a model.

    The request names `source`, `siblings`, `package`, `allowed`, `model`, `seconds` of CPU time, `seed` and whether to
    `tell` what the data does not determine; the blob is a `Sample`. One message: `values` (pairs of a constant's number
    and its text), `numbers` (all constants), `undetermined` (see `Open.to_json`), `missed`, `runs`, `in_time`; or
    `problem`.
    """
    with _telling(context):
        found = search(
            Numbers(request["source"]),
            ModelRef.from_json(request["model"]),
            Sample.from_bytes(blob),
            deadline=time.process_time() + float(request["seconds"]),
            seed=int(request["seed"]),
            tell=bool(request["tell"]),
            loader=_loader(request),
        )
        context.send(
            {
                "values": [[number, text] for number, text in found.texts.items()],
                "numbers": found.values,
                "undetermined": [one.to_json() for one in found.undetermined],
                "missed": found.missed,
                "runs": found.runs,
                "in_time": found.in_time,
            }
        )


def look_job(context: Any, request: Mapping[str, Any], blob: bytes) -> None:
    """Ask transitions that the fit did not see about constants that it could not determine.

    The request is that of `fit_job`, with its `numbers` and `undetermined`; the blob is a `Sample` of other
    transitions. One message: `undetermined`; or `problem`.
    """
    with _telling(context):
        deadline = time.process_time() + float(request["seconds"])
        given = Numbers(request["source"]), ModelRef.from_json(request["model"]), Sample.from_bytes(blob)
        objective, watched = (
            Objective(*given, _loader(request), deadline=deadline, watch=watch) for watch in (False, True)
        )
        opened = [Open.from_json(one) for one in request["undetermined"]]
        context.send({"undetermined": [one.to_json() for one in look(objective, watched, request["numbers"], opened)]})


@contextmanager
def _telling(context: Any) -> Iterator[None]:
    """Send what is raised as a problem: the model's own code runs here."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    except BaseException as error:  # noqa: BLE001 - a model may raise anything
        told = error_of(error)
        context.send({"problem": f"{told['type']}: {told['message']}"})


def _loader(request: Mapping[str, Any]) -> Loader:
    """Runs the module as the check runs it: with its siblings, and imports from the list only."""

    def load(tree: ast.Module, names: Mapping[str, Any]) -> dict[str, Any]:
        return load_program(
            tree,
            siblings=request["siblings"],
            package=request["package"],
            namespace=names,
            allowed=request["allowed"],
        )

    return load
