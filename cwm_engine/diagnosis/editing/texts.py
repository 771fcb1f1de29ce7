"""Trying whole texts: for edits that are no replacement of one expression, each compiled by itself.

A few hundred are tried in a second, a thousandth of what switches allow, so it is for what is rare: statements in
another order, names that do not exist.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from cwm_engine.diagnosis.execution.bounded import LOOP_ITERATIONS, bounded
from cwm_engine.diagnosis.execution.executor import Bench, Loader, ModelRef, load_plainly
from cwm_engine.diagnosis.execution.sample import Sample
from cwm_engine.diagnosis.execution.tester import rows_to_try
from cwm_engine.world_model.counters import Counters


@dataclass(frozen=True, slots=True, order=True)
class Score:
    """How far a text comes on a sample: transitions it predicts at all, cells it predicts rightly, and all cells."""

    predicted: int
    right: int
    whole: int = 0


class TextTester:
    """Says how good texts are on a sample.

    Args:
        model: The model in every text.
        sample: The transitions.
        loader: What runs a module.
    """

    def __init__(self, model: ModelRef, sample: Sample, loader: Loader = load_plainly) -> None:
        self._model = model
        self._sample = sample
        self._loader = loader
        self._counters = Counters(LOOP_ITERATIONS)
        self._rows = rows_to_try(sample)
        self._twin: Bench | None = None

    def passes(self, text: str) -> bool:
        """Whether a text is right in every transition."""
        bench = self._bench(text)
        return bench is not None and all(self._accepts(bench, row) for row in self._rows)

    def score(self, text: str) -> Score | None:
        """How far a text comes; None where its model cannot be made."""
        bench = self._bench(text)
        if bench is None:
            return None
        predicted = right = 0
        width = len(bench.judge.names)
        for row in self._rows:
            self._counters.refill()
            miss = bench.measure(row)
            if miss is not None:
                predicted += 1
                right += width - miss.wrong.bit_count()
        return Score(predicted, right, width * len(self._rows))

    def _accepts(self, bench: Bench, row: int) -> bool:
        self._counters.refill()
        return bench.accepts(row)

    def _bench(self, text: str) -> Bench | None:
        self._counters.refill()
        try:
            tree = bounded(ast.parse(text))
            names = self._counters.names
            bench = Bench(tree, self._model, self._sample, names, self._loader, twin=self._twin)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - a candidate may raise anything
            return None
        self._twin = self._twin or bench
        return bench
