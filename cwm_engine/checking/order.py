"""Which transitions run first, so that the first mismatch appears after a few of them, however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_engine.checking.evidence import Evidence
from cwm_engine.checking.prepared import Prepared
from cwm_engine.trajectories.columns import Columns
from cwm_engine.world_model.probes import Instrumented

FIRST = 64
"""How many transitions run before the others: a mismatch is among them nearly always, and they take no time."""

Runs = npt.NDArray[np.intp]


def spread(prepared: Prepared) -> Runs:
    """Transitions for a program nothing is known of: spread over the dataset and over the actions."""
    count = len(prepared.transitions)
    sample = np.unique(np.linspace(0, count - 1, min(16 * FIRST, count)).astype(np.intp))
    return sample[_turns(_first_number(prepared.transitions.actions.take(sample)))[:FIRST]]


def after(before: Evidence, instrumented: Instrumented, changed_lines: Sequence[int]) -> Runs:
    """Transitions for the next version of a program.

    Those that failed come first, then those that executed a changed line, then the others; within each,
    code paths and actions take turns.

    Args:
        before: What the version before showed.
        instrumented: That version with its probes.
        changed_lines: Its lines that the edit touched.
    """
    prepared, results = before.prepared, before.results
    count = len(prepared.transitions)
    failing = np.zeros(count, dtype=np.bool_)
    failing[before.runs(np.flatnonzero(before.failing))] = True
    touched = np.array([not set(changed_lines).isdisjoint(instrumented.lines_of(path)) for path in before.paths])
    changed = touched[np.minimum(results.path, len(touched) - 1)] if len(touched) else np.zeros(count, dtype=np.bool_)
    actions = np.unique(_first_number(prepared.transitions.actions), return_inverse=True)[1]
    group = results.path.astype(np.int64) * (int(actions.max(initial=0)) + 1) + actions
    ordered = []
    for members in (failing, changed & ~failing, ~changed & ~failing):
        rows = np.flatnonzero(members)
        ordered.append(rows[_turns(group[rows])[:FIRST]])
    return np.concatenate(ordered)[:FIRST]


def blamed(evidence: Evidence) -> Runs:
    """A few of the transitions that went wrong, code paths taking turns."""
    runs = np.unique(evidence.runs(np.flatnonzero(evidence.failing)))
    return runs[_turns(evidence.results.path[runs])[:FIRST]]


def _first_number(columns: Columns) -> npt.NDArray[Any]:
    """What actions are told apart by: themselves where they are single numbers, else their first one."""
    array = columns.arrays[0]
    return array if array.ndim == 1 else array.reshape(len(array), -1)[:, 0]


def _turns(groups: npt.NDArray[np.generic]) -> Runs:
    """Positions in an order in which the groups take turns."""
    if not len(groups):
        return np.zeros(0, dtype=np.intp)
    by_group = np.argsort(groups, kind="stable")
    ordered = groups[by_group]
    begins = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    turn = np.arange(len(groups)) - np.repeat(begins, np.diff(begins, append=len(groups)))
    return by_group[np.argsort(turn, kind="stable")]
