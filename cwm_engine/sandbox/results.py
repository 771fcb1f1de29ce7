"""The shared map in which a child leaves its raw predictions, as both sides read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

NOT_RUN = 0
PREDICTED = 1
FIRST_FAILURE = 2
"""Statuses from here on are `FIRST_FAILURE` + the number of a failure the child described."""


_PATH_BYTES = 4 << 20


def most_paths(probes: int) -> int:
    """How many code paths of a program with so many probes are told apart; the last one stands for all further ones."""
    return min(np.iinfo(np.uint16).max, max(256, _PATH_BYTES // max(2 * probes, 1)))


@dataclass(frozen=True)
class Results:
    """Views of one shared map.

    Attributes:
        predicted: float64 `(n, width)`; the elements of the next observation, the reward, `terminated`.
        path: uint16 `(n,)`; the number of the code path the prediction took.
        status: uint16 `(n,)`; `NOT_RUN`, `PREDICTED`, or `FIRST_FAILURE` + the number of a failure.
    """

    predicted: npt.NDArray[np.float64]
    path: npt.NDArray[np.uint16]
    status: npt.NDArray[np.uint16]

    @staticmethod
    def size(count: int, width: int) -> int:
        """Bytes of a map for `count` rows."""
        return count * (8 * width + 4)

    @classmethod
    def view(cls, buffer: Any, count: int, width: int) -> Results:
        """The views of a map of at least `size(count, width)` bytes."""
        cells = count * width
        return cls(
            np.frombuffer(buffer, dtype=np.float64, count=cells).reshape(count, width),
            np.frombuffer(buffer, dtype=np.uint16, count=count, offset=8 * cells),
            np.frombuffer(buffer, dtype=np.uint16, count=count, offset=8 * cells + 2 * count),
        )
