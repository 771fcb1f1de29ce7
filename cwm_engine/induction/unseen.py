"""Unseen: what is said of constants that a fit could not determine, held against transitions that it did not see.

"Never reached" is to be true of all the data, held-out episodes too. The numbers are fitted by then, and stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cwm_engine.induction.identifiability import Open, Reason
from cwm_engine.induction.limits import improve, limits_of
from cwm_engine.induction.literals import Number
from cwm_engine.induction.objective import Objective
from cwm_engine.induction.steps import looked_at_closer


def look(objective: Objective, watched: Objective, values: Sequence[Number], opened: Sequence[Open]) -> list[Open]:
    """What is to be said of constants, now that more transitions are known.

    Args:
        objective: The model on the transitions that the fit did not see.
        watched: The same with its comparisons recorded.
        values: All constants, as they were fitted.
        opened: What the fit says.

    Raises:
        OutOfTime: An objective's deadline has passed.
    """
    rows = np.arange(len(objective))
    limits = limits_of(watched, values, rows)
    asked = [
        one if one.reason is Reason.UNREACHED else replace(one, reason=Reason.UNUSED, such_as=None)
        for one in opened
        if one.reason is not Reason.TOGETHER
    ]
    closer = {one.number: one for one in looked_at_closer(objective, values, asked, rows)}
    better = improve(objective, {one.number: limits[one.number] for one in asked if one.number in limits}, values, rows)

    def counts(one: Open) -> bool:
        limit = limits.get(one.number)
        reached = one.reason is Reason.UNREACHED and limit is not None and limit.reached
        return reached or one.number not in closer or better[one.number] != values[one.number]

    return [_held_against(one, counts=counts(one), closer=closer.get(one.number, one)) for one in opened]


def _held_against(one: Open, *, counts: bool, closer: Open) -> Open:
    if one.reason is Reason.TOGETHER:
        return one
    if counts:
        return replace(one, reason=Reason.UNSEEN, such_as=None)
    return closer if one.reason is Reason.UNUSED else one
