"""Two plain strategies, that any tree search has to beat: refining the best program, and drawing anew every time."""

from __future__ import annotations

from cwm_engine.synthesis.interfaces import Outcome, SearchAction, Selection
from cwm_engine.synthesis.rex import refinement
from cwm_engine.synthesis.tree import ROOT, Tree


class Greedy:
    """Always refines the best program there is; the first of the best, where several are."""

    name = "greedy"

    def __init__(self) -> None:
        self._closed: set[int] = set()

    def new_tree(self) -> Tree:
        """The tree with which a search by this strategy begins."""
        return Tree()

    def select(self, tree: Tree, k: int) -> list[Selection]:
        """Choose k programs to ask for (see `Strategy.select`)."""
        best = tree.best.id if tree.best is not None else ROOT
        if best in self._closed:
            open_ones = [node for node in tree if node.program is not None and node.id not in self._closed]
            if not open_ones:
                return []
            best = max(open_ones, key=lambda node: node.evaluation.rank).id
        return [Selection(best, refinement(tree, best))] * k

    def update(self, tree: Tree, node: int, outcome: Outcome) -> None:
        """Take in what came of the oldest selection under way (see `Strategy.update`)."""
        parent = tree[node].parent
        if outcome.nothing_left and parent is not None:
            self._closed.add(parent)


class BestOfN:
    """Asks for a program from nothing, again and again: n independent draws."""

    name = "best-of-n"

    def new_tree(self) -> Tree:
        """The tree with which a search by this strategy begins."""
        return Tree()

    def select(self, tree: Tree, k: int) -> list[Selection]:  # noqa: ARG002
        """Choose k programs to ask for (see `Strategy.select`)."""
        return [Selection(ROOT, SearchAction.GENERATE)] * k

    def update(self, tree: Tree, node: int, outcome: Outcome) -> None:
        """Nothing to remember: every draw is like the first."""
