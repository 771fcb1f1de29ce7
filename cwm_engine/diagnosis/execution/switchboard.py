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

from cwm_engine.diagnosis.execution.executor import Bench, Loader, ModelRef, load_plainly
from cwm_engine.diagnosis.execution.judge import Miss
from cwm_engine.diagnosis.execution.levels import Level
from cwm_engine.diagnosis.execution.sample import Sample
from cwm_engine.diagnosis.execution.schemata import (
    EACH,
    INNER,
    LOCALS,
    OUTER,
    TICK,
    Site,
    call_switch,
    rewrite,
    site_switch,
)
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
        self._switched = site_switch(0)
        self._held: Site | None = None
        self._level = Level.STEP
        self._limit = _LOOP_ITERATIONS
        self.bench = Bench(transformed, self.model, self.sample, self._names(), self.loader)
        self._namespace = self.bench.machine.namespace
        self._calibrate()

    def switch(self, site: Site, replacement: Replacement | None) -> bool:
        """Replace a site until `clear` or another is replaced.

        Args:
            site: The site.
            replacement: A function of the names in scope and the operands.

        Returns:
            Whether the model could be constructed like this; if not, nothing but what is held is switched on. What is
            in the same statement as the change that is held cannot be switched on.
        """
        names = self._namespace
        names[self._switched] = None
        self._left[0] = self._limit
        level = site.level
        if self._held is not None:
            if self._held.statement == site.statement:
                return False
            level = max(level, self._held.level)
        self._switched, self._level = site_switch(site.statement), level
        names[self._switched], names[call_switch(site.statement)] = site.number, replacement
        try:
            self.bench.machine.reset(level)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - a candidate may raise anything
            self.clear()
            return False
        return True

    def hold(self, site: Site, replacement: Replacement | None) -> bool:
        """Replace a site until `release`, whatever else is replaced or cleared meanwhile.

        Returns:
            Whether the model could be constructed like this; if not, nothing is switched on.
        """
        self.release()
        self._held = site
        self._namespace[site_switch(site.statement)] = site.number
        self._namespace[call_switch(site.statement)] = replacement
        try:
            self.clear()
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - a candidate may raise anything
            self.release()
            return False
        return True

    def release(self) -> None:
        """Undo `hold` and `switch`."""
        if self._held is not None:
            self._namespace[site_switch(self._held.statement)] = None
            self._held = None
        self.clear()

    def clear(self) -> None:
        """Undo `switch`."""
        self._namespace[self._switched] = None
        self._switched = site_switch(0)
        self.bench.machine.reset(Level.STEP if self._held is None else self._held.level)

    def refresh(self) -> None:
        """Forget what earlier steps left behind, where that takes no new construction of the model."""
        if self._level is Level.STEP:
            self.bench.machine.reset()

    def accepts(self, row: int) -> bool:
        """Whether the program as switched predicts a transition of the sample."""
        self._left[0] = self._limit
        return self.bench.accepts(row)

    def look(self, row: int) -> tuple[list[Any], int] | None:
        """The cells of its prediction and which of them are wrong, a bit each; None after an exception."""
        self._left[0] = self._limit
        return self.bench.look(row)

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
            **{name(site.statement): None for site in self.sites for name in (site_switch, call_switch)},
            TICK: tick, EACH: each, LOCALS: builtins.locals,
            OUTER: remember, INNER: lambda scope: {**outer, **scope},
        }  # fmt: skip

    def _calibrate(self) -> None:
        """Allow ten times the iterations that the program itself needs where it ends."""
        most = 0
        for row in range(min(len(self.sample), 16)):
            self._left[0] = 100 * _LOOP_ITERATIONS
            self.bench.accepts(row)
            if self._left[0] < 0:
                self._limit = max(10 * most + 1000, _LOOP_ITERATIONS)
                return
            most = max(most, 100 * _LOOP_ITERATIONS - self._left[0])
        self._limit = min(10 * most + 1000, 100 * _LOOP_ITERATIONS)
