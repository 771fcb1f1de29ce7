"""Fields: the one naming of what is predicted, from columns of a prediction matrix to names such as `obs[2]`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cwm_engine.trajectories.columns import Kind, Leaf, Structure, element_names, leaves

REWARD = "reward"
TERMINATED = "terminated"


@dataclass(frozen=True)
class Layout:
    """How a predicted transition lies in one row of float64 numbers.

    The elements of the next observation's leaves come first, in the order of `leaves(structure)`, then the
    reward, then `terminated` as 0 or 1. Texts and JSON values are interned: the column holds the number of a word.

    Attributes:
        structure: Structure of the observations.
    """

    structure: Structure

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """The leaves of the observation, in column order."""
        return tuple(leaf for _, leaf in leaves(self.structure))

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Columns taken by each leaf."""
        return tuple(int(np.prod(leaf.shape, dtype=np.int64)) for leaf in self.leaves)

    @cached_property
    def columns(self) -> tuple[slice, ...]:
        """The columns of each leaf."""
        ends = np.cumsum(self.sizes).tolist()
        return tuple(slice(end - size, end) for end, size in zip(ends, self.sizes, strict=True))

    @property
    def reward(self) -> int:
        """The column of the reward."""
        return sum(self.sizes)

    @property
    def terminated(self) -> int:
        """The column of `terminated`."""
        return self.reward + 1

    @property
    def width(self) -> int:
        """Columns of a row."""
        return self.reward + 2

    @cached_property
    def leaf_fields(self) -> tuple[tuple[str, ...], ...]:
        """The field names of each leaf: one an element, or a single one for a large leaf such as an image."""
        return tuple(tuple(names) for names in element_names(self.structure, "obs"))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All field names, in order: those of the observation, `reward`, `terminated`."""
        return (*(name for names in self.leaf_fields for name in names), REWARD, TERMINATED)

    @cached_property
    def is_text(self) -> tuple[bool, ...]:
        """For each leaf, whether its columns hold numbers of words."""
        return tuple(leaf.kind in (Kind.TEXT, Kind.JSON) for leaf in self.leaves)
