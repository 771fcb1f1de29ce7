"""What a proposer is told when the search asks it to go on from a node."""

from __future__ import annotations

import difflib
from itertools import islice

from cwm_engine.findings import Example
from cwm_engine.synthesis.heldout import sample_examples
from cwm_engine.synthesis.interfaces import Attempt, Request, SearchAction, Selection
from cwm_engine.synthesis.problem import Problem
from cwm_engine.synthesis.tree import Node, Tree
from cwm_engine.trajectories.dataset import Dataset

_SIBLINGS = 4
_DIFF_LINES = 40
_EXAMPLES = 12


class Requests:
    """Makes the requests of one search. Only searched transitions are shown, never held-out ones.

    Args:
        problem: What is searched for.
        searched: The transitions that may be shown.
    """

    def __init__(self, problem: Problem, searched: Dataset) -> None:
        self._problem = problem
        self._contract = problem.contract
        self._spaces = searched.spaces
        self._examples: tuple[Example, ...] = sample_examples(searched, _EXAMPLES)
        self._attempts: dict[int, Attempt] = {}

    def request(self, tree: Tree, selection: Selection, number: int) -> Request:
        """What to ask for a selection, from what is known now."""
        node = tree[selection.node]
        siblings = tuple(self._attempt(node, child) for child in tree.children(node.id)[-_SIBLINGS:])
        if selection.action is SearchAction.GENERATE:
            return Request(
                action=selection.action,
                prefix=node.state or None,
                examples=self._examples,
                description=self._problem.description,
                spaces=self._spaces,
                contract=self._contract,
                siblings=siblings,
                number=number,
            )
        return self.about(selection.action, node, number, siblings)

    def about(self, action: SearchAction, node: Node, number: int, siblings: tuple[Attempt, ...] = ()) -> Request:
        """What to ask about a program that was checked."""
        evaluation = node.evaluation
        return Request(
            action=action,
            program=node.program,
            findings=evaluation.findings,
            fields=evaluation.fields,
            accuracy=None if evaluation.buggy else evaluation.accuracy,
            description=self._problem.description,
            spaces=self._spaces,
            contract=self._contract,
            siblings=siblings,
            note=_told(node.note) or (None if evaluation.findings else evaluation.reason),
            number=number,
        )

    def _attempt(self, parent: Node, child: Node) -> Attempt:
        known = self._attempts.get(child.id)
        if known is None:
            evaluation = child.evaluation
            known = self._attempts[child.id] = Attempt(
                child.action or SearchAction.GENERATE,
                short_diff(parent.program, child.program),
                None if evaluation.buggy else evaluation.accuracy,
                evaluation.reason,
            )
        return known


def _told(note: str | None) -> str | None:
    """What polishing a program came to, for somebody who does not know of it."""
    if note is None:
        return None
    return f"A repairer that changes one place at a time (a number, an operator, a variable) was tried before: {note}"


def short_diff(before: str | None, after: str | None) -> str:
    """What changed between two programs, as a unified diff cut after 40 lines; empty where one of them is missing."""
    if not before or not after:
        return ""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1)
    shown = list(islice(lines, 2, 2 + _DIFF_LINES + 1))
    return "\n".join([*shown[:_DIFF_LINES], "..."] if len(shown) > _DIFF_LINES else shown)
