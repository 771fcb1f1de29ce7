"""Where control goes between the statements of a function, as far as their form tells: the bookkeeping of probes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cwm_engine.world_model.blocks import Block, Kind

FALLS, MAYBE, LEAVES = 0, 1, 2
"""Whether what follows a statement runs after it: always, sometimes, never."""


class Draft:
    """A block in the making; in a suite, it stands where its probe would."""

    __slots__ = ("decided", "function", "index", "kind", "line", "parent", "probed", "ranges")

    def __init__(self, kind: Kind, function: str, parent: Draft | None, line: int) -> None:
        self.kind: Kind = kind
        self.function = function
        self.parent = parent
        self.line = line
        self.index = -1
        self.ranges: list[tuple[int, int]] = []
        self.probed = True
        self.decided = False

    def cover(self, first: int, last: int | None) -> None:
        """Add lines to the block."""
        self.ranges.append((first, last or first))

    def frozen(self) -> Block:
        """The finished block."""
        lines = tuple(sorted({line for first, last in self.ranges for line in range(first, last + 1)}))
        return Block(
            index=self.index,
            kind=self.kind,
            function=self.function,
            parent=None if self.parent is None else self.parent.index,
            line=lines[0] if lines else self.line,
            end_line=lines[-1] if lines else self.line,
            lines=lines,
        )


@dataclass(frozen=True, slots=True)
class Context:
    """Where a suite is.

    Attributes:
        function: Qualified name of the function.
        inside: Whether it is in a function at all.
        line: First line of the function.
        once: Whether it runs at most once per transition.
        guarded: Whether an exception in it may be caught in the same function.
        yields: Whether the function may be left at a `yield`.
    """

    function: str
    inside: bool = True
    line: int = 0
    once: bool = False
    guarded: bool = False
    yields: bool = False


@dataclass(slots=True)
class Flow:
    """What a suite or a statement does to what follows it.

    Attributes:
        falls: Whether what follows runs; `FALLS` means whenever `block` does.
        block: The block that what follows belongs to then; else the block that led here.
        exits: Whether a `return` or `raise` is in it.
        breaks: Whether a `break` of the loop around it is in it.
    """

    falls: int
    block: Draft
    exits: bool = False
    breaks: bool = False


def join(branches: Sequence[Draft], flows: Sequence[Flow], parent: Draft) -> Flow:
    """What follows a decision, from what follows each branch."""
    staying = [flow for flow in flows if flow.falls != LEAVES]
    exits = any(flow.exits for flow in flows)
    breaks = any(flow.breaks for flow in flows)
    if not staying:
        return Flow(LEAVES, parent, exits, breaks)
    if len(staying) == 1 and staying[0].falls == FALLS:
        return Flow(FALLS, staying[0].block, exits, breaks)
    through = all(f.falls == FALLS and f.block is branch for f, branch in zip(flows, branches, strict=True))
    return Flow(FALLS if through else MAYBE, parent, exits, breaks)
