"""What an instrumented program reports to while it runs: the blocks it hit, and how far its loops may still turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

HITS = "_cwm_hits"
TICK = "_cwm_tick"


class LoopLimit(BaseException):
    """The loops of one transition turned more often than they may.

    Like KeyboardInterrupt an order to stop: no `except Exception` in the program eats it.
    """


class Counters:
    """The globals of an instrumented program.

    `tick` is called at the start of every turn of a loop. It is the `__next__` of a chain of built-in iterators, which
    costs half of what counting down in Python does, and it keeps working after the limit was hit.

    Args:
        probes: How many bytes the program's probes write, `len(Instrumented.probes)`.
        loop_iterations: Turns that all loops together may take between two calls of `refill`; at least 1.

    Attributes:
        hits: One byte a probe; clear it before each transition, e.g. with `hits[:] = bytes(len(hits))`.
        names: What to put into the program's globals before running it.
    """

    def __init__(self, probes: int, loop_iterations: int) -> None:
        self._limit = loop_iterations
        self._rewind: Callable[[int], None]
        self._spent = False
        self.hits = bytearray(probes)
        self.tick: Callable[[], object] = chain.from_iterable(self._supply()).__next__
        self.names: Mapping[str, object] = {HITS: self.hits, TICK: self.tick}
        self.tick()  # opens the first supply, so that there is one to rewind
        self.refill()

    def refill(self) -> None:
        """Allow the full number of turns again."""
        self._spent = False
        self._rewind(0)

    def _supply(self) -> Iterator[Iterator[object]]:
        while True:
            # A bytes iterator hands out small numbers that exist already; beyond a few megabytes the memory is dearer.
            small = self._limit <= _MOST_BYTES
            turns: Any = iter(bytes(self._limit) if small else range(self._limit))
            self._rewind = turns.__setstate__
            yield turns
            self._spent = True
            yield _Wall(self)


class _Wall:
    """Raises until the counters have been refilled."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    def __iter__(self) -> _Wall:
        return self

    def __next__(self) -> object:
        if self._counters._spent:
            raise LoopLimit("the loops turned more often than they may")
        raise StopIteration


_MOST_BYTES = 4 << 20
