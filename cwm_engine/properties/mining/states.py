"""Candidates about states: numbers that are copied, stop at limits, take small steps, follow one another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np

from cwm_engine.properties.elements import Element, in_words, number
from cwm_engine.properties.invariants import LEAST_SUPPORT, Invariant, Kind, Other
from cwm_engine.trajectories.dataset import Bools, Floats

_FEW = 5
"""A number that changes by more different amounts takes no small steps."""
_OFTEN = 8
"""How often each amount has to have been seen."""
_PRESSED = 3
"""How often a number has to have stopped at a limit."""
_FEW_VALUES = 12
"""A number with more different values has them by chance."""
_MANY = 20
"""A number with fewer different values elsewhere has no limit but its set of values."""


def state_candidates(elements: list[Element], action: Element | None) -> Iterator[Invariant]:
    """Candidates about the next state.

    Args:
        elements: The numbers of the states.
        action: The action where it is one whole number, else None.
    """
    for element in elements:
        yield from _copied(element, action)
        yield from _limits(element)
        yield from _at_limits(element, elements)
        yield from _values(element)
        yield from _steps(element, action)
        yield from _relations(element, elements)
    yield from _circles(elements)
    if action is not None:
        yield from _actions(elements, action)


def limits_of(element: Element) -> tuple[float | None, float | None]:
    """The lower and upper limit at which a number stops, as far as transitions show it."""
    low, high = (_limit(element, side) for side in (-1.0, 1.0))
    return low, high


def _copied(element: Element, action: Element | None) -> Iterator[Invariant]:
    before, after = element.before, element.after
    name, same = element.field, _equal(element.of("next_state"), element.of("state"), element)
    if _near(after, before).all():
        constant = len(np.unique(before)) == 1
        yield Invariant(
            kind=Kind.COPIED, statement=f"`{name}` never changes", expression=same, fields=(name,), absence=constant
        )
        return
    elif _near(after, after[:1]).all():
        always = number(after[0])
        expression = _equal(element.of("next_state"), always, element)
        yield Invariant(
            kind=Kind.CONSTANT, statement=f"`{name}` is always {always} after a step", expression=expression,
            fields=(name,),
        )  # fmt: skip
        return
    for value, rows in _by_action(action):
        if len(np.unique(before[rows])) > 2 and _near(after[rows], before[rows]).all():
            yield Invariant(
                kind=Kind.COPIED,
                statement=f"action {number(value)} does not change `{name}`",
                expression=same,
                condition=f"action == {number(value)}",
                fields=(name,),
                absence=True,
            )


def _limits(element: Element) -> Iterator[Invariant]:
    name, after = element.field, element.of("next_state")
    low, high = limits_of(element)
    for limit, sign, word in ((low, ">=", "less"), (high, "<=", "more")):
        if limit is not None:
            value = number(limit)
            near = "" if element.whole else f" or close({after}, {value})"
            yield Invariant(
                kind=Kind.BOUND,
                statement=f"`{name}` stops at {value} and is never {word}",
                expression=f"{after} {sign} {value}{near}",
                fields=(name,),
                absence=element.whole and not element.path,  # a number of a state is no quantity
            )


def _at_limits(element: Element, elements: list[Element]) -> Iterator[Invariant]:
    """What another number is wherever this one has stopped."""
    for limit in limits_of(element):
        if limit is None or element.whole:
            continue
        there = _near(element.after, np.full(1, limit))
        for other in elements:
            values = other.after[there]
            if other is not element and there.sum() >= _OFTEN and _near(values, values[:1]).all():
                always = number(float(values[0]))
                yield Invariant(
                    kind=Kind.BOUND,
                    statement=f"`{other.field}` is {always} where `{element.field}` stops at {number(limit)}",
                    expression=_equal(other.of("next_state"), always, other),
                    condition=_equal(element.of("next_state"), number(limit), element),
                    fields=(other.field,),
                    absence=True,
                )


def _values(element: Element) -> Iterator[Invariant]:
    """That a number has few values, each seen so often that there are hardly others."""
    values, counts = np.unique(element.after, return_counts=True)
    if not element.path or not element.whole or not 1 < len(values) <= _FEW_VALUES or counts.min() < LEAST_SUPPORT:
        return
    listed = ", ".join(map(number, values))
    yield Invariant(
        kind=Kind.VALUES,
        statement=f"`{element.field}` is {in_words(listed.split(', '), 'or')}",
        expression=f"{element.of('next_state')} in {{{listed}}}",
        fields=(element.field,),
        absence=True,
    )


def _steps(element: Element, action: Element | None) -> Iterator[Invariant]:
    name, change = element.field, element.after - element.before
    difference = f"{element.of('next_state')} - {element.of('state')}"
    for sign, word in ((">=", "falls"), ("<=", "grows")):
        direction = change if sign == ">=" else -change
        if (direction >= 0).all() and (direction > 0).sum() >= LEAST_SUPPORT:
            yield Invariant(
                kind=Kind.MONOTONE,
                statement=f"`{name}` never {word}",
                expression=f"{element.of('next_state')} {sign} {element.of('state')}",
                fields=(name,),
            )
    if not element.whole or not change.any():
        return
    amounts = _amounts(change) if action is None else None
    if amounts is not None:
        yield _step(name, difference, amounts)
    # What all actions do together is less, and may lack what an action does seldom.
    for value, rows in _by_action(action):
        mine = _amounts(change[rows])
        if mine is not None and mine.any():
            yield _step(name, difference, mine, value)


def _amounts(change: Floats) -> Floats | None:
    """By how much a number changes; None where that is by many amounts, or by some so seldom that others may exist."""
    amounts, counts = np.unique(change, return_counts=True)
    return amounts if len(amounts) <= _FEW and counts.min() >= _OFTEN else None


def _step(name: str, difference: str, amounts: Floats, action: float | None = None) -> Invariant:
    listed = ", ".join(map(number, amounts))
    who = f"`{name}` changes" if action is None else f"action {number(action)} changes `{name}`"
    return Invariant(
        kind=Kind.STEP,
        statement=f"{who} by {in_words(listed.split(', '), 'or')}",
        expression=f"{difference} in {{{listed}}}" if len(amounts) > 1 else f"{difference} == {listed}",
        condition="True" if action is None else f"action == {number(action)}",
        fields=(name,),
    )


def _relations(element: Element, elements: list[Element]) -> Iterator[Invariant]:
    """`x' = x + c z`, where z is another number before or after the step; not where x stops at a limit."""
    if element.whole:
        return
    low, high = limits_of(element)
    free = np.ones(len(element.before), dtype=bool)
    conditions = []
    for limit, sign in ((low, ">"), (high, "<")):
        if limit is not None:
            free &= element.after > limit if sign == ">" else element.after < limit
            conditions.append(f"{element.of('next_state')} {sign} {number(limit)}")
    change = (element.after - element.before)[free]
    if len(change) < LEAST_SUPPORT or _near(change, np.zeros(1)).all():
        return
    for other in elements:
        for which, values in (("state", other.before), ("next_state", other.after)):
            if other is element:
                continue
            factor = _factor(change, values[free], element.before[free])
            if factor is not None:
                word = "" if which == "state" else "the new "
                relation = Invariant(
                    kind=Kind.RELATION,
                    statement=f"`{element.field}` grows by {number(factor)} times {word}`{other.field}`",
                    expression=f"close({element.of('next_state')}, {element.of('state')} + "
                    f"{number(factor)} * {other.of(which)})",
                    condition=" and ".join(conditions) or "True",
                    fields=(element.field, other.field),
                    absence=True,
                )
                # It may stop at a limit that nobody has seen.
                least = f"{number(low)} <" if low is not None else f"{number(element.after.min())} <="
                most = f"< {number(high)}" if high is not None else f"<= {number(element.after.max())}"
                within = f"{least} {element.of('next_state')} {most}"
                yield from (relation, replace(relation, condition=within, absence=False))


def _factor(change: Floats, values: Floats, before: Floats) -> float | None:
    """The one factor between two columns; None where there is none."""
    if len(np.unique(values)) < _MANY:
        return None
    factor = float(values @ change / (values @ values)) if values.any() else 0.0
    factor = float(f"{factor:.4g}")
    return factor if factor and _near(before + change, before + factor * values).all() else None


def _circles(elements: list[Element]) -> Iterator[Invariant]:
    """Two numbers whose squares add up to the same, as sine and cosine do."""
    numbers = [element for element in elements if not element.whole and len(np.unique(element.after)) >= _MANY]
    for first, second in combinations(numbers, 2):
        total = first.after**2 + second.after**2
        if _near(total, total[:1]).all():
            value = number(float(f"{total.mean():.4g}"))
            one, other = first.of("next_state"), second.of("next_state")
            yield Invariant(
                kind=Kind.CONSERVED,
                statement=f"the squares of `{first.field}` and `{second.field}` add up to {value}",
                expression=f"close({one} ** 2 + {other} ** 2, {value})",
                fields=(first.field, second.field),
            )


def _actions(elements: list[Element], action: Element) -> Iterator[Invariant]:
    """Actions that change nothing, and actions that undo others."""
    values = [value for value, _ in _by_action(action)]
    for value in values:
        yield Invariant(
            kind=Kind.NO_OP,
            statement=f"action {number(value)} changes nothing",
            expression="same(next_state, state)",
            condition=f"action == {number(value)}",
            fields=tuple(element.field for element in elements),
            absence=True,
        )
    if not elements or not all(element.whole for element in elements):
        return  # numbers that are not whole never come back to exactly where they were
    for first in values:
        for second in values:
            yield Invariant(
                kind=Kind.INVERSE,
                statement=f"action {number(second)} undoes action {number(first)} where that changed something",
                expression="same(other_next, state)",
                condition=f"action == {number(first)} and not terminated and not same(next_state, state)",
                fields=tuple(element.field for element in elements),
                other=Other("next_state", number(second)),
            )


def _by_action(action: Element | None) -> Iterator[tuple[float, Bools]]:
    """Each action and its transitions; only where there are few actions, each with support."""
    if action is None:
        return
    values = np.unique(action.before)
    for value in values if len(values) <= _MANY else ():
        rows = action.before == value
        if rows.sum() >= LEAST_SUPPORT:
            yield float(value), rows


def _limit(element: Element, side: float) -> float | None:
    before, after = side * element.before, side * element.after
    top = after.max()
    at_top = after == top
    others = np.unique(after[~at_top])
    if element.whole:
        # It stays where it elsewhere would go on.
        moves = (after > before).sum()
        pressed = (at_top & (before == top)).sum()
        return side * float(top) if moves >= _PRESSED and pressed >= LEAST_SUPPORT and len(others) >= _PRESSED else None
    return side * float(top) if at_top.sum() >= _PRESSED and len(others) >= _MANY else None


def _equal(left: str, right: str, element: Element) -> str:
    return f"{left} == {right}" if element.whole else f"close({left}, {right})"


def _near(left: Floats, right: Floats) -> Bools:
    return np.abs(left - right) <= 1e-5 + 1e-5 * np.abs(right)
