"""Tries candidate programs on a switchboard, the transitions that tell most first."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

from cwm_engine.diagnosis.execution.judge import Miss
from cwm_engine.diagnosis.execution.sample import Sample
from cwm_engine.diagnosis.execution.schemata import Site
from cwm_engine.diagnosis.execution.switchboard import Switchboard

_FIRST, _MIXED, _PASSING = 3, 12, 6


def rows_to_try(sample: Sample) -> list[int]:
    """The transitions of a sample in the order in which they tell most."""
    failing, passing = sample.failing.tolist(), sample.passing.tolist()
    rows = [*failing[:_FIRST], *passing[:_PASSING], *failing[_FIRST:_MIXED]]
    return [*rows, *passing[_PASSING:], *failing[_MIXED:]]


class Tester:
    """Says whether a candidate is right in every transition of the sample.

    Three failing transitions come first, then a mixture of fifteen, then all others: nearly every wrong
    candidate is dropped by the first of them.

    Args:
        board: The model.
        deadline: `time.process_time()` at which to stop.
        tried: Candidates that were run before.

    Attributes:
        telling: A few failing transitions that differ from each other, for fitting.
        tried: How many candidates were run.
    """

    def __init__(self, board: Switchboard, deadline: float, tried: int = 0) -> None:
        self.board = board
        self.deadline = deadline
        self.tried = tried
        self.telling: list[int] = board.sample.failing[:_FIRST].tolist()
        self._rows = rows_to_try(board.sample)

    @cached_property
    def is_telling(self) -> bool:
        """Whether enough different transitions fail to trust a number that was fitted to them."""
        states, actions = self.board.sample.inputs()
        failing = self.board.sample.failing.tolist()
        return len({repr((states[row], actions[row])) for row in failing}) >= _FIRST

    @property
    def is_late(self) -> bool:
        """Whether the deadline has passed."""
        return time.process_time() > self.deadline

    def late_after(self, share: float) -> Callable[[], bool]:
        """A function that says whether a part of the time that is left now has passed."""
        now = time.process_time()
        until = now + share * (self.deadline - now)
        return lambda: time.process_time() > until

    def passes(self, site: Site, replacement: Callable[..., Any] | None) -> bool:
        """Whether the program is right everywhere with a site replaced."""
        self.tried += 1
        board = self.board
        if not board.switch(site, replacement):
            return False
        for index, row in enumerate(self._rows):
            if not board.accepts(row):
                return False
            if index == _FIRST:
                board.refresh()  # what the first transitions left behind must not decide
        return True

    def measure(self, site: Site, replacement: Callable[..., Any], row: int) -> Miss | None:
        """How far the program is off in a transition with a site replaced; None after an exception."""
        self.tried += 1
        board = self.board
        return board.measure(row) if board.switch(site, replacement) else None
