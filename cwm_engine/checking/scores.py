"""Scores that go beside an accuracy: how well doing nothing would do, so that 0.95 can be read."""

from __future__ import annotations

import numpy as np

from cwm_engine.checking.compare import Bools, Comparison, Floats

_CHUNK = 65_536


def do_nothing(comparison: Comparison, rows: slice, reward: float | None = None) -> Floats:
    """The predictions of the do-nothing model: next state = state, most common reward, not done.

    Args:
        comparison: What was observed.
        rows: For which rows.
        reward: The most common reward; found out when not given.

    Returns:
        Matrix in the layout, shape `(k, layout.width)`; the columns of texts hold word numbers.
    """
    dataset, layout, words = comparison.dataset, comparison.layout, comparison.words
    count = len(dataset.rewards[rows])
    predicted = np.empty((count, layout.width))
    for array, columns, is_text in zip(dataset.observations.arrays, layout.columns, layout.is_text, strict=True):
        state = array[rows].reshape(count, -1)
        predicted[:, columns] = words.intern(state) if words is not None and is_text else state
    predicted[:, layout.reward] = most_common(dataset.rewards) if reward is None else reward
    predicted[:, layout.terminated] = 0.0
    return predicted


def most_common(rewards: Floats) -> float:
    """The most frequent reward, the smallest of several."""
    values, counts = np.unique(rewards, return_counts=True)
    return float(values[np.argmax(counts)])


def baseline(comparison: Comparison, excused: Bools) -> float | None:
    """The accuracy of the do-nothing model, in 0..1; None where states and next states differ in structure.

    Args:
        comparison: What was observed, and how predictions are held against it.
        excused: Cells `(n, fields)` that are not held against any model.
    """
    dataset = comparison.dataset
    if dataset.observations.structure != dataset.next_observations.structure:
        return None
    right, reward = 0, most_common(dataset.rewards)
    comparison = comparison.fresh()
    for start in range(0, len(dataset), _CHUNK):
        rows = slice(start, min(start + _CHUNK, len(dataset)))
        wrong = comparison.mismatches(do_nothing(comparison, rows, reward), rows) & ~excused[rows]
        right += len(wrong) - int(wrong.any(axis=1).sum())
    return right / len(dataset)
