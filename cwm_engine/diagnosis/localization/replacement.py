"""Value replacement: is there one value of this expression that would have made the prediction right?

For each place where a value is computed and each failing transition, a value is sought that repairs the
whole prediction: by the secant method for floats (also for each of a few numbers in an array), among
observed and neighbouring values for integers and texts, by flipping conditions (Jeffrey, Gupta and Gupta,
2008, for discrete values). Two more things tell a fault from a place that merely passes it on:

- the *size* of the needed change: the same amount, or the same factor, or the same multiple of a value in
  scope for all transitions is what an edit of this line would do, and a constant has only one value;
- a *conflict*: the same inputs need different changes in different transitions, which no edit of this
  line can do unless it brings in something new.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_engine.diagnosis.execution.schemata import Operands, Site
from cwm_engine.diagnosis.execution.switchboard import Switchboard
from cwm_engine.diagnosis.localization.regularity import Change, Rule, common_rule, conflicts
from cwm_engine.diagnosis.localization.solving import Place, Solver, always, repaired_share

_STAGES, _SHARES, _FEWEST = (1, 3, 6), (0.6, 0.35, 0.2), 12
"""After so many transitions only this share of the places, those that repair most, is tried on further ones."""

_MAX_CANDIDATES = 16

_TRANSFORMS: tuple[Callable[[Any], Any], ...] = (
    lambda value: -value,
    lambda value: 0.0 * value,
    lambda value: 2 * value,
    lambda value: value / 2,
)
"""Slips of a sign, a dropped or doubled term: tried as they are, for where the secant method does not get."""

_SCALES = (0.1, 0.2, 0.25, 0.5, 0.75, 0.9, 1.1, 1.25, 1.5, 2.0, 4.0, 5.0, 10.0, -1.0, 0.0)


@dataclass
class Explanation:
    """What replacing the value of one expression repairs.

    Attributes:
        site: The expression.
        strength: For each failing transition, how much of its error the best value removes: 1 when all fields
            become right, less than 1 otherwise, NaN where it was not tried any more. A constant has one value
            for all of them.
        changes: What the transitions that become right need, where the value is one number.
        conflict: Whether transitions that look the same here need different changes: 1 where they agree in the
            names the expression uses, 2 where they agree in all names in scope.
        rule: The simple change that would do for all, if there is one.
        holds: Share of all tried transitions, failing and passing, that are right under the rule or with the one
            value of a constant; 0 where there is none.
    """

    site: Site
    strength: npt.NDArray[np.float64]
    changes: list[Change] = field(default_factory=list)
    conflict: int = 0
    rule: Rule | None = None
    holds: float = 0.0

    @property
    def line(self) -> int:
        """The line to blame."""
        return self.site.line

    @property
    def mean(self) -> float:
        """The mean strength over the transitions tried."""
        tried = self.strength[~np.isnan(self.strength)]
        return float(tried.mean()) if len(tried) else 0.0


def explanations(
    board: Switchboard,
    *,
    rows: Sequence[int],
    passing: Sequence[int] = (),
    lines: Callable[[int], float] = lambda _: 1.0,
    deadline: float = float("inf"),
) -> list[Explanation]:
    """Try every place where a value is computed.

    Args:
        board: The model.
        rows: Failing transitions of the sample to explain.
        passing: Passing transitions that a change which suits all must not break.
        lines: How suspicious a line is beforehand; places on lines of 0 are left out, the most suspicious come first.
        deadline: `time.process_time()` at which to stop, with what there is.
    """
    places = [(lines(site.line), site) for site in spots(board)]
    places = sorted((place for place in places if place[0] > 0), key=lambda place: -place[0])
    search = _Search(board, rows, passing)
    trials = [search.begin(site) for _, site in places]
    going_on = trials
    for start, stop, share in zip((0, *_STAGES), (*_STAGES, len(rows)), (1.0, *_SHARES), strict=True):
        going_on = sorted(going_on, key=lambda trial: -trial.explanation.mean)
        going_on = going_on[: max(_FEWEST, round(share * len(places)))]
        for trial in going_on:
            if time.process_time() > deadline:
                break
            search.go_on(trial, start, min(stop, len(rows)))
    for trial in going_on:
        if time.process_time() > deadline:
            break
        search.finish(trial)
    board.clear()
    return [trial.explanation for trial in trials]


def spots(board: Switchboard) -> Iterator[Site]:
    """The sites worth replacing: whole values, terms, items of displays, conditions, constants, what fills a line."""
    for site in board.sites:
        node, parent, owner = site.node, site.parent, site.owner
        if site.operands is Operands.STATEMENT or (isinstance(owner, ast.For) and site.is_root):
            continue
        spans_lines = (owner.end_lineno or 0) > owner.lineno
        if (
            site.is_root
            or isinstance(parent, ast.Tuple | ast.List | ast.Dict)
            or (isinstance(node, ast.Constant) and not isinstance(node.value, bool))
            or (isinstance(parent, ast.IfExp) and node is parent.test)
            or (isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Add | ast.Sub))
            or (spans_lines and _first_on_its_line(node, parent))
        ):
            yield site


def _first_on_its_line(node: ast.AST, parent: Any) -> bool:
    """Whether a part lies on one line while what it is part of does not."""
    if not isinstance(node, ast.expr) or parent is None:
        return False
    return node.lineno == node.end_lineno and parent.lineno != parent.end_lineno


@dataclass
class _Trial:
    """A place that is being tried."""

    explanation: Explanation
    place: Place
    change: Callable[[Any], Any] | None = None
    values: list[Any] = field(default_factory=list)

    @property
    def is_smooth(self) -> bool:
        """Whether the value is a float that hardly ever comes up twice."""
        return isinstance(self.values[0], float) and len(set(self.values)) > 0.5 * len(self.values)


class _Search:
    def __init__(self, board: Switchboard, rows: Sequence[int], passing: Sequence[int]) -> None:
        self._board = board
        self._rows = rows
        self._passing = passing
        board.clear()
        self._before = {row: board.measure(row) for row in rows}
        constants = [node.value for node in ast.walk(board.tree) if isinstance(node, ast.Constant)]
        texts = dict.fromkeys(value for value in constants if isinstance(value, str) and len(value) <= 24)
        numbers = dict.fromkeys(value for value in constants if type(value) is int)
        self._solver = Solver(list(numbers)[:_MAX_CANDIDATES], list(texts)[:_MAX_CANDIDATES])

    def begin(self, site: Site) -> _Trial:
        """Start on a site."""
        return _Trial(Explanation(site, np.full(len(self._rows), np.nan)), Place(self._board, site))

    def go_on(self, trial: _Trial, start: int, stop: int) -> None:
        """Solve for some of the rows; what was the answer for one row is tried first on the next."""
        explanation, place = trial.explanation, trial.place
        for index in range(start, stop):
            row = self._rows[index]
            if trial.change is not None and place.accepts(row, trial.change):
                explanation.strength[index] = 1.0
                continue
            value = place.look(row)
            trial.values.append(value)
            if index == 0 and isinstance(value, float | np.floating) and not place.is_constant:
                trial.change = next((change for change in _TRANSFORMS if place.accepts(row, change)), None)
                if trial.change is not None:
                    explanation.strength[index] = 1.0
                    continue
            found = self._solver.solve(place, row, self._before[row], value)
            explanation.strength[index] = found.strength
            if found.change is not None:
                explanation.changes.append(found.change)
            if place.is_constant and found.value is not None and trial.change is None:
                trial.change = always(found.value)

    def finish(self, trial: _Trial) -> None:
        """Judge what the rows have in common."""
        explanation, place = trial.explanation, trial.place
        every = [*self._rows, *self._passing]
        if place.is_constant:
            self._finish_constant(trial)
        elif trial.change is not None:
            change = trial.change
            explanation.holds = sum(place.accepts(row, change) for row in every) / len(every)
        else:
            explanation.conflict = self._conflict(trial)
            explanation.rule = rule = common_rule(explanation.changes)
            if rule is not None:
                explanation.holds = sum(place.accepts_rule(row, rule) for row in every) / len(every)

    def _conflict(self, trial: _Trial) -> int:
        """Passing transitions need no change: one that looks like a failing one and would suffer is a conflict."""
        changes, place = trial.explanation.changes, trial.place
        for key, level in ((_situation, 2), (_inputs, 1)):
            known = {key(change): change.amount for change in changes if key(change) is not None}
            if conflicts(changes, key):
                return level
            if not known or trial.is_smooth:
                continue
            for row in self._passing:
                value = place.look(row)
                if value is None or place.calls != 1 or not isinstance(value, int | float):
                    continue
                amount = known.get(place.situation if level == 2 else place.inputs)
                if amount is None:
                    continue
                changed = not value if isinstance(value, bool) else value + type(value)(amount)
                if not place.accepts(row, always(changed)):
                    return level
        return 0

    def _finish_constant(self, trial: _Trial) -> None:
        """A constant has one value for all transitions: which of those found suits most of them, and how well?"""
        explanation, place = trial.explanation, trial.place
        value: Any = trial.values[0] if trial.values else None
        candidates = [always(value + change.amount) for change in explanation.changes[:3]]
        if trial.change is not None:
            candidates.insert(0, trial.change)
        if isinstance(value, float) and not any(miss and any(miss.distances) for miss in self._before.values()):
            candidates += [always(value * scale) for scale in _SCALES]  # a threshold: nothing responds smoothly
        every = [*self._rows, *self._passing]
        best: Callable[[Any], Any] | None = None
        for candidate in candidates:
            holds = sum(place.accepts(row, candidate) for row in every) / len(every)
            if holds > explanation.holds:
                explanation.holds, best = holds, candidate
            if holds == 1.0:
                break
        best = best or (candidates[0] if candidates else None)
        if best is None:
            return
        for index, row in enumerate(self._rows):
            before, after = self._before[row], place.measure(row, best)
            explanation.strength[index] = 0.0
            if after is not None:
                explanation.strength[index] = repaired_share(before, after) if before else float(not after.wrong)


def _inputs(change: Change) -> Hashable:
    return change.inputs


def _situation(change: Change) -> Hashable:
    return change.situation
