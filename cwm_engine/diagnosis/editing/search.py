"""The single-edit search: every program one edit away, tried on the transitions that failed first.

Nearly all candidates are dropped after one transition, so some hundred thousand are tried in a second.
What passes every transition of the sample is a *hit*: a line, and a repair to be confirmed by a fresh
child over all transitions. First come replacements, then - if they do not help - what may have been left
out: terms, conditions, statements. When nothing passes, the model is wrong in more than one place, or lacks more.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from cwm_engine.diagnosis.editing.additions import (
    added_conditions,
    added_terms,
    multiple_node,
    plus_multiple,
    takes_fitted_terms,
    terms_of,
    times,
)
from cwm_engine.diagnosis.editing.edits import Edit, Make, always, digits, edits_of, number_node
from cwm_engine.diagnosis.editing.fitting import fit, fit_coefficient, fit_threshold, nice
from cwm_engine.diagnosis.editing.insertions import (
    inserted_statements,
    is_behind,
    likeness,
    rewrite_points,
    statement_of_multiple,
)
from cwm_engine.diagnosis.editing.patches import (
    Patch,
    Text,
    delete_statement,
    insert_statement,
    replace_expression,
    replace_statement,
    whole_text,
)
from cwm_engine.diagnosis.editing.rules import Rules
from cwm_engine.diagnosis.editing.structure import rewritings
from cwm_engine.diagnosis.editing.texts import TextTester
from cwm_engine.diagnosis.editing.vocabulary import Vocabulary
from cwm_engine.diagnosis.editing.wraps import wrapped
from cwm_engine.diagnosis.execution.executor import Loader, ModelRef, load_plainly
from cwm_engine.diagnosis.execution.levels import focused
from cwm_engine.diagnosis.execution.sample import Sample
from cwm_engine.diagnosis.execution.schemata import Operands, Site
from cwm_engine.diagnosis.execution.switchboard import Switchboard
from cwm_engine.diagnosis.execution.tester import Tester
from cwm_engine.diagnosis.localization.solving import Place, Solver

RANK_COST = 0.25
"""What each place further down the ranking of lines costs an edit in plausibility."""

_ORDINARY = 2
"""How many kinds of edits are tried in any case; the others only when these do not help, or only by odd numbers."""

_PLAIN = 1.75
"""An edit of at most this cost is believed without looking at less ordinary ones."""

_FITTED_DIGIT = 0.3
"""What each digit costs a number that was fitted: with enough of them it makes up for anything."""

_FAIR = 3.0
"""An edit of at most this cost is believed without looking at rules."""

_TEXTS_SHARE = 0.5
"""The part of the time left that whole texts may take."""

_LIKENESS = 0.5
"""What a new statement gains in plausibility for each neighbour that looks like it."""


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
    slips_only: bool = False,
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
        slips_only: Whether to leave out the search for what may be missing, which takes by far the most time.

    Raises:
        BaseException: Whatever loading the model raises.
    """
    tree = ast.parse(source)
    lines = frozenset(line for line, _ in ranked)
    board = Switchboard(focused(tree, model.name), model, sample, loader, lines=lines)
    search = _Search(Tester(board, deadline), Text(source, tree), ranked, most, on_hit)
    search.run(slips_only=slips_only)
    return search.result


def patch_of(text: Text, edit: Edit) -> Patch | None:
    """The edit of the text that an edit of the syntax stands for."""
    site, new = edit.site, edit.make()
    if site.operands is Operands.STATEMENT:
        return delete_statement(text, site.owner, _is_alone(text.tree, site.owner))
    if isinstance(new, ast.stmt):
        if site.operands is not Operands.INSERTION:
            return replace_statement(text, site.owner, new)
        if isinstance(site.owner, ast.Pass):
            return replace_statement(text, site.owner, new)
        return insert_statement(text, site.owner, new, after=is_behind(site))
    return replace_expression(text, site.node, new) if isinstance(new, ast.expr) else None


class _Search:
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
        self._words = Vocabulary.of(self._board)
        self._namespace = self._board.bench.machine.namespace
        self._named = _named_numbers(self._board, self._words)
        self._sources: set[str] = set()
        self._plainest = float("inf")
        self.result = SearchResult()

    def run(self, *, slips_only: bool) -> None:
        """One kind of edits after the other; what was left out is looked for when nothing else helps."""
        sites = sorted(self._board.sites, key=self._place)
        stages: Sequence[Callable[[], bool]] = (
            lambda: self._try_all(sites, lambda site: edits_of(site, self._words, self._namespace)),
            lambda: self._fit_constants(sites),
            self._try_texts,
            lambda: self._try_each(sites, lambda site: wrapped(site, self._words, self._namespace)),
            lambda: self._try_each(sites, lambda site: added_terms(site, self._words)),
            lambda: self._fit_terms(sites),
            lambda: self._try_each(sites, lambda site: added_conditions(site, self._words, self._namespace)),
            self._try_statements,
        )
        done = True
        for number, stage in enumerate(stages):
            if number >= _ORDINARY and (slips_only or self._plainest <= _PLAIN):
                break
            done = stage() and done
        self._board.clear()
        self.result.exhausted = done
        self.result.tried = self._tester.tried
        self.result.hits.sort(key=lambda hit: hit.cost)

    def _place(self, site: Site) -> int:
        return self._rank.get(site.line, len(self._rank))

    def _cost(self, site: Site) -> float:
        return RANK_COST * self._place(site)

    def _try_each(self, sites: Iterable[Site], edits: Callable[[Site], Iterator[Edit]]) -> bool:
        """The edits of one site after the other."""
        for site in sites:
            for count, edit in enumerate(edits(site)):
                if self._is_over(count):
                    return False
                if self._tester.passes(edit.site, edit.replacement):
                    self._hit(edit, self._cost(site) + edit.cost)
        return True

    def _try_all(self, sites: Iterable[Site], edits: Callable[[Site], Iterator[Edit]]) -> bool:
        """The edits of all sites, the most plausible first."""
        queue = [(self._cost(site) + edit.cost, edit) for site in sites for edit in edits(site)]
        queue.sort(key=lambda entry: entry[0])
        for count, (cost, edit) in enumerate(queue):
            if self._is_over(count):
                return False
            if self._tester.passes(edit.site, edit.replacement):
                self._hit(edit, cost)
        return True

    def _try_texts(self) -> bool:
        """Edits of structure, which are compiled one by one."""
        board, late = self._board, self._tester.late_after(_TEXTS_SHARE)
        texts = TextTester(board.model, board.sample, board.loader)
        queue = [
            (found.cost + RANK_COST * self._rank.get(found.line, len(self._rank)), found)
            for found in rewritings(self._text, frozenset(self._rank))
        ]
        queue.sort(key=lambda entry: entry[0])
        for cost, found in queue:
            if late() or self._is_over(0):
                return False
            self._tester.tried += 1
            if texts.passes(found.text):
                self._found(whole_text(self._text, found.text, found.description), found.kind, cost, found.cost)
        return True

    def _fit_constants(self, sites: Sequence[Site]) -> bool:
        for site in sites:
            value = getattr(site.node, "value", None) if isinstance(site.node, ast.Constant) else None
            if not isinstance(value, float):
                continue
            if self._is_over(0):
                return False
            fitted = self._fitted_constant(site, value)
            if fitted is not None:
                cost = 0.75 + _FITTED_DIGIT * digits(fitted)
                edit = Edit(site, "fitted", cost, always(fitted), partial(number_node, fitted))
                self._hit(edit, self._cost(site) + cost)
        return True

    def _fitted_constant(self, site: Site, start: float) -> float | None:
        tester = self._tester
        fitted = fit(lambda value, row: tester.measure(site, always(value), row), tester.telling, start)
        if fitted is not None:
            return next((value for value in nice(fitted) if tester.passes(site, always(value))), None)
        return fit_threshold(lambda value: tester.passes(site, always(value)), start)

    def _fit_terms(self, sites: Iterable[Site]) -> bool:
        """`number * e`, and `e + number * term` for the terms of the function."""
        if not self._tester.is_telling:
            return True
        for site in sites:
            if not takes_fitted_terms(site):
                continue
            if (scale := self._factor(site)) is not None:
                product = partial(_product, scale, site.node)
                self._hit(Edit(site, "factor", 3.5, times(site, scale), product), self._cost(site) + 3.5)
            if not self._fit_term(site, "term", partial(multiple_node, site.node)):
                return False
        return True

    def _factor(self, site: Site) -> float | None:
        tester = self._tester
        fitted = fit_coefficient(lambda more, row: tester.measure(site, times(site, 1.0 + more), row), tester.telling)
        if fitted is None:
            return None
        return next((value for value in nice(1.0 + fitted) if tester.passes(site, times(site, value))), None)

    def _coefficient(self, site: Site, value: Callable[..., Any]) -> tuple[float, ast.expr | None] | None:
        """How much of a term to add, and the name of that number if it has one."""
        tester = self._tester
        fitted = fit_coefficient(
            lambda number, row: tester.measure(site, plus_multiple(site, value, number), row), tester.telling
        )
        if fitted is None:
            return None
        for known, node in self._named:
            if abs(abs(fitted) - known) <= 1e-4 * known:
                exact = known if fitted > 0 else -known
                if tester.passes(site, plus_multiple(site, value, exact)):
                    return exact, node
        for number in nice(fitted):
            if tester.passes(site, plus_multiple(site, value, number)):
                return number, None
        return None

    def _try_statements(self) -> bool:
        """New statements where the value of a variable could make things right."""
        board = self._board
        lines = frozenset(self._rank)
        points = Switchboard(board.tree, board.model, board.sample, board.loader, lines=lines, rewriting=rewrite_points)
        self._tester = Tester(points, self._tester.deadline, self._tester.tried)
        if not self._tester.telling:
            return True
        solver, row = Solver(), self._tester.telling[0]
        before = points.bench.measure(row)
        useful = []
        for site in sorted((site for site in points.sites if isinstance(site.node, ast.expr)), key=self._place):
            if self._is_over(0):
                return False
            place = Place(points, site)
            value = place.look(row)
            if value is None or solver.solve(place, row, before, value).strength == 1.0:
                useful.append((site, isinstance(value, float)))
        points.clear()
        for site, is_smooth in useful:
            written = partial(statement_of_multiple, site)
            if is_smooth and self._tester.is_telling and not self._fit_term(site, "statement", written):
                return False
        sites, tree = [site for site, _ in useful], self._board.tree
        return (
            self._try_each(sites, lambda site: inserted_statements(site, self._words, self._namespace, tree))
            and self._try_each(sites, lambda site: wrapped(site, self._words, self._namespace))
            and self._try_rules(points)
        )

    def _try_rules(self, points: Switchboard) -> bool:
        """Variables set under conditions; only where nothing simpler helps."""
        if self._plainest <= _FAIR:
            return True
        rules = Rules(self._tester, self._words, self._namespace)
        done = self._try_each(sorted(points.sites, key=self._place), rules.statements)
        points.clear()
        self._tester = Tester(self._board, self._tester.deadline, self._tester.tried)
        rules = Rules(self._tester, self._words, self._namespace)
        sites = sorted(self._board.sites, key=self._place)
        return self._try_each(sites, rules.values) and done and not self._tester.is_late

    def _fit_term(self, site: Site, kind: str, written: Callable[..., Any]) -> bool:
        """Terms times a fitted number, written by `written`; whether there was time for all."""
        for value, make in terms_of(site, self._words, self._namespace):
            if self._is_over(0):
                return False
            found = self._coefficient(site, value)
            if found is not None:
                number, factor = found
                syntax: Make = partial(written, make, number, factor)
                edit = Edit(site, kind, 3.5, plus_multiple(site, value, number), syntax)
                self._hit(edit, self._cost(site) + 3.5)
        return True

    def _hit(self, edit: Edit, cost: float) -> None:
        if edit.site.operands is Operands.INSERTION:
            cost -= _LIKENESS * likeness(self._text.tree, edit.site)
        self._found(patch_of(self._text, edit), edit.kind, cost, edit.cost)

    def _found(self, patch: Patch | None, kind: str, cost: float, plain: float) -> None:
        if patch is None or patch.text in self._sources:
            return
        self._sources.add(patch.text)
        self._plainest = min(self._plainest, plain)
        hit = Hit(patch.line, kind, cost, patch)
        self.result.hits.append(hit)
        if self._on_hit is not None:
            self._on_hit(hit)

    def _is_over(self, count: int) -> bool:
        return len(self.result.hits) >= self._most or (count % 64 == 0 and self._tester.is_late)


def _product(factor: float, node: Any) -> ast.expr:
    return ast.BinOp(number_node(factor), ast.Mult(), node)


def _named_numbers(board: Switchboard, words: Vocabulary) -> list[tuple[float, ast.expr]]:
    """Numbers that have a name which every method can use."""
    found: list[tuple[float, ast.expr]] = [(value, ast.Name(name, ast.Load())) for name, value in words.shared_numbers]
    owner = board.bench.machine.model
    for name in words.attributes:
        value = getattr(owner, name, None)
        if isinstance(value, int | float) and not isinstance(value, bool):
            found.append((float(value), ast.Attribute(ast.Name("self", ast.Load()), name, ast.Load())))
    return [(value, node) for value, node in found if value > 0 and value != 1]


def _is_alone(tree: ast.Module, statement: ast.stmt) -> bool:
    """Whether a block holds nothing but a statement."""
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            if getattr(node, name, None) == [statement]:
                return True
    return False
