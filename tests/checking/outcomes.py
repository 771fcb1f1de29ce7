"""Small datasets of given outcomes, and comparisons against them."""

from __future__ import annotations

import numpy as np

from cwm_engine.checking.compare import Comparison, Tolerance, Words
from cwm_engine.checking.fields import Layout
from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.dataset import Dataset


def dataset_of(next_observations, rewards=None, terminated=None) -> Dataset:
    """A one-episode dataset with the given outcomes."""
    count = len(next_observations)
    columns = Columns.from_values(next_observations)
    return Dataset(
        observations=columns,
        actions=Columns.from_values([0] * count),
        next_observations=columns,
        rewards=np.array(rewards if rewards is not None else [0.0] * count, dtype=np.float64),
        terminated=np.array(terminated if terminated is not None else [False] * count),
        truncated=np.zeros(count, dtype=np.bool_),
        episode=np.zeros(count, dtype=np.int32),
        step=np.arange(count, dtype=np.int32),
    )


def comparison_of(dataset: Dataset, tolerance: Tolerance = Tolerance()) -> Comparison:
    """A comparison against a dataset."""
    layout = Layout(dataset.next_observations.structure)
    words = Words(dataset.next_observations, layout) if any(layout.is_text) else None
    return Comparison(dataset, layout, tolerance, words)
