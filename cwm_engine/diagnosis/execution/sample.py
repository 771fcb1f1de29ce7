"""Samples: the few transitions that an analysis runs thousands of times, chosen from all that were checked.

A sample holds outcomes and is meant for a child that looks for the *place* of a mistake; what such a
child finds is never a verdict until a fresh child that holds no outcomes has been compared again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cwm_engine.checking.compare import Tolerance
from cwm_engine.checking.fields import Layout
from cwm_engine.sandbox.transitions import Form
from cwm_engine.trajectories.columns import Columns, leaves, structure_from_json, structure_to_json
from cwm_engine.trajectories.dataset import Dataset

_ARRAYS = ("rewards", "terminated", "wrong", "excused", "rows", "weights", "paths", "history_lengths")
_MOST_REPLAYED = 200

Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Sample:
    """Chosen transitions with their outcomes, and what is known of all the others.

    Attributes:
        states: States before (k rows).
        actions: Actions (k rows).
        following: Observations after (k rows).
        rewards: float64 (k,).
        terminated: bool (k,).
        wrong: Which fields the model got wrong, bool (k, fields); all of a row without a prediction.
        excused: Fields that are not held against the model, bool (k, fields).
        rows: Their numbers in the dataset, (k,).
        weights: How many transitions of the dataset each stands for, float64 (k,).
        paths: For each, the number of the code path it took, (k,).
        path_lines: Lines that each code path executes.
        line_counts: Per line: how many failing and how many passing transitions of the whole dataset execute it.
        totals: How many transitions of the whole dataset fail and pass.
        form: Whether states and actions are given as stored or as plain Python values.
        tolerance: How near a float must be.
        history: Actions taken between the state and the action, one transition's after the other's; None in
            transition mode. In episode mode the state is the first of the episode.
        history_lengths: How many of them each transition has, (k,); empty in transition mode.
    """

    states: Columns
    actions: Columns
    following: Columns
    rewards: npt.NDArray[np.float64]
    terminated: Bools
    wrong: Bools
    excused: Bools
    rows: Rows
    weights: npt.NDArray[np.float64]
    paths: Rows
    path_lines: tuple[frozenset[int], ...]
    line_counts: Mapping[int, tuple[int, int]]
    totals: tuple[int, int]
    form: Form = "plain"
    tolerance: Tolerance = Tolerance()
    history: Columns | None = None
    history_lengths: Rows = field(default_factory=lambda: np.zeros(0, dtype=np.intp))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def layout(self) -> Layout:
        """The naming of the fields."""
        return Layout(self.following.structure)

    @property
    def failing(self) -> Rows:
        """Which of the sample's transitions fail, the most telling first."""
        return np.flatnonzero(self.wrong.any(axis=1))

    @property
    def passing(self) -> Rows:
        """Which of the sample's transitions pass."""
        return np.flatnonzero(~self.wrong.any(axis=1))

    def inputs(self) -> tuple[Sequence[Any], Sequence[Any]]:
        """States and actions as the model receives them."""
        if self.form == "plain":
            return self.states.plain(0, len(self)), self.actions.plain(0, len(self))
        every = range(len(self))
        return [self.states.row(i) for i in every], [self.actions.row(i) for i in every]

    def histories(self) -> list[Sequence[Any]] | None:
        """For each transition the actions taken before its own; None in transition mode."""
        if self.history is None:
            return None
        count = len(self.history)
        plain = self.history.plain(0, count) if self.form == "plain" else [self.history.row(i) for i in range(count)]
        ends = np.cumsum(self.history_lengths).tolist()
        return [plain[end - size : end] for end, size in zip(ends, self.history_lengths.tolist(), strict=True)]

    def to_bytes(self) -> bytes:
        """The sample as one JSON header and raw arrays; `from_bytes` reads it back."""
        columns = {"states": self.states, "actions": self.actions, "following": self.following}
        if self.history is not None:
            columns["history"] = self.history
        flat = {name: getattr(self, name) for name in _ARRAYS}
        for name, part in columns.items():
            flat |= {f"{name}.{i}": array for i, array in enumerate(part.arrays)}
        described, blobs = [], []
        for name, array in flat.items():
            text = array.dtype == object
            raw = json.dumps(array.tolist()).encode() if text else np.ascontiguousarray(array).tobytes()
            described.append([name, "" if text else array.dtype.str, list(array.shape), len(raw)])
            blobs.append(raw)
        header = {
            "arrays": described,
            "structures": {name: structure_to_json(part.structure) for name, part in columns.items()},
            "path_lines": [sorted(lines) for lines in self.path_lines],
            "line_counts": [[line, *counts] for line, counts in self.line_counts.items()],
            "totals": self.totals,
            "form": self.form,
            "tolerance": [self.tolerance.atol, self.tolerance.rtol],
        }
        head = json.dumps(header).encode()
        return b"".join([len(head).to_bytes(8, "little"), head, *blobs])

    @classmethod
    def from_bytes(cls, data: bytes) -> Sample:
        """The sample that `to_bytes` wrote."""
        start = 8 + int.from_bytes(data[:8], "little")
        header = json.loads(data[8:start])
        flat: dict[str, npt.NDArray[Any]] = {}
        for name, dtype, shape, size in header["arrays"]:
            flat[name] = _read_array(data[start : start + size], dtype, tuple(shape))
            start += size

        def columns(name: str) -> Columns:
            structure = structure_from_json(header["structures"][name])
            return Columns(structure, tuple(flat[f"{name}.{i}"] for i in range(len(leaves(structure)))))

        return cls(
            states=columns("states"),
            actions=columns("actions"),
            following=columns("following"),
            history=columns("history") if "history" in header["structures"] else None,
            **{name: flat[name] for name in _ARRAYS},
            path_lines=tuple(frozenset(lines) for lines in header["path_lines"]),
            line_counts={line: (failing, passing) for line, failing, passing in header["line_counts"]},
            totals=(header["totals"][0], header["totals"][1]),
            form=header["form"],
            tolerance=Tolerance(*header["tolerance"]),
        )


def choose_sample(
    dataset: Dataset,
    wrong: Bools,
    *,
    paths: npt.NDArray[np.integer[Any]],
    path_lines: Sequence[frozenset[int]],
    excused: Bools | None = None,
    checked: Bools | None = None,
    failing: int = 96,
    passing: int = 96,
    form: Form = "plain",
    tolerance: Tolerance = Tolerance(),
    mode: Literal["transition", "episode"] = "transition",
) -> Sample:
    """Choose failing and passing transitions that differ from each other as much as possible.

    Failing ones take turns over (which fields are wrong, code path, action), passing ones over (code path, action,
    terminated), half of them from the states of failing ones where states are discrete; within a group they are
    spread over the dataset. Failing ones come first, each kind in that order, so that the first few are already
    diverse. Vectorized: 100,000 transitions take some 20 ms.

    Args:
        dataset: What was observed (n transitions).
        wrong: Which fields differ, bool (n, fields), in the order of `Layout.names`.
        paths: For each transition, the number of its code path, (n,).
        path_lines: Lines that each code path executes.
        excused: Fields not held against the model, bool (n, fields).
        checked: Transitions that were run at all, bool (n,).
        failing: How many failing transitions to take at most.
        passing: How many passing transitions to take at most.
        form: Whether the model received states as stored or as plain Python values.
        tolerance: How near a float must be.
        mode: In episode mode the first failures of episodes come before later ones, which may only follow from them;
            episodes are replayed up to the transition, so early ones are taken.
    """
    count = len(dataset)
    excused = np.zeros_like(wrong) if excused is None else excused
    checked = np.ones(count, dtype=np.bool_) if checked is None else checked
    paths = np.minimum(paths, max(len(path_lines) - 1, 0))
    fails = wrong.any(axis=1) & checked
    passes = ~wrong.any(axis=1) & checked
    later = np.zeros(0, dtype=np.intp)
    if mode == "episode":
        fails, passes, later = _replayed(dataset, fails, passes)
    alike = _combine(paths, dataset.terminated, *(_numbers(array) for array in dataset.actions.arrays))
    signature = _combine(alike, _numbers(np.packbits(wrong, axis=1)))
    chosen_failing, weight_failing = _spread(np.flatnonzero(fails), signature, failing)
    twins = _twins(dataset.observations, chosen_failing, passes)
    chosen_twins, weight_twins = _spread(twins, alike, passing // 2)
    others = np.setdiff1d(np.flatnonzero(passes), chosen_twins)
    chosen_passing, weight_passing = _spread(others, alike, passing - len(chosen_twins))
    chosen_passing, weight_passing = _interleave((chosen_twins, weight_twins), (chosen_passing, weight_passing))
    if len(later):
        more, weight_more = _spread(later, signature, failing - len(chosen_failing))
        chosen_failing = np.concatenate([chosen_failing, more])
        weight_failing = np.concatenate([weight_failing, weight_more])
    rows = np.concatenate([chosen_failing, chosen_passing]).astype(np.intp)
    starts = np.repeat(dataset.episode_starts, dataset.episode_lengths)[rows] if mode == "episode" else rows
    before = [np.arange(start, row) for start, row in zip(starts, rows, strict=True)] if mode == "episode" else []
    return Sample(
        states=dataset.observations.take(starts),
        actions=dataset.actions.take(rows),
        following=dataset.next_observations.take(rows),
        rewards=dataset.rewards[rows],
        terminated=dataset.terminated[rows],
        wrong=wrong[rows],
        excused=excused[rows],
        rows=rows,
        weights=np.concatenate([weight_failing, weight_passing]),
        paths=paths[rows].astype(np.intp),
        path_lines=tuple(path_lines),
        line_counts=_line_counts(paths, path_lines, fails, passes),
        totals=(int(fails.sum()), int(passes.sum())),
        form=form,
        tolerance=tolerance,
        history=dataset.actions.take(np.concatenate(before).astype(np.intp)) if before else None,
        history_lengths=np.array([len(part) for part in before], dtype=np.intp),
    )


def _replayed(dataset: Dataset, fails: Bools, passes: Bools) -> tuple[Bools, Bools, Rows]:
    """First failures of episodes, what passes before them, and all later failures, as far as quickly replayed."""
    soon = dataset.step < _MOST_REPLAYED
    order = np.where(fails, dataset.step, np.iinfo(np.int32).max)
    first = np.repeat(np.minimum.reduceat(order, dataset.episode_starts), dataset.episode_lengths)
    at_first = fails & (dataset.step == first)
    if not (at_first & soon).any():
        soon = np.ones_like(soon)
    return at_first & soon, passes & (dataset.step < first) & soon, np.flatnonzero(fails & ~at_first & soon)


def _read_array(raw: bytes, dtype: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    if dtype:
        return np.frombuffer(raw, dtype=np.dtype(dtype)).reshape(shape)
    array = np.empty(shape, dtype=object)
    array[...] = json.loads(raw)
    return array


def _numbers(array: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Equal rows get equal small numbers; continuous values are binned so that groups stay few."""
    flat = array.reshape(len(array), -1)
    if array.dtype.kind == "f":
        spread = np.ptp(flat, axis=0) if len(flat) else np.ones(flat.shape[1])
        flat = np.floor(4 * (flat - flat.min(axis=0)) / np.where(spread > 0, spread, 1.0))
    columns = [np.unique(column, return_inverse=True)[1] for column in flat.T]
    return _combine(*columns)


def _combine(*columns: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    combined = columns[0].astype(np.int64)
    for column in columns[1:]:
        number = np.unique(column, return_inverse=True)[1]
        combined = np.unique(combined * (int(number.max(initial=0)) + 1) + number, return_inverse=True)[1]
    return combined.astype(np.int64)


def _spread(rows: Rows, group: npt.NDArray[np.int64], wanted: int) -> tuple[Rows, npt.NDArray[np.float64]]:
    """Up to `wanted` rows, groups taking turns, the large ones first; and how many rows each stands for."""
    if not len(rows):
        return rows, np.zeros(0)
    shuffled = np.random.default_rng(0).permutation(len(rows))
    number, size = np.unique(group[rows], return_inverse=True, return_counts=True)[1:]
    ordered = shuffled[np.argsort(number[shuffled], kind="stable")]
    begins = np.concatenate([[0], np.cumsum(size)[:-1]])
    turn = np.arange(len(rows)) - np.repeat(begins, size)
    keep = np.lexsort((-size[number[ordered]], turn))[:wanted]
    chosen = ordered[keep]
    taken = np.bincount(number[chosen], minlength=len(size))
    return rows[chosen], (size / np.maximum(taken, 1))[number[chosen]].astype(np.float64)


def _twins(states: Columns, failing: Rows, passes: Bools) -> Rows:
    """Passing transitions that start in the very state of a chosen failing one; none where states are continuous."""
    if any(array.dtype.kind == "f" for array in states.arrays):
        return np.zeros(0, dtype=np.intp)
    number = _combine(*(_numbers(array) for array in states.arrays))
    return np.flatnonzero(passes & np.isin(number, number[failing]))


def _interleave(
    first: tuple[Rows, npt.NDArray[np.float64]], second: tuple[Rows, npt.NDArray[np.float64]]
) -> tuple[Rows, npt.NDArray[np.float64]]:
    order = np.argsort(np.concatenate([np.arange(len(first[0])) + 0.5, np.arange(len(second[0]))]), kind="stable")
    return np.concatenate([first[0], second[0]])[order], np.concatenate([first[1], second[1]])[order]


def _line_counts(
    paths: npt.NDArray[np.integer[Any]], path_lines: Sequence[frozenset[int]], fails: Bools, passes: Bools
) -> dict[int, tuple[int, int]]:
    failing = np.bincount(paths[fails], minlength=len(path_lines)).tolist()
    passing = np.bincount(paths[passes], minlength=len(path_lines)).tolist()
    counts: dict[int, tuple[int, int]] = {}
    for lines, f, p in zip(path_lines, failing, passing, strict=True):
        for line in lines:
            before = counts.get(line, (0, 0))
            counts[line] = (before[0] + f, before[1] + p)
    return counts
