"""Rows: transitions read one by one from text, checked, and put together into a dataset or a list of complaints."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cwm_engine.errors import CwmError
from cwm_engine.files import SKIP_HINT
from cwm_engine.trajectories.columns import Columns, Structure, common_structure, misfits
from cwm_engine.trajectories.dataset import BadRecord, Dataset
from cwm_engine.trajectories.episodes import contiguous_order, number_rows
from cwm_engine.trajectories.formats.header import Header
from cwm_engine.trajectories.spaces import structure_of_space
from cwm_engine.trajectories.structures import JSON_LEAF, DictOf, Kind, Leaf, TupleOf, structure_of_value

MISSING: Final[Any] = object()
_VARYING_HINT: Final = (
    "correct it, leave such records out with --skip-bad, or, where values differ in shape by nature, begin the file "
    'with {"cwm": 1, "structure": {"observation": {"kind": "json"}}}'
)


@dataclass(slots=True)
class Row:
    """One transition as read: plain Python values, `MISSING` where nothing was given, `problem` where unreadable."""

    place: str
    episode: int | str
    observation: Any = MISSING
    action: Any = None
    reward: float = 0.0
    terminated: bool = False
    truncated: bool = False
    next_observation: Any = MISSING
    step: int | None = None
    info: Mapping[str, Any] = field(default_factory=dict)
    problem: str | None = None


def dataset_of_rows(
    rows: Sequence[Row],
    *,
    path: Path | str,
    header: Header,
    skip_bad: bool,
) -> Dataset:
    """A dataset of the good rows.

    Rows of one episode need not be neighbours. A row without a next observation takes the observation of the
    next row of its episode.

    Args:
        rows: The transitions in the order of the file.
        path: The file, for messages.
        header: What is known besides; structures that it does not give are taken from its spaces or, where it
            has none, inferred from the rows.
        skip_bad: Leave bad rows out and list them in `Dataset.skipped`.

    Raises:
        CwmError: There are no good rows, or there is a bad one and `skip_bad` is off.
    """
    rows = _with_neighbours(rows)
    _follow_rows(rows)
    observation = header.observation or _from_space(header.spaces.observation)
    action = header.action or _from_space(header.spaces.action)
    good = [row for row in rows if row.problem is None]
    varying = observation is None and action is None
    if good:
        observation = observation or structure_of_rows([row.observation for row in good])
        action = action or structure_of_rows([row.action for row in good])
        _note_misfits(good, [row.observation for row in good], observation, "observation")
        _note_misfits(good, [row.next_observation for row in good], observation, "next_observation")
        _note_misfits(good, [row.action for row in good], action, "action")
    bad = [row for row in rows if row.problem is not None]
    if bad and not skip_bad:
        more = f" (and {len(bad) - 1} more records cannot be read)" if len(bad) > 1 else ""
        hint = _VARYING_HINT if varying and "expected" in str(bad[0].problem) else SKIP_HINT
        raise CwmError(f"{bad[0].place}: {bad[0].problem}{more}", path=path, hint=hint)
    steps = _steps(rows)
    kept = [index for index, row in enumerate(rows) if row.problem is None]
    if not kept or observation is None or action is None:
        raise CwmError("holds no transitions" + (" that can be read" if bad else ""), path=path)
    good = [rows[index] for index in kept]
    episode, _ = number_rows(_numbers(good))
    return Dataset(
        observations=Columns.from_values([row.observation for row in good], observation),
        actions=Columns.from_values([row.action for row in good], action),
        next_observations=Columns.from_values([row.next_observation for row in good], observation),
        rewards=np.array([row.reward for row in good], dtype=np.float64),
        terminated=np.array([row.terminated for row in good], dtype=bool),
        truncated=np.array([row.truncated for row in good], dtype=bool),
        episode=episode,
        step=np.array([steps[index] for index in kept], dtype=np.int32),
        info=_info(good, header.info or {}),
        spaces=header.spaces,
        provenance=header.provenance,
        skipped=tuple(BadRecord(str(path), row.place, str(row.problem)) for row in bad),
    )


def structure_of_rows(values: Sequence[Any]) -> Structure:
    """The structure of the first value, with whole numbers widened to floats where other rows have them."""
    distinct = dict.fromkeys(structure_of_json(value) for value in values)
    first, *others = distinct
    for other in others:
        first = _widen(first, other)
    return first


def structure_of_json(value: Any) -> Structure:
    """The structure of a value read from JSON, where a list may be an array, a tuple or of no fixed shape.

    Rectangular lists of numbers, booleans or strings are arrays; lists of values of different kinds are tuples;
    everything else, such as a list of objects, is a JSON leaf.
    """
    match value:
        case {"__set__": _}:
            return JSON_LEAF
        case dict() if value:
            return DictOf(tuple((name, structure_of_json(item)) for name, item in value.items()))
        case list() if value:
            return _structure_of_list([structure_of_json(item) for item in value])
        case _:
            return structure_of_value(value)


@contextmanager
def collector_paused() -> Iterator[None]:
    """No cyclic garbage collection while millions of small objects are made: loading nested data is 4 x faster."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _follow_rows(rows: Sequence[Row]) -> None:
    """Give each row without a next observation the observation of the row after it, if that continues its episode."""
    for row, following in zip_longest(rows, rows[1:]):
        if row.problem is not None or row.next_observation is not MISSING:
            continue
        if following is None or following.episode != row.episode:
            row.problem = "has no next_observation and is the last of its episode"
        elif following.observation is MISSING:
            row.problem = f"its next observation is that of {following.place}, which cannot be read"
        else:
            row.next_observation = following.observation


def _with_neighbours(rows: Sequence[Row]) -> list[Row]:
    """The rows with every episode's together, in order of appearance."""
    order = contiguous_order(_numbers(rows)) if rows else None
    return list(rows) if order is None else [rows[index] for index in order]


def _numbers(rows: Sequence[Row]) -> npt.NDArray[np.int64]:
    known: dict[int | str, int] = {}
    return np.array([known.setdefault(row.episode, len(known)) for row in rows], dtype=np.int64)


def _steps(rows: Sequence[Row]) -> list[int]:
    """The step of each row: as given, otherwise counted; unreadable records count, so that later steps stay right."""
    steps: list[int] = []
    for index, row in enumerate(rows):
        continues = index > 0 and rows[index - 1].episode == row.episode
        steps.append(row.step if row.step is not None else steps[-1] + 1 if continues else 0)
    return steps


def _note_misfits(rows: Sequence[Row], values: Sequence[Any], structure: Structure, name: str) -> None:
    for index, reason in misfits(values, structure):
        rows[index].problem = rows[index].problem or f"{name}: {reason}"


def _info(rows: Sequence[Row], declared: Mapping[str, Structure]) -> dict[str, Columns]:
    """The info that any row has; null where a row lacks it."""
    names = dict.fromkeys(name for row in rows for name in row.info)
    columns = {}
    for name in names:
        values = [row.info.get(name) for row in rows]
        structure = declared.get(name)
        if structure is None or misfits(values, structure):
            structure = common_structure(list(dict.fromkeys(structure_of_json(value) for value in values)))
        columns[name] = Columns.from_values(values, structure)
    return columns


def _from_space(space: Mapping[str, Any] | None) -> Structure | None:
    return None if space is None else structure_of_space(space)


def _structure_of_list(items: list[Structure]) -> Structure:
    if not all(isinstance(item, Leaf) and item.kind is not Kind.JSON for item in items):
        return JSON_LEAF
    found = [item for item in items if isinstance(item, Leaf)]
    kinds = {Kind.FLOAT if item.kind is Kind.INT else item.kind for item in found}
    if len(kinds) > 1 or len({len(item.shape) for item in found}) > 1:
        return TupleOf(tuple(items))
    common = common_structure(items)
    if isinstance(common, Leaf) and common.kind is not Kind.JSON:
        return Leaf(common.kind, common.dtype, (len(items), *common.shape))
    return JSON_LEAF


def _widen(structure: Structure, other: Structure) -> Structure:
    match structure, other:
        case Leaf(Kind.INT, _, shape), Leaf(Kind.FLOAT, _, other_shape) if shape == other_shape:
            return other
        case TupleOf(items), TupleOf(others) if len(items) == len(others):
            return TupleOf(tuple(map(_widen, items, others)))
        case DictOf(items), DictOf(others) if dict(items).keys() == dict(others).keys():
            named = dict(others)
            return DictOf(tuple((name, _widen(item, named[name])) for name, item in items))
        case _:
            return structure
