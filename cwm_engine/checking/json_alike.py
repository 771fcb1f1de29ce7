"""Whether two values in JSON form are the same, floats within a tolerance, sets in any order."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

Accepts = Callable[[float, float], bool]

_FLOAT = re.compile(r"\d(?:\.|[eE][-+]?)\d")
_MATCHED = 256


def holds_floats(text: str) -> bool:
    """Whether a JSON text may hold a number that is not whole; texts without any are the same or not."""
    return _FLOAT.search(text) is not None


def holds_nan(text: str) -> bool:
    """Whether a JSON text holds NaN, which is not even like itself."""
    if "NaN" not in text:
        return False
    found: list[str] = []
    json.loads(text, parse_constant=found.append)
    return "NaN" in found


def alike_texts(predicted: str, observed: str, accepts: Accepts) -> bool:
    """Whether two JSON texts that differ do so in floats only, and only within the tolerance."""
    if not (holds_floats(predicted) or holds_floats(observed)):
        return False
    try:
        return alike(json.loads(predicted), json.loads(observed), accepts)
    except (ValueError, RecursionError):  # the sender of a prediction may send anything
        return False


def alike(predicted: Any, observed: Any, accepts: Accepts) -> bool:
    """Compare two parsed JSON values.

    Args:
        predicted: What a model said.
        observed: What happened.
        accepts: Whether a predicted float is near enough to an observed one.
    """
    match observed:
        case bool() | None | str():
            return type(predicted) is type(observed) and bool(predicted == observed)
        case int() | float():
            if not isinstance(predicted, int | float) or isinstance(predicted, bool):
                return False
            if isinstance(predicted, int) and isinstance(observed, int):
                return predicted == observed
            return accepts(float(predicted), float(observed))
        case {"__set__": list(members)} if len(observed) == 1:
            others = predicted.get("__set__") if isinstance(predicted, dict) and len(predicted) == 1 else None
            return isinstance(others, list) and _alike_sets(others, members, accepts)
        case list():
            return (
                isinstance(predicted, list)
                and len(predicted) == len(observed)
                and all(alike(one, other, accepts) for one, other in zip(predicted, observed, strict=True))
            )
        case dict():
            return (
                isinstance(predicted, dict)
                and predicted.keys() == observed.keys()
                and all(alike(predicted[name], value, accepts) for name, value in observed.items())
            )
        case _:
            return False


def _alike_sets(predicted: list[Any], observed: list[Any], accepts: Accepts) -> bool:
    """Each member finds one that is like it; large sets are taken in the order they are written in."""
    if len(predicted) != len(observed):
        return False
    if len(observed) > _MATCHED:
        return all(alike(one, other, accepts) for one, other in zip(predicted, observed, strict=True))
    left = list(predicted)
    for member in observed:
        index = next((i for i, other in enumerate(left) if alike(other, member, accepts)), None)
        if index is None:
            return False
        del left[index]
    return True


def near_enough(atol: float, rtol: float) -> Accepts:
    """The tolerance of a comparison for single floats."""

    def accepts(predicted: float, observed: float) -> bool:
        if predicted == observed:
            return True
        return math.isfinite(observed) and abs(predicted - observed) <= atol + rtol * abs(observed)

    return accepts
