"""The job of a fitting child. Everything it needs is imported here, SciPy too, because a child can open no file.

It gets a sample with outcomes as its blob and says how numbers are to be written. Nothing it says is a verdict: the
host writes the text and compares a fresh child's answers.
"""

from __future__ import annotations

import ast
import time
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from cwm_engine.diagnosis.execution.executor import Loader, ModelRef
from cwm_engine.diagnosis.execution.sample import Sample
from cwm_engine.induction import smooth
from cwm_engine.induction.literals import Numbers
from cwm_engine.induction.search import search
from cwm_engine.sandbox.program import error_of, load_program


def prepare(_inputs: Any, _shared: dict[str, Any]) -> None:
    """Run once in the zygote, which can still open files: what SciPy loads on first use."""
    smooth.prepare()


def fit_job(context: Any, request: Mapping[str, Any], blob: bytes) -> None:
    """Fit the numbers of a model.

    The request names `source`, `siblings`, `package`, `allowed`, `model`, `seconds` of CPU time and `seed`; the blob is
    a `Sample`. One message: `values` (pairs of a constant's number and its text), `undetermined` (number, reason,
    numbers of others, another value that would do or None), `missed`, `runs`, `in_time`; or `problem`.
    """
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            found = search(
                Numbers(request["source"]),
                ModelRef.from_json(request["model"]),
                Sample.from_bytes(blob),
                deadline=time.process_time() + float(request["seconds"]),
                seed=int(request["seed"]),
                loader=_loader(request),
            )
    except BaseException as error:  # noqa: BLE001 - the model's own code runs here
        told = error_of(error)
        context.send({"problem": f"{told['type']}: {told['message']}"})
        return
    context.send(
        {
            "values": [[number, text] for number, text in found.texts.items()],
            "undetermined": [
                [item.number, str(item.reason), list(item.others), item.such_as] for item in found.undetermined
            ],
            "missed": found.missed,
            "runs": found.runs,
            "in_time": found.in_time,
        }
    )


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
