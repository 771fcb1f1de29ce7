"""States to tell programs apart at: those the recording reached, those the model itself goes on to, and others near.

Two programs that predict the same on all of them pass for equivalent.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cwm_engine.checking.evidence import Program
from cwm_engine.checking.run import Runner
from cwm_engine.properties.elements import Element, state_elements
from cwm_engine.properties.invariants import Invariant
from cwm_engine.properties.mining.states import limits_of
from cwm_engine.properties.sampling import as_cases, begun_from, sample_cases
from cwm_engine.sandbox.handles import ChildDied
from cwm_engine.sandbox.transitions import Form
from cwm_engine.trajectories.columns import Columns, Kind, Leaf, leaves
from cwm_engine.trajectories.dataset import Dataset

SAMPLED = 100_000
"""How many states programs are told apart at."""

CASES = 2_000
"""The first so many are those that properties are tried at."""

Floats = npt.NDArray[np.float64]

_ROAMED = 0.3
_STRETCHES = (0.0, 0.25, 1.0, 8.0)
_MANY = 20
_SECONDS = 20.0


def sample_states(
    runner: Runner,
    program: Program,
    form: Form,
    *,
    count: int = SAMPLED,
    seed: int = 0,
    invariants: tuple[Invariant, ...] = (),
    observed: Dataset | None = None,
) -> Dataset:
    """States with actions, each an episode of its own; what follows is not known and stands as no change.

    First come `CASES` of those at which properties are tried. A third of the others are states that the model reaches
    from recorded ones. Where states are vectors of floats, the rest is spread over a box around the recording, up to
    the bounds of the space; pairs that lie on a circle stay there. Everywhere else it is recorded states, with other
    actions.

    Args:
        runner: Gives sandboxed processes over what was observed; it must have the jobs of `batches` ready.
        program: The model.
        form: How it is given states and actions.
        count: How many.
        seed: Of the lot.
        invariants: What is known of the states.
        observed: All transitions there are, where there are more than those recorded.
    """
    lot = np.random.default_rng(seed)
    dataset = runner.prepared.dataset if observed is None else observed
    cases = sample_cases(dataset, CASES, seed, invariants)
    parts = [cases.observations]
    left = count - CASES
    roamed = _roamed(runner, program, form, steps=int(_ROAMED * left), seed=seed)
    if roamed is not None:
        parts.append(roamed)
        left -= len(roamed)
    spread = _box(dataset, left, lot)
    if spread is None:
        known = begun_from(dataset)
        if roamed is not None:
            known = Columns.concatenate([known, roamed])
        spread = known.take(lot.integers(0, len(known), left))
    states = Columns.concatenate([*parts, spread])
    more = dataset.actions.take(lot.integers(0, len(dataset), len(states) - CASES))
    return as_cases(dataset, states, Columns.concatenate([cases.actions, more]))


def _roamed(runner: Runner, program: Program, form: Form, *, steps: int, seed: int) -> Columns | None:
    """States that the model reaches from recorded ones; None where they cannot be told in numbers."""
    dataset = runner.prepared.dataset
    structure = dataset.observations.structure
    kinds = {leaf.kind for _, leaf in leaves(structure)}
    if structure != dataset.next_observations.structure or kinds & {Kind.TEXT, Kind.JSON}:
        return None
    request = {
        **program.request,
        "job": "cwm_engine.properties.adequacy.jobs:roam",
        "form": form,
        "mode": "transition",
        "steps": steps,
        "seed": seed,
    }
    with runner.child(program.preload) as child:
        try:
            child.send(request)
            message = child.receive(_SECONDS)
        except ChildDied:
            runner.stop.check()
            return None
    layout = runner.prepared.layout
    if message is None or not message.blob:
        return None
    numbers = np.frombuffer(message.blob, dtype=np.float64)
    if numbers.size % layout.reward:
        return None
    numbers = numbers.reshape(-1, layout.reward)
    arrays = tuple(
        numbers[:, columns].reshape(len(numbers), *leaf.shape).astype(leaf.dtype)
        for columns, leaf in zip(layout.columns, layout.leaves, strict=True)
    )
    return Columns(structure, arrays)


def _box(dataset: Dataset, count: int, lot: np.random.Generator) -> Columns | None:
    """States spread over a box around those recorded; None where states are no vectors of floats."""
    structure = dataset.observations.structure
    if not isinstance(structure, Leaf) or structure.kind is not Kind.FLOAT or len(structure.shape) > 1:
        return None
    elements = state_elements(dataset)
    if len(elements) != int(np.prod(structure.shape)):
        return None
    low, high = _bounds(dataset, len(elements))
    columns = [_column(element, low[index], high[index], count, lot) for index, element in enumerate(elements)]
    for one, other in _circles(elements):
        angle = lot.uniform(-np.pi, np.pi, count)
        radius = float(np.sqrt(elements[one].after[0] ** 2 + elements[other].after[0] ** 2))
        columns[one], columns[other] = radius * np.cos(angle), radius * np.sin(angle)
    table = np.column_stack(columns).astype(structure.dtype)
    return Columns(structure, (table.reshape(count, *structure.shape),))


def _column(element: Element, low: float, high: float, count: int, lot: np.random.Generator) -> Floats:
    values = np.concatenate([element.before, element.after])
    known = np.unique(values)
    if len(known) < _MANY:
        return lot.choice(known, count)
    least, most = values.min(), values.max()
    stretch = lot.choice(_STRETCHES, count) * (most - least)
    floor, ceiling = limits_of(element)
    bottom = np.maximum(least - stretch, low if floor is None else floor)
    top = np.minimum(most + stretch, high if ceiling is None else ceiling)
    spread = bottom + lot.random(count) * (top - bottom)
    return np.round(spread) if (known == np.round(known)).all() else spread


def _bounds(dataset: Dataset, size: int) -> tuple[Floats, Floats]:
    """The bounds of the observation space, infinite where they are not known."""
    space = dataset.spaces.observation or {}
    found = []
    for name, otherwise in (("low", -np.inf), ("high", np.inf)):
        try:
            values = np.array(space.get(name), dtype=np.float64).ravel()
        except (TypeError, ValueError):
            values = np.zeros(0)
        values = np.full(size, otherwise) if values.size not in (1, size) else np.broadcast_to(values, size)
        found.append(np.where(np.isnan(values), otherwise, values))
    return found[0], found[1]


def _circles(elements: list[Element]) -> list[tuple[int, int]]:
    """Pairs of numbers whose squares add up to the same, as sine and cosine do."""
    found: list[tuple[int, int]] = []
    taken: set[int] = set()
    for one in range(len(elements)):
        for other in range(one + 1, len(elements)):
            total = elements[one].after ** 2 + elements[other].after ** 2
            if {one, other} & taken or len(np.unique(elements[one].after)) < _MANY:
                continue
            if (np.abs(total - total[0]) <= 1e-5 * (1 + abs(total[0]))).all():
                found.append((one, other))
                taken |= {one, other}
    return found
