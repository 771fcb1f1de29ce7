"""Everything that is known of an environment from its transitions: mined from those stored, tried on fresh ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from cwm_engine.properties.invariants import LEAST_SUPPORT, Invariant, Kind, try_on
from cwm_engine.properties.mining import confirmed, mine
from cwm_engine.properties.mining.symmetries import symmetries
from cwm_engine.properties.real import Puppet, alike, all_places, fresh_transitions, puppet
from cwm_engine.trajectories.dataset import Dataset

FRESH = 9_000
"""Transitions played to try what was mined; two thirds to find more, and the others, which nobody has mined, to try."""
SYMMETRIC = 1_500
"""Transitions that symmetries are tried on; each takes another one of the real environment."""


@dataclass(frozen=True)
class Suite:
    """What holds in every transition.

    Attributes:
        dataset: The stored transitions.
        invariants: What was mined and not contradicted, by kind.
        fresh: Transitions of the real environment, where it was asked.
        environment: Its name.
        dropped: What was mined from stored transitions, but is not true of the real environment.
    """

    dataset: Dataset
    invariants: tuple[Invariant, ...]
    fresh: Dataset | None = None
    environment: str | None = None
    dropped: tuple[Invariant, ...] = ()

    @cached_property
    def observed(self) -> Dataset:
        """All transitions there are, stored and fresh."""
        return self.dataset if self.fresh is None else Dataset.concatenate([self.dataset, self.fresh])

    @property
    def rewards(self) -> tuple[float, float] | None:
        """The smallest and the largest reward; None where some are no numbers."""
        paid = self.observed.rewards
        if not len(paid) or not np.isfinite(paid).all():
            return None
        return float(paid.min()), float(paid.max())

    @property
    def origin(self) -> str:
        """Where it all comes from, as a sentence."""
        name = self.environment or self.dataset.provenance.environment
        of = f" of {name}" if name else ""
        text = f"Mined from {len(self.dataset):,} recorded transitions{of}"
        return text + (f" and {len(self.fresh):,} fresh ones of the environment itself." if self.fresh else ".")


def collect(
    dataset: Dataset, environment: str | None = None, kwargs: Mapping[str, Any] | None = None, *, seed: int = 0
) -> Suite:
    """Mine a dataset and, where the real environment can be asked, drop what it contradicts.

    With the environment at hand, more can be said: that something never happens in it, what it does where nobody has
    recorded anything, and which of its states mirror each other.

    Args:
        dataset: The stored transitions.
        environment: The Gymnasium id of the real environment; None to go by the stored transitions alone.
        kwargs: Its arguments.
        seed: Of the fresh transitions.

    Raises:
        CwmError: The environment cannot be made, or is another one than was recorded.
    """
    if environment is None:
        return Suite(dataset, (*mine(dataset), *_symmetric(dataset, None, seed, ())))
    fresh = alike(fresh_transitions(environment, kwargs, count=FRESH, seed=seed), dataset)
    known = Dataset.concatenate([dataset, fresh])
    ask = puppet(environment, kwargs, known, seed)
    places = all_places(environment, kwargs, _actions(known)) if ask is not None else []
    if ask is not None and places:
        fresh = Dataset.concatenate([fresh, ask.transitions(places)])
        known = Dataset.concatenate([dataset, fresh])
    dropped = confirmed(mine(dataset, absences=True), fresh)[1]
    untouched = fresh.episode % 3 == 2
    learned = known if places else Dataset.concatenate([dataset, fresh.rows(~untouched)])
    kept = confirmed(mine(learned, absences=True), fresh.rows(untouched))[0]
    told = [*_with_support(kept, dataset, fresh), *_symmetric(known, ask, seed, kept)]
    return Suite(
        dataset, tuple(sorted(told, key=lambda one: list(Kind).index(one.kind))), fresh, environment, tuple(dropped)
    )


def _symmetric(dataset: Dataset, ask: Puppet | None, seed: int, mined: Sequence[Invariant]) -> list[Invariant]:
    """Symmetries, tried on more transitions than they were found with."""
    if ask is None:
        return symmetries(dataset, None)
    # The same rounding for both transitions of a pair: what was recorded went on from numbers that are not stored.
    order = np.random.default_rng(seed).permutation(len(dataset))[:SYMMETRIC]
    again = ask.again(dataset.rows(order))
    settled = {one.fields[0] for one in mined if one.kind is Kind.RELATION and one.condition == "True"}
    found = symmetries(again, ask, settled)
    counts = try_on(found, again, ask)
    return [
        replace(one, support=0, real_support=count.applied)
        for one, count in zip(found, counts, strict=True)
        if count.applied >= LEAST_SUPPORT and not count.violations
    ]


def _actions(dataset: Dataset) -> list[Any]:
    """The actions there are, where they are numbered."""
    space = dataset.spaces.action or {}
    if space.get("type") == "Discrete":
        return list(range(space.get("start", 0), space.get("start", 0) + space["n"]))
    return sorted({repr(one): one for one in dataset.actions.plain(0, len(dataset))}.values(), key=repr)


def _with_support(invariants: list[Invariant], dataset: Dataset, fresh: Dataset) -> list[Invariant]:
    stored, real = try_on(invariants, dataset), try_on(invariants, fresh)
    return [
        replace(one, support=here.applied, real_support=there.applied)
        for one, here, there in zip(invariants, stored, real, strict=True)
    ]
