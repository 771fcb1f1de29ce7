"""Rounding: fitted numbers as a person would have written them, as long as no prediction suffers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from cwm_engine.induction.literals import Literal, Number

_SHORT, _LONGEST = 4, 17
_BEYOND = 0.15
"""How far beyond the outermost value that was seen a limit is put that nothing reached."""

_DENOMINATORS = (3, 6)


@dataclass(frozen=True, slots=True)
class Written:
    """A number and the expression that says it."""

    value: Number
    text: str


def ways_to_write(value: float, literal: Literal, pi: str | None = None) -> Iterator[Written]:
    """Expressions for numbers near a fitted one, the most natural first; the last one is exact, or whole.

    What stands there now comes first. Then short decimals, fractions such as `4 / 3`, multiples of pi, and decimals
    of more digits.

    Args:
        value: The fitted number.
        literal: What stands there now; a whole number stays one.
        pi: How the file can write pi, if it can.
    """
    yield Written(literal.value, literal.text)
    if literal.whole:
        yield from (
            Written(number, str(number))
            for number in dict.fromkeys((round(value), math.floor(value), math.ceil(value)))
        )
        return
    yield from _decimals(value, range(1, _SHORT + 1))
    for denominator in _DENOMINATORS:
        numerator = round(value * denominator)
        if numerator % denominator and abs(numerator) < 100:
            yield Written(numerator / denominator, f"{numerator} / {denominator}")
    if pi is not None:
        yield from _turns(value, pi)
    yield from _decimals(value, range(_SHORT + 1, _LONGEST + 1))


def shortest_between(low: float, high: float, literal: Literal) -> Written:
    """The shortest number strictly between two others; of equally short ones the one nearest the middle.

    Args:
        low: Lower end; may be infinite.
        high: Upper end; may be infinite.
        literal: What stands there now; kept if it lies between.
    """
    if low < literal.value < high:
        return Written(literal.value, literal.text)
    if literal.whole:
        number = _whole_between(low, high)
        return Written(number, str(number))
    if not math.isfinite(low):
        low = high - max(_BEYOND * abs(high), 1e-3)
    if not math.isfinite(high):
        high = low + max(_BEYOND * abs(low), 1e-3)
    middle = (low + high) / 2
    size = max(abs(low), abs(high))
    for place in range(-math.floor(math.log10(size)) if size else 0, 20):
        unit = 10.0**-place
        nearest = round(middle / unit)
        for candidate in (nearest, nearest - 1, nearest + 1):
            value = float(f"{candidate * unit:.15g}")
            if low < value < high:
                return Written(value, repr(value))
    return Written(middle, repr(middle))


def _whole_between(low: float, high: float) -> int:
    """A whole number between two others: near the middle, or next to the one end there is."""
    if not math.isfinite(high):
        return math.floor(low) + 1 if math.isfinite(low) else 0
    if not math.isfinite(low):
        return math.ceil(high) - 1
    middle = round((low + high) / 2)
    return min(max(middle, math.floor(low) + 1), math.ceil(high) - 1)


def _decimals(value: float, digits: range) -> Iterator[Written]:
    seen: set[float] = set()
    for count in digits:
        rounded = float(f"{value:.{count}g}")
        if rounded not in seen:
            seen.add(rounded)
            yield Written(rounded, repr(rounded))


def _turns(value: float, pi: str) -> Iterator[Written]:
    for denominator in (1, 2, 3, 4, 6):
        numerator = round(value * denominator / math.pi)
        if numerator and abs(numerator) < 20 and math.gcd(numerator, denominator) == 1:
            factor = pi if numerator == 1 else f"{numerator} * {pi}"
            text = factor if denominator == 1 else f"{factor} / {denominator}"
            yield Written(numerator * math.pi / denominator, text)
