"""A search tree as JSON, for everything that draws it: the page of `cwm show --html` and the view of an editor.

What is in a document is typed for the other side in `extension/src/shared/searchTree.ts`.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from cwm_engine.checking.show import field_rows, show
from cwm_engine.diagnosis.editing.diffs import whole_diff
from cwm_engine.findings import Example, Finding
from cwm_engine.synthesis.interfaces import Proposal, Usage
from cwm_engine.synthesis.journal import Answer, Journal
from cwm_engine.synthesis.tree import ROOT, Node

SCHEMA_VERSION = 1
UNFINISHED = "unfinished"
"""Status of a run that has no ending (yet)."""

_ACTION_WIDTH = 40


def tree_json(journal: Journal) -> dict[str, Any]:
    """Everything a journal knows about its search; see `TreeWatch.news`."""
    return TreeWatch(journal).news()


class TreeWatch:
    """Follows a search through its journal, and tells each node once.

    Args:
        journal: The journal of the run, which may be written to by another process.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._header = journal.header
        self._nodes: dict[int, Node] = {}
        self._best: Node | None = None

    def news(self) -> dict[str, Any]:
        """What is known about the search, and the nodes that were not told yet.

        The root, which holds no program, is left out.

        Returns:
            JSON values without NaN. `status` is that of the last ending, or `unfinished`; `best` is the number of the
            first of the best programs. See `node_json` for the nodes.
        """
        nodes = self._new_nodes()
        header, result, best = self._header, self._journal.result or {}, self._best
        return {
            "schema": SCHEMA_VERSION,
            "run": self._journal.path.stem,
            "status": result.get("status", UNFINISHED),
            "message": result.get("message"),
            "accuracy": result.get("accuracy", {"search": best.evaluation.accuracy if best else None, "heldout": None}),
            "best": best.id if best else None,
            **{name: header.get(name) for name in ("file", "environment", "strategy", "proposer", "created")},
            "nodes": nodes,
        }

    def _new_nodes(self) -> list[dict[str, Any]]:
        told = len(self._nodes)
        # The search makes one node of every request, in the order of the requests, and keeps the answer before it.
        entries = list(self._journal.nodes(after=told))
        answers = self._journal.answers(since=told) if entries else {}
        documents = []
        for entry in entries:
            node = self._nodes[entry.node.id] = entry.node
            parent = self._nodes.get(node.parent) if node.parent is not None else None
            answer, file = answers.get(node.id - 1), self._header["file"]
            documents.append(node_json(node, parent, answer, seconds=entry.elapsed, file=file))
            if node.program is not None and (self._best is None or node.evaluation.rank > self._best.evaluation.rank):
                self._best = node
        return documents


def node_json(
    node: Node, parent: Node | None, answer: Answer | None, *, seconds: float, file: str = "model.py"
) -> dict[str, Any]:
    """One node and what led to it.

    Args:
        node: The node.
        parent: The node it was made from; None for the root.
        answer: What the proposer said; None where nobody was asked, as for the program a search begins with.
        seconds: How long the search had worked when the node was added.
        file: What the diff calls the program.

    Returns:
        JSON values. `diff` is against the parent's program, `prompt` and `reply` belong to the proposal that became the
        program, `polished` says that it was changed before it was scored; `calls`, `tokens` and `cost` are what
        this node took.
    """
    evaluation = node.evaluation
    chosen = _chosen(node, answer)
    usage = sum((proposal.usage for proposal in answer.proposals), Usage()) if answer else Usage()
    return {
        "id": node.id,
        "parent": node.parent if node.parent != ROOT else None,
        "action": str(node.action) if node.action and answer else None,
        "replaces": node.replaces,
        "accuracy": evaluation.accuracy,
        "buggy": evaluation.buggy,
        "passed": evaluation.passed,
        "reason": evaluation.reason,
        "note": node.note,
        "program": node.program,
        "diff": whole_diff(parent.program if parent else None, node.program, file),
        "fields": dict(evaluation.fields),
        "findings": [_finding_json(finding) for finding in evaluation.findings],
        "prompt": chosen.prompt if chosen else "",
        "reply": chosen.reply if chosen else "",
        "polished": chosen is not None and chosen.program is not None and chosen.program != node.program,
        "calls": answer.calls if answer else 0,
        "tokens": usage.tokens,
        "cost": sum(proposal.cost or 0.0 for proposal in answer.proposals) if answer else 0.0,
        "seconds": seconds,
    }


def _chosen(node: Node, answer: Answer | None) -> Proposal | None:
    """The proposal that became the node: the one whose program it has, else the first that has any."""
    proposals = answer.proposals if answer else ()
    same = (proposal for proposal in proposals if proposal.program == node.program)
    written = (proposal for proposal in proposals if proposal.program is not None)
    return next(same, None) or next(written, None) or next(iter(proposals), None)


def _finding_json(finding: Finding) -> dict[str, Any]:
    example = finding.examples[0] if finding.examples else None
    return {
        "code": finding.code,
        "severity": str(finding.severity),
        "message": finding.message,
        "line": finding.span.line,
        "count": finding.count,
        "note": finding.note,
        "example": _example_json(example) if example else None,
    }


def _example_json(example: Example) -> dict[str, Any]:
    """A transition with the fields that differ, in the words in which everyone is told about it."""
    return {
        "episode": example.episode,
        "step": example.step,
        "action": show(example.action, width=_ACTION_WIDTH),
        "rows": [asdict(row) for row in field_rows(example)],
    }
