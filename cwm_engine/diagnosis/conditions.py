"""What wrong predictions have in common, as a person would say it: "whenever the action is 0"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_engine.trajectories.columns import Columns, Kind, element_names, leaves
from cwm_engine.trajectories.dataset import Dataset

Bools = npt.NDArray[np.bool_]

_MOST_ROWS = 20_000
_MOST_VALUES = 32
_GOOD = 0.95
_SIMPLER = 0.01
"""A rule told earlier is preferred to one that is better by no more than this."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A rule for which transitions are concerned.

    Attributes:
        text: The end of a sentence, e.g. "whenever the action is 0".
        score: F1 of the rule: 1 when it holds for exactly these transitions.
    """

    text: str
    score: float


def common_condition(
    dataset: Dataset,
    members: Bools,
    among: Bools,
    *,
    paths: npt.NDArray[np.integer[Any]] | None = None,
    path_lines: Sequence[frozenset[int]] = (),
) -> Condition | None:
    """The simplest single-feature rule that tells some transitions from the others.

    Tried in this order: the action, the end of an episode, the reward, a line of the model, the state. For
    large datasets 20,000 transitions decide.

    Args:
        dataset: What was observed (n transitions).
        members: The transitions in question, bool (n,).
        among: The transitions they are a part of, bool (n,).
        paths: For each transition the number of its code path, (n,).
        path_lines: Lines that each code path executes.

    Returns:
        The rule, or None if there is none of an F1 of 0.95 or if it concerns all.
    """
    rows = np.flatnonzero(among)
    if len(rows) > _MOST_ROWS:
        rows = np.random.default_rng(0).choice(rows, _MOST_ROWS, replace=False)
    wanted = members[rows]
    if not wanted.any() or wanted.all():
        return None
    best: Condition | None = None
    for text, holds in _rules(dataset, rows, wanted, paths, path_lines):
        score = _f1(holds, wanted)
        if score >= _GOOD and (best is None or score > best.score + _SIMPLER):
            word = "whenever" if bool((holds == wanted).all()) else "nearly always when"
            best = Condition(f"{word} {text}", score)
    return best


def _rules(
    dataset: Dataset,
    rows: npt.NDArray[np.intp],
    wanted: Bools,
    paths: npt.NDArray[np.integer[Any]] | None,
    path_lines: Sequence[frozenset[int]],
) -> Iterator[tuple[str, Bools]]:
    for name, column, kind in _elements(dataset.actions, rows, "the action"):
        yield from _values(name, column, kind)
        yield from _thresholds(name, column, wanted)
    yield "the episode ends", dataset.terminated[rows]
    yield "the episode goes on", ~dataset.terminated[rows]
    yield from _values("the reward", dataset.rewards[rows], Kind.FLOAT)
    if paths is not None and len(path_lines):
        taken = np.minimum(paths[rows], len(path_lines) - 1)
        for line in sorted(frozenset[int]().union(*path_lines)):
            runs = np.array([line in lines for lines in path_lines])[taken]
            yield f"line {line} runs", runs
            yield f"line {line} does not run", ~runs
    for name, column, kind in _elements(dataset.observations, rows, "obs"):
        yield from _values(name, column, kind)
        yield from _thresholds(name, column, wanted)


def _elements(
    columns: Columns, rows: npt.NDArray[np.intp], prefix: str
) -> Iterator[tuple[str, npt.NDArray[Any], Kind]]:
    """Single elements of small leaves, with the names fields have."""
    for (_, leaf), names, array in zip(
        leaves(columns.structure), element_names(columns.structure, prefix), columns.arrays, strict=True
    ):
        flat = array[rows].reshape(len(rows), -1)
        if leaf.kind is not Kind.JSON and flat.shape[1] == len(names):
            for index, name in enumerate(names):
                yield name, flat[:, index], leaf.kind


def _values(name: str, column: npt.NDArray[Any], kind: Kind) -> Iterator[tuple[str, Bools]]:
    """`name is value`, where there are few values."""
    values = np.unique(column[:1000])
    if len(values) <= _MOST_VALUES:
        for value in np.unique(column)[: 2 * _MOST_VALUES].tolist():
            shown = f"{value:g}" if kind is Kind.FLOAT else repr(value) if kind is Kind.TEXT else str(value)
            yield f"{name} is {shown}", column == value


def _thresholds(name: str, column: npt.NDArray[Any], wanted: Bools) -> Iterator[tuple[str, Bools]]:
    """`name > t`, `name < t` and the same for its size, each with the best of all thresholds."""
    if column.dtype.kind not in "fiu":
        return
    numbers = column.astype(np.float64)
    for shown, values in ((name, numbers), (f"|{name}|", np.abs(numbers))):
        for sign, symbol in ((1.0, ">"), (-1.0, "<")):
            threshold = _best_threshold(sign * values, wanted)
            if threshold is not None:
                yield f"{shown} {symbol} {sign * threshold:.4g}", sign * values > threshold


def _best_threshold(values: npt.NDArray[np.float64], wanted: Bools) -> float | None:
    """The threshold above which lie the wanted rows and few others, halfway between two values."""
    order = np.argsort(-values, kind="stable")
    ranked, hits = values[order], np.cumsum(wanted[order])
    ends = np.flatnonzero(ranked[:-1] > ranked[1:])  # a threshold falls between two different values
    if not len(ends):
        return None
    scores = 2 * hits[ends] / (ends + 1 + hits[-1])
    best = int(ends[np.argmax(scores)])
    return float((ranked[best] + ranked[best + 1]) / 2)


def _f1(holds: Bools, wanted: Bools) -> float:
    both = int((holds & wanted).sum())
    return 2 * both / max(1, int(holds.sum()) + int(wanted.sum()))
