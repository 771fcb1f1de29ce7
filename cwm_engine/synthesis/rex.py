"""REx: Thompson sampling over programs, each refinement a draw (Tang et al., NeurIPS 2024)."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from cwm_engine.synthesis.interfaces import Outcome, SearchAction, Selection
from cwm_engine.synthesis.tree import ROOT, Tree

CONFIDENCE = 20.0
"""C of the paper: how much the accuracy of a program says about what refining it will bring."""


class Rex:
    """REx as a strategy to ask and tell.

    Every program is an arm with the prior Beta(1 + C h, 1 + C (1 - h)), h its value, and one failure more for each
    refinement that did not solve the task; the empty program has Beta(1, 1) and its failures. One sample of each is
    drawn, and the program with the highest is refined: fixed where it does not run, else improved. Refinements under
    way count as failures.

    Args:
        seed: Of the samples.
        confidence: C.
        generates: Whether programs can be written from nothing; if not, the empty program is drawn only once.
    """

    name = "rex"

    def __init__(self, seed: int = 0, *, confidence: float = CONFIDENCE, generates: bool = True) -> None:
        self._confidence = confidence
        self._generates = generates
        self._random = np.random.default_rng(seed)
        self._arms = [ROOT]
        self._successes = [1.0]
        self._failures = [1.0]
        self._under_way: deque[int] = deque()

    def new_tree(self) -> Tree:
        """The tree with which a search by this strategy begins."""
        return Tree()

    def select(self, tree: Tree, k: int) -> list[Selection]:
        """Choose up to k programs to ask for (see `Strategy.select`)."""
        selections = (self._select(tree) for _ in range(k))
        return [selection for selection in selections if selection is not None]

    def update(self, tree: Tree, node: int, outcome: Outcome) -> None:
        """Take in what came of the oldest selection under way (see `Strategy.update`)."""
        arm = self._under_way.popleft()
        if outcome.nothing_left or (self._arms[arm] == ROOT and not self._generates):
            self._failures[arm] = math.inf
        if outcome.solved:
            self._failures[arm] -= 1.0
        if tree[node].program is not None:
            self._arms.append(node)
            self._successes.append(1.0 + self._confidence * outcome.value)
            self._failures.append(1.0 + self._confidence * (1.0 - outcome.value))

    def belief(self, node: int) -> tuple[float, float]:
        """The two parameters of a program's Beta distribution now."""
        arm = self._arms.index(node)
        return self._successes[arm], self._failures[arm]

    def _select(self, tree: Tree) -> Selection | None:
        if math.isinf(min(self._failures)):
            return None
        arm = int(self._random.beta(self._successes, self._failures).argmax())
        self._failures[arm] += 1.0
        self._under_way.append(arm)
        node = self._arms[arm]
        return Selection(node, refinement(tree, node))


def refinement(tree: Tree, node: int) -> SearchAction:
    """How a program is refined: the empty one is written, one that does not run is fixed, any other improved."""
    if tree[node].program is None:
        return SearchAction.GENERATE
    return SearchAction.FIX if tree[node].evaluation.buggy else SearchAction.IMPROVE
