"""AB-MCTS of the `treequest` package: at every node, whether to go wider or deeper (Inoue et al., 2025)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from cwm_engine.errors import CwmError
from cwm_engine.synthesis.interfaces import Outcome, Selection
from cwm_engine.synthesis.rex import refinement
from cwm_engine.synthesis.tree import ROOT, Tree

_ACTION = "refine"


class AbMcts:
    """AB-MCTS-A, with values as samples of Beta distributions, as a strategy to ask and tell.

    Below a reply without a program it goes on from what that was made from.

    Args:
        seed: Of the samples.

    Raises:
        CwmError: `treequest` is not installed.
    """

    name = "ab-mcts"

    def __init__(self, seed: int = 0) -> None:
        try:
            from treequest import ABMCTSA
        except ImportError:
            raise CwmError(
                "the strategy ab-mcts needs the package treequest",
                hint="install it with `pip install 'code-world-models[ab-mcts]'`",
            ) from None
        self._algorithm: Any = ABMCTSA(dist_type="beta")
        self._state: Any = self._algorithm.init_tree()
        self._random: Any = np.random.RandomState(seed).get_state()  # what treequest draws from
        self._under_way: deque[str] = deque()

    def new_tree(self) -> Tree:
        """The tree with which a search by this strategy begins."""
        return Tree()

    def select(self, tree: Tree, k: int) -> list[Selection]:
        """Choose up to k programs to ask for (see `Strategy.select`)."""
        with self._own_randomness():
            self._state, trials = self._algorithm.ask_batch(self._state, k, [_ACTION])
        self._under_way.extend(trial.trial_id for trial in trials)
        nodes = [ROOT if trial.parent_state is None else trial.parent_state for trial in trials]
        return [Selection(node, refinement(tree, node)) for node in nodes]

    def update(self, tree: Tree, node: int, outcome: Outcome) -> None:
        """Take in what came of the oldest selection under way (see `Strategy.update`)."""
        new = tree[node]
        stands_for = node if new.program is not None else new.parent
        with self._own_randomness():
            self._state = self._algorithm.tell(self._state, self._under_way.popleft(), (stands_for, outcome.value))

    @contextmanager
    def _own_randomness(self) -> Iterator[None]:
        """Lend treequest, that draws from NumPy's global generator, one that a seed decides."""
        others = np.random.get_state()  # noqa: NPY002
        np.random.set_state(self._random)  # noqa: NPY002
        try:
            yield
        finally:
            self._random = np.random.get_state()  # noqa: NPY002
            np.random.set_state(others)  # noqa: NPY002
