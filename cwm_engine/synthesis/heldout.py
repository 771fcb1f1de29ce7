"""Which episodes a search never sees, so that they can say at its end whether it found the rule or only the data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cwm_engine.checking.evidence import observed_at
from cwm_engine.errors import CwmError
from cwm_engine.findings import Example
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.trajectories.variety import features_of, spread_out


@dataclass(frozen=True)
class Split:
    """A dataset in two: what is searched, and what is held out (None where there is only one episode)."""

    searched: Dataset
    heldout: Dataset | None


def split_episodes(dataset: Dataset, fraction: float = 0.2, seed: int = 0) -> Split:
    """Hold out a part of the episodes, chosen by lot.

    Args:
        dataset: All data.
        fraction: How large a part, 0 <= fraction < 1; at least one episode where it is not 0, and never all of them.
        seed: Of the lot.

    Raises:
        CwmError: There are no transitions, or the fraction is none.
    """
    if not 0.0 <= fraction < 1.0:
        raise CwmError(f"{fraction:g} is no part of the episodes to hold out", hint="write a number from 0 to below 1")
    if not len(dataset):
        raise CwmError("there are no transitions to search with", hint="record some with `cwm record`")
    count = dataset.episode_count
    held = min(max(round(count * fraction), 1), count - 1) if fraction else 0
    if not held:
        return Split(dataset, None)
    chosen = np.random.default_rng(seed).permutation(count)[:held]
    number = np.repeat(np.arange(count), dataset.episode_lengths)
    mask = np.isin(number, chosen)
    return Split(dataset.rows(~mask), dataset.rows(mask))


def sample_examples(dataset: Dataset, count: int = 12) -> tuple[Example, ...]:
    """Transitions as they were observed that tell as much as few can, the most telling first.

    The first of each ending, reward and action; then always the one that is least like all before it, in its state and
    in what changed, which brings the edges of the state space, walls and jumps.
    """
    kinds: dict[int, None] = {}
    actions = dataset.actions.arrays[0] if len(dataset.actions.arrays) == 1 else np.zeros(len(dataset))
    for column in (dataset.terminated, dataset.rewards, actions):
        # Fewer than that are kinds; more are quantities.
        if column.ndim == 1 and len(firsts := np.unique(column, return_index=True)[1]) <= count // 2:
            kinds.update(dict.fromkeys(np.sort(firsts).tolist()))
    looked_at = np.linspace(0, len(dataset) - 1, min(len(dataset), _LOOKED_AT)).astype(np.intp)
    rows = np.concatenate([np.array(list(kinds), dtype=np.intp), looked_at])
    chosen = spread_out(features_of(dataset, rows), range(len(kinds)), count)
    return tuple(observed_at(dataset, int(rows[index])) for index in chosen)


_LOOKED_AT = 5000
