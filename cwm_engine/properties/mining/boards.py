"""Candidates about boards: cells that never change, codes that come up, pieces that are not lost.

The cells of a board hold codes, not quantities: what is said of them is said of all cells at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import numpy.typing as npt

from cwm_engine.properties.elements import in_words, paths
from cwm_engine.properties.invariants import LEAST_SUPPORT, Invariant, Kind
from cwm_engine.trajectories.columns import Kind as LeafKind
from cwm_engine.trajectories.columns import leaves
from cwm_engine.trajectories.dataset import Dataset

_MOST_CODES = 12
_MOST_CHANGES = 9

Board = npt.NDArray[np.int64]


def board_candidates(dataset: Dataset) -> Iterator[Invariant]:
    """Candidates about every part of a state that is a table of whole numbers."""
    structure = dataset.observations.structure
    pairs = zip(dataset.observations.arrays, dataset.next_observations.arrays, strict=True)
    for (path, leaf), (field, _), (before, after) in zip(paths(structure), leaves(structure), pairs, strict=True):
        if leaf.kind is LeafKind.INT and len(leaf.shape) == 2 and len(before):
            yield from _of_board(path, f"obs{field}", before.astype(np.int64), after.astype(np.int64))


def _of_board(path: str, field: str, before: Board, after: Board) -> Iterator[Invariant]:
    state, following = f"state{path}", f"next_state{path}"
    yield from _fixed(state, following, field, before, after)
    codes = np.unique(after).tolist()
    if not 1 < len(codes) <= _MOST_CODES:
        return
    yield Invariant(
        kind=Kind.VALUES,
        statement=f"every cell of `{field}` is {in_words(list(map(str, codes)), 'or')}",
        expression=f"all(cell in {{{', '.join(map(str, codes))}}} for row in {following} for cell in row)",
        fields=(field,),
        absence=True,
    )
    changed = (before != after).sum(axis=(1, 2))
    if 0 < changed.max() <= _MOST_CHANGES and (changed == changed.max()).sum() >= LEAST_SUPPORT:
        yield Invariant(
            kind=Kind.STEP,
            statement=f"no more than {changed.max()} cells of `{field}` change in a step",
            expression=f"sum(one != other for rows in zip({state}, {following}) for one, other in zip(*rows)) "
            f"<= {changed.max()}",
            fields=(field,),
            absence=True,
        )
    yield from _pieces(path, field, before, after)


def _fixed(state: str, following: str, field: str, before: Board, after: Board) -> Iterator[Invariant]:
    cells = np.argwhere((before == after).all(axis=0))
    if not len(cells):
        return
    listed = ", ".join(f"({row}, {column})" for row, column in cells.tolist())
    yield Invariant(
        kind=Kind.COPIED,
        statement=f"{len(cells)} cells of `{field}` never change",
        expression=f"all({following}[row][column] == {state}[row][column] for row, column in [{listed}])",
        fields=(field,),
        absence=True,
    )


def _pieces(path: str, field: str, before: Board, after: Board) -> Iterator[Invariant]:
    """Codes, and pairs of codes, of which there are as many after a step as before."""
    codes = np.unique(after).tolist()
    counts = {code: ((before == code).sum(axis=(1, 2)), (after == code).sum(axis=(1, 2))) for code in codes}
    alone = [code for code in codes if (counts[code][0] == counts[code][1]).all()]
    kept = [(code,) for code in alone] + [
        (first, second)
        for first, second in combinations([code for code in codes if code not in alone], 2)
        if (counts[first][0] + counts[second][0] == counts[first][1] + counts[second][1]).all()
    ]
    for group in kept:
        counted = " + ".join(f"row.count({code})" for code in group)
        yield Invariant(
            kind=Kind.CONSERVED,
            statement=f"there are as many {in_words(list(map(str, group)))} in `{field}` as before",
            expression=f"sum({counted} for row in next_state{path}) == sum({counted} for row in state{path})",
            fields=(field,),
        )
