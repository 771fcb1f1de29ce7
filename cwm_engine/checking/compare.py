"""Comparison: which fields of which predictions differ from what was observed, vectorized over rows."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_engine.checking.fields import Layout
from cwm_engine.checking.json_alike import alike_texts, holds_nan, near_enough
from cwm_engine.trajectories.columns import Columns, Kind
from cwm_engine.trajectories.dataset import Dataset

Rows = slice | npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Floats agree when `|predicted - observed| <= atol + rtol * |observed|`; everything else must be equal."""

    atol: float = 1e-5
    rtol: float = 1e-5

    def accepts(self, predicted: Floats, observed: npt.NDArray[Any]) -> Bools:
        """Elementwise agreement; NaN agrees with nothing, an infinity with itself."""
        observed = observed.astype(np.float64, copy=False)
        with np.errstate(invalid="ignore"):
            near = np.abs(predicted - observed) <= self.atol + self.rtol * np.abs(observed)
        agree: Bools = near & np.isfinite(observed) | (predicted == observed)
        return agree


class Words:
    """Translates the word numbers of a prediction into those of the observations.

    A child numbers the texts it predicts in the order of their appearance; here each gets the number
    the observations use for the same text, or -1.

    Args:
        columns: The observations.
        layout: How they lie in a prediction.
    """

    def __init__(self, columns: Columns, layout: Layout) -> None:
        self._known: dict[str, int] = {}
        self._observed = {
            leaf: self._number(array, layout.leaves[leaf].kind)
            for leaf, (array, is_text) in enumerate(zip(columns.arrays, layout.is_text, strict=True))
            if is_text
        }
        self._observed_texts = list(self._known)
        self._texts: list[str] = []
        self._translation: Floats = np.empty(0)
        self._alike: dict[tuple[float, float], bool] = {}

    def fresh(self) -> Words:
        """The same observations, for another child."""
        other = copy.copy(self)
        other._texts = []
        other._translation = np.empty(0)
        other._alike = {}
        return other

    def observed(self, leaf: int) -> Floats:
        """The observations of a text leaf as word numbers."""
        return self._observed[leaf]

    def learn(self, words: Sequence[str]) -> None:
        """Take in the next words of the child."""
        self._texts.extend(words)
        numbers = [float(self._known.get(word, -1)) for word in words]
        self._translation = np.concatenate([self._translation, numbers])

    def intern(self, texts: npt.NDArray[Any]) -> Floats:
        """Word numbers for texts, as a child would give them; new texts become new words."""
        flat = texts.ravel().tolist()
        known = set(self._texts)
        self.learn([text for text in dict.fromkeys(flat) if text not in known])
        number = {text: index for index, text in enumerate(self._texts)}
        return np.array([number[text] for text in flat], dtype=np.float64).reshape(texts.shape)

    def translate(self, numbers: Floats) -> Floats:
        """The observations' numbers for a child's word numbers; -1 for what is no word of either."""
        if not self._texts:
            return np.full(numbers.shape, -1.0)
        known = (numbers >= 0) & (numbers < len(self._texts))
        return np.where(known, self._translation[np.where(known, numbers, 0).astype(np.intp)], -1.0)

    def alike(self, numbers: Floats, observed: Floats, tolerance: Tolerance) -> Bools:
        """Which predicted JSON values are the observed ones but for differences of floats within the tolerance.

        Args:
            numbers: A child's word numbers, `(k,)`.
            observed: The observations' word numbers, `(k,)`.
            tolerance: How near floats must be.
        """
        accepts = near_enough(tolerance.atol, tolerance.rtol)
        found = []
        for pair in zip(numbers.tolist(), observed.tolist(), strict=True):
            if pair not in self._alike:
                text, other = self.text(pair[0]), self._observed_text(pair[1])
                self._alike[pair] = text is not None and other is not None and alike_texts(text, other, accepts)
            found.append(self._alike[pair])
        return np.array(found, dtype=np.bool_)

    def _observed_text(self, number: float) -> str | None:
        return self._observed_texts[int(number)] if number >= 0 else None

    def text(self, number: float) -> str | None:
        """The text of a child's word number."""
        return self._texts[int(number)] if 0 <= number < len(self._texts) else None

    def _number(self, array: npt.NDArray[Any], kind: Kind) -> Floats:
        """Numbers for texts; a JSON value with NaN in it gets NaN, which equals none."""
        flat: list[float] = [self._known.setdefault(text, len(self._known)) for text in array.ravel()]
        if kind is Kind.JSON:
            flat = [math.nan if holds_nan(text) else number for text, number in zip(array.ravel(), flat, strict=True)]
        return np.array(flat, dtype=np.float64).reshape(array.shape)


@dataclass(frozen=True)
class Comparison:
    """Predictions against one dataset.

    Attributes:
        dataset: What was observed.
        layout: The columns of a prediction.
        tolerance: How near a float must be.
        words: The vocabulary; needed where the layout has text leaves.
    """

    dataset: Dataset
    layout: Layout
    tolerance: Tolerance
    words: Words | None = None

    def fresh(self) -> Comparison:
        """The same comparison, for the words of another child."""
        return self if self.words is None else replace(self, words=self.words.fresh())

    def agreement(self, leaf: int, predicted: Floats, rows: Rows) -> Bools:
        """Which elements of one leaf of the next observation are right.

        Args:
            leaf: The number of the leaf.
            predicted: Predictions in the layout, shape `(k, layout.width)`.
            rows: The `k` rows of the dataset that were predicted.

        Returns:
            Boolean matrix of shape `(k, layout.sizes[leaf])`. Whole numbers beyond 2**53 are compared as float64.
        """
        values = predicted[:, self.layout.columns[leaf]]
        if self.layout.is_text[leaf] and self.words is not None:
            numbers = self.words.observed(leaf)[rows].reshape(values.shape)
            right: Bools = self.words.translate(values) == numbers
            if self.layout.leaves[leaf].kind is Kind.JSON and not right.all():
                right[~right] = self.words.alike(values[~right], numbers[~right], self.tolerance)
            return right
        observed = self.dataset.next_observations.arrays[leaf][rows].reshape(values.shape)
        if self.layout.leaves[leaf].kind is Kind.FLOAT:
            return self.tolerance.accepts(values, observed)
        return np.equal(values, observed)

    def mismatches(self, predicted: Floats, rows: Rows) -> Bools:
        """Which fields are wrong.

        Args:
            predicted: Predictions in the layout, shape `(k, layout.width)`.
            rows: The `k` rows of the dataset that were predicted.

        Returns:
            Boolean matrix of shape `(k, len(layout.names))`.
        """
        layout, dataset = self.layout, self.dataset
        wrong = np.empty((len(predicted), len(layout.names)), dtype=np.bool_)
        field = 0
        for leaf, names in enumerate(layout.leaf_fields):
            elements = ~self.agreement(leaf, predicted, rows)
            fields = slice(field, field + len(names))
            wrong[:, fields] = elements if len(names) == layout.sizes[leaf] else elements.any(axis=1, keepdims=True)
            field += len(names)
        wrong[:, -2] = ~self.tolerance.accepts(predicted[:, layout.reward], dataset.rewards[rows])
        wrong[:, -1] = predicted[:, layout.terminated] != dataset.terminated[rows]
        return wrong
