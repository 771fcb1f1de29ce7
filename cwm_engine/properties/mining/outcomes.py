"""Candidates about rewards and endings: what they follow from."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from cwm_engine.properties.elements import Element, number
from cwm_engine.properties.invariants import Invariant, Kind
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
        if (
            element.whole
            and len(final) <= _FINAL_STATES
            and len(np.unique(element.after)) <= _STATES
            and not np.isin(element.after[~terminated], final).any()
        ):
            yield _final(element, final, np.unique(element.after))
            return
    yield from _thresholds(terminated, [element for element in elements if not element.whole])


def _final(element: Element, final: Floats, seen: Floats) -> Invariant:
    """Episodes end at some values. Others that nobody has seen may be final too, so it is said of those seen alone."""
    listed, after = ", ".join(map(number, final)), element.of("next_state")
    return Invariant(
        kind=Kind.TERMINATION,
        statement=f"an episode ends exactly when `{element.field}` becomes {listed.replace(', ', ' or ')}",
        expression=f"terminated == ({after} in ({listed},))",
        condition=f"{after} in ({', '.join(map(number, seen))},)",
        fields=("terminated", element.field),
    )


def _thresholds(terminated: Bools, elements: list[Element]) -> Iterator[Invariant]:
    """Episodes that end when one of some numbers leaves its range.

    What lies between the last value that went on and the first that did not is known of neither, so there are two
    statements with a gap between them.
    """
    uncovered = terminated.copy()
    inside, beyond, fields = [], [], []
    ranked = sorted(product(elements, (-1.0, 1.0)), key=lambda side: -_outside(terminated, *side).sum())
    for element, side in ranked:
        outside = _outside(terminated, element, side)
        if not (outside & uncovered).any():
            continue
        # Those that nothing else explains show where this number alone ends an episode.
        alone = outside & uncovered
        went_on = (side * element.after[~terminated]).max()
        ended = (side * element.after[alone]).min()
        sign = ">" if side > 0 else "<"
        after = element.of("next_state")
        inside.append(f"{after} {'<=' if side > 0 else '>='} {number(side * went_on)}")
        beyond.append(f"{after} {sign}= {number(side * ended)}")
        fields.append(element.field)
        uncovered &= ~outside
    if uncovered.any() or not inside:
        return
    named = " or ".join(dict.fromkeys(f"`{field}`" for field in fields))
    about = ("terminated", *dict.fromkeys(fields))
    yield Invariant(
        kind=Kind.TERMINATION,
        statement=f"no episode ends within the values of {named} at which others went on",
        expression="not terminated",
        condition=" and ".join(inside),
        fields=about,
    )
    yield Invariant(
        kind=Kind.TERMINATION,
        statement=f"an episode ends when {named} is further out than where others ended",
        expression="terminated",
        condition=" or ".join(beyond),
        fields=about,
    )


def _outside(terminated: Bools, element: Element, side: float) -> Bools:
    """Endings at which a number is further out than it ever was in a transition that went on."""
    values = side * element.after
    return terminated & (values > values[~terminated].max())
