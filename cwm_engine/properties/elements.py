"""The single numbers of a state: how to reach each from Python, what people call it, and its values over a dataset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cwm_engine.trajectories.columns import DictOf, Kind, Leaf, Structure, TupleOf, leaves
from cwm_engine.trajectories.dataset import Dataset, Floats

MOST = 64
"""Leaves with more elements, such as images, are not taken apart."""


@dataclass(frozen=True, eq=False)
class Element:
    """One number of a state, or of an action.

    Attributes:
        path: How Python reaches it from the whole value: empty, `[2]`, `["board"][3][1]`.
        before: Its values in the state (n,).
        after: Its values in the next state (n,); those of an action are the same as `before`.
        whole: Whether it is an integer or a boolean.
        name: What findings call it; `obs` with its path if not given.
        on_board: Whether it is a cell of a table of whole numbers, which holds a code and no quantity.
    """

    path: str
    before: Floats
    after: Floats
    whole: bool
    name: str = ""
    on_board: bool = False

    @property
    def field(self) -> str:
        """What findings call it."""
        return self.name or f"obs{self.path}"

    def of(self, name: str) -> str:
        """The Python expression for it, of the value with a name."""
        return f"{name}{self.path}"


def state_elements(dataset: Dataset) -> list[Element]:
    """All numbers of the states that are finite wherever they were observed."""
    structure = dataset.observations.structure
    pairs = zip(dataset.observations.arrays, dataset.next_observations.arrays, strict=True)
    return list(_elements(structure, list(pairs)))


def action_elements(dataset: Dataset) -> list[Element]:
    """All numbers of the actions; one with an empty path for an environment with numbered actions."""
    arrays = dataset.actions.arrays
    return list(_elements(dataset.actions.structure, list(zip(arrays, arrays, strict=True))))


def paths(structure: Structure, path: str = "") -> list[tuple[str, Leaf]]:
    """The leaves of a structure with their paths as Python writes them."""
    match structure:
        case Leaf():
            return [(path, structure)]
        case TupleOf(items):
            return [found for index, item in enumerate(items) for found in paths(item, f"{path}[{index}]")]
        case DictOf(items):
            return [found for name, item in items for found in paths(item, f"{path}[{name!r}]")]


def in_words(items: Sequence[str], word: str = "and") -> str:
    """A list as people write it: `1, 2 or 3`."""
    *others, last = items
    return f"{', '.join(others)} {word} {last}" if others else last


def number(value: float) -> str:
    """A number as a person writes it in a program, near enough to be told apart from no other."""
    if float(value).is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(float(f"{value:.7g}"))


def _elements(structure: Structure, pairs: list[tuple[np.ndarray, np.ndarray]]) -> Iterator[Element]:
    for (path, leaf), (name, _), (before, after) in zip(paths(structure), leaves(structure), pairs, strict=True):
        size = int(np.prod(leaf.shape, dtype=np.int64))
        if leaf.kind in (Kind.TEXT, Kind.JSON) or size > MOST:
            continue
        flat_before, flat_after = (array.reshape(len(array), size).astype(np.float64) for array in (before, after))
        for column, place in enumerate(np.ndindex(*leaf.shape)):
            columns = flat_before[:, column], flat_after[:, column]
            if all(np.isfinite(values).all() for values in columns):
                inside = "".join(f"[{number}]" for number in place)
                index = f"[{','.join(map(str, place))}]" if place else ""
                whole = leaf.kind is not Kind.FLOAT
                board = whole and len(leaf.shape) == 2
                yield Element(path + inside, *columns, whole, f"obs{name}{index}", on_board=board)
