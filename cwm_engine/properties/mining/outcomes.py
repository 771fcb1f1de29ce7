"""Candidates about rewards and endings: what they follow from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np

from cwm_engine.properties.elements import Element, in_words, number
from cwm_engine.properties.invariants import LEAST_SUPPORT, Invariant, Kind
from cwm_engine.trajectories.dataset import Bools, Dataset, Floats

_REWARDS = 12
"""A reward with more different values is no table."""
_ROWS = 24
"""A table with more entries is no rule."""
_EACH = 3
"""How often each entry has to have been seen."""
_ENDINGS = 5
"""How many endings there have to be to speak of them."""
_FINAL_STATES = 6
_STATES = 100


def outcome_candidates(dataset: Dataset, elements: list[Element], action: Element | None) -> Iterator[Invariant]:
    """Candidates about the reward and about `terminated`.

    Args:
        dataset: What was observed.
        elements: The numbers of the states.
        action: The action where it is one whole number, else None.
    """
    yield from _rewards(dataset, elements, action)
    yield from _endings(dataset.terminated, elements)


def _rewards(dataset: Dataset, elements: list[Element], action: Element | None) -> Iterator[Invariant]:
    """The simplest table from something to the reward."""
    rewards = dataset.rewards
    values = np.unique(rewards)
    if not np.isfinite(rewards).all() or len(values) > _REWARDS:
        return
    if len(values) == 1:
        paid = number(values[0])
        yield Invariant(
            kind=Kind.REWARD, statement=f"the reward is always {paid}", expression=f"close(reward, {paid})",
            fields=("reward",), absence=True,
        )  # fmt: skip
        return
    terminated = ("terminated", "whether the episode ends", dataset.terminated.astype(np.float64))
    single = [terminated]
    if action is not None:
        single.insert(0, ("action", "the action", action.before))
    single += [(e.of("next_state"), f"the new `{e.field}`", e.after) for e in elements if e.whole]
    single += [(e.of("state"), f"`{e.field}`", e.before) for e in elements if e.whole]
    pairs = [(one, terminated) for one in single if one is not terminated]
    if action is not None:
        pairs += [(single[0], one) for one in single[2:]]
    for keys in (*((one,) for one in single), *pairs):
        table = _table(np.column_stack([column for *_, column in keys]), rewards)
        if table is not None:
            yield _reward_table([expression for expression, _, _ in keys], [words for _, words, _ in keys], table)
            return
    yield Invariant(
        kind=Kind.REWARD,
        statement=f"the reward is {in_words(list(map(number, values)), 'or')}",
        expression=_is_one_of("reward", values),
        fields=("reward",),
        absence=True,
    )
    yield from _paid_by_ending(dataset.terminated, rewards)
    if action is not None:
        yield from _paid_by_action(action, rewards)


def _paid_by_action(action: Element, rewards: Floats) -> Iterator[Invariant]:
    """Actions that always pay the same."""
    paid: dict[float, list[float]] = {}
    for value in np.unique(action.before):
        own = rewards[action.before == value]
        if len(own) >= LEAST_SUPPORT and (own == own[0]).all():
            paid.setdefault(float(own[0]), []).append(float(value))
    for reward, actions in paid.items():
        listed = list(map(number, actions))
        one = len(listed) == 1
        who = f"action {listed[0]} always pays" if one else f"actions {in_words(listed)} always pay"
        yield Invariant(
            kind=Kind.REWARD,
            statement=f"{who} {number(reward)}",
            expression=f"close(reward, {number(reward)})",
            condition=f"action == {listed[0]}" if one else f"action in {{{', '.join(listed)}}}",
            fields=("reward",),
            absence=True,
        )


def _paid_by_ending(terminated: Bools, rewards: Floats) -> Iterator[Invariant]:
    """Rewards that are paid at the end, and only there."""
    at_end, before = np.unique(rewards[terminated]), np.unique(rewards[~terminated])
    if terminated.sum() < _ENDINGS or not len(before):
        return
    only = np.setdiff1d(at_end, before)
    if not len(only):
        return
    listed = in_words(list(map(number, only)), "or")
    exact = len(only) == len(at_end)
    yield Invariant(
        kind=Kind.TERMINATION,
        statement=f"episodes end {'exactly ' if exact else ''}when the reward is {listed}",
        expression=f"terminated == ({_is_one_of('reward', only)})" if exact else "terminated",
        condition="True" if exact else _is_one_of("reward", only),
        fields=("terminated", "reward"),
    )


def _is_one_of(name: str, values: Floats) -> str:
    return " or ".join(f"close({name}, {number(value)})" for value in values)


def _table(keys: Floats, rewards: Floats) -> dict[tuple[float, ...], float] | None:
    """The reward of every key that was seen often enough; None where a key has several, or all keys have the same."""
    different, inverse, counts = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    if len(different) > _ROWS:
        return None
    table: dict[tuple[float, ...], float] = {}
    for index, key in enumerate(different):
        paid = np.unique(rewards[inverse.ravel() == index])
        if len(paid) > 1:
            return None
        if counts[index] >= _EACH:
            table[tuple(key.tolist())] = float(paid[0])
    return table if len(set(table.values())) > 1 else None


def _reward_table(expressions: list[str], words: list[str], table: dict[tuple[float, ...], float]) -> Invariant:
    key = expressions[0] if len(expressions) == 1 else f"({', '.join(expressions)})"
    entries = {
        number(one[0]) if len(one) == 1 else f"({', '.join(map(number, one))})": number(paid)
        for one, paid in table.items()
    }
    listed = ", ".join(f"{one}: {paid}" for one, paid in entries.items())
    return Invariant(
        kind=Kind.REWARD,
        statement=f"the reward follows from {' and '.join(words)}",
        expression=f"close(reward, {{{listed}}}[{key}])",
        condition=f"{key} in {{{', '.join(entries)}}}",
        fields=("reward",),
        # An action may pay something else in a state that nobody has seen.
        absence="next_state" not in key,
    )


def _endings(terminated: Bools, elements: list[Element]) -> Iterator[Invariant]:
    count = int(terminated.sum())
    if not count:
        yield Invariant(
            kind=Kind.TERMINATION, statement="no episode ends by itself", expression="not terminated",
            fields=("terminated",), absence=True,
        )  # fmt: skip
    if count < _ENDINGS or terminated.all():
        return
    for element in elements:
        final = np.unique(element.after[terminated])
        if element.whole and len(final) <= _FINAL_STATES and not np.isin(element.after[~terminated], final).any():
            yield _final(element, final, np.unique(element.after))
            return
    yield from _thresholds(terminated, [element for element in elements if not element.whole])


def _final(element: Element, final: Floats, seen: Floats) -> Invariant:
    """Episodes end at some values. Others that nobody has seen may be final too, so it is said of those seen alone."""
    listed, after = ", ".join(map(number, final)), element.of("next_state")
    few = len(seen) <= _STATES
    return Invariant(
        kind=Kind.TERMINATION,
        statement=f"episodes end exactly when `{element.field}` becomes {in_words(listed.split(', '), 'or')}",
        expression=f"terminated == ({after} in {{{listed}}})",
        condition=f"{after} in {{{', '.join(map(number, seen))}}}" if few else "True",
        fields=("terminated", element.field),
        absence=not few,
    )


def _thresholds(terminated: Bools, elements: list[Element]) -> Iterator[Invariant]:
    """Episodes that end when one of some numbers leaves its range.

    What lies between the last value that went on and the first that did not is known of neither, so there are two
    statements with a gap between them.
    """
    uncovered = terminated.copy()
    limits: dict[str, dict[float, tuple[float, float]]] = {}
    shown: list[tuple[str, float]] = []
    ranked = sorted(product(elements, (-1.0, 1.0)), key=lambda side: -_outside(terminated, *side).sum())
    for element, side in ranked:
        outside = _outside(terminated, element, side)
        # Those that nothing else explains show where this number alone ends an episode.
        alone = outside & uncovered
        if not alone.any():
            continue
        went_on = (side * element.after[~terminated]).max()
        ended = (side * element.after[alone]).min()
        limits.setdefault(element.path, {})[side] = (side * went_on, side * ended)
        if alone.sum() >= _ENDINGS:  # a few may be further out by chance
            shown.append((element.path, side))
        uncovered &= ~outside
    if uncovered.any() or not shown:
        return
    paths = sorted(limits)
    names = {element.path: element.field for element in elements}
    fields = tuple(names[path] for path in paths)
    about = ("terminated", *fields)
    inside = [_range(f"next_state{path}", limits[path]) for path in paths]
    signs = {-1.0: "<=", 1.0: ">="}
    beyond = [f"next_state{path} {signs[side]} {number(limits[path][side][1])}" for path, side in sorted(shown)]
    ending = tuple(dict.fromkeys(names[path] for path, _ in sorted(shown)))
    going_on = Invariant(
        kind=Kind.TERMINATION,
        statement=f"episodes go on where others did: within their range of {_listed(fields, 'and')}",
        expression="not terminated",
        condition=" and ".join(inside),
        fields=about,
        absence=True,
    )
    # Something else may end it that nobody has seen: the other way, or another number.
    seen = [
        f"{number(element.after[~terminated].min())} <= {element.of('next_state')} <= "
        f"{number(element.after[~terminated].max())}"
        for element in elements
    ]
    yield from (going_on, replace(going_on, condition=" and ".join(seen), absence=False))
    yield Invariant(
        kind=Kind.TERMINATION,
        statement=f"episodes end where others did: with {_listed(ending, 'or')} as far out",
        expression="terminated",
        condition=" or ".join(beyond),
        fields=about,
    )


def _range(name: str, sides: dict[float, tuple[float, float]]) -> str:
    """That a number is where episodes went on."""
    low, high = (number(sides[side][0]) if side in sides else None for side in (-1.0, 1.0))
    if low is not None and high is not None:
        return f"{low} <= {name} <= {high}"
    return f"{name} >= {low}" if low is not None else f"{name} <= {high}"


def _listed(fields: tuple[str, ...], word: str) -> str:
    return in_words([f"`{field}`" for field in fields], word)


def _outside(terminated: Bools, element: Element, side: float) -> Bools:
    """Endings at which a number is further out than it ever was in a transition that went on."""
    values = side * element.after
    return terminated & (values > values[~terminated].max())
