"""Describe: what is in a dataset, in numbers, and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.dataset import Dataset, Provenance
from cwm_engine.trajectories.health import HealthFinding, examine
from cwm_engine.trajectories.health.determinism import Determinism
from cwm_engine.trajectories.health.grouping import as_table
from cwm_engine.trajectories.json_values import to_json
from cwm_engine.trajectories.structures import (
    Kind,
    Leaf,
    Structure,
    describe_structure,
    element_names,
    leaves,
    structure_to_json,
)

SCHEMA = 1
REWARD_CLASSES = 20
ACTION_CLASSES = 50

_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True, slots=True)
class Range:
    """Smallest, median, mean and largest of some numbers; None where there are none."""

    min: float | None
    median: float | None
    mean: float | None
    max: float | None

    @classmethod
    def of(cls, values: npt.NDArray[Any]) -> Range:
        """The range of the finite ones of `values`."""
        finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
        if not finite.size:
            return cls(None, None, None, None)
        middle, mean = float(np.median(finite)), float(finite.mean(dtype=np.float64))
        return cls(float(finite.min()), middle, mean, float(finite.max()))

    def to_json(self) -> dict[str, Any]:
        """The range as JSON values."""
        return {"min": self.min, "median": self.median, "mean": self.mean, "max": self.max}


@dataclass(frozen=True, slots=True)
class Field:
    """One element of the observation or action: its range and how many different values it takes.

    `distinct` is None for a leaf that counts as one field, such as an image; `range` is None for text.
    """

    name: str
    kind: Kind
    range: Range | None
    distinct: int | None

    def to_json(self) -> dict[str, Any]:
        """The field as JSON values."""
        numbers = self.range.to_json() if self.range is not None else {}
        return {"name": self.name, "kind": str(self.kind), **numbers, "distinct": self.distinct}


@dataclass(frozen=True, slots=True)
class Space:
    """The space of observations or actions.

    Attributes:
        text: As Gymnasium would write it if it is declared, else how the values are put together.
        declared: Whether the dataset declares it.
        data: The declared space, or the structure of the values, as JSON.
    """

    text: str
    declared: bool
    data: Any

    def to_json(self) -> dict[str, Any]:
        """The space as JSON values."""
        return {"text": self.text, "declared": self.declared, "space" if self.declared else "structure": self.data}


@dataclass(frozen=True, slots=True)
class Rewards:
    """What is paid.

    Attributes:
        range: Their range.
        distinct: How many different rewards there are.
        classes: Each reward and how often it is paid, most frequent first, if there are at most 20.
        quantiles: Otherwise the rewards at these shares of the transitions.
    """

    range: Range
    distinct: int
    classes: tuple[tuple[float, int], ...]
    quantiles: Mapping[float, float]

    def to_json(self) -> dict[str, Any]:
        """The rewards as JSON values."""
        return {
            **self.range.to_json(),
            "distinct": self.distinct,
            "classes": [{"reward": reward, "count": count} for reward, count in self.classes] or None,
            "quantiles": {f"{share:g}": value for share, value in self.quantiles.items()} or None,
        }


@dataclass(frozen=True, slots=True)
class Actions:
    """What is done: how often each action is taken if there are at most 50, otherwise the range of each element."""

    classes: tuple[tuple[Any, int], ...]
    fields: tuple[Field, ...]

    def to_json(self) -> dict[str, Any]:
        """The actions as JSON values."""
        return {
            "classes": [{"action": action, "count": count} for action, count in self.classes] or None,
            "fields": [field.to_json() for field in self.fields],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What is in a dataset.

    Attributes:
        provenance: Where the data came from.
        transitions: How many transitions there are.
        distinct: How many different (state, action) pairs.
        episodes: How many episodes.
        lengths: Transitions an episode.
        returns: Sum of rewards an episode.
        terminated: Transitions that end an episode by themselves.
        truncated: Transitions at which an episode is cut off.
        unmarked: Episodes that end with neither flag.
        unexplainable: Terminations that are time limits in disguise.
        observation: The observation space.
        action: The action space.
        fields: The elements of the observations.
        actions: The actions.
        rewards: The rewards.
        ceiling: Best accuracy a deterministic model of state and action can reach.
        field_ceilings: The same for each field, where it is below 1.
        determinism: Whether the data is a function.
        health: Everything worth knowing, warnings first.
    """

    provenance: Provenance
    transitions: int
    distinct: int
    episodes: int
    lengths: Range
    returns: Range
    terminated: int
    truncated: int
    unmarked: int
    unexplainable: int
    observation: Space
    action: Space
    fields: tuple[Field, ...]
    actions: Actions
    rewards: Rewards
    ceiling: float
    field_ceilings: Mapping[str, float]
    determinism: Determinism
    health: tuple[HealthFinding, ...]

    def to_json(self) -> dict[str, Any]:
        """The description as one JSON document."""
        found = self.determinism
        return {
            "schema": SCHEMA,
            "environment": self.provenance.environment,
            "provenance": _provenance(self.provenance),
            "transitions": self.transitions,
            "distinct": self.distinct,
            "episodes": self.episodes,
            "lengths": self.lengths.to_json(),
            "returns": self.returns.to_json(),
            "endings": {
                "terminated": self.terminated,
                "truncated": self.truncated,
                "unmarked": self.unmarked,
                "unexplainable": self.unexplainable,
            },
            "observation_space": self.observation.to_json(),
            "action_space": self.action.to_json(),
            "fields": [field.to_json() for field in self.fields],
            "actions": self.actions.to_json(),
            "rewards": self.rewards.to_json(),
            "ceiling": {"accuracy": self.ceiling, "fields": dict(self.field_ceilings)},
            "function": {
                "verdict": str(found.verdict),
                "history": found.history,
                "method": str(found.method),
                "message": found.message,
                "repetitions": [
                    {"history": item.history, "repeats": item.repeats, "disagreements": item.disagreements}
                    for item in found.repetitions
                ],
                "fields": [
                    {"name": test.name, "answer": str(test.answer), "error": _finite(test.error)}
                    for test in found.fields
                ],
            },
            "health": [finding.to_json() for finding in self.health],
        }


def describe(dataset: Dataset, atol: float = 1e-5, rtol: float = 1e-5) -> Description:
    """Describe a dataset and examine its health.

    Args:
        dataset: The data.
        atol: Absolute tolerance for floats, for what counts as the same outcome.
        rtol: Relative tolerance for floats, times the observed value.
    """
    health = examine(dataset, atol, rtol)
    ends = dataset.terminated | dataset.truncated
    last = dataset.episode_starts + dataset.episode_lengths - 1
    returns = np.add.reduceat(dataset.rewards, dataset.episode_starts) if len(dataset) else dataset.rewards
    return Description(
        provenance=dataset.provenance,
        transitions=len(dataset),
        distinct=health.conflicts.distinct,
        episodes=dataset.episode_count,
        lengths=Range.of(dataset.episode_lengths),
        returns=Range.of(returns),
        terminated=int(dataset.terminated.sum()),
        truncated=int(dataset.truncated.sum()),
        unmarked=int((~ends[last]).sum()),
        unexplainable=int(health.unexplainable.sum()),
        observation=_space(dataset.spaces.observation, dataset.observations.structure),
        action=_space(dataset.spaces.action, dataset.actions.structure),
        fields=_fields(dataset.observations, "obs"),
        actions=_actions(dataset.actions),
        rewards=_rewards(dataset.rewards),
        ceiling=health.conflicts.ceiling,
        field_ceilings={name: best for name, best in health.conflicts.field_ceilings.items() if best < 1},
        determinism=health.determinism,
        health=health.findings,
    )


def space_text(space: Mapping[str, Any]) -> str:
    """A described space as Gymnasium would write it, with bounds only where there are few."""
    match space:
        case {"type": "Discrete", "n": n, "start": start} if start:
            return f"Discrete({n}, start={start})"
        case {"type": "Discrete", "n": n}:
            return f"Discrete({n})"
        case {"type": "Box", "low": low, "high": high, "shape": shape, "dtype": dtype}:
            bounds = [f"{bound}, " for bound in (low, high) if len(str(bound)) <= 80]
            return f"Box({''.join(bounds if len(bounds) == 2 else [])}{tuple(shape)}, {dtype})"
        case {"type": "MultiDiscrete", "nvec": nvec}:
            return f"MultiDiscrete({nvec})"
        case {"type": "MultiBinary", "shape": shape}:
            return f"MultiBinary({shape[0] if len(shape) == 1 else shape})"
        case {"type": "Tuple", "spaces": list(items)}:
            return f"Tuple({', '.join(space_text(item) for item in items)})"
        case {"type": "Dict", "spaces": Mapping() as items}:
            return f"Dict({', '.join(f'{name!r}: {space_text(item)}' for name, item in items.items())})"
        case {"type": "Sequence", "space": Mapping() as item}:
            return f"Sequence({space_text(item)})"
        case {"type": "Text", "max_length": length}:
            return f"Text({length})"
        case _:
            return str(space.get("type", "unknown"))


def _space(declared: Mapping[str, Any] | None, structure: Structure) -> Space:
    if declared is not None:
        return Space(space_text(declared), declared=True, data=dict(declared))
    return Space(describe_structure(structure), declared=False, data=structure_to_json(structure))


def _fields(columns: Columns, prefix: str) -> tuple[Field, ...]:
    found: list[Field] = []
    for (_, leaf), names, array in zip(
        leaves(columns.structure), element_names(columns.structure, prefix), columns.arrays, strict=True
    ):
        table = as_table(array)
        if len(names) != table.shape[1]:
            found.append(Field(names[0], leaf.kind, _range(leaf, table), None))
            continue
        for column, name in zip(table.T, names, strict=True):
            distinct = len(set(column.tolist())) if column.dtype == object else len(np.unique(column))
            found.append(Field(name, leaf.kind, _range(leaf, column), distinct))
    return tuple(found)


def _range(leaf: Leaf, values: npt.NDArray[Any]) -> Range | None:
    return None if leaf.kind in (Kind.TEXT, Kind.JSON) else Range.of(values)


def _actions(columns: Columns) -> Actions:
    fields = _fields(columns, "action")
    alone = columns.arrays[0]
    if not isinstance(columns.structure, Leaf) or alone.ndim > 1 or columns.structure.kind is Kind.FLOAT:
        return Actions((), fields)
    if alone.dtype == object:
        counts = {value: int((alone == value).sum()) for value in sorted(set(alone.tolist()))}
    else:
        values, sizes = np.unique(alone, return_counts=True)
        counts = dict(zip(values.tolist(), sizes.tolist(), strict=True))
    return Actions(tuple(counts.items()) if len(counts) <= ACTION_CLASSES else (), fields)


def _rewards(rewards: npt.NDArray[np.float64]) -> Rewards:
    values, counts = np.unique(rewards, return_counts=True)
    classes: tuple[tuple[float, int], ...] = ()
    quantiles: dict[float, float] = {}
    finite = rewards[np.isfinite(rewards)]
    if len(values) <= REWARD_CLASSES and len(finite) == len(rewards):
        order = np.argsort(-counts, kind="stable")
        classes = tuple((float(values[i]), int(counts[i])) for i in order)
    elif len(finite):
        quantiles = dict(zip(_QUANTILES, np.quantile(finite, _QUANTILES).tolist(), strict=True))
    return Rewards(Range.of(rewards), len(values), classes, quantiles)


def _provenance(provenance: Provenance) -> dict[str, Any]:
    return {
        "environment_kwargs": to_json(provenance.environment_kwargs),
        "policy": provenance.policy,
        "seed": provenance.seed,
        "created": provenance.created,
        "versions": dict(provenance.versions),
        "max_episode_steps": provenance.max_episode_steps,
        "source": provenance.source,
    }


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
