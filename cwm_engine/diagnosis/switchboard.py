"""Switchboards: one compiled program in which any expression can be replaced by setting a few globals.

To try a replacement, `Switchboard.switch` names a site and gives a function that is called with the names in
scope and the values of the site's operands; what it returns takes the place of the expression. So thousands of
programs are tried at the price of compiling one (mutant schemata: Untch, Offutt and Harrold, 1993).
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cwm_engine.diagnosis.executor import Bench, Loader, ModelRef, load_plainly
from cwm_engine.diagnosis.judge import Miss
from cwm_engine.diagnosis.sample import Sample
from cwm_engine.diagnosis.schemata import CALL, EACH, INNER, LOCALS, OUTER, SITE, STATEMENT, TICK, Site, rewrite
from cwm_engine.world_model.counters import LoopLimit

Replacement = Callable[..., Any]
Rewriting = Callable[[ast.Module, str, "frozenset[int] | None"], "tuple[ast.Module, list[Site]]"]

_LOOP_ITERATIONS = 10_000


@dataclass
class Switchboard:
    """A model with switches, on a bench.

    Args:
        tree: The module; it is not changed.
        model: The model in it.
        sample: Transitions to run.
        loader: What runs the module.
        lines: Only statements that touch these lines get switches; all when None.
        rewriting: What puts the switches in.

    Raises:
        BaseException: Whatever loading the model raises.
    """

    tree: ast.Module
    model: ModelRef
    sample: Sample
    loader: Loader = load_plainly
    lines: frozenset[int] | None = None
    rewriting: Rewriting = rewrite
    sites: list[Site] = field(init=False)
    bench: Bench = field(init=False)

    def __post_init__(self) -> None:
        transformed, self.sites = self.rewriting(self.tree, self.model.name, self.lines)
        self._left = [_LOOP_ITERATIONS]
        self._limit = _LOOP_ITERATIONS
        self.bench = Bench(transformed, self.model, self.sample, self._names(), self.loader)
        self._namespace = self.bench.machine.namespace
        self._calibrate()

    def switch(self, site: Site, replacement: Replacement | None) -> bool:
        """Replace a site until `clear`.

        Args:
            site: The site.
            replacement: A function of the names in scope and the operands.

        Returns:
            Whether the model could be constructed like this; if not, nothing is switched on.
        """
        names = self._namespace
        names[STATEMENT], names[SITE], names[CALL] = site.statement, site.number, replacement
        self._left[0] = self._limit
        try:
            self.bench.machine.reset(site.level)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - a candidate may raise anything
            self.clear()
            return False
        return True

    def clear(self) -> None:
        """Make it the original program again."""
        self._namespace[STATEMENT] = 0
        self.bench.machine.reset()

    def accepts(self, row: int) -> bool:
        """Whether the program as switched predicts a transition of the sample."""
        self._left[0] = self._limit
        return self.bench.accepts(row)

    def measure(self, row: int) -> Miss | None:
        """How far its prediction is from the outcome; None after an exception."""
        self._left[0] = self._limit
        return self.bench.measure(row)

    def _names(self) -> dict[str, Any]:
        left = self._left

        def tick() -> None:
            left[0] -= 1
            if left[0] < 0:
                raise LoopLimit

        def each(items: Iterable[Any]) -> Iterator[Any]:
            for item in items:
                tick()
                yield item

        outer: dict[str, Any] = {}

        def remember(scope: dict[str, Any]) -> None:
            outer.clear()
            outer.update(scope)

        return {
            STATEMENT: 0, SITE: 0, CALL: None,
            TICK: tick, EACH: each, LOCALS: builtins.locals,
            OUTER: remember, INNER: lambda scope: {**outer, **scope},
        }  # fmt: skip

    def _calibrate(self) -> None:
        """Allow ten times the iterations that the program itself needs."""
        most = 0
        for row in range(min(len(self.sample), 16)):
            self._left[0] = 100 * _LOOP_ITERATIONS
            self.bench.accepts(row)
            most = max(most, 100 * _LOOP_ITERATIONS - self._left[0])
        self._limit = min(10 * most + 1000, 100 * _LOOP_ITERATIONS)
