"""Tables: the numbers of observations and actions as plain matrices, for the statistics of data health."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.health.grouping import Rows, group_rows
from cwm_engine.trajectories.structures import Kind, Leaf, leaves

Matrix = npt.NDArray[np.float64]

_WIDEST = 512
_CATEGORIES = 32


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers of some columns.

    Attributes:
        names: Name of each column, e.g. `obs[2]`.
        values: float64 (n, len(names)).
        precision: For each column the rounding error of its stored type, relative to its magnitude.
    """

    names: tuple[str, ...]
    values: Matrix
    precision: npt.NDArray[np.float64]

    @property
    def width(self) -> int:
        """Columns of the table."""
        return len(self.names)


def numeric_leaves(columns: Columns, prefix: str) -> list[tuple[str, Leaf, npt.NDArray[np.generic]]]:
    """Name, leaf and array of every leaf that holds numbers."""
    return [
        (prefix + path, leaf, array)
        for (path, leaf), array in zip(leaves(columns.structure), columns.arrays, strict=True)
        if leaf.kind in (Kind.FLOAT, Kind.INT, Kind.BOOL)
    ]


def float_table(columns: Columns, prefix: str, rows: Rows | None = None) -> Table:
    """The elements of the float leaves; leaves that would make the table wider than 512 are left out."""
    names: list[str] = []
    parts: list[Matrix] = []
    precision: list[float] = []
    for name, leaf, array in numeric_leaves(columns, prefix):
        size = int(np.prod(leaf.shape, dtype=np.int64))
        if leaf.kind is not Kind.FLOAT or len(names) + size > _WIDEST:
            continue
        chosen = array if rows is None else array[rows]
        parts.append(chosen.astype(np.float64).reshape(len(chosen), size))
        names += [name] if leaf.shape == () else [f"{name}[{','.join(map(str, i))}]" for i in np.ndindex(*leaf.shape)]
        precision += [float(np.finfo(np.dtype(leaf.dtype)).eps)] * size
    count = len(columns) if rows is None else len(rows)
    values = np.concatenate(parts, axis=1) if parts else np.empty((count, 0))
    return Table(tuple(names), values, np.array(precision))


def categories(*parts: Columns) -> Rows:
    """One number per row for everything that is not a float: integers, flags, texts and JSON values together."""
    discrete = [array for part in parts for array in part.arrays if array.dtype.kind != "f"]
    return group_rows(*discrete).ids if discrete else np.zeros(len(parts[0]), dtype=np.int64)


def indicators(numbers: Rows) -> Matrix:
    """Categories as 0/1 columns, one less than there are; none if there are more than 32."""
    values = np.unique(numbers)
    if len(values) > _CATEGORIES:
        return np.empty((len(numbers), 0))
    return np.asarray(numbers[:, None] == values[1:], dtype=np.float64)
