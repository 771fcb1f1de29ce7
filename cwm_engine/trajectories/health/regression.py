"""Regression: sparse linear fits, robust enough to judge rows that were not fitted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cwm_engine.trajectories.health.grouping import Rows
from cwm_engine.trajectories.health.tables import Matrix

_MOST_TERMS = 12


class SparseFit:
    """Orthogonal matching pursuit on one set of features for many targets, robust against a few wild rows."""

    def __init__(self, features: Matrix) -> None:
        self.mean = features.mean(axis=0)
        scale = features.std(axis=0)
        self.constant = scale < 1e-9 * (1 + np.abs(self.mean))
        self.scale = np.where(self.constant, 1.0, scale)
        self.table = (features - self.mean) / self.scale
        self.gram = self.table.T @ self.table
        self.terms = max(1, min(_MOST_TERMS, len(features) // 10))

    def fit(self, target: Matrix, exclude: int) -> Callable[[Matrix], Matrix]:
        """A function that predicts the target from features, not using the excluded one."""
        centre = float(target.mean())
        pull = self.table.T @ (target - centre)
        barred = self.constant.copy()
        barred[exclude] = True
        chosen: list[int] = []
        left, weights = pull, np.empty(0)
        for _ in range(min(self.terms, int((~barred).sum()))):
            strength = np.where(barred, 0.0, np.abs(left))
            best = int(strength.argmax())
            if strength[best] <= 1e-12 * (np.abs(pull).max() + 1e-300):
                break
            chosen.append(best)
            barred[best] = True
            weights = np.linalg.solve(_ridge(self.gram[np.ix_(chosen, chosen)]), pull[chosen])
            left = pull - self.gram[:, chosen] @ weights
        design = np.concatenate([self.table[:, chosen], np.ones((len(target), 1))], axis=1)
        keep = np.ones(len(target), dtype=np.bool_)
        for _ in range(3):
            weights = _least_squares(design[keep], target[keep])
            missed = np.abs(target - design @ weights)
            keep = missed <= 8 * np.median(missed) + 1e-300
            if keep.mean() < 0.5:
                break

        def predict(features: Matrix) -> Matrix:
            scaled = (features[:, chosen] - self.mean[chosen]) / self.scale[chosen]
            return np.asarray(scaled @ weights[:-1] + weights[-1])

        return predict


def _least_squares(design: Matrix, target: Matrix) -> Matrix:
    """Weights by normal equations, refined twice: as exact as by SVD for what is asked here, and ten times faster."""
    normal = _ridge(design.T @ design)
    weights = np.zeros(design.shape[1])
    for _ in range(3):
        weights = weights + np.linalg.solve(normal, design.T @ (target - design @ weights))
    return weights


def _ridge(gram: Matrix) -> Matrix:
    return gram + np.eye(len(gram)) * (1e-13 * np.trace(gram) + 1e-300)


def evenly(count: int, most: int) -> Rows:
    """At most so many of the numbers 0..count-1, spread evenly."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))
