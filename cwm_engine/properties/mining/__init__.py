"""Everything that can be mined from stored transitions, verified on all of them."""

from __future__ import annotations

from collections.abc import Iterable

from cwm_engine.properties.elements import action_elements, state_elements
from cwm_engine.properties.invariants import LEAST_SUPPORT, Invariant, Kind, try_on, verified
from cwm_engine.properties.mining.boards import board_candidates
from cwm_engine.properties.mining.formulas import formula_candidates
from cwm_engine.properties.mining.numbers import number_candidates
from cwm_engine.properties.mining.outcomes import outcome_candidates
from cwm_engine.properties.mining.states import state_candidates
from cwm_engine.trajectories.dataset import Dataset

_LEAST = {Kind.TERMINATION: 5, Kind.INVERSE: 10}


def mine(dataset: Dataset, *, absences: bool = False) -> list[Invariant]:
    """The invariants of a dataset, by kind, with their support.

    What applied to fewer than 20 transitions is left out (5 for endings, 10 for actions that undo others), and so is
    what says less than something else that was found.

    Args:
        dataset: What was observed.
        absences: Whether to say, too, that what was never recorded never happens.
    """
    if not len(dataset):
        return []
    elements = [element for element in state_elements(dataset) if not element.on_board]
    actions = action_elements(dataset)
    action = actions[0] if len(actions) == 1 and actions[0].path == "" and actions[0].whole else None
    candidates = [
        *state_candidates(elements, action),
        *board_candidates(dataset),
        *formula_candidates(elements, actions, dataset.rewards),
        *number_candidates(elements, action, dataset.terminated),
        *outcome_candidates(dataset, elements, action),
    ]
    wanted = [one for one in candidates if absences or not one.absence]
    found = [one for one in verified(wanted, dataset, 1) if one.support >= _LEAST.get(one.kind, LEAST_SUPPORT)]
    order = list(Kind)
    return sorted(_without_implied(found), key=lambda invariant: order.index(invariant.kind))


def confirmed(invariants: Iterable[Invariant], real: Dataset) -> tuple[list[Invariant], list[Invariant]]:
    """Those invariants that fresh transitions of the real environment do not contradict, and those that they do."""
    several = list(invariants)
    counts = try_on(several, real)
    kept = [one for one, count in zip(several, counts, strict=True) if not count.violations]
    return kept, [one for one in several if one not in kept]


def _without_implied(found: list[Invariant]) -> list[Invariant]:
    """Leave out what follows from something else that was found.

    That is what is said of one field where an action is known to change nothing at all, and what is said under more
    conditions than needed.
    """
    nothing_changes = {one.condition for one in found if one.kind is Kind.NO_OP}
    states = {Kind.COPIED, Kind.STEP}
    general = {(one.kind, one.statement): one for one in found if one.absence}
    return [
        one
        for one in found
        if (one.kind not in states or one.condition not in nothing_changes)
        and general.get((one.kind, one.statement), one) is one
    ]
