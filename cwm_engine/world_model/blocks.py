"""Blocks: what of a program runs together, and which of it ran, read from the few bytes that its probes wrote."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Kind = Literal["body", "then", "else", "skip", "loop", "loop-else", "case", "after", "try", "except", "finally"]
"""Why a block is one: `skip` is an `if` that did nothing, `after` is what follows something that may leave."""


@dataclass(frozen=True, slots=True)
class Block:
    """Statements that run together.

    Attributes:
        index: Its position in `Instrumented.blocks`.
        kind: What makes it a block.
        function: Qualified name of the function it is in, e.g. `Environment.step`.
        parent: The block whose decision leads here; None for the body of a function.
        line: Its first line; for `skip`, the line of the decision.
        end_line: Its last line.
        lines: All its lines in order, the tests of its `if` and `while` included; empty for `skip`.
    """

    index: int
    kind: Kind
    function: str
    parent: int | None
    line: int
    end_line: int
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """A block without a probe that ran if one of its branches did."""

    block: int
    branches: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Rest:
    """A branch without a probe that ran if its parent did and the other branches did not.

    `decision` are the first line of the function and the last line of the test: an exception in between means that
    the decision was never made.
    """

    block: int
    parent: int
    others: tuple[int, ...]
    decision: tuple[int, int]


@dataclass(frozen=True)
class Instrumented:
    """A program with probes.

    Attributes:
        tree: The tree to compile; its line numbers are those of the original.
        blocks: All blocks of its functions; a parent comes before its children.
        probes: For each bit of `_cwm_path`, the block that sets it.
        has_loops: Whether `_cwm_tick` is called anywhere.
        inferred: How the blocks without a probe are known, in the order in which to ask.
    """

    tree: ast.Module
    blocks: tuple[Block, ...]
    probes: tuple[int, ...]
    has_loops: bool
    inferred: tuple[Some | Rest, ...] = ()

    def executed(self, hits: Sequence[int], raised: Iterable[int] = ()) -> frozenset[int]:
        """The blocks that ran in one transition.

        Args:
            hits: `hits_of` the path afterwards, which was cleared before. A path gathered over several transitions says
                less: unite the results of each instead.
            raised: The lines of the program in the traceback, where the transition ended in an exception.
        """
        ran = {block for block, hit in zip(self.probes, hits, strict=True) if hit}
        lines = tuple(raised)
        for line in lines:
            for index in self.blocks_at(line)[:1]:  # the inner ones on it have probes of their own
                block: int | None = index
                while block is not None:
                    ran.add(block)
                    block = self.blocks[block].parent
        for rule in self.inferred:
            if isinstance(rule, Some):
                if not ran.isdisjoint(rule.branches):
                    ran.add(rule.block)
            elif rule.parent in ran and ran.isdisjoint(rule.others):
                first, last = rule.decision
                if not any(first <= line <= last for line in lines):
                    ran.add(rule.block)
        return frozenset(ran)

    def lines_of(self, hits: Sequence[int], raised: Iterable[int] = ()) -> frozenset[int]:
        """The lines that ran in one transition; a line counts from the moment its block starts."""
        return frozenset(line for index in self.executed(hits, raised) for line in self.blocks[index].lines)

    def blocks_at(self, line: int) -> tuple[int, ...]:
        """The blocks that have code on a line, outermost first."""
        return self._at_line.get(line, ())

    @cached_property
    def _at_line(self) -> Mapping[int, tuple[int, ...]]:
        table: dict[int, tuple[int, ...]] = {}
        for block in self.blocks:
            for line in block.lines:
                table[line] = (*table.get(line, ()), block.index)
        return table
