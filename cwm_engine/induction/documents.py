"""Fitted numbers as a document."""

from __future__ import annotations

from typing import Any

from cwm_engine.diagnosis.editing.diffs import whole_diff
from cwm_engine.induction.fit import Fit

SCHEMA_VERSION = 1


def fit_json(fitted: Fit, file: str) -> dict[str, Any]:
    """What came of a fit, as JSON values.

    Args:
        fitted: The fit.
        file: The model's file as the user names it.
    """
    return {
        "schema": SCHEMA_VERSION,
        "file": file,
        "accuracy": {
            "before": fitted.accuracy_before,
            "after": fitted.accuracy_after,
            "heldout": fitted.heldout_after,
        },
        "changed": [
            {
                "name": change.literal.name,
                "line": change.literal.line,
                "before": change.literal.text,
                "after": change.text,
            }
            for change in fitted.changed
        ],
        "undetermined": [
            {"name": one.literal.name, "line": one.literal.line, "reason": str(one.reason), "message": one.message}
            for one in fitted.undetermined
        ],
        "message": fitted.problem,
        "seconds": fitted.seconds,
        "diff": fit_diff(fitted, file),
    }


def fit_diff(fitted: Fit, file: str) -> str:
    """From the program as it was to the fitted one, as a unified diff; empty where nothing changed.

    Args:
        fitted: The fit.
        file: The model's file, perhaps followed by `::` and the model in it.
    """
    return whole_diff(fitted.before.program.source, fitted.text, file.partition("::")[0])
