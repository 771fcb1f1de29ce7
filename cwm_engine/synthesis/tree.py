"""The tree of a search: every program that was tried, where it came from and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cwm_engine.synthesis.evaluation import Evaluation
from cwm_engine.synthesis.interfaces import SearchAction, Selection

ROOT = 0


@dataclass(frozen=True, slots=True)
class Lines:
    """How much of a program is its state: the first lines, that a `generate` below it goes on from.

    Attributes:
        per_level: Lines that each level of the tree adds (L of GIF-MCTS).
        leading: Whether to count as the released code of GIF-MCTS does. It keeps every state with a line break in
            front, so that the root has two lines and any other state one more than can be read: states have 4, 7, 10
            lines and not 2, 4, 6.
    """

    per_level: int = 2
    leading: bool = False

    def counted(self, state_lines: int, *, root: bool) -> int:
        """Lines of a node's state as they are counted."""
        if not self.leading:
            return state_lines
        return 2 if root else state_lines + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One program of the search.

    Attributes:
        id: Its number in the tree; 0 is the root, that has no program.
        parent: The node it was made from; None for the root.
        action: How it was made; None for the root.
        replaces: The node in whose place it stands, where a strategy overwrites nodes.
        program: The program; None for the root and where a reply held none.
        state_lines: How many of its first lines are its state.
        terminal: Whether the program ended before its state was full, so that nothing can be added to it.
        evaluation: What the check said.
        note: What else is known about it, e.g. that no single edit repairs it.
    """

    id: int
    parent: int | None
    action: SearchAction | None
    program: str | None
    state_lines: int = 0
    terminal: bool = False
    replaces: int | None = None
    evaluation: Evaluation = Evaluation()
    note: str | None = None

    @property
    def state(self) -> str:
        """The first lines, that a child goes on from."""
        return "".join((self.program or "").splitlines(keepends=True)[: self.state_lines])

    @property
    def rollout(self) -> str:
        """The lines after the state: what is only there to run the program."""
        return "".join((self.program or "").splitlines(keepends=True)[self.state_lines :])

    def to_json(self) -> dict[str, Any]:
        """The node as JSON values."""
        return {
            "id": self.id,
            "parent": self.parent,
            "action": str(self.action) if self.action else None,
            "replaces": self.replaces,
            "program": self.program,
            "state_lines": self.state_lines,
            "terminal": self.terminal,
            "evaluation": self.evaluation.to_json(),
            "note": self.note,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Node:
        """The node that `to_json` wrote."""
        return cls(
            **{
                **document,
                "action": SearchAction(document["action"]) if document["action"] else None,
                "evaluation": Evaluation.from_json(document["evaluation"]),
            }
        )


class Tree:
    """All nodes in the order in which their outcomes became known; nodes are only ever added.

    Args:
        lines: How much of a program is its state.
    """

    def __init__(self, lines: Lines = Lines()) -> None:
        self.lines = lines
        self._nodes = [Node(id=ROOT, parent=None, action=None, program=None)]
        self._children: list[list[int]] = [[]]
        self._best: Node | None = None

    def __len__(self) -> int:
        return len(self._nodes)

    def __iter__(self) -> Iterator[Node]:
        return iter(self._nodes)

    def __getitem__(self, node: int) -> Node:
        return self._nodes[node]

    @property
    def root(self) -> Node:
        """The node without a program."""
        return self._nodes[ROOT]

    @property
    def best(self) -> Node | None:
        """The first of the best programs; None while there is none."""
        return self._best

    def children(self, node: int) -> Sequence[Node]:
        """The nodes made from a node, oldest first, also those that were overwritten."""
        return [self._nodes[child] for child in self._children[node]]

    def path(self, node: int) -> Sequence[Node]:
        """The nodes from the root to a node, both included."""
        path = [self._nodes[node]]
        while (parent := path[-1].parent) is not None:
            path.append(self._nodes[parent])
        return path[::-1]

    def add(self, selection: Selection, program: str | None, evaluation: Evaluation, note: str | None = None) -> Node:
        """Add the program that a selection led to.

        The state of a program are its first lines, as many as its parent's and those of a level more, whatever the
        action. Where the program ends before that it is terminal (GIF-MCTS).
        """
        parent = self._nodes[selection.node]
        before = self.lines.counted(parent.state_lines, root=parent.id == ROOT)
        kept = min(before + self.lines.per_level, len((program or "").splitlines()))
        node = Node(
            id=len(self._nodes),
            parent=parent.id,
            action=selection.action,
            replaces=selection.replaces,
            program=program,
            state_lines=kept,
            terminal=program is not None and kept - before < self.lines.per_level,
            evaluation=evaluation,
            note=note,
        )
        self._nodes.append(node)
        self._children.append([])
        self._children[parent.id].append(node.id)
        if program is not None and (self._best is None or evaluation.rank > self._best.evaluation.rank):
            self._best = node
        return node

    def to_json(self) -> list[dict[str, Any]]:
        """All nodes as JSON values, the root first."""
        return [node.to_json() for node in self._nodes]
