"""Rules that speak of two transitions, tried on mutants: what each predicts in the second place, all in one process.

Such a rule says what one action undoes, or that a mirrored state behaves alike. What a mutant does in its first place
is known; the second places of all mutants are run together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cwm_engine.checking.evidence import Program
from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.run import Runner
from cwm_engine.errors import CwmError
from cwm_engine.properties.adequacy.batches import JOBS, compare
from cwm_engine.properties.adequacy.mutants import Mutant
from cwm_engine.properties.invariants import Invariant, Place, try_on
from cwm_engine.properties.invariants import Outcome as After
from cwm_engine.properties.sampling import cases_of
from cwm_engine.properties.trial import predictions
from cwm_engine.sandbox.limits import Limits
from cwm_engine.sandbox.transitions import Form
from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.dataset import Dataset

MOST_PLACES = 20_000


def broken_in_two_places(
    program: Program,
    invariants: Sequence[Invariant],
    first: Mapping[Mutant, tuple[Dataset, Dataset]],
    prepared: Prepared,
    *,
    form: Form,
    limits: Limits,
    seconds: float,
) -> dict[Mutant, str]:
    """The rules of two transitions that mutants break and their model keeps, in words.

    Args:
        program: The model.
        invariants: The rules; those of one transition are left out.
        first: For each mutant, what the model and what it predict where the two differ, as transitions.
        prepared: What those transitions are made of.
        form: How the model is given states and actions.
        limits: What it may use.
        seconds: Processor time.
    """
    two = [invariant for invariant in invariants if invariant.other is not None]
    wanted: list[Place] = []
    kept: list[Mutant] = []
    for mutant, transitions in first.items():
        places = [place for part in transitions for place in _places(two, part)]
        if places and len(wanted) + len(places) <= MOST_PLACES:
            kept.append(mutant)
            wanted += places
    if not kept:
        return {}
    try:
        cases = cases_of(wanted, prepared.dataset)
    except CwmError:  # what a mutant predicts need not be a state
        return {}
    second = Prepared(cases, tolerance=prepared.tolerance, ignore=prepared.ignore)
    broken: dict[Mutant, str] = {}
    with Runner(second, limits, JOBS) as runner:
        predicted = predictions(runner.run(program, determinism=False, form=form))
        if predicted is None:
            return {}
        model = _table(*predicted, count=len(wanted))
        runs = second.run_of if second.run_of is not None else np.arange(len(wanted))
        every = len(second.transitions)
        for outcome in compare(runner, program, kept, form=form, seconds=seconds, least=every, most=every):
            theirs = dict(zip(outcome.rows.tolist(), _after(second, outcome.predicted), strict=True))
            changed = [theirs.get(run, known) for run, known in zip(runs.tolist(), model, strict=True)]
            own, other = first[outcome.mutant]
            kept_by = try_on(two, own, _Answers(wanted, model))
            broken_by = try_on(two, other, _Answers(wanted, changed))
            for invariant, right, wrong in zip(two, kept_by, broken_by, strict=True):
                if wrong.violations and not right.violations:
                    broken[outcome.mutant] = invariant.statement
                    break
    return broken


class _Answers:
    """What follows in places.

    Args:
        places: The places.
        outcomes: What follows in each.
    """

    def __init__(self, places: Sequence[Place], outcomes: Sequence[After | None]) -> None:
        self._known = dict(zip(map(repr, places), outcomes, strict=True))

    def __call__(self, places: Sequence[Place]) -> list[After | None]:
        return [self._known.get(repr(place)) for place in places]


def _places(invariants: Sequence[Invariant], transitions: Dataset) -> list[Place]:
    """The second places that rules ask for."""
    wanted: list[Place] = []

    def note(places: Sequence[Place]) -> list[After | None]:
        wanted.extend(places)
        return [None] * len(places)

    try_on(invariants, transitions, note)
    return wanted


def _table(transitions: Dataset, rows: np.ndarray, *, count: int) -> list[After | None]:
    """Predictions by row; None where there is none."""
    found: list[After | None] = [None] * count
    after = transitions.next_observations.plain(0, len(rows))
    rest = transitions.rewards.tolist(), transitions.terminated.tolist()
    for row, state, reward, ended in zip(rows.tolist(), after, *rest, strict=True):
        found[row] = (state, reward, ended)
    return found


def _after(prepared: Prepared, numbers: np.ndarray) -> list[After | None]:
    """Raw predictions as outcomes."""
    layout = prepared.layout
    count = len(numbers)
    if not count:
        return []
    arrays = tuple(
        numbers[:, columns].reshape(count, *leaf.shape)
        for columns, leaf in zip(layout.columns, layout.leaves, strict=True)
    )
    states = Columns(layout.structure, arrays).plain(0, count)
    failed = np.isnan(numbers).all(axis=1).tolist()
    rest = numbers[:, layout.reward].tolist(), (numbers[:, layout.terminated] == 1.0).tolist()
    return [
        None if fails else (state, reward, ended)
        for state, fails, reward, ended in zip(states, failed, *rest, strict=True)
    ]
