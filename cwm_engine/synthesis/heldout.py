"""Which episodes a search never sees, so that they can say at its end whether it found the rule or only the data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cwm_engine.checking.evidence import observed_at
from cwm_engine.errors import CwmError
from cwm_engine.findings import Example
from cwm_engine.trajectories.dataset import Dataset


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
    rows: dict[int, None] = {}
    actions = dataset.actions.arrays[0] if len(dataset.actions.arrays) == 1 else np.zeros(len(dataset))
    for column in (dataset.terminated, dataset.rewards, actions):
        # Fewer than that are kinds; more are quantities.
        if column.ndim == 1 and len(kinds := np.unique(column, return_index=True)[1]) <= count // 2:
            rows.update(dict.fromkeys(np.sort(kinds).tolist()))
    features = _features(dataset)
    looked_at = np.unique(np.linspace(0, len(dataset) - 1, _LOOKED_AT).astype(int))
    distance = np.full(len(looked_at), np.inf)
    for row in rows:
        distance = np.minimum(distance, _distance(features[looked_at], features[row]))
    while len(rows) < count and distance.size and distance.max() > 0:
        row = int(looked_at[int(distance.argmax())])
        rows[row] = None
        distance = np.minimum(distance, _distance(features[looked_at], features[row]))
    return tuple(observed_at(dataset, row) for row in list(rows)[:count])


_LOOKED_AT = 5000
_FEATURES = 256


def _features(dataset: Dataset) -> npt.NDArray[np.float64]:
    """States and what changed in them as numbers (n, d) of comparable size; text is left out."""
    parts = []
    pairs = zip(dataset.observations.arrays, dataset.next_observations.arrays, strict=True)
    for before, after in pairs:
        if before.dtype != object and before.dtype == after.dtype:
            flat = before.reshape(len(before), -1)[:, :_FEATURES].astype(np.float64)
            parts += [flat, after.reshape(len(after), -1)[:, :_FEATURES].astype(np.float64) - flat]
    table = np.concatenate([*parts, dataset.rewards[:, None]], axis=1)
    table = np.nan_to_num(table, posinf=0.0, neginf=0.0)
    spread = np.ptp(table, axis=0)
    return (table - table.min(axis=0)) / np.where(spread > 0, spread, 1.0)


def _distance(table: npt.NDArray[np.float64], row: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.abs(table - row).mean(axis=1)
