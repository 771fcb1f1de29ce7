"""95 % confidence intervals: Wilson's for shares, the bootstrap's for means over several tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEVEL = 0.95
RESAMPLES = 5000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95 % confidence interval."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """The estimate as JSON values."""
        return {"value": self.value, "low": self.low, "high": self.high}


def share(hits: int, count: int) -> Estimate:
    """A share, by Wilson's score interval.

    Args:
        hits: How many of them.
        count: Out of how many, at least 1.
    """
    from scipy.stats import binomtest

    interval = binomtest(hits, count).proportion_ci(LEVEL, method="wilson")
    return Estimate(hits / count, float(interval.low), float(interval.high))


def mean(samples: Sequence[Sequence[float]]) -> Estimate:
    """The mean over several tasks that count the same, by the percentile bootstrap within each task.

    Args:
        samples: The values of each task, at least one task of at least one value.
    """
    from scipy.stats import bootstrap

    arrays = [np.asarray(sample, dtype=np.float64) for sample in samples]
    value = float(_mean_of_means(*arrays))
    if all(len(array) < 2 or np.ptp(array) == 0 for array in arrays):
        return Estimate(value, value, value)
    # A task of one value has nothing to draw from but that value.
    drawn = [array if len(array) > 1 else np.repeat(array, 2) for array in arrays]
    found = bootstrap(
        drawn,
        _mean_of_means,
        n_resamples=RESAMPLES,
        confidence_level=LEVEL,
        method="percentile",
        vectorized=True,
        rng=np.random.default_rng(0),
    )
    return Estimate(value, float(found.confidence_interval.low), float(found.confidence_interval.high))


def _mean_of_means(*samples: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.mean([np.mean(sample, axis=axis) for sample in samples], axis=0)
