"""Neighbours: does a continuous outcome follow from state and action? Answered where nothing repeats exactly.

The outcome of a transition is predicted by a linear fit to its nearest neighbours from other episodes (same discrete
values, nearest numbers), once among all rows and once among a quarter of them. Where the outcome is a smooth function,
four times the data bring the neighbours nearer and the error falls with the square of their distance; where it is
noise or depends on something unseen, the error stays. This is the idea of the Gamma and Delta tests (Stefansson,
Koncar and Jones 1997; Pi and Peterson 1994) with local fits in place of pairs, and it says "unknown" where more data do
not bring the neighbours nearer, as in most data of more than a dozen dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.trajectories.health.grouping import Rows, group_rows
from cwm_engine.trajectories.health.tables import Matrix, categories, float_table

_FEWEST_ROWS = 200
_CANDIDATES = 8_000
_QUERIES = 300
_FEWEST_QUERIES = 100
_WIDEST = 40
_FEW_EPISODES = 5
_NEAR_IN_TIME = 25
_QUERY_CHUNK = 100
_SURROGATES = 8

_SMALL = 0.02
_MODERATE = 0.15
_NOISY = 0.05
_NEARER = 0.65
_STAYS = 0.9


class Smooth(StrEnum):
    """What the neighbours say about a field."""

    FUNCTION = "function"
    NOISE = "noise"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class FieldTest:
    """The test of one field.

    Attributes:
        name: The field, e.g. `obs[2]`; its change from state to next state is what is predicted.
        answer: Function, noise or unknown.
        error: Median error of the prediction, relative to the usual size of the change.
        shrink: That error divided by the error with a quarter of the data.
        expected: The same quotient for known smooth functions of the same inputs.
    """

    name: str
    answer: Smooth
    error: float
    shrink: float
    expected: float


def neighbour_test(dataset: Dataset, history: int = 1, seed: int = 0) -> tuple[FieldTest, ...]:
    """Test whether the last `history` (state, action) pairs determine each continuous field.

    Args:
        dataset: The data.
        history: How many pairs, the present one included.
        seed: Chooses which rows are looked at in a large dataset.

    Returns:
        One test a field; empty if there is nothing to test or too little data.
    """
    rows = _rows_with_history(dataset, history)
    if len(rows) < _FEWEST_ROWS:
        return ()
    random = np.random.default_rng(seed)
    rows = random.permutation(rows)[:_CANDIDATES]
    problem = _Problem.of(dataset, rows, history)
    if problem is None:
        return ()
    queries = np.arange(min(_QUERIES, len(rows)))
    whole = problem.errors(queries, np.arange(len(rows)))
    quarter = problem.errors(queries, np.arange(len(rows) // 4))
    if whole is None or quarter is None:
        return ()
    both = whole.answered & quarter.answered
    if both.sum() < _FEWEST_QUERIES:
        return ()
    missed, coarse = (np.median(part.missed[both], axis=0) for part in (whole, quarter))
    error, shrink = missed / problem.scale, missed / np.maximum(coarse, 1e-300)
    known = len(problem.names)
    expected = float(np.median(shrink[known:]))
    return tuple(
        FieldTest(name, _judge(float(error[i]), float(shrink[i]), expected, missed[i] <= problem.floor[i]), *found)
        for i, name in enumerate(problem.names)
        for found in [(float(error[i]), float(shrink[i]), expected)]
    )


def _judge(error: float, shrink: float, expected: float, exact: bool) -> Smooth:
    nearer = expected <= _NEARER
    if exact or error <= _SMALL or (nearer and error <= _MODERATE and shrink <= (1 + expected) / 2):
        return Smooth.FUNCTION
    return Smooth.NOISE if nearer and error >= _NOISY and shrink >= _STAYS else Smooth.UNKNOWN


@dataclass(frozen=True, slots=True)
class _Errors:
    """Prediction errors of the queries: (q, fields), whether there were neighbours, squared distance to them."""

    missed: Matrix
    answered: npt.NDArray[np.bool_]
    radius: Matrix


@dataclass(frozen=True, slots=True)
class _Problem:
    """Inputs (m, d), targets (m, t), what must be equal, and which rows are too near in time to be evidence.

    After the fields named, the targets hold known smooth functions of the inputs, to see what this data can show.
    """

    names: tuple[str, ...]
    inputs: Matrix
    targets: Matrix
    scale: Matrix
    floor: Matrix
    kinds: Rows
    episodes: Rows
    times: Rows | None

    @classmethod
    def of(cls, dataset: Dataset, rows: Rows, history: int) -> _Problem | None:
        blocks: list[Matrix] = []
        kinds: list[Rows] = []
        for back in range(history):
            then = rows - back
            blocks += [float_table(dataset.observations, "obs", then).values]
            blocks += [float_table(dataset.actions, "action", then).values]
            kinds.append(categories(dataset.observations.take(then), dataset.actions.take(then)))
        before = float_table(dataset.observations, "obs", rows)
        after = float_table(dataset.next_observations, "obs", rows)
        rewards = dataset.rewards[rows]
        names, targets = before.names, after.values - before.values
        floor = 8 * before.precision * np.abs(before.values).max(axis=0, initial=0.0)
        if len(np.unique(rewards)) > len(rewards) // 4:
            names, targets = (*names, "reward"), np.column_stack([targets, rewards])
            floor = np.append(floor, 8 * float(np.finfo(np.float32).eps) * np.abs(rewards).max())
        inputs = np.concatenate(blocks, axis=1)
        if not before.width or not (np.isfinite(inputs).all() and np.isfinite(targets).all()):
            return None
        spread = targets.std(axis=0)
        usual = np.maximum(np.median(np.abs(targets - np.median(targets, axis=0)), axis=0), spread / 10)
        varies = spread > 1e-12
        moves = inputs.std(axis=0) > 1e-12
        if not varies.any() or not 0 < moves.sum() <= _WIDEST:
            return None
        inputs = (inputs[:, moves] - inputs[:, moves].mean(axis=0)) / inputs[:, moves].std(axis=0)
        surrogates = _surrogates(inputs)
        few = dataset.episode_count < _FEW_EPISODES
        return cls(
            names=tuple(name for name, chosen in zip(names, varies.tolist(), strict=True) if chosen),
            inputs=inputs,
            targets=np.concatenate([targets[:, varies], surrogates], axis=1),
            scale=np.concatenate([usual[varies], np.ones(surrogates.shape[1])]),
            floor=floor[varies],
            kinds=group_rows(*kinds).ids,
            episodes=dataset.episode[rows].astype(np.int64),
            times=rows if few else None,
        )

    def errors(self, queries: Rows, candidates: Rows) -> _Errors | None:
        """Predict the targets of the queries from the candidates."""
        wanted = 2 * (self.inputs.shape[1] + 1) + 2
        if len(candidates) <= 2 * wanted:
            return None
        parts = [
            self._chunk(queries[start : start + _QUERY_CHUNK], candidates, wanted)
            for start in range(0, len(queries), _QUERY_CHUNK)
        ]
        missed, answered, radius = (np.concatenate(column) for column in zip(*parts, strict=True))
        return _Errors(missed, answered, radius)

    def _chunk(self, queries: Rows, candidates: Rows, wanted: int) -> tuple[Matrix, npt.NDArray[np.bool_], Matrix]:
        here, there = self.inputs[queries], self.inputs[candidates]
        distance = (here**2).sum(axis=1)[:, None] + (there**2).sum(axis=1) - 2 * here @ there.T
        barred = self.kinds[queries][:, None] != self.kinds[candidates]
        if self.times is None:
            barred |= self.episodes[queries][:, None] == self.episodes[candidates]
        else:
            barred |= np.abs(self.times[queries][:, None] - self.times[candidates]) <= _NEAR_IN_TIME
        distance = np.where(barred, np.inf, np.maximum(distance, 0.0))
        nearest = np.argpartition(distance, wanted, axis=1)[:, :wanted]
        squared = np.take_along_axis(distance, nearest, axis=1)
        answered = np.isfinite(squared).all(axis=1)
        squared = np.where(answered[:, None], squared, 1.0)
        middle = np.median(squared, axis=1)
        chosen = candidates[nearest]
        weight = np.sqrt(1 / (1 + squared / (middle[:, None] + 1e-300)))[..., None]
        offsets = self.inputs[chosen] - here[:, None]
        offsets /= np.sqrt(middle + 1e-300)[:, None, None]
        design = np.concatenate([np.ones((*chosen.shape, 1)), offsets], axis=2) * weight
        normal = design.transpose(0, 2, 1) @ design
        size = normal.shape[1]
        normal[:, np.arange(size), np.arange(size)] += 1e-9 * np.trace(normal, axis1=1, axis2=2)[:, None] / size
        base = self.targets[queries]
        right = design.transpose(0, 2, 1) @ ((self.targets[chosen] - base[:, None]) * weight)
        fitted = np.linalg.solve(normal, right)[:, 0]
        return np.abs(fitted), answered, middle


def _surrogates(inputs: Matrix) -> Matrix:
    """Waves of about one period over the data in random directions: functions if there ever were."""
    random = np.random.default_rng(0)
    directions = random.normal(size=(inputs.shape[1], _SURROGATES))
    directions *= 2 / np.linalg.norm(directions, axis=0)
    return np.asarray(np.sin(inputs @ directions + random.uniform(0, 2 * np.pi, _SURROGATES)))


def _rows_with_history(dataset: Dataset, history: int) -> Rows:
    """Rows before which there are enough steps of the same episode."""
    count = len(dataset)
    whole = np.ones(count, dtype=np.bool_)
    for back in range(1, history):
        whole[:back] = False
        whole[back:] &= dataset.episode[back:] == dataset.episode[:-back]
        whole[back:] &= dataset.step[back:] - dataset.step[:-back] == back
    return np.flatnonzero(whole)
