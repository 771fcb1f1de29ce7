"""Where properties are tried: the states and actions of a dataset as Hypothesis strategies, in few lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from cwm_engine.errors import CwmError
from cwm_engine.properties.generation.regions import Region
from cwm_engine.properties.generation.writing import WIDTH, assignment, inside, short
from cwm_engine.properties.invariants import Invariant, Kind
from cwm_engine.trajectories.columns import Columns, Leaf
from cwm_engine.trajectories.columns import Kind as LeafKind
from cwm_engine.trajectories.dataset import Dataset, Floats

MOST_NUMBERS = 160
"""Numbers of recorded states that are written into a file, where other states are made of them."""
MOST_STATES = 500
"""States written where there are no others."""
LONGEST = 12_000
FEWEST = 5
MOST_DIGITS = 6_000
"""Characters of states that are not single numbers."""
EXAMPLES = 100
MOST_FREE = 12
"""Vectors with more numbers than this are not made up: they are hardly ever free of each other."""


def data_region(dataset: Dataset, stored: Dataset, invariants: Sequence[Invariant]) -> Region:
    """Recorded states, strategies for states like them and for actions, and how often a property is tried.

    They are called `STATES`, `states`, `actions` and `often`.

    Args:
        dataset: All transitions there are.
        stored: Those with the spaces of the environment.
        invariants: What is known of them.
    """
    parts = [
        *_states(dataset, invariants),
        f"actions = {_actions(stored)}",
        f"often = settings(max_examples={EXAMPLES}, deadline=None)",
    ]
    text = parts[0]
    for before, part in pairwise(parts):
        gap = 3 if any(one.startswith(("def ", "@")) for one in (before, part)) else 2
        text += "\n" * gap + part
    return Region("data", "states", text)


def _states(dataset: Dataset, invariants: Sequence[Invariant]) -> list[str]:
    states = acting_states(dataset)
    structure = states.structure
    if isinstance(structure, Leaf) and structure.kind is LeafKind.FLOAT and len(structure.shape) <= 1:
        return _float_states(states, structure, _circles(invariants))
    return [assignment("STATES", _listed(states)), "states = st.sampled_from(STATES)"]


def set_of_states(dataset: Dataset) -> str:
    """All states that are single numbers, as a set in Python; empty where they are something else."""
    states = acting_states(dataset)
    structure = states.structure
    if not isinstance(structure, Leaf) or structure.shape or structure.kind is not LeafKind.INT:
        return ""
    return f"{{{', '.join(_listed(states))}}}"


def _listed(states: Columns) -> list[str]:
    structure, recorded = states.structure, _distinct(states)
    if isinstance(structure, Leaf) and not structure.shape and structure.kind is LeafKind.INT:
        return [str(state) for state in _spread_out(sorted(recorded), MOST_STATES)]
    return _some_of(recorded)


def acting_states(dataset: Dataset) -> Columns:
    """The states that somebody acted in, or could have."""
    return Columns.concatenate([dataset.observations, dataset.next_observations.take(~dataset.terminated)])


def _float_states(states: Columns, structure: Leaf, circles: list[tuple[int, int]]) -> list[str]:
    numbers = states.arrays[0].reshape(len(states), -1).astype(np.float64)
    numbers = np.unique(numbers[np.isfinite(numbers).all(axis=1)], axis=0)
    width = numbers.shape[1]
    chosen = numbers[_far_apart(numbers, max(MOST_NUMBERS // width, 8))]
    single = not structure.shape
    digits = 9 if circles else 4
    items = [_written(row.tolist(), single, digits) for row in chosen]
    texts = [assignment("STATES", items)]
    parts = ["st.sampled_from(STATES)"]
    if not circles:
        texts.append(_between(single))
        parts.append("st.builds(between, st.sampled_from(STATES), st.sampled_from(STATES), st.floats(0, 1))")
    if width <= MOST_FREE and _is_free(numbers, circles):
        made = _anywhere(numbers, circles, single)
        if "\n" in made:
            texts.append(made)
            made = "anywhere()"
        parts.append(made)
    lines = "\n    | ".join(parts)
    line = f"states = {' | '.join(parts)}"
    text = line if len(line) <= WIDTH else f"states = (\n    {lines}\n)"
    return [*texts, text]


def _written(row: Sequence[float], single: bool, digits: int) -> str:
    numbers = [short(value, digits) for value in row]
    if single:
        return numbers[0]
    return f"({numbers[0]},)" if len(numbers) == 1 else f"({', '.join(numbers)})"


def _between(single: bool) -> str:
    step = "one + share * (other - one)"
    if not single:
        step = "tuple(a + share * (b - a) for a, b in zip(one, other, strict=True))"
    return f'def between(one, other, share):\n    """A state on the way from one to another."""\n    return {step}'


def _anywhere(numbers: Floats, circles: list[tuple[int, int]], single: bool) -> str:
    ranges = [
        inside(float(low), float(high)) for low, high in zip(numbers.min(axis=0), numbers.max(axis=0), strict=True)
    ]
    drawn = [f"st.floats({short(low, 7)}, {short(high, 7)})" if low < high else f"st.just({short(low, 7)})"
             for low, high in ranges]  # fmt: skip
    if single:
        return drawn[0]
    if not circles:
        return f"st.tuples({', '.join(drawn)})" if len(", ".join(drawn)) < 90 else _composite(drawn, [], numbers)
    return _composite(drawn, circles, numbers)


def _composite(drawn: list[str], circles: list[tuple[int, int]], numbers: Floats) -> str:
    """A strategy of several lines; sine and cosine of one angle are drawn as the angle."""
    lines = ["@st.composite", "def anywhere(draw):", '    """A state of numbers within their recorded ranges."""']
    names = [f"draw({one})" for one in drawn]
    for count, (first, second) in enumerate(circles, 1):
        angle = "angle" if len(circles) == 1 else f"angle_{count}"
        radius = float(np.sqrt((numbers[:, first] ** 2 + numbers[:, second] ** 2).mean()))
        factor = "" if abs(radius - 1) < 1e-4 else f"{short(radius, 6)} * "
        lines.append(f"    {angle} = draw(st.floats(-math.pi, math.pi))")
        names[first], names[second] = f"{factor}math.cos({angle})", f"{factor}math.sin({angle})"
    lines.append("    return (")
    lines += [f"        {name}," for name in names]
    return "\n".join([*lines, "    )"])


def _is_free(numbers: Floats, circles: list[tuple[int, int]]) -> bool:
    """Whether the numbers of a state look as if each could be anything in its range."""
    bound = {index for pair in circles for index in pair}
    free = [index for index in range(numbers.shape[1]) if index not in bound and np.ptp(numbers[:, index]) > 0]
    if len(numbers) < 10 * max(len(free), 1):
        return False
    if len(free) < 2:
        return True
    scaled = (numbers[:, free] - numbers[:, free].mean(axis=0)) / numbers[:, free].std(axis=0)
    values = np.linalg.svd(scaled, compute_uv=False)
    return bool(values[-1] > 1e-4 * values[0])


def _circles(invariants: Sequence[Invariant]) -> list[tuple[int, int]]:
    """Pairs of numbers that stay on a circle; each number in one pair only."""
    pairs: list[tuple[int, int]] = []
    for invariant in invariants:
        if invariant.kind is Kind.CONSERVED and len(invariant.fields) == 2:
            first, second = (int(field.strip("obs[]")) for field in invariant.fields)
            if not {first, second} & {index for pair in pairs for index in pair}:
                pairs.append((first, second))
    return pairs


def _far_apart(rows: Floats, count: int) -> list[int]:
    """So many rows, each as far as possible from those before it: they reach into every corner."""
    if len(rows) <= count:
        return list(range(len(rows)))
    spread = np.ptp(rows, axis=0)
    scaled = (rows - rows.min(axis=0)) / np.where(spread > 0, spread, 1.0)
    chosen = [int(np.argmin(((scaled - scaled.mean(axis=0)) ** 2).sum(axis=1)))]
    nearest = np.full(len(rows), np.inf)
    while len(chosen) < count:
        nearest = np.minimum(nearest, ((scaled - scaled[chosen[-1]]) ** 2).sum(axis=1))
        chosen.append(int(nearest.argmax()))
    return sorted(chosen)


def _distinct(columns: Columns) -> list[Any]:
    """Different values, in the order in which they came up."""
    return list({repr(value): value for value in columns.plain(0, len(columns))}.values())


def _spread_out(values: list[Any], most: int) -> list[Any]:
    if len(values) <= most:
        return values
    return [values[index] for index in np.linspace(0, len(values) - 1, most).round().astype(int)]


def _some_of(values: list[Any]) -> list[str]:
    """As many values as may be written, from all over the data."""
    texts = [repr(value) for value in values]
    longest = max(map(len, texts))
    if longest > LONGEST:
        raise CwmError(
            f"a state or action takes {longest:,} characters, too many to write some of them into a file of tests",
            hint="properties are for states that people can read, not for images",
        )
    return _spread_out(texts, max(MOST_DIGITS // longest, FEWEST))


def _actions(dataset: Dataset) -> str:
    space = dataset.spaces.action or {}
    structure = dataset.actions.structure
    match space.get("type"):
        case "Discrete":
            start = int(space.get("start", 0))
            return f"st.integers({start}, {start + int(space['n']) - 1})"
        case "MultiDiscrete" if np.ndim(space["nvec"]) == 1:
            starts = space.get("start", [0] * len(space["nvec"]))
            parts = [f"st.integers({s}, {s + n - 1})" for s, n in zip(starts, space["nvec"], strict=True)]
            return f"st.tuples({', '.join(parts)})"
    if isinstance(structure, Leaf) and structure.kind is LeafKind.FLOAT and len(structure.shape) <= 1:
        parts = [f"st.floats({short(low, 7)}, {short(high, 7)})" for low, high in _action_ranges(dataset, space)]
        return f"st.tuples({', '.join(parts)})" if structure.shape else parts[0]
    return f"st.sampled_from([{', '.join(_some_of(sorted(_distinct(dataset.actions), key=repr)))}])"


def _action_ranges(dataset: Dataset, space: Any) -> Iterator[tuple[float, float]]:
    recorded = dataset.actions.arrays[0].reshape(len(dataset), -1).astype(np.float64)
    low, high = recorded.min(axis=0), recorded.max(axis=0)
    if space.get("type") == "Box":
        bounds = (np.broadcast_to(np.asarray(space[side], dtype=np.float64), space["shape"]).ravel()
                  for side in ("low", "high"))  # fmt: skip
        low, high = (np.where(np.isfinite(bound), bound, seen) for bound, seen in zip(bounds, (low, high), strict=True))
    yield from ((float(one), float(other)) for one, other in zip(low, high, strict=True))
