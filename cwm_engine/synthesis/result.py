"""How a search ended, and what it tells while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from cwm_engine.synthesis.budget import Spent
from cwm_engine.synthesis.interfaces import Selection
from cwm_engine.synthesis.tree import Node

SCHEMA_VERSION = 1


class SearchStatus(StrEnum):
    """What can be said about the best program."""

    VERIFIED = "verified"
    """Every searched and every held-out transition passes."""
    PARTIAL = "partial"
    """Some pass, or nothing could be held out."""
    FAILED = "failed"
    """There is no program that predicts anything."""
    CANCELLED = "cancelled"
    """The search was ended from outside; nothing was held against the held-out transitions."""


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """What a search found.

    Attributes:
        status: What can be said about it.
        program: The best program; None if there is none.
        searched: Fraction of the searched transitions it has right in every field, 0..1.
        heldout: The same of the held-out transitions; None where it was not asked.
        nodes: How many programs were tried.
        spent: What they took.
        seconds: How long the search worked, all its parts together.
        run: The name of the run.
        diff: From the program it began with to the best one.
        message: Why it ended, or what else has to be known; None where there is nothing to say.
        broken: Whether it ended because something failed that it needs, such as the proposer or the disk.
    """

    status: SearchStatus
    program: str | None
    searched: float | None
    heldout: float | None
    nodes: int
    spent: Spent
    seconds: float
    run: str
    diff: str
    message: str | None = None
    broken: bool = False

    def to_json(self) -> dict[str, Any]:
        """The result document."""
        return {
            "schema": SCHEMA_VERSION,
            "status": str(self.status),
            "accuracy": {"search": self.searched, "heldout": self.heldout},
            "nodes": self.nodes,
            "calls": self.spent.calls,
            "tokens": self.spent.tokens,
            "cost": self.spent.cost,
            "seconds": self.seconds,
            "run": self.run,
            "diff": self.diff,
            "message": self.message,
        }


@dataclass(frozen=True, kw_only=True)
class SearchEvent:
    """Something that happened in a search.

    Attributes:
        kind: A request was sent, it was answered, its program became a node, or the search ended.
        number: Which request of the search, from 0.
        selection: What was asked for, where a request was sent.
        node: The new node.
        best: Accuracy of the best program so far, 0..1; None while there is none.
        nodes: How many programs were tried.
        under_way: How many requests are under way.
        spent: What was spent so far.
        seconds: How long the search has worked.
        recorded: Whether the node was in the journal already.
    """

    kind: Literal["asked", "answered", "node", "ended"]
    number: int | None = None
    selection: Selection | None = None
    node: Node | None = None
    best: float | None = None
    nodes: int = 0
    under_way: int = 0
    spent: Spent = Spent()
    seconds: float = 0.0
    recorded: bool = False
