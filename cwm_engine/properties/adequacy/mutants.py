"""Mutants: a model with one small change each, as texts, spread over its lines."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cwm_engine.diagnosis.editing.patches import Patch, Text, replace_expression
from cwm_engine.diagnosis.execution.levels import called_from
from cwm_engine.findings import Span
from cwm_engine.properties.adequacy.operators import Fields, Operator, changes
from cwm_engine.world_model.discovery import Dialect, ModelSpec

MOST = 400
"""How many mutants of one model are tried; of more, some of every line."""

_NOT_PREDICTING = frozenset({"reset", "render", "close", "seed", "__repr__", "__str__", "valid_actions"})
_PAYMENTS = {3: (1, 2), 4: (2, 3), 5: (1, 2), 2: (0, 1)}

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Mutant:
    """A model with one change.

    Attributes:
        number: Its number among the mutants of the model.
        operator: What the change is about.
        span: What is replaced.
        was: The text that is replaced.
        now: The text in its place.
        edit: The same as offsets in the source, and the text in between.
    """

    number: int
    operator: Operator
    span: Span
    was: str
    now: str
    edit: tuple[int, int, str]

    @property
    def line(self) -> int:
        """The line it changes."""
        return self.span.line

    def of(self, source: str) -> str:
        """The whole text of the mutant."""
        start, end, replacement = self.edit
        return f"{source[:start]}{replacement}{source[end:]}"


def mutants_of(
    source: str, model: ModelSpec, *, others: Sequence[Span] = (), actions: Sequence[int] = (), most: int = MOST
) -> list[Mutant]:
    """The mutants of a model, in the order of the text.

    Code that predictions do not use, such as `reset`, is left alone; so are other models of the file.

    Args:
        source: The file.
        model: The model in it.
        others: Where other models of the file stand.
        actions: The whole numbers that are actions; none where actions are something else.
        most: How many to make.
    """
    tree = ast.parse(source)
    text = Text(source, tree)
    roots = _code_of(tree, model, others)
    found: dict[int, list[tuple[Operator, ast.AST, Patch]]] = defaultdict(list)
    wanted = changes(roots, action_names=_action_names(tree, model), actions=actions, fields=_fields(tree, model))
    for operator, old, new in _thinned(list(wanted), 2 * most):
        patch = replace_expression(text, old, new)
        if patch is not None and all(patch.text != known.text for _, _, known in found[patch.line]):
            found[patch.line].append((operator, old, patch))
    chosen = _spread(list(found.values()), most)
    chosen.sort(key=lambda one: (one[2].span.line, one[2].span.column))
    return [_mutant(number, text, *one) for number, one in enumerate(chosen)]


def _mutant(number: int, text: Text, operator: Operator, old: ast.AST, patch: Patch) -> Mutant:
    start, end = text.offsets(patch.span)
    # The whole expression says more than the operator that changes in it.
    first, last = text.range_of(old)
    first, last = min(first, start), max(last, end)
    now = text.source[first:start] + patch.replacement + text.source[end:last]
    return Mutant(
        number=number,
        operator=operator,
        span=text.span(first, last),
        was=" ".join(text.source[first:last].split()),
        now=" ".join(now.split()),
        edit=(start, end, patch.replacement),
    )


def _thinned(wanted: list[tuple[Operator, ast.expr, ast.expr]], most: int) -> Iterator[tuple]:  # type: ignore[type-arg]
    """Not more than so many, of each line the same share."""
    lines: dict[int, list[tuple[Operator, ast.expr, ast.expr]]] = defaultdict(list)
    for one in wanted:
        lines[one[1].lineno].append(one)
    yield from _spread(list(lines.values()), most)


def _spread(groups: list[list], most: int) -> list:  # type: ignore[type-arg]
    """Up to so many of all groups, which take turns; of a large group those that lie apart."""
    total = sum(map(len, groups))
    if total <= most:
        return [one for group in groups for one in group]
    share, left = 0, most
    while left > 0:
        share += 1
        left = most - sum(min(len(group), share) for group in groups)
    kept = []
    for group in groups:
        count = min(len(group), share - (left < 0) or 1)
        kept += [group[index * len(group) // count] for index in range(count)]
    return kept


def _code_of(tree: ast.Module, model: ModelSpec, others: Sequence[Span]) -> list[ast.AST]:
    """What decides about predictions: functions that the model calls, values at the top, its class."""
    used = _used(tree, model)
    roots: list[ast.AST] = []
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop(0)
        if any(span.line <= node.lineno <= span.end_line for span in others):
            continue
        match node:
            case ast.ClassDef():
                waiting = [*node.body, *waiting]
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if node.name in used:
                    roots += [*node.body, *node.args.defaults]
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                if node.value is not None:
                    roots.append(node.value)
            case _:
                pass  # imports, texts, and what runs when the file is started by itself
    return roots


def _used(tree: ast.Module, model: ModelSpec) -> set[str]:
    functions = [node for node in ast.walk(tree) if isinstance(node, _Function)]
    if model.dialect is Dialect.FUNCTIONS:
        names = {"transition", "reward"}
    else:
        names = {"__init__", "__post_init__", "set_state", "step"}
    roots = [part for node in functions if node.name in names for part in node.body]
    outside = [node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    return names | (called_from(tree, [*roots, *outside]) - _NOT_PREDICTING)


def _action_names(tree: ast.Module, model: ModelSpec) -> frozenset[str]:
    """What the functions that predict call their action."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, _Function):
            arguments = [argument.arg for argument in node.args.args]
            if node.name in (("transition", "reward") if model.dialect is Dialect.FUNCTIONS else ("step",)):
                names.update(arguments[1:2])  # after `self`, or after the state
            names.update({"action"} & set(arguments))
    return frozenset(names)


def _fields(tree: ast.Module, model: ModelSpec) -> Fields:
    """Rewards and ends of episodes: what is returned as such, and what is assigned to the names that are returned."""
    rewards: list[ast.expr] = []
    endings: list[ast.expr] = []
    whole: list[ast.expr] = []
    name = "reward" if model.dialect is Dialect.FUNCTIONS else "step"
    for function in (node for node in ast.walk(tree) if isinstance(node, _Function) and node.name == name):
        for node in ast.walk(function):
            if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
                parts = node.value.elts
                if len(parts) in _PAYMENTS and (len(parts) == 2) == (model.dialect is Dialect.FUNCTIONS):
                    reward, ending = _PAYMENTS[len(parts)]
                    whole.append(node.value)
                    rewards += _values(parts[reward], function)
                    endings += _values(parts[ending], function)
    return Fields(*({id(node) for node in found} for found in (rewards, endings, whole)))


def _values(expression: ast.expr, function: _Function, depth: int = 4) -> Iterator[ast.expr]:
    """An expression, and what it may be the name of."""
    yield expression
    match expression:
        case ast.IfExp(body=body, orelse=orelse):
            yield from _values(body, function, depth)
            yield from _values(orelse, function, depth)
        case ast.Name(id=name) if depth:
            for node in ast.walk(function):
                if isinstance(node, ast.Assign) and any(_is(target, name) for target in node.targets):
                    yield from _values(node.value, function, depth - 1)
        case ast.Call(args=[only], keywords=[]):
            yield from _values(only, function, depth)
        case _:
            pass


def _is(target: ast.expr, name: str) -> bool:
    return isinstance(target, ast.Name) and target.id == name
