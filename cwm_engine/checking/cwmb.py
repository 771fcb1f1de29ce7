"""The `cwmb` score: the rules of the released CWMB evaluator, for comparison with published tables only.

Dainese et al., "Generating Code World Models with Large Language Models Guided by Monte Carlo Tree
Search", NeurIPS 2024. The released evaluator differs from the paper's formula: it averages over the
distinct rewards, gives credit for single elements of the state, ignores the next state on terminal
transitions, counts truncation as done, and compares rewards exactly with their float32 value.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from cwm_engine.checking.compare import Comparison, Floats, Tolerance

_TOLERANCE = Tolerance(atol=1e-5, rtol=1e-5)


def row_scores(comparison: Comparison, predicted: Floats) -> npt.NDArray[np.float64]:
    """The score of each transition, in 0..1.

    A third each for the fraction of state elements that match, the reward and `done`; where the
    episode ended, a half each for the reward and `done`.

    Args:
        comparison: What was observed; its tolerance gives way to the evaluator's.
        predicted: Predictions for all rows in the layout, shape `(n, layout.width)`.
    """
    dataset, layout = comparison.dataset, comparison.layout
    fixed = replace(comparison, tolerance=_TOLERANCE)
    every = slice(0, len(dataset))
    state = np.concatenate([fixed.agreement(leaf, predicted, every) for leaf in range(len(layout.leaves))], axis=1)
    done = dataset.terminated | dataset.truncated
    reward_matches = predicted[:, layout.reward] == dataset.rewards
    done_matches = predicted[:, layout.terminated] == done
    running = (state.mean(axis=1) + reward_matches + done_matches) / 3
    ended = (reward_matches.astype(np.float64) + done_matches) / 2
    return np.where(done, ended, running)


def aggregate(scores: npt.NDArray[np.float64], rewards: npt.NDArray[np.float64]) -> float:
    """The mean over distinct rewards of the mean score within each."""
    _, group = np.unique(rewards, return_inverse=True)
    return float(np.mean(np.bincount(group, weights=scores) / np.bincount(group)))
