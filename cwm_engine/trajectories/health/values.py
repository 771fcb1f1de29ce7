"""Values: numbers that are missing, impossible, always the same, or recorded twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_engine.errors import CwmError
from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.dataset import Bools, Dataset
from cwm_engine.trajectories.health.contexts import repeated_episodes
from cwm_engine.trajectories.health.grouping import Rows, as_table, group_rows
from cwm_engine.trajectories.spaces import structure_of_space
from cwm_engine.trajectories.structures import Kind, leaves

# Bounds are often written down in float32 and observations computed in float64, or the other way round.
_BOUND_MARGIN = 1e-6
_LARGEST_BITS = 12


@dataclass(frozen=True, slots=True)
class Misplaced:
    """Rows with a value that should not be there, and the fields that hold it."""

    rows: Rows
    fields: tuple[str, ...]


def not_finite(dataset: Dataset) -> Misplaced:
    """NaN and infinite numbers in observations, actions and rewards."""
    bad = np.zeros(len(dataset), dtype=np.bool_)
    fields = []
    for name, columns in _parts(dataset):
        for path, array in _float_leaves(columns):
            if np.isfinite(array).all():
                continue
            wrong = ~np.isfinite(as_table(array)).all(axis=1)
            bad |= wrong
            fields.append(name + path)
    wrong = ~np.isfinite(dataset.rewards)
    if wrong.any():
        bad |= wrong
        fields.append("reward")
    return Misplaced(np.flatnonzero(bad), tuple(fields))


def outside_space(dataset: Dataset) -> Misplaced:
    """Numbers beyond the bounds of the declared spaces; nothing where no space is declared."""
    bad = np.zeros(len(dataset), dtype=np.bool_)
    fields = []
    spaces = {
        "obs": dataset.spaces.observation,
        "next_obs": dataset.spaces.observation,
        "action": dataset.spaces.action,
    }
    for name, columns in _parts(dataset):
        space = spaces[name]
        if space is None or not _fits(columns, space):
            continue
        bounds = dict(_bounds(space))
        for (path, leaf), array in zip(leaves(columns.structure), columns.arrays, strict=True):
            if path not in bounds or leaf.kind in (Kind.TEXT, Kind.JSON):
                continue
            wrong = _beyond(array, *bounds[path])
            if wrong.any():
                bad |= wrong
                fields.append(name + path)
    return Misplaced(np.flatnonzero(bad), tuple(fields))


def unused_actions(dataset: Dataset) -> tuple[int, ...]:
    """Actions of a declared Discrete space that were never taken."""
    space = dataset.spaces.action
    if space is None or space.get("type") != "Discrete" or not _fits(dataset.actions, space):
        return ()
    start = int(space.get("start", 0))
    return tuple(
        sorted(set(range(start, start + int(space["n"]))) - set(np.unique(dataset.actions.arrays[0]).tolist()))
    )


def constant_fields(dataset: Dataset) -> Mapping[str, Any]:
    """Elements of the observation that never change, with their value."""
    found: dict[str, Any] = {}
    if len(dataset) < 2:
        return found
    columns, after = dataset.observations, dataset.next_observations
    for (path, leaf), array, later in zip(leaves(columns.structure), columns.arrays, after.arrays, strict=True):
        still = (array == array[:1]).all(axis=0) & (later == array[:1]).all(axis=0)
        for index in np.argwhere(still).tolist():
            element = f"[{','.join(map(str, index))}]" if leaf.shape else ""
            value = array[(0, *index)]
            found[f"obs{path}{element}"] = value.item() if isinstance(value, np.generic) else value
    return found


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What was recorded more than once.

    Attributes:
        transitions: Rows that equal an earlier row in state, action and outcome.
        episodes: Numbers of the episodes that equal an earlier one.
    """

    transitions: Rows
    episodes: Rows


def duplicates(dataset: Dataset) -> Duplicates:
    """Find transitions and whole episodes that are there more than once."""
    groups = group_rows(
        dataset.observations, dataset.actions, dataset.next_observations, dataset.rewards, dataset.terminated
    )
    again = np.flatnonzero(groups.first[groups.ids] != np.arange(len(dataset)))
    return Duplicates(again, np.flatnonzero(repeated_episodes(dataset, groups)))


def float32_rewards(dataset: Dataset) -> bool:
    """Whether rewards were rounded to float32 on the way, so that no float64 computation gives them exactly."""
    finite = dataset.rewards[np.isfinite(dataset.rewards)]
    if not len(finite) or not np.array_equal(finite.astype(np.float32), finite):
        return False
    mantissas, _ = np.frexp(np.unique(finite))
    scaled = mantissas * (1 << _LARGEST_BITS)
    return bool((scaled != np.round(scaled)).any())  # -1, 0.5 and 100 are exact in any type


def _parts(dataset: Dataset) -> Iterator[tuple[str, Columns]]:
    yield "obs", dataset.observations
    yield "next_obs", dataset.next_observations
    yield "action", dataset.actions


def _float_leaves(columns: Columns) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    for (path, leaf), array in zip(leaves(columns.structure), columns.arrays, strict=True):
        if leaf.kind is Kind.FLOAT:
            yield path, array


def _beyond(array: npt.NDArray[Any], low: npt.NDArray[Any], high: npt.NDArray[Any]) -> Bools:
    """Rows with an element below `low` or above `high`."""
    table = as_table(array)
    low, high = (np.broadcast_to(bound, array.shape[1:]).ravel() for bound in (low, high))
    if array.dtype.kind == "f":
        low = low - _BOUND_MARGIN * np.maximum(1.0, np.abs(np.where(np.isfinite(low), low, 0.0)))
        high = high + _BOUND_MARGIN * np.maximum(1.0, np.abs(np.where(np.isfinite(high), high, 0.0)))
    return np.asarray(((table < low) | (table > high)).any(axis=1))


def _fits(columns: Columns, space: Mapping[str, Any]) -> bool:
    """Whether values of the columns can be values of the space at all: equal places and shapes."""
    try:
        declared = structure_of_space(space)
    except CwmError:
        return False
    # The keys of a Dict space are sorted, those of the values need not be.
    return {path: leaf.shape for path, leaf in leaves(declared)} == {
        path: leaf.shape for path, leaf in leaves(columns.structure)
    }


def _bounds(
    space: Mapping[str, Any], path: str = ""
) -> Iterator[tuple[str, tuple[npt.NDArray[Any], npt.NDArray[Any]]]]:
    """Smallest and largest value of every leaf of a described space that has bounds, by its path."""
    match space["type"]:
        case "Box":
            yield path, (np.array(space["low"], dtype=np.float64), np.array(space["high"], dtype=np.float64))
        case "Discrete":
            start = int(space.get("start", 0))
            yield path, (np.array(start), np.array(start + int(space["n"]) - 1))
        case "MultiDiscrete":
            counts = np.array(space["nvec"])
            starts = np.array(space.get("start", np.zeros_like(counts)))
            yield path, (starts, starts + counts - 1)
        case "MultiBinary":
            yield path, (np.array(0), np.array(1))
        case "Tuple":
            for number, item in enumerate(space["spaces"]):
                yield from _bounds(item, f"{path}[{number}]")
        case "Dict":
            for name, item in space["spaces"].items():
                yield from _bounds(item, f"{path}.{name}")
