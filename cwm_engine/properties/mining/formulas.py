"""Candidates that are formulas: a number, or the reward, as a short sum of multiples of others.

Only sums that are exact count. They are found by least squares over a few terms: the numbers of the state and of the
action, their squares, and the angle behind a sine and a cosine, with its square.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from cwm_engine.properties.elements import Element, number
from cwm_engine.properties.invariants import Invariant, Kind
from cwm_engine.properties.mining.states import limits_of
from cwm_engine.trajectories.dataset import Bools, Floats

_LEAST = 100
"""What fewer transitions say may fit by chance."""
_MANY = 40
"""A number with fewer different values is in a table rather than in a formula."""
_TERMS = 4
_ROUNDS = 4


@dataclass(frozen=True, eq=False)
class _Term:
    """A term of a sum: its Python, its words, and its values."""

    expression: str
    words: str
    values: Floats


def formula_candidates(elements: list[Element], actions: list[Element], rewards: Floats) -> Iterator[Invariant]:
    """Candidates about numbers that change by a sum of others, and about a reward that is one.

    Args:
        elements: The numbers of the states.
        actions: The numbers of the actions.
        rewards: What was paid.
    """
    numbers = [element for element in elements if not element.whole]
    if not numbers or len(elements) + len(actions) > _MANY or len(rewards) < _LEAST:
        return
    terms = [_Term(one.of("state"), f"`{one.field}`", one.before) for one in elements]
    terms += [_Term(one.of("action"), f"`{one.of('action')}`", one.before) for one in actions]
    for element in numbers:
        yield from _change(element, [term for term in terms if np.ptp(term.values) > 0])
    if len(np.unique(rewards)) >= _MANY and np.isfinite(rewards).all():
        yield from _reward([*_squares([*_angles(elements), *terms]), *terms], rewards)


def _change(element: Element, terms: list[_Term]) -> Iterator[Invariant]:
    low, high = limits_of(element)
    free = np.ones(len(element.after), dtype=np.bool_)
    if low is not None:
        free &= element.after > low
    if high is not None:
        free &= element.after < high
    found = _sum_of(terms, element.after - element.before, free, element.before)
    if found is None or len(found) < 2:  # one other number alone is a relation, which is told otherwise
        return
    after = element.of("next_state")
    sides = [f"{number(low)} < {after}"] if low is not None else []
    sides += [f"{after} < {number(high)}"] if high is not None else []
    general = Invariant(
        kind=Kind.RELATION,
        statement=f"`{element.field}` changes by a formula: {_in_words(found)}",
        expression=f"close({after}, {element.of('state')} + {_in_python(found)})",
        condition=_chained(after, low, high) or "True",
        fields=(element.field,),
        absence=True,
    )
    # It may stop at a limit that nobody has seen.
    seen = f"{number(element.after.min())} <= {after} <= {number(element.after.max())}"
    yield from (general, replace(general, condition=" and ".join([*sides, seen]), absence=False))


def _reward(terms: list[_Term], rewards: Floats) -> Iterator[Invariant]:
    everywhere = np.ones(len(rewards), dtype=np.bool_)
    found = _sum_of(terms, rewards, everywhere, np.zeros(len(rewards)))
    if found is not None:
        yield Invariant(
            kind=Kind.REWARD,
            statement=f"the reward is a formula: {_in_words(found)}",
            expression=f"close(reward, {_in_python(found)})",
            fields=("reward",),
        )


def _sum_of(terms: Sequence[_Term], target: Floats, rows: Bools, base: Floats) -> list[tuple[float, _Term]] | None:
    """The few multiples of terms that add up to the target wherever they should; None where none do.

    Args:
        terms: What may be added up.
        target: What should come out.
        rows: Where it should.
        base: What is added to both before they are compared.
    """
    if rows.sum() < _LEAST or len(np.unique(target[rows])) < _MANY:
        return None
    chosen = list(terms)
    for _ in range(_ROUNDS):
        if not chosen:
            return None
        columns = np.column_stack([term.values[rows] for term in chosen])
        scale = np.abs(columns).max(axis=0)
        scale[scale == 0] = 1.0
        factors, *_ = np.linalg.lstsq(columns / scale, target[rows], rcond=None)
        kept = np.abs(factors) > 1e-4 * np.abs(factors).max()
        if kept.all():
            break
        chosen = [term for term, keep in zip(chosen, kept, strict=True) if keep]
    rounded = [float(f"{factor:.3g}") for factor in factors / scale]
    if len(chosen) > _TERMS:
        return None
    total = base + sum(factor * term.values for factor, term in zip(rounded, chosen, strict=True))
    wanted = base + target
    near = np.abs(total - wanted) <= 1e-5 + 1e-5 * np.abs(wanted)
    return list(zip(rounded, chosen, strict=True)) if near[rows].all() else None


def _angles(elements: list[Element]) -> Iterator[_Term]:
    """The angles of which two numbers are cosine and sine, in this order."""
    for first, second in combinations(elements, 2):
        if np.allclose(first.before**2 + second.before**2, 1, atol=1e-4):
            yield _Term(
                f"math.atan2({second.of('state')}, {first.of('state')})",
                f"the angle of `{first.field}` and `{second.field}`",
                np.arctan2(second.before, first.before),
            )


def _squares(terms: Sequence[_Term]) -> list[_Term]:
    return [_Term(f"{term.expression} ** 2", f"the square of {term.words}", term.values**2) for term in terms]


def _chained(name: str, low: float | None, high: float | None) -> str:
    """That a number is between its limits."""
    if low is not None and high is not None:
        return f"{number(low)} < {name} < {number(high)}"
    if low is not None:
        return f"{name} > {number(low)}"
    return f"{name} < {number(high)}" if high is not None else ""


def _in_python(found: list[tuple[float, _Term]]) -> str:
    text = " + ".join(f"{number(factor)} * {term.expression}" for factor, term in found)
    return text.replace("+ -", "- ")


def _in_words(found: list[tuple[float, _Term]]) -> str:
    text = " plus ".join(f"{number(factor)} times {term.words}" for factor, term in found)
    return text.replace("plus -", "minus ")
