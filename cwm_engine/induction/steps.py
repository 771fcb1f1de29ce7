"""Steps: constants without a slope that are no limits either, such as places on a map or a number of rows.

Predictions follow them in steps, so nothing but trying other values says anything about them. Whole numbers are tried
around what is written; others are not fitted, but nothing is said of them that a trial does not show.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from cwm_engine.induction.identifiability import Open, Reason
from cwm_engine.induction.literals import Number
from cwm_engine.induction.objective import Answer, Objective, Rows

_REACH = 10
"""How far around a whole number others are tried."""

_FEW = 100
"""Transitions that are wrong, and others, that every value is tried on."""

_FACTORS = (1.1, 0.9, 2.0, 0.5)
_STEPS = (1, -1, 2, -2)
_NEAR = 2
"""How many of those are near by."""


def improve(
    objective: Objective, values: Sequence[Number], numbers: Collection[int], check: Rows
) -> tuple[Number, ...]:
    """Put whole numbers to where most fields are right: of all single changes the best, and so on.

    Args:
        objective: The model.
        values: All constants.
        numbers: Those to look at; only whole ones are tried.
        check: Transitions of which more have to be right; a part of them is run for every value tried.

    Returns:
        All constants; the same where nothing gets better.
    """
    best = list(values)
    whole = [number for number in numbers if isinstance(objective.start[number], int)]
    for _ in whole:
        wrong = check[~objective.right(best, check)]
        if not len(wrong):
            break
        rows = np.union1d(wrong[:_FEW], check[:_FEW])
        trials = [
            _with(best, number, round(objective.start[number]) + way * away)
            for away in range(1, _REACH + 1)
            for number in whole
            for way in (1, -1)
        ]
        scores = [objective.right_fields(trial, rows) for trial in trials]
        trial = trials[scores.index(max(scores))]
        if objective.right_fields(trial, check) <= objective.right_fields(best, check):
            break
        best = trial
    return tuple(best)


def looked_at_closer(objective: Objective, values: Sequence[Number], opened: Sequence[Open], rows: Rows) -> list[Open]:
    """What is said of constants without a slope, after trying other values of them.

    A whole number is determined if both of its neighbours predict less. What predicts as much with another value says
    which; only what changes no prediction is without influence.

    Args:
        objective: The model.
        values: All constants.
        opened: What slopes and limits say.
        rows: The transitions to try them on.
    """
    if all(one.reason is Reason.TOGETHER for one in opened):
        return list(opened)
    here = objective.answers(values, rows)
    found = []
    for one in opened:
        closer = _looked_at(objective, values, one, rows, here) if one.reason is not Reason.TOGETHER else one
        if closer is not None:
            found.append(closer)
    return found


def _looked_at(
    objective: Objective, values: Sequence[Number], one: Open, rows: Rows, here: Sequence[Answer]
) -> Open | None:
    now = values[one.number]
    whole = isinstance(objective.start[one.number], int)
    if one.reason is Reason.UNREACHED and not whole:
        return one
    right = sum(count for _, count in here)
    others = [round(now) + step for step in _STEPS] if whole else [now * factor or factor for factor in _FACTORS]
    less, changes = [], False
    for value in others:
        there = objective.answers(_with(values, one.number, value), rows)
        less.append(sum(count for _, count in there) < right)
        changes = changes or there != here
    if all(less[:_NEAR]):
        return None
    if one.reason is Reason.UNREACHED or not changes:
        return one
    return replace(one, reason=Reason.EXCHANGEABLE, such_as=others[less.index(False)])


def _with(values: Sequence[Number], number: int, value: Number) -> list[Number]:
    return [value if index == number else item for index, item in enumerate(values)]
