"""The search for two edits that only together make everything right.

Each single edit is run once on a few transitions. What it changes there, and whether it changes it for the better,
rules out nearly all pairs before they are run: a field that only one of two edits changes must become right by that
edit alone, and what neither changes must be right already. The pairs that are left are tried as single edits are,
the most plausible first.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_engine.diagnosis.editing.edits import DIGIT, Edit, always, digits, edits_of, number_node
from cwm_engine.diagnosis.editing.fitting import fit_near, nice
from cwm_engine.diagnosis.editing.patches import Patch, Text, joined, whole_text
from cwm_engine.diagnosis.editing.search import Hit, SearchResult, patch_of
from cwm_engine.diagnosis.editing.vocabulary import Vocabulary
from cwm_engine.diagnosis.execution.executor import Loader, ModelRef, load_plainly
from cwm_engine.diagnosis.execution.levels import focused
from cwm_engine.diagnosis.execution.sample import Sample
from cwm_engine.diagnosis.execution.schemata import Site
from cwm_engine.diagnosis.execution.switchboard import Switchboard
from cwm_engine.diagnosis.execution.tester import Tester

_FAILING, _PASSING = 6, 6
"""Transitions on which the effects of single edits are looked at."""

_MOST_EDITS = 6000
_MOST_PAIRS = 500_000
_EFFECTS_SHARE = 0.4
"""The part of the time that looking at effects may take."""

_RANK_COST = 0.05
"""What each place further down the ranking costs an edit; two faults confuse it."""

_BEST = 100
"""How many edits that make much right are tried with every other, even with those that do nothing by themselves."""

_RIVALS_SHARE = 0.15
"""The part of the time left that is spent on looking for rivals of the first pair."""

_FITTED_COST = 0.5
_SAME_SHARE = 0.5
"""The part of the time left for pairs in one statement."""

_NUDGE = 1.01
_BAND = 0.5


@dataclass(frozen=True)
class _Effect:
    """What an edit does to the cells of a few transitions: those it changes, those it makes or leaves wrong.

    Of a number that is still to be fitted (from `start`) nobody knows what it makes wrong. A twin does the same as a
    more plausible edit of the statement, on these transitions.
    """

    edit: Edit
    cost: float
    changed: npt.NDArray[np.bool_]
    wrong: npt.NDArray[np.bool_]
    start: float | None = None
    is_twin: bool = False


def search_pairs(
    source: str,
    model: ModelRef,
    sample: Sample,
    ranked: Sequence[tuple[int, float]],
    *,
    deadline: float = float("inf"),
    most: int = 8,
    on_hit: Callable[[Hit], None] | None = None,
    loader: Loader = load_plainly,
) -> SearchResult:
    """Try pairs of edits in different statements.

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
    board = Switchboard(focused(tree, model.name), model, sample, loader, lines=frozenset(line for line, _ in ranked))
    search = _Pairs(Tester(board, deadline), Text(source, tree), ranked, most, on_hit)
    search.run()
    return search.result


class _Pairs:
    def __init__(
        self,
        tester: Tester,
        text: Text,
        ranked: Sequence[tuple[int, float]],
        most: int,
        on_hit: Callable[[Hit], None] | None,
    ) -> None:
        self._tester, self._board, self._text = tester, tester.board, text
        self._most, self._on_hit = most, on_hit
        self._rank = {line: index for index, (line, _) in enumerate(ranked)}
        sample = self._board.sample
        self._rows = [*sample.failing[:_FAILING].tolist(), *sample.passing[:_PASSING].tolist()]
        self._sources: set[str] = set()
        self._is_late: Callable[[], bool] = lambda: tester.is_late
        self._is_whole = True
        self.result = SearchResult()

    def run(self) -> None:
        """Look at what single edits do, then try the pairs that may do everything."""
        base = self._look()
        queue = self._queue()
        effects = list(self._effects(base, queue))
        singles = [effect for effect in effects if not effect.is_twin]
        pairs = _viable(singles, base.wrong)
        done = self._is_whole and len(pairs) <= _MOST_PAIRS
        for count, (i, j) in enumerate(pairs[:_MOST_PAIRS]):
            if len(self.result.hits) >= self._most or (count % 16 == 0 and self._is_late()):
                done = False
                break
            self._try(singles[i], singles[j])
        gains = self._gains(effects, base)
        done = (bool(self.result.hits) or self._try_best(gains, queue)) and done
        self._board.release()
        done = (bool(self.result.hits) or self._try_same(gains)) and done
        self.result.exhausted = done
        self.result.tried = self._tester.tried
        self.result.hits.sort(key=lambda hit: hit.cost)

    def _look(self) -> _Look:
        """The cells of a few transitions with whatever is switched on."""
        values: list[float] = []
        wrong: list[bool] = []
        width = len(self._board.bench.judge.names)
        for row in self._rows:
            found = self._board.look(row)
            values += [_number(value) for value in found[0]] if found else [np.nan] * width
            wrong += [bool(found[1] >> cell & 1) for cell in range(width)] if found else [True] * width
        return _Look(np.array(values), np.array(wrong))

    def _queue(self) -> list[tuple[float, Edit, float | None]]:
        """All edits, the most plausible first, with their cost; and for a number to be fitted where to start."""
        words = Vocabulary.of(self._board)
        namespace = self._board.bench.machine.namespace
        queue = [
            (cost + _RANK_COST * self._rank.get(site.line, len(self._rank)), edit, start)
            for site in self._board.sites
            for cost, edit, start in _edits(site, words, namespace)
        ]
        queue.sort(key=lambda entry: entry[0])
        return queue[:_MOST_EDITS]

    def _effects(self, base: _Look, queue: Sequence[tuple[float, Edit, float | None]]) -> Iterator[_Effect]:
        """What the edits do that do anything."""
        seen: set[tuple[int, bytes]] = set()
        late = self._tester.late_after(_EFFECTS_SHARE)
        self._is_whole = False
        for cost, edit, start in queue:
            if late():
                return
            self._tester.tried += 1
            if not self._board.switch(edit.site, edit.replacement):
                continue
            found = self._look()
            changed = found.differs_from(base)
            key = (edit.site.statement, b"fit" if start is not None else found.values.tobytes())
            if changed.any():
                wrong = np.zeros_like(found.wrong) if start is not None else found.wrong
                yield _Effect(edit, cost, changed, wrong, start, is_twin=start is None and key in seen)
                seen.add(key)
        self._is_whole = True
        self._board.clear()

    def _gains(self, effects: Sequence[_Effect], base: _Look) -> list[_Effect]:
        """The edits that make more right than wrong, the best first."""
        weights = np.repeat(self._board.sample.weights[self._rows], len(self._board.bench.judge.names))
        gains = [
            (float(weights @ base.wrong) - float(weights @ effect.wrong), -effect.cost, effect)
            for effect in effects
            if effect.start is None
        ]
        gains = [entry for entry in gains if entry[0] > 0]
        gains.sort(key=lambda entry: entry[:2], reverse=True)
        return [effect for _, _, effect in gains]

    def _try_best(self, gains: Sequence[_Effect], queue: Sequence[tuple[float, Edit, float | None]]) -> bool:
        """The edits that make most right, each with every other edit: what they break the other may put right."""
        for effect in gains[:_BEST]:
            if not self._board.hold(effect.edit.site, effect.edit.replacement):
                continue
            for count, (cost, edit, start) in enumerate(queue):
                if count % 64 == 0 and self._is_late():
                    return False
                if start is None and self._tester.passes(edit.site, edit.replacement):
                    self._hit((effect.edit, edit), effect.cost + cost)
            if self.result.hits:
                return True
        return True

    def _try_same(self, gains: Sequence[_Effect]) -> bool:
        """The edits that make most right, each with every other edit of the same statement, which is compiled anew."""
        board, late = self._board, self._tester.late_after(_SAME_SHARE)
        for effect in gains[:_BEST]:
            if late():
                return False
            patch, owner = patch_of(self._text, effect.edit), effect.edit.site.owner
            if patch is None or hasattr(owner, "body"):
                continue
            tree = ast.parse(patch.text)
            lines = frozenset(range(owner.lineno, (owner.end_lineno or owner.lineno) + 1))
            again = Switchboard(tree, board.model, board.sample, board.loader, lines=lines)
            tester = Tester(again, self._tester.deadline, self._tester.tried)
            words, namespace = Vocabulary.of(again), again.bench.machine.namespace
            for site in again.sites:
                for edit in edits_of(site, words, namespace):
                    if tester.passes(site, edit.replacement):
                        second = patch_of(Text(patch.text, tree), edit)
                        if second is not None:
                            said = f"{patch.description}; line {second.line}: {second.description}"
                            whole = whole_text(self._text, second.text, said)
                            self._add(whole, f"{effect.edit.kind} and {edit.kind}", effect.cost + edit.cost)
            self._tester.tried = tester.tried
            if self.result.hits:
                return True
        return True

    def _try(self, one: _Effect, other: _Effect) -> None:
        if one.start is not None:
            one, other = other, one
        if one.start is not None:
            return
        board, tester = self._board, self._tester
        if not board.hold(one.edit.site, one.edit.replacement):
            return
        if other.start is None:
            if tester.passes(other.edit.site, other.edit.replacement):
                self._hit((one.edit, other.edit), one.cost + other.cost)
            return
        site = other.edit.site
        fitted = fit_near(lambda value, row: tester.measure(site, always(value), row), tester.telling, other.start)
        for value in nice(fitted) if fitted is not None else ():
            if tester.passes(site, always(value)):
                edit = replace(other.edit, replacement=always(value), make=partial(number_node, value))
                self._hit((one.edit, edit), one.cost + other.cost + DIGIT * (digits(value) - 1))
                return

    def _hit(self, edits: tuple[Edit, Edit], cost: float) -> None:
        patches = [patch_of(self._text, edit) for edit in edits]
        if patches[0] is None or patches[1] is None:
            return
        patch = joined(self._text, patches[0], patches[1])
        if patch is not None:
            self._add(patch, f"{edits[0].kind} and {edits[1].kind}", cost)

    def _add(self, patch: Patch, kind: str, cost: float) -> None:
        if patch.text in self._sources:
            return
        self._sources.add(patch.text)
        hit = Hit(patch.line, kind, cost, patch)
        self.result.hits.append(hit)
        if len(self.result.hits) == 1:
            self._is_late = self._tester.late_after(_RIVALS_SHARE)
        if self._on_hit is not None:
            self._on_hit(hit)


@dataclass(frozen=True)
class _Look:
    """Cells of a few transitions, one after the other: their values as numbers, and which are wrong."""

    values: npt.NDArray[np.float64]
    wrong: npt.NDArray[np.bool_]

    def differs_from(self, other: _Look) -> npt.NDArray[np.bool_]:
        """Which cells have another value."""
        with np.errstate(invalid="ignore"):
            same = np.abs(self.values - other.values) <= 1e-9 * (1.0 + np.abs(other.values))
        differs: npt.NDArray[np.bool_] = ~(same | (np.isnan(self.values) & np.isnan(other.values)))
        return differs


def _edits(site: Site, words: Vocabulary, namespace: Any) -> Iterator[tuple[float, Edit, float | None]]:
    """The edits of a site with their cost, and for a number that may be fitted where to start."""
    for edit in edits_of(site, words, namespace):
        yield edit.cost, edit, None
    value = getattr(site.node, "value", None) if isinstance(site.node, ast.Constant) else None
    if isinstance(value, float):
        nudged = value * _NUDGE if value else 1e-3
        yield _FITTED_COST, Edit(site, "fitted", _FITTED_COST, always(nudged), partial(number_node, nudged)), value


def _viable(effects: Sequence[_Effect], wrong: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Pairs of numbers of effects that may make everything right together, the most plausible first."""
    if len(effects) < 2:
        return []
    changed = np.array([effect.changed for effect in effects], dtype=np.float32)
    spoils = changed * np.array([effect.wrong for effect in effects], dtype=np.float32)
    kept = 1.0 - changed
    bad = (kept * wrong.astype(np.float32)) @ kept.T
    alone = spoils @ kept.T
    statements = np.array([effect.edit.site.statement for effect in effects])
    possible = (bad + alone + alone.T == 0) & (statements[:, None] != statements[None, :])
    first, second = np.nonzero(np.triu(possible, 1))
    costs = np.array([effect.cost for effect in effects])
    total = costs[first] + costs[second]
    order = np.lexsort((second, first, np.floor(total / _BAND)))
    return list(zip(first[order].tolist(), second[order].tolist(), strict=True))


def _number(value: Any) -> float:
    """A cell as a number: texts and large arrays as one that tells whether they are the same."""
    if isinstance(value, int | float | np.number | np.bool_):
        return float(value)
    return float(hash(value.tobytes() if isinstance(value, np.ndarray) else repr(value)))
