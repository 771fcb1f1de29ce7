"""What an instrumented program reports to while it runs: the blocks it hit, and how far its loops may still turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

PATH = "_cwm_path"
TICK = "_cwm_tick"


class LoopLimit(BaseException):
    """The loops of one transition turned more often than they may.

    Like KeyboardInterrupt an order to stop: no `except Exception` in the program eats it.
    """


class Counters:
    """The globals of an instrumented program.

    `_cwm_path` is an integer: bit k says that probe k was passed. Reading and clearing it costs a tenth of what an
    array would. `_cwm_tick` is called at the start of every turn of a loop. It is the `__next__` of a chain of built-in
    iterators, which costs half of counting down in Python, and it keeps working after the limit was hit.

    Args:
        loop_iterations: Turns that all loops together may take between two calls of `refill`; at least 1.

    Attributes:
        names: What to put into the program's globals before running it. Set `PATH` there to 0 before each transition
            and read it afterwards.
    """

    def __init__(self, loop_iterations: int) -> None:
        self._limit = loop_iterations
        self._rewind: Callable[[int], None]
        self._spent = False
        self.tick: Callable[[], object] = chain.from_iterable(self._supply()).__next__
        self.names: Mapping[str, object] = {PATH: 0, TICK: self.tick}
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


def hits_of(path: int, probes: int) -> bytes:
    """A path as one byte a probe, 1 where it was passed: what `Instrumented.executed` reads."""
    return bytes(path >> probe & 1 for probe in range(probes))


class _Wall:
    """Raises until the counters have been refilled."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    def __iter__(self) -> _Wall:
        return self

    def __next__(self) -> object:
        if self._counters._spent:
            raise LoopLimit(f"loops turned more than {self._counters._limit:,} times")
        raise StopIteration


_MOST_BYTES = 4 << 20
