"""What happens elsewhere in the same way: mirrors, turns, shifts, and numbers that others do not depend on.

A symmetry speaks of two transitions. In a grid both are often among those that were observed. Vectors of floats hardly
ever come up twice, so their symmetries are looked for where the real environment can be asked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import Any

import numpy as np

from cwm_engine.properties.elements import Element, action_elements, in_words, state_elements
from cwm_engine.properties.invariants import LEAST_SUPPORT, Ask, Invariant, Kind, Other, try_on
from cwm_engine.trajectories.columns import Kind as LeafKind
from cwm_engine.trajectories.columns import Leaf, TupleOf
from cwm_engine.trajectories.dataset import Dataset

_MOST_NUMBERS = 6
_MOST_GRID = 4
_MOST_ACTIONS = 8
_FIRST, _ROWS = 6, 240
_VALUES = 6
_SHARE = 0.3
"""The part of a grid's transitions whose mirror images have to be among the others, too."""


def symmetries(dataset: Dataset, ask: Ask | None, settled: Collection[str] = ()) -> list[Invariant]:
    """The symmetries of an environment, with their support.

    Args:
        dataset: What was observed of it.
        ask: What else it does; None where nobody can be asked.
        settled: Fields of which it is known what they depend on.
    """
    structure = dataset.observations.structure
    elements, actions = state_elements(dataset), action_elements(dataset)
    if isinstance(structure, Leaf) and structure.kind is LeafKind.FLOAT and len(structure.shape) == 1:
        if ask is None or not 1 < len(elements) == structure.shape[0] <= _MOST_NUMBERS:
            return []
        rows = _some_rows(dataset)
        mirrored = _first_that_hold(_mirrors(elements, actions, dataset), rows, ask)
        return [*mirrored, *_independent(elements, rows, ask, settled)]
    if _is_grid(structure) and 1 < len(elements) <= _MOST_GRID and len(actions) == 1 and not actions[0].path:
        return list(_of_grid(elements, actions[0], dataset))
    return []


def _some_rows(dataset: Dataset) -> Dataset:
    """Some transitions, endings among them."""
    ended = np.flatnonzero(dataset.terminated)[: _ROWS // 6]
    others = np.flatnonzero(~dataset.terminated)[: _ROWS - len(ended)]
    return dataset.rows(np.concatenate([others[: _ROWS // 2], ended, others[_ROWS // 2 :]]))


def _first_that_hold(candidates: Iterable[Invariant], rows: Dataset, ask: Ask) -> list[Invariant]:
    first = rows.rows(slice(0, _FIRST))
    return [one for one in candidates if _holds(one, first, ask) and _holds(one, rows, ask)]


def _holds(invariant: Invariant, rows: Dataset, ask: Ask) -> bool:
    (count,) = try_on([invariant], rows, ask)
    return count.applied > 0 and not count.violations


def _mirrors(elements: list[Element], actions: list[Element], dataset: Dataset) -> Iterator[Invariant]:
    """All signs for the numbers of a state, with the actions as they are or the other way round."""
    for signs in product((1, -1), repeat=len(elements)):
        if -1 not in signs:
            continue
        fields = [element.field for element, sign in zip(elements, signs, strict=True) if sign < 0]
        for action, words in _turned_actions(actions, dataset):
            mirrored = _signed("next_state", elements, signs)
            yield Invariant(
                kind=Kind.SYMMETRY,
                statement=f"the mirror image behaves the same: {_in_words(fields)}{words}",
                expression=f"same((other_next, other_reward, other_terminated), ({mirrored}, reward, terminated))",
                fields=tuple(element.field for element in elements),
                other=Other(_signed("state", elements, signs), action),
            )


def _turned_actions(actions: list[Element], dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Actions the other way round, in Python and in words; then as they are."""
    space = dataset.spaces.action or {}
    if len(actions) == 1 and not actions[0].path and actions[0].whole:
        low = space.get("start", 0) if space.get("type") == "Discrete" else int(actions[0].before.min())
        high = low + space["n"] - 1 if space.get("type") == "Discrete" else int(actions[0].before.max())
        yield f"{low + high} - action", " with the other sign, and the actions exchanged"
    elif actions and all(not action.whole for action in actions):
        negated = ", ".join(f"-{action.of('action')}" for action in actions)
        yield f"({negated},)" if actions[0].path else negated, " and the action with the other sign"
    yield "action", " with the other sign"


def _signed(name: str, elements: list[Element], signs: Sequence[int]) -> str:
    parts = [f"{'-' if one < 0 else ''}{element.of(name)}" for element, one in zip(elements, signs, strict=True)]
    return f"({', '.join(parts)})"


def _independent(elements: list[Element], rows: Dataset, ask: Ask, settled: Collection[str]) -> Iterator[Invariant]:
    """Numbers of the next state, and the reward, that stay what they are whatever another number is."""
    names = [element.of("state") for element in elements]
    fields = [element.field for element in elements]
    open_ = [index for index, field in enumerate(fields) if field not in settled]
    varied = [index for index, element in enumerate(elements) if np.ptp(element.before) > 0]
    moving = [
        index for index in varied if index in open_ and np.ptp(elements[index].after - elements[index].before) > 0
    ]
    for index in varied:
        values = tuple(
            float(f"{value:.3g}") for value in np.quantile(elements[index].before, np.linspace(0, 1, _VALUES))
        )
        other = Other(f"({', '.join([*names[:index], 'value', *names[index + 1 :]])})", "action", values)

        def says(expression: str, statement: str, *about: str, at: Other = other) -> Invariant:
            return Invariant(kind=Kind.INDEPENDENCE, statement=statement, expression=expression, fields=about, other=at)

        if not _is_possible(elements, index):
            continue
        apart = [says(f"close(other_next[{j}], next_state[{j}])", "", fields[j]) for j in open_]
        kept = [j for j, one in zip(open_, apart, strict=True) if j != index and _holds(one, rows, ask)]
        if kept:
            yield says(
                " and ".join(f"close(other_next[{j}], next_state[{j}])" for j in kept),
                f"the new {_in_words([fields[j] for j in kept])} {'do' if len(kept) > 1 else 'does'} not depend on "
                f"`{fields[index]}`",
                *(fields[j] for j in kept),
            )
        shift = says(
            f"close(other_next[{index}] - value, next_state[{index}] - state[{index}])",
            f"`{fields[index]}` changes by the same amount whatever it is",
            fields[index],
        )
        if index in moving and _holds(shift, rows, ask):
            yield shift
        paid = says("close(other_reward, reward)", f"the reward does not depend on `{fields[index]}`", "reward")
        if np.ptp(rows.rewards) > 0 and _holds(paid, rows, ask):
            yield paid


def _is_possible(elements: list[Element], index: int) -> bool:
    """Whether a number can be changed alone: not where it is the sine or cosine of what another is of, too."""
    one = elements[index]
    return not any(
        np.allclose(one.before**2 + other.before**2, (one.before**2 + other.before**2)[0], atol=1e-4)
        for other in elements
        if other is not one
    )


def _is_grid(structure: Any) -> bool:
    if isinstance(structure, TupleOf):
        return all(isinstance(item, Leaf) and item.kind is LeafKind.INT and not item.shape for item in structure.items)
    return isinstance(structure, Leaf) and structure.kind is LeafKind.INT and len(structure.shape) == 1


@dataclass(frozen=True)
class _Turn:
    """A way to turn a grid: where each number comes from, and the sum it is taken from, or None."""

    words: str
    sources: tuple[int, ...]
    sums: tuple[int | None, ...]

    def of(self, name: str, elements: list[Element]) -> str:
        parts = []
        for source, total in zip(self.sources, self.sums, strict=True):
            value = elements[source].of(name)
            parts.append(value if total is None else f"{total} - {value}")
        return f"({', '.join(parts)})"


def _of_grid(elements: list[Element], action: Element, dataset: Dataset) -> Iterator[Invariant]:
    """Mirrors and turns of a grid that observed transitions show, and what becomes of the actions."""
    values = np.unique(action.before).astype(int).tolist()
    if not 1 < len(values) <= _MOST_ACTIONS or values != list(range(len(values))):
        return
    for turn in _turns(elements):
        mapping = _mapping(turn, elements, values, dataset)
        if mapping is None:
            continue
        whole = _grid_invariant(turn, elements, f"({', '.join(map(str, mapping))})[action]", "True")
        (count,) = try_on([whole], dataset)
        if not count.violations and count.applied >= max(LEAST_SUPPORT, _SHARE * len(dataset)):
            yield replace(whole, support=count.applied)


def _grid_invariant(turn: _Turn, elements: list[Element], action: str, condition: str) -> Invariant:
    after = turn.of("next_state", elements)
    return Invariant(
        kind=Kind.SYMMETRY,
        statement=turn.words,
        expression=f"same((other_next, other_reward, other_terminated), ({after}, reward, terminated))",
        condition=condition,
        fields=tuple(element.field for element in elements),
        other=Other(turn.of("state", elements), action),
    )


def _mapping(turn: _Turn, elements: list[Element], values: list[int], dataset: Dataset) -> list[int] | None:
    """What each action becomes; None where there is not one answer for each."""
    pairs = list(product(values, values))
    counts = try_on([_grid_invariant(turn, elements, str(b), f"action == {a}") for a, b in pairs], dataset)
    fits = {pair for pair, count in zip(pairs, counts, strict=True) if count.applied and not count.violations}
    mapping = [[b for b in values if (a, b) in fits] for a in values]
    if any(len(found) != 1 for found in mapping) or len({found[0] for found in mapping}) != len(values):
        return None
    return [found[0] for found in mapping]


def _turns(elements: list[Element]) -> Iterator[_Turn]:
    count = len(elements)
    ranges = [(int(min(e.before.min(), e.after.min())), int(max(e.before.max(), e.after.max()))) for e in elements]
    plain: tuple[int | None, ...] = (None,) * count
    straight = tuple(range(count))
    for index, (low, high) in enumerate(ranges):
        if low < high:
            sums = (*plain[:index], low + high, *plain[index + 1 :])
            yield _Turn(f"the mirror image behaves the same: in `{elements[index].field}`", straight, sums)
    for first, second in combinations(range(count), 2):
        if ranges[first] != ranges[second] or ranges[first][0] == ranges[first][1]:
            continue
        swapped = list(straight)
        swapped[first], swapped[second] = second, first
        names = f"`{elements[first].field}` and `{elements[second].field}`"
        yield _Turn(f"the grid behaves the same with {names} exchanged", tuple(swapped), plain)
        sums = (*plain[:first], sum(ranges[first]), *plain[first + 1 :])
        yield _Turn(f"the grid turned by a quarter behaves the same: in {names}", tuple(swapped), sums)


def _in_words(fields: Sequence[str]) -> str:
    return in_words([f"`{field}`" for field in fields])
