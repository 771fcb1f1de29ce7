"""The single-edit search: every program one edit away, tried on the transitions that failed first.

Nearly all candidates are dropped after one transition, so a few hundred thousand are tried in a second.
What passes every transition of the sample is a *hit*: a line, and a repair to be confirmed by a fresh
child over all transitions. When nothing does, the model is wrong in more than one place, or lacks something.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from cwm_engine.diagnosis.edits import Edit, Vocabulary, always, edits_of, number_node
from cwm_engine.diagnosis.executor import Loader, ModelRef, load_plainly
from cwm_engine.diagnosis.fitting import fit, fit_threshold, nice
from cwm_engine.diagnosis.levels import Level
from cwm_engine.diagnosis.patches import Patch, Text, delete_statement, replace_expression, replace_statement
from cwm_engine.diagnosis.sample import Sample
from cwm_engine.diagnosis.schemata import Operands, Site
from cwm_engine.diagnosis.switchboard import Switchboard

_FIRST, _FIT = 3, 3
_RANK_COST = 0.25
"""What each place further down the ranking of lines costs an edit in plausibility."""


@dataclass(frozen=True, slots=True)
class Hit:
    """An edit that makes every transition of the sample right.

    Attributes:
        line: The edited line.
        kind: The kind of edit, see `Edit`.
        cost: How implausible it is; hits are told most plausible first.
        patch: The edit of the text.
    """

    line: int
    kind: str
    cost: float
    patch: Patch


@dataclass
class SearchResult:
    """What a search found.

    Attributes:
        hits: Edits that pass, the most plausible first.
        exhausted: Whether all edits were tried; if so and there is no hit, no single edit of the known kinds helps.
        tried: How many candidate programs were run.
    """

    hits: list[Hit] = field(default_factory=list)
    exhausted: bool = False
    tried: int = 0


def search_single_edits(
    source: str,
    model: ModelRef,
    sample: Sample,
    ranked: Sequence[tuple[int, float]],
    *,
    deadline: float = float("inf"),
    most: int = 20,
    on_hit: Callable[[Hit], None] | None = None,
    loader: Loader = load_plainly,
) -> SearchResult:
    """Try every single edit of the ranked lines.

    Args:
        source: The model's file.
        model: The model in it.
        sample: Transitions, failing and passing; a hit is right in all of them.
        ranked: Lines with their suspicion, the most suspicious first; other lines are not edited.
        deadline: `time.process_time()` at which to stop.
        most: How many hits to collect at most.
        on_hit: Called with each hit when it is found.
        loader: What runs the module.

    Raises:
        BaseException: Whatever loading the model raises.
    """
    tree = ast.parse(source)
    board = Switchboard(tree, model, sample, loader, lines=frozenset(line for line, _ in ranked))
    search = _Search(board, Text(source, tree), ranked, deadline=deadline, most=most, on_hit=on_hit)
    search.run()
    return search.result


class _Search:
    def __init__(
        self,
        board: Switchboard,
        text: Text,
        ranked: Sequence[tuple[int, float]],
        *,
        deadline: float,
        most: int,
        on_hit: Callable[[Hit], None] | None,
    ) -> None:
        self._board, self._text = board, text
        self._deadline, self._most, self._on_hit = deadline, most, on_hit
        self._rank = {line: index for index, (line, _) in enumerate(ranked)}
        self._words = Vocabulary.of(board)
        self._sources: set[str] = set()
        self.result = SearchResult()
        failing, passing = board.sample.failing.tolist(), board.sample.passing.tolist()
        self._fit_rows = failing[:_FIT]
        self._rows = [*failing[:_FIRST], *passing[:6], *failing[_FIRST:12], *passing[6:40], *failing[12:]]
        self._rows += passing[40:]

    def run(self) -> None:
        """All edits in the order of their cost."""
        namespace = self._board.bench.machine.namespace
        sites = sorted(self._board.sites, key=lambda site: self._rank.get(site.line, len(self._rank)))
        queue: list[tuple[float, int, Edit]] = []
        for site in sites:
            base = _RANK_COST * self._rank.get(site.line, len(self._rank))
            queue += [(base + edit.cost, 0, edit) for edit in edits_of(site, self._words, namespace)]
        fits = [(site, _RANK_COST * self._rank.get(site.line, len(self._rank))) for site in sites if _is_number(site)]
        queue.sort(key=lambda entry: entry[0])
        done = self._try_all(queue) and self._fit_all(fits)
        self._board.clear()
        self.result.exhausted = done
        self.result.hits.sort(key=lambda hit: hit.cost)

    def _try_all(self, queue: Iterable[tuple[float, int, Edit]]) -> bool:
        for count, (cost, _, edit) in enumerate(queue):
            if self._is_over(count):
                return False
            if self._passes(edit.site, edit.replacement):
                self._hit(edit, cost)
        return True

    def _fit_all(self, sites: Sequence[tuple[Site, float]]) -> bool:
        for site, cost in sites:
            if self._is_over(0):
                return False
            value = self._fit_constant(site)
            if value is not None:
                self._hit(Edit(site, "fitted", 1.0, always(value), partial(number_node, value)), cost + 1.0)
        return True

    def _fit_constant(self, site: Site) -> float | int | None:
        start = getattr(site.node, "value", 0.0)
        board = self._board

        def measure(value: float, row: int) -> Any:
            self.result.tried += 1
            return board.measure(row) if board.switch(site, always(value)) else None

        if isinstance(start, int):
            return None
        fitted = fit(measure, self._fit_rows, float(start))
        if fitted is not None:
            return next((value for value in nice(fitted) if self._passes(site, always(value))), None)
        return fit_threshold(lambda value: self._passes(site, always(value)), float(start))

    def _passes(self, site: Site, replacement: Any) -> bool:
        self.result.tried += 1
        board = self._board
        if not board.switch(site, replacement):
            return False
        stateful = site.level is Level.STEP
        for index, row in enumerate(self._rows):
            if not board.accepts(row):
                return False
            if index == _FIRST and stateful:
                board.bench.machine.reset()  # what the first transitions left behind must not decide
        return True

    def _hit(self, edit: Edit, cost: float) -> None:
        patch = patch_of(self._text, edit)
        if patch is None or patch.text in self._sources:
            return
        self._sources.add(patch.text)
        hit = Hit(patch.line, edit.kind, cost, patch)
        self.result.hits.append(hit)
        if self._on_hit is not None:
            self._on_hit(hit)

    def _is_over(self, count: int) -> bool:
        if len(self.result.hits) >= self._most:
            return True
        return count % 64 == 0 and time.process_time() > self._deadline


def patch_of(text: Text, edit: Edit) -> Patch | None:
    """The edit of the text that an edit of the syntax stands for."""
    site, new = edit.site, edit.make()
    if site.operands is Operands.STATEMENT:
        return delete_statement(text, site.owner, _is_alone(text.tree, site.owner))
    if isinstance(new, ast.stmt):
        return replace_statement(text, site.owner, new)
    return replace_expression(text, site.node, new) if isinstance(new, ast.expr) else None


def _is_alone(tree: ast.Module, statement: ast.stmt) -> bool:
    """Whether a block holds nothing but a statement."""
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            if getattr(node, name, None) == [statement]:
                return True
    return False


def _is_number(site: Site) -> bool:
    value = getattr(site.node, "value", None) if isinstance(site.node, ast.Constant) else None
    return isinstance(value, int | float) and not isinstance(value, bool)
