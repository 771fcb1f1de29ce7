"""Findings about wrong predictions: what is wrong, where it most likely comes from, and the smallest example."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cwm_engine.checking.evidence import Evidence
from cwm_engine.diagnosis.places import Places
from cwm_engine.findings import CODES, Finding, Suspect
from cwm_engine.sandbox.results import PREDICTED
from cwm_engine.trajectories.variety import features_of, spread_out

Rows = npt.NDArray[np.intp]

_EXAMPLES = 8
_LOOKED_AT = 500
_FIELDS = 4


def mispredicted(evidence: Evidence) -> Rows:
    """The rows that have a prediction, and a wrong one."""
    return np.flatnonzero(evidence.failing & (evidence.row_status == PREDICTED))


def mismatch(
    evidence: Evidence,
    rows: Rows,
    places: Places,
    *,
    suspects: Sequence[Suspect] = (),
    condition: str | None = None,
    note: str | None = None,
) -> Finding:
    """One finding for wrong predictions with one probable cause.

    Args:
        evidence: What the run showed.
        rows: The rows the finding is about, all of them mispredicted.
        places: The places of the model's file.
        suspects: The lines that may be the cause, most suspicious first; the finding is placed on the first.
        condition: What these rows have in common, as the end of a sentence.
        note: Advice; that of the code where there is none.
    """
    wrong = evidence.wrong[rows]
    counts = wrong.sum(axis=0)
    fields = [evidence.prepared.layout.names[i] for i in np.argsort(-counts, kind="stable") if counts[i]]
    code = _code(evidence, rows, wrong)
    total = int(evidence.checked.sum())
    message = f"{_name(fields)} wrong in {len(rows)} of {total} transitions"
    if condition:
        message += f", {condition}"
    return Finding(
        code=code,
        severity=CODES[code].severity,
        message=message,
        span=places.line(suspects[0].line) if suspects else places.step,
        count=len(rows),
        fields=tuple(fields),
        suspects=tuple(suspects),
        examples=tuple(evidence.example(int(row)) for row in _telling(evidence, rows, wrong)),
        note=note or CODES[code].fix,
    )


def _code(evidence: Evidence, rows: Rows, wrong: npt.NDArray[np.bool_]) -> str:
    layout = evidence.prepared.layout
    state_wrong = wrong[:, :-2].any(axis=1)
    predicted = evidence.predicted(rows)[:, : layout.terminated]
    if not np.isfinite(predicted).all(axis=1).any():
        return "CWM202"
    if state_wrong.any():
        return "CWM201"
    return "CWM301" if wrong[:, -2].any() else "CWM302"


def _name(fields: Sequence[str]) -> str:
    shown = ", ".join(f"`{field}`" for field in fields[:_FIELDS])
    more = f" and {len(fields) - _FIELDS} more" if len(fields) > _FIELDS else ""
    return f"{shown}{more} {'is' if len(fields) == 1 else 'are'}"


def _telling(evidence: Evidence, rows: Rows, wrong: npt.NDArray[np.bool_]) -> list[int]:
    """The example that is easiest to read, then the first in the data, then those that are least like them."""
    looked_at = np.unique(np.linspace(0, len(rows) - 1, _LOOKED_AT).astype(np.intp))
    easiest = _easiest(evidence, rows, wrong)
    candidates = np.concatenate([[easiest, int(rows.argmin())], looked_at])
    features = features_of(evidence.prepared.dataset, rows[candidates], wrong[candidates])
    chosen = spread_out(features, [0, 1], _EXAMPLES)
    return [int(rows[candidates[index]]) for index in chosen]


def _easiest(evidence: Evidence, rows: Rows, wrong: npt.NDArray[np.bool_]) -> int:
    """Few wrong fields, then small numbers; the first step wins a tie."""
    states = evidence.prepared.dataset.observations.take(rows).arrays
    size = np.zeros(len(rows))
    for array in states:
        if array.dtype != object:
            size += np.abs(array.reshape(len(rows), -1).astype(np.float64)).sum(axis=1)
    return int(np.lexsort((rows, size, wrong.sum(axis=1)))[0])
