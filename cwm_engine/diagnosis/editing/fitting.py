"""Fitting one number of a program to the transitions: Gauss-Newton, thresholds, and the nicest number that does."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from cwm_engine.diagnosis.execution.judge import Miss
from cwm_engine.diagnosis.localization.solving import newton_step

_ITERATIONS = 10
_SCALES = (1.01, 0.99, 1.05, 0.95, 1.1, 0.9, 1.25, 0.8, 1.5, 0.75, 2.0, 0.5, 4.0, 0.25, 10.0, 0.1, -1.0, 0.0)
_BISECTIONS = 12

Measure = Callable[[float, int], Miss | None]
"""How far a transition is off when the number has a value."""


def fit(measure: Measure, rows: Sequence[int], start: float) -> float | None:
    """The value that makes all of the rows right, if the predictions respond smoothly to the number.

    Several starting points are tried; the first row alone decides whether it is worth while to look at the others.

    Args:
        measure: How far a transition is off with a value.
        rows: Transitions to fit, a few failing ones that differ.
        start: The value now.
    """
    for first in dict.fromkeys((start, -start, 2 * start, start / 2, start + 1.0, 10 * start)):
        value = _newton(measure, rows[:1], first)
        if value is None:
            continue
        polished = _newton(measure, rows, value)
        if polished is not None:
            return polished
    return None


def fit_near(measure: Measure, rows: Sequence[int], start: float) -> float | None:
    """The same from one start, for when very many are tried."""
    value = _newton(measure, rows[:1], start, patience=2)
    return None if value is None else _newton(measure, rows, value)


def fit_coefficient(measure: Measure, rows: Sequence[int]) -> float | None:
    """How much of something has to be added so that all of the rows become right; None if no amount does.

    Most candidates are dropped after two evaluations: what does not bring the first row nearer is not it.
    """
    first = _newton(measure, rows[:1], 0.0, step=1e-3, patience=1)
    if first is None or first == 0.0:
        return None
    return _newton(measure, rows, first)


def fit_threshold(accepts: Callable[[float], bool], start: float) -> float | None:
    """A value beyond which something happens, when only the happening can be seen: the nicest of those that do.

    Args:
        accepts: Whether all transitions are right with a value.
        start: The value now.
    """
    tried = sorted({start * scale for scale in _SCALES})
    good = next((value for value in tried if accepts(value)), None)
    if good is None:
        return None
    below = max((value for value in tried if value < good), default=good - abs(good) - 1.0)
    above = min((value for value in tried if value > good and not accepts(value)), default=good + abs(good) + 1.0)
    low, high = _edge(accepts, good, below), _edge(accepts, good, above)
    for digits in range(1, 8):
        for value in (_round_between(low, high, digits), float(f"{good:.{digits}g}")):
            if value is not None and low <= value <= high and accepts(value):
                return value
    return good


def nice(value: float) -> Iterator[float]:
    """Numbers near a fitted one that a person would have written, the simplest first, and itself."""
    if abs(value) < 1e-9:
        yield 0.0
    seen: set[float] = set()
    candidates = [float(f"{value:.{digits}g}") for digits in range(1, 8)]
    for unit in (math.pi, 1 / 3, math.sqrt(2)):
        candidates += [
            round(multiple, 6) * unit
            for digits in (1, 2)
            if abs((multiple := float(f"{value / unit:.{digits}g}")) * unit - value) <= 1e-5 * abs(value)
        ]
    for candidate in [*candidates, value]:
        if candidate not in seen and abs(candidate - value) <= 0.5 * abs(value):
            seen.add(candidate)
            yield candidate


def _newton(
    measure: Measure, rows: Sequence[int], start: float, *, step: float | None = None, patience: int = _ITERATIONS
) -> float | None:
    """Secant Gauss-Newton on the distances of all rows at once.

    Args:
        measure: How far a transition is off with a value.
        rows: The rows.
        start: The first value.
        step: The first step; small by default.
        patience: How many steps may bring no great improvement.
    """
    here = _distances(measure, rows, start)
    if here is None:
        return None
    if not _size(here):
        return start
    value, step = start, 1e-4 * max(abs(start), 1e-2) if step is None else step
    size = _size(here)
    for _ in range(_ITERATIONS):
        after = _distances(measure, rows, value + step)
        if after is None:
            step /= 4
            continue
        slope = [(b - a) / step for a, b in zip(here, after, strict=True)]
        now = _size(after)
        if now > 4 * size and abs(step) > 1e-3 * abs(value):  # overshot
            step /= 4
            continue
        patience -= now > 0.1 * size and value != start
        if patience < 0:
            return None
        value, here, size = value + step, after, now
        step = newton_step(here, slope)
        if not math.isfinite(step) or (size and step == 0.0):
            return None
        if abs(step) <= 1e-9 * max(abs(value), 1e-3):
            break
    value += step if abs(step) <= 1e-3 * max(abs(value), 1e-3) else 0.0
    return value if all((miss := measure(value, row)) is not None and not miss.wrong for row in rows) else None


def _distances(measure: Measure, rows: Sequence[int], value: float) -> list[float] | None:
    found: list[float] = []
    for row in rows:
        miss = measure(value, row)
        if miss is None:
            return None
        found += miss.distances
    return found


def _size(distances: Sequence[float]) -> float:
    return sum(item * item for item in distances)


def _edge(accepts: Callable[[float], bool], good: float, bad: float) -> float:
    """How far towards a bad value the values stay good."""
    for _ in range(_BISECTIONS):
        middle = (good + bad) / 2
        if accepts(middle):
            good = middle
        else:
            bad = middle
    return good


def _round_between(low: float, high: float, digits: int) -> float | None:
    low, high = min(low, high), max(low, high)
    size = max(abs(low), abs(high))
    if size == 0 or not math.isfinite(size):
        return None
    unit = 10.0 ** (math.floor(math.log10(size)) - digits + 1)
    candidate = math.ceil(low / unit) * unit
    return float(f"{candidate:.{digits}g}") if candidate <= high else None
