"""Finding the value that an expression should have had in one transition."""

from __future__ import annotations

import ast
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_engine.diagnosis.execution.judge import Miss
from cwm_engine.diagnosis.execution.levels import Level
from cwm_engine.diagnosis.execution.operations import original
from cwm_engine.diagnosis.execution.schemata import Site
from cwm_engine.diagnosis.execution.switchboard import Switchboard
from cwm_engine.diagnosis.localization.regularity import AMOUNT, FACTOR, Change, Rule

_ITERATIONS, _MOST_ITERATIONS = 5, 15
"""Secant steps for one value; steps that halve the error are not counted."""

_MAX_VECTOR = 8
_MAX_SEEN = 24
_VECTOR_STRENGTH = 0.4
"""Choosing several numbers at once explains less than choosing one."""

_DISCRETE_STRENGTH = 0.5
"""A discrete value that repairs only some of the fields explains half as much as their share."""


@dataclass(frozen=True, slots=True)
class Solution:
    """The best value found for one transition.

    Attributes:
        strength: How much of the error it removes; 1 when everything becomes right.
        change: What it adds, where the value is one number.
        value: The value itself, where it is known.
    """

    strength: float
    change: Change | None = None
    value: Any = None


def repaired_share(before: Miss, after: Miss) -> float:
    """How much of what was wrong is right now, 0..1: cells that become right, and how much nearer the others are."""
    if not after.wrong:
        return 1.0
    share = 0.0
    for cell, (old, new) in enumerate(zip(before.distances, after.distances, strict=True)):
        was, still = before.wrong >> cell & 1, after.wrong >> cell & 1
        if was and not still:
            share += 1.0
        elif was and old:
            share += 0.999 * max(0.0, 1.0 - abs(new) / abs(old))
        elif still and not was:
            share -= 1.0
    return max(0.0, share / max(before.wrong.bit_count(), 1))


class Place:
    """A site on its switchboard, with what has been seen there."""

    def __init__(self, board: Switchboard, site: Site) -> None:
        self._board = board
        self.site = site
        self._original = original(site)
        self._inputs = _inputs_of(site)
        self.is_constant = isinstance(site.node, ast.Constant) or site.level > Level.STEP
        self.seen: dict[Any, None] = {}
        self.calls = 0
        self._scope: dict[str, Any] = {}
        self._operands: tuple[Any, ...] = ()

    def look(self, row: int) -> Any:
        """The value at the place in a transition, None if it is not reached."""
        if isinstance(self.site.node, ast.Constant):
            return self.site.node.value
        values: list[Any] = []
        met: list[tuple[dict[str, Any], tuple[Any, ...]]] = []
        compute = self._original

        def watch(scope: dict[str, Any], *operands: Any) -> Any:
            value = compute(scope, *operands)
            values.append(value)
            if not met:
                met.append((scope, operands))
            return value

        if self._board.switch(self.site, watch):
            self._board.accepts(row)
        self.calls = len(values)
        if not values:
            return None
        self._scope, self._operands = met[0]
        if isinstance(values[0], int | str) and len(self.seen) < _MAX_SEEN:
            self.seen.update(dict.fromkeys(values[:4]))
        return values[0]

    @property
    def scope(self) -> dict[str, float]:
        """Numbers in scope when `look` last reached the place, operands as `<0>`, `<1>`."""
        if self.site.level > Level.STEP:
            return {}
        operands = {f"<{i}>": operand for i, operand in enumerate(self._operands)}
        return {
            name: float(value)
            for name, value in {**self._scope, **operands}.items()
            if isinstance(value, int | float | np.number) and not isinstance(value, bool)
        }

    @property
    def inputs(self) -> Hashable:
        """The values of the local names the expression uses; None if they cannot be compared."""
        return _hashable(tuple(self._scope.get(name) for name in self._inputs))

    @property
    def situation(self) -> Hashable:
        """The values of all names in scope; None if they cannot be compared."""
        return _hashable(tuple(value for name, value in self._scope.items() if name != "self"))

    def measure(self, row: int, change: Callable[[Any], Any]) -> Miss | None:
        """How far the prediction is off with a changed value."""
        return self._board.measure(row) if self._set(change) else None

    def accepts(self, row: int, change: Callable[[Any], Any]) -> bool:
        """Whether the prediction is right with a changed value."""
        return self._set(change) and self._board.accepts(row)

    def accepts_rule(self, row: int, rule: Rule) -> bool:
        """Whether the prediction is right when the value is changed by a rule."""
        compute = self._original

        def changed(scope: dict[str, Any], *operands: Any) -> Any:
            value = compute(scope, *operands)
            return rule.apply(value, scope | {f"<{i}>": operand for i, operand in enumerate(operands)})

        return self._board.switch(self.site, changed) and self._board.accepts(row)

    def _set(self, change: Callable[[Any], Any]) -> bool:
        compute = self._original
        return self._board.switch(self.site, lambda scope, *operands: change(compute(scope, *operands)))


class Solver:
    """Looks for values, one place and one transition at a time.

    Args:
        integers: Integers worth trying for a constant.
        texts: Texts worth trying.
    """

    def __init__(self, integers: Sequence[int] = (), texts: Sequence[str] = ()) -> None:
        self._integers = integers
        self._texts = texts

    def solve(self, place: Place, row: int, before: Miss | None, value: Any) -> Solution:
        """The best value for one transition.

        Args:
            place: Where.
            row: The transition.
            before: How far the model is off; None where it raises an exception.
            value: What `Place.look` saw there.
        """
        match value:
            case bool() | np.bool_():
                found = self._try(place, row, before, [not value])
                if found.strength < 1.0:
                    return found
                return Solution(1.0, _change(place, float(value), 1.0 - 2.0 * value), found.value)
            case int() | np.integer():
                return self._integer(place, row, before, int(value))
            case float() | np.floating() if before is not None:
                return self._number(place, row, before, float(value))
            case str():
                return self._text(place, row, before, value)
            case tuple() | list() | np.ndarray() if before is not None and _is_vector(value):
                return self._vector(place, row, before, value)
            case _:
                return Solution(0.0)

    def _try(self, place: Place, row: int, before: Miss | None, values: Sequence[Any]) -> Solution:
        best = 0.0
        for value in values:
            after = place.measure(row, always(value))
            if after is None:
                continue
            if not after.wrong:
                return Solution(1.0, None, value)
            if before is not None:
                repaired = (before.wrong & ~after.wrong).bit_count() - (after.wrong & ~before.wrong).bit_count()
                best = max(best, _DISCRETE_STRENGTH * repaired / before.wrong.bit_count())
        return Solution(best)

    def _integer(self, place: Place, row: int, before: Miss | None, value: int) -> Solution:
        near = [value + 1, value - 1]
        after = place.measure(row, lambda v: v + 1)
        if before is not None and after is not None and after.wrong:
            slope = [b - a for a, b in zip(before.distances, after.distances, strict=True)]
            near.append(value + round(newton_step(before.distances, slope)))
        if place.is_constant:
            near += [value + 2, value - 2, value // 2, 2 * value, -value, *self._integers]
        candidates = [other for other in dict.fromkeys([*near, *place.seen, 0]) if other != value]
        found = self._try(place, row, before, candidates[: 2 * _MAX_SEEN])
        if found.strength < 1.0:
            return found
        return Solution(1.0, _change(place, float(value), float(found.value - value)), found.value)

    def _text(self, place: Place, row: int, before: Miss | None, value: str) -> Solution:
        if place.is_constant and len(value) > 1:
            places, letters = range(len(value)), dict.fromkeys(value)
            candidates = [value[:i] + other + value[i + 1 :] for i in places for other in letters if other != value[i]]
        else:
            candidates = [text for text in (*place.seen, *self._texts) if isinstance(text, str) and text != value]
        return self._try(place, row, before, list(dict.fromkeys(candidates)))

    def _number(self, place: Place, row: int, before: Miss, value: float) -> Solution:
        best = 0.0
        for factor in (False, True) if place.calls > 1 and not place.is_constant else (False,):
            found = self._secant(place, row, before, value, factor)
            best = max(best, found.strength)
            if found.strength == 1.0:
                return found
        if best == 0.0:
            found = self._try(place, row, before, [0.0, -value, 2 * value, value / 2, 10 * value])
            return Solution(max(best, found.strength), None, found.value)
        return Solution(best)

    def _secant(self, place: Place, row: int, before: Miss, value: float, factor: bool) -> Solution:
        """One number that is added, or multiplied by 1 plus it, each time the expression is evaluated."""
        step = 1e-3 if factor else 1e-3 * max(abs(value), 1e-2)
        amount, last = 0.0, before
        best, gains = 0.0, 0
        for iteration in range(_MOST_ITERATIONS):
            if iteration - gains >= _ITERATIONS:
                break
            nxt = amount + step
            after = place.measure(row, _scaled(1.0 + nxt) if factor else _moved(nxt))
            if after is None:
                break
            slope = [(b - a) / step for a, b in zip(last.distances, after.distances, strict=True)]
            if not after.wrong:
                return _solved(place, value, nxt + newton_step(after.distances, slope), slope, factor)
            error, last_error = _norm(after.distances), _norm(last.distances)
            gains += error < 0.25 * last_error
            best = max(best, min(repaired_share(before, after), 0.999))
            if error > 2 * last_error and iteration:  # overshot: not as straight as it looked
                step /= 4
                continue
            move = newton_step(after.distances, slope)
            if abs(move) < 1e-13 * max(1.0, abs(value)):
                break
            amount, last, step = nxt, after, move
        return Solution(best)

    def _vector(self, place: Place, row: int, before: Miss, value: Any) -> Solution:
        """Gauss-Newton over all numbers of a small array or tuple at once."""
        numbers = np.array(value, dtype=np.float64)
        shift = np.zeros(numbers.shape)
        here, best = before, 0.0
        for _ in range(3):
            slopes = []
            for index in np.ndindex(*numbers.shape):
                step = 1e-4 * max(abs(float(numbers[index])), 1e-1)
                moved = shift.copy()
                moved[index] += step
                after = place.measure(row, partial(_shifted, shift=moved))
                if after is None:
                    return Solution(best)
                slopes.append([(b - a) / step for a, b in zip(here.distances, after.distances, strict=True)])
            jacobian = np.array(slopes).T
            move = np.linalg.lstsq(jacobian, -np.array(here.distances), rcond=1e-9)[0]
            shift = shift + move.reshape(shift.shape)
            after = place.measure(row, partial(_shifted, shift=shift))
            if after is None:
                break
            best = max(best, _VECTOR_STRENGTH * repaired_share(before, after))
            if not after.wrong:
                break
            here = after
        return Solution(best)


def always(value: Any) -> Callable[[Any], Any]:
    """The change to one value, whatever was there."""
    return lambda _: value


def newton_step(here: Sequence[float], slope: Sequence[float]) -> float:
    """The step along `slope` that cancels `here` best, by least squares; 0 where nothing responds."""
    size = _norm(slope)
    return -sum(s * a for s, a in zip(slope, here, strict=True)) / size if size > 1e-24 else 0.0


def _solved(place: Place, value: float, amount: float, slope: Sequence[float], factor: bool) -> Solution:
    steep = _norm(slope) ** 0.5
    uncertainty = 1e-6 / steep if steep else 0.0
    if place.calls <= 1 or place.is_constant:
        change = _change(place, value, amount, uncertainty)
    else:
        change = Change(float("nan"), amount, uncertainty, {FACTOR if factor else AMOUNT: 1.0})
    return Solution(1.0, change, None if factor else value + amount)


def _moved(amount: float) -> Callable[[Any], Any]:
    return lambda value: value + amount


def _scaled(factor: float) -> Callable[[Any], Any]:
    return lambda value: value * factor


def _change(place: Place, value: float, amount: float, uncertainty: float = 0.0) -> Change:
    if place.calls > 1:
        return Change(float("nan"), amount, uncertainty, {})
    return Change(value, amount, uncertainty, place.scope, place.inputs, place.situation)


def _hashable(values: tuple[Any, ...]) -> Hashable:
    try:
        hash(values)
    except TypeError:
        return None
    return values


def _norm(vector: Sequence[float]) -> float:
    return sum(item * item for item in vector)


def _inputs_of(site: Site) -> tuple[str, ...]:
    node: Any = site.node.value if isinstance(site.node, ast.AugAssign) else site.node
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} - {"self"}
    if isinstance(site.node, ast.AugAssign) and isinstance(site.node.target, ast.Name):
        names.add(site.node.target.id)
    return tuple(sorted(names))


def _is_vector(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind == "f" and 0 < value.size <= _MAX_VECTOR
    return 0 < len(value) <= _MAX_VECTOR and all(isinstance(item, float | np.floating) for item in value)


def _shifted(value: Any, shift: npt.NDArray[np.float64]) -> Any:
    if isinstance(value, np.ndarray):
        return value + shift
    return type(value)([item + off for item, off in zip(value, shift.tolist(), strict=True)])
