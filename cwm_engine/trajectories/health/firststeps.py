"""First transitions that do not fit: steps that were made from another state than the stored one.

A collector that restores an environment wrongly (for example by copying a MuJoCo environment, which silently gives a
fresh one) stores the observation of one state and steps another. It shows without a simulator: what later steps
carry over from the state (a position moves by its velocity, a goal stays) the first step does not carry over.

Method: for each number of the observation, its change is fitted as a sparse linear function of state, action and the
rest of the next state on later steps; steps 1 to 3 are held out as controls, since they lie next to the first one in
state space. A number is *testable* if the controls keep to the fit far better than the starting states are spread,
and *lost* if the first transitions miss by about that spread. First transitions do not fit if half of the testable
numbers are lost. One number alone proves little: a quaternion that is only normalized by the first step is lost too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.trajectories.health.conflicts import outcome_classes
from cwm_engine.trajectories.health.grouping import Rows, group_transitions
from cwm_engine.trajectories.health.regression import SparseFit, evenly
from cwm_engine.trajectories.health.tables import categories, float_table, indicators

_CONTROLS = 3
_EPISODES = (4, 200)
_FIT_ROWS = (30, 3000)
_TARGETS = 40
_TIGHT = 0.2
_LOST = 0.35
_JUMP = 3.0
_SHARE = 0.5
_REPEATED = 10
_CONTRADICTING = 0.1


class Fit(StrEnum):
    """Whether first transitions follow the dynamics of the others."""

    FITS = "fits"
    MISFITS = "misfits"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """What was found out about the first transitions.

    Attributes:
        verdict: Misfits, fits, or unknown where there is too little data.
        judged: Episodes whose first transition could be judged.
        rows: First rows that do not fit.
        fields: The numbers that show it, worst first.
        testable: How many numbers could show it.
    """

    verdict: Fit
    judged: int = 0
    rows: tuple[int, ...] = ()
    fields: tuple[str, ...] = ()
    testable: int = 0


def first_steps(dataset: Dataset) -> FirstSteps:
    """Judge the first transition of each episode by the later ones."""
    if not len(dataset):
        return FirstSteps(Fit.UNKNOWN)
    found = _by_dynamics(dataset)
    return found if found.verdict is not Fit.UNKNOWN else _by_repetition(dataset)


def _by_dynamics(dataset: Dataset) -> FirstSteps:
    """Judge by what the later steps carry over from the state, where observations hold floats."""
    rows = _Rows.choose(dataset)
    if rows is None:
        return FirstSteps(Fit.UNKNOWN)
    used = np.concatenate([rows.fit, rows.first, rows.controls.ravel()])
    before = float_table(dataset.observations, "obs", used)
    after = float_table(dataset.next_observations, "obs", used)
    if not before.width or not (np.isfinite(before.values).all() and np.isfinite(after.values).all()):
        return FirstSteps(Fit.UNKNOWN)
    action = float_table(dataset.actions, "action", used)
    kind = indicators(categories(dataset.actions.take(used)))
    features = np.concatenate([before.values, action.values, kind, after.values], axis=1)
    offset = before.width + action.width + kind.shape[1]
    judges = slice(len(rows.fit), None)
    starts = before.values[len(rows.fit) : len(rows.fit) + len(rows.first)]
    spread = starts.std(axis=0)
    magnitude = np.maximum(np.abs(before.values), np.abs(after.values)).max(axis=0)
    floor = 4 * before.precision * magnitude
    targets = np.flatnonzero(spread > 10 * floor)
    changes = after.values[:, targets] - before.values[:, targets]
    steady = np.argsort(np.median(np.abs(changes[judges][len(rows.first) :]), axis=0) / spread[targets], kind="stable")
    targets, changes = targets[steady[:_TARGETS]], changes[:, steady[:_TARGETS]]
    fit = SparseFit(features[: len(rows.fit)])
    testable, lost = 0, []
    bad = np.zeros(len(rows.first), dtype=np.bool_)
    for target, change in zip(targets.tolist(), changes.T, strict=True):
        predict = fit.fit(change[: len(rows.fit)], exclude=offset + target)
        missed = np.abs(change[judges] - predict(features[judges]))
        at_first, at_controls = missed[: len(rows.first)], missed[len(rows.first) :].reshape(rows.controls.shape)
        usual = max(float(np.median(at_controls, axis=1).max()), float(floor[target]))
        if usual > _TIGHT * spread[target]:
            continue
        testable += 1
        miss = float(np.median(at_first))
        if miss > _JUMP * usual and miss > _LOST * spread[target]:
            lost.append((miss / spread[target], before.names[target]))
            bad |= at_first > _JUMP * max(float(np.quantile(at_controls, 0.95)), float(floor[target]))
    if not testable:
        return FirstSteps(Fit.UNKNOWN)
    if not lost or len(lost) < _SHARE * testable or bad.mean() < _SHARE:
        return FirstSteps(Fit.FITS, len(rows.first), testable=testable)
    fields = tuple(name for _, name in sorted(lost, reverse=True))
    return FirstSteps(Fit.MISFITS, len(rows.first), tuple(rows.first[bad].tolist()), fields, testable)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of the first transitions (e,), of the controls next to them (c, e), and of the later ones to fit."""

    first: Rows
    controls: Rows
    fit: Rows

    @classmethod
    def choose(cls, dataset: Dataset) -> _Rows | None:
        starts, lengths = dataset.episode_starts, dataset.episode_lengths
        whole = dataset.step[starts] == 0
        for count in range(_CONTROLS, 0, -1):
            first = starts[whole & (lengths > count)]
            fit = np.flatnonzero(dataset.step > count)
            if len(first) >= _EPISODES[0] and len(fit) >= _FIT_ROWS[0]:
                first = first[evenly(len(first), _EPISODES[1])]
                controls = first + np.arange(1, count + 1)[:, None]
                return cls(first, controls, fit[evenly(len(fit), _FIT_ROWS[1])])
        return None


def _by_repetition(dataset: Dataset) -> FirstSteps:
    """Judge by later rows of the same state and action, where states repeat and later rows agree with each other."""
    groups = group_transitions(dataset)
    later = dataset.step > 0
    later_rows = np.bincount(groups.ids[later], minlength=len(groups))
    comparable = np.flatnonzero((dataset.step == 0) & (later_rows > 0)[groups.ids])
    repeated = int((later_rows > 1).sum())
    if len(comparable) < _EPISODES[0] or repeated < _REPEATED:
        return FirstSteps(Fit.UNKNOWN)
    classes = outcome_classes(dataset)
    count = int(classes.pairs.max(initial=-1)) + 1
    low, high = np.full(count, np.iinfo(np.int64).max), np.full(count, -1, dtype=np.int64)
    is_later = later[classes.rows]
    np.minimum.at(low, classes.pairs[is_later], classes.joint[is_later])
    np.maximum.at(high, classes.pairs[is_later], classes.joint[is_later])
    if (low < high).sum() > _CONTRADICTING * repeated:
        return FirstSteps(Fit.UNKNOWN)
    bad = ~is_later & (low == high)[classes.pairs] & (classes.joint != high[classes.pairs])
    if bad.sum() < max(_EPISODES[0], _SHARE * len(comparable)):
        return FirstSteps(Fit.FITS, len(comparable))
    return FirstSteps(Fit.MISFITS, len(comparable), tuple(np.sort(classes.rows[bad]).tolist()))
