"""Parts of what is wrong that may have one cause each, so that several faults can be repaired one after another.

Two faults rarely break the same fields of the same transitions: where only one of them shows, it is a single fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_engine.checking.compare import Bools
from cwm_engine.checking.evidence import Evidence
from cwm_engine.sandbox.results import PREDICTED

_MOST = 12
_MOST_VALUES = 16


@dataclass(frozen=True)
class Part:
    """Some of the wrong cells of some transitions.

    Attributes:
        rows: Transitions (n,) to look at: all that are right, and those that are wrong in the way that is meant.
        overlooked: Cells (n, fields) that may stay wrong.
        failing: How many of the transitions are wrong.
    """

    rows: Bools
    overlooked: Bools
    failing: int


def parts(evidence: Evidence) -> list[Part]:
    """The parts of what is wrong, those with the fewest wrong fields first."""
    wrong, checked = evidence.wrong, evidence.checked
    predicted = checked & (evidence.row_status == PREDICTED)
    right, failing = checked & ~wrong.any(axis=1), evidence.failing
    nothing = np.zeros_like(wrong)
    found: list[tuple[tuple[int, int, int], Part]] = []
    seen: set[bytes] = set()

    def add(kind: int, members: Bools, overlooked: Bools) -> None:
        cells = wrong & ~overlooked & members[:, None]
        key = np.packbits(cells).tobytes()
        if key not in seen and cells.any() and not (members[failing].all() and not overlooked.any()):
            seen.add(key)
            fields = int(cells.any(axis=0).sum())
            found.append(((kind, fields, -int(members.sum())), Part(right | members, overlooked, int(members.sum()))))

    for members in _groups(evidence, failing):
        add(0, members, nothing)
    columns = np.flatnonzero((wrong & predicted[:, None]).any(axis=0))
    for column in columns if len(columns) > 1 else ():
        others = wrong.copy()
        others[:, column] = False
        add(1, predicted & wrong[:, column], others & predicted[:, None])
    found.sort(key=lambda entry: entry[0])
    return [part for _, part in found][:_MOST]


def _groups(evidence: Evidence, failing: Bools) -> Iterator[Bools]:
    """Failing transitions that are wrong in the same fields; of one code path; with the same action."""
    signature = _numbered(np.packbits(evidence.wrong, axis=1))
    yield from _each(signature, failing)
    yield from _each(evidence.row_path.astype(np.int64), failing)
    for array in evidence.prepared.dataset.actions.arrays:
        yield from _each(_numbered(array.reshape(len(array), -1)), failing)


def _each(number: npt.NDArray[np.int64], failing: Bools) -> Iterator[Bools]:
    values, counts = np.unique(number[failing], return_counts=True)
    for value in values[np.argsort(-counts, kind="stable")][:_MOST_VALUES]:
        yield failing & (number == value)


def _numbered(rows: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    number: npt.NDArray[np.int64] = np.unique(rows, axis=0, return_inverse=True)[1].ravel().astype(np.int64)
    return number
