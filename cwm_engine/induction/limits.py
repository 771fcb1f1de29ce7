"""Limits: constants that only decide which way a comparison goes, found from the values they are compared with.

A limit has no gradient, but every transition says at which value of the constant its comparison would turn. Between
two such turning points nothing changes, so one value from each stretch is enough to try; where the limit is also what
is predicted (a clip), the extremes of the observations are tried as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cwm_engine.induction.literals import Number
from cwm_engine.induction.objective import Floats, Objective, Rows
from cwm_engine.induction.tracing import Sides

_NUDGE = 1e-4
_TRIED = 32
_NEAREST = 96
_FEW = 100
_FARTHEST = 8.0


@dataclass(frozen=True)
class Limit:
    """A constant that something is compared with.

    Attributes:
        number: Which constant.
        turns: Values of the constant at which the comparison of some transition turns, sorted.
        rows: The transitions they belong to.
        reached: Whether the comparison ever comes out both ways.
        extremes: Values of the constant at which the limit is an extreme of the observations.
    """

    number: int
    turns: Floats
    rows: Rows
    reached: bool
    extremes: tuple[float, ...]

    def stretch(self, value: float) -> tuple[float, float]:
        """The turning points on both sides of a value: between them all comparisons come out the same."""
        place = int(np.searchsorted(self.turns, value))
        below = float(self.turns[place - 1]) if place else -np.inf
        above = float(self.turns[place]) if place < len(self.turns) else np.inf
        return below, above


def limits_of(watched: Objective, values: Sequence[Number], rows: Rows) -> dict[int, Limit]:
    """The constants that are limits at these values, by number.

    Args:
        watched: The model with its comparisons recorded.
        values: All constants.
        rows: Transitions to look at.
    """
    few = rows[:: max(1, len(rows) // _FEW)]
    before = {len(some): watched.events(values, some) for some in (few, rows)}
    found: dict[int, Limit] = {}
    for number, value in enumerate(values):
        moved = [float(item) if index == number else item for index, item in enumerate(values)]
        moved[number] = value + (_NUDGE * abs(value) or _NUDGE)
        limit = None
        for some in (few, rows):
            moves = _moves(before[len(some)], watched.events(moved, some), some)
            limit = _limit(watched, number, float(value), moved[number] - value, moves)
            if limit is None and moves:
                break  # a few transitions are enough to see that it is a quantity
        if limit is not None:
            found[number] = limit
    return found


def improve(
    objective: Objective, limits: Mapping[int, Limit], values: Sequence[Number], check: Rows
) -> tuple[Number, ...]:
    """Move each limit to where most fields are right.

    Args:
        objective: The model.
        limits: The constants that are limits at these values.
        values: All constants.
        check: Transitions that are run for every value tried.

    Returns:
        All constants; the same where nothing gets better.
    """
    best = list(values)
    for number, limit in limits.items():
        best[number] = _placed(objective, limit, best, check)
    return tuple(best)


def _placed(objective: Objective, limit: Limit, values: Sequence[Number], check: Rows) -> Number:
    whole = isinstance(objective.start[limit.number], int)
    now = round(values[limit.number]) if whole else values[limit.number]
    trials: dict[Number, int] = {}

    def score(candidates: Sequence[float], rows: Rows) -> None:
        for candidate in candidates:
            value: Number = round(candidate) if whole else candidate
            if value not in trials:
                changed = [value if index == limit.number else item for index, item in enumerate(values)]
                trials[value] = objective.right_fields(changed, rows)

    between = _whole_around(limit.turns) if whole else _between(limit.turns)
    near = [item for item in between if _is_like(item, float(now))]
    spread = [near[int(place)] for place in np.linspace(0, len(near) - 1, min(_TRIED, len(near)))]
    score([float(now), *limit.extremes, *spread], check)
    best = max(trials.values())
    if trials[now] == best == objective.all_fields(check):
        return now
    # Look closer around the best, with the transitions that turn there.
    winners = sorted(value for value, count in trials.items() if count == best)
    low, high = winners[0], winners[-1]
    tried = sorted(trials)
    low = max((value for value in tried if value < low), default=low)
    high = min((value for value in tried if value > high), default=high)
    inside = [item for item in between if low <= item <= high]
    center = (low + high) / 2
    closest = limit.rows[np.argsort(np.abs(limit.turns - center), kind="stable")[:_NEAREST]]
    rows = np.unique(np.concatenate([check, closest]))
    step = max(1, len(inside) // (2 * _TRIED))
    trials.clear()
    score([float(now), *winners, *inside[::step]], rows)
    best = max(trials.values())
    if trials[now] == best:
        return now
    return _middle_of_longest(trials, best)


def _middle_of_longest(trials: Mapping[Number, int], best: int) -> Number:
    """The middle of the longest run of values in a row that reach the best score."""
    runs: list[list[Number]] = [[]]
    for value in sorted(trials):
        if trials[value] == best:
            runs[-1].append(value)
        elif runs[-1]:
            runs.append([])
    longest = max(runs, key=len)
    return longest[len(longest) // 2]


def _moves(before: Sequence[Sides], after: Sequence[Sides], rows: Rows) -> list[Floats]:
    """For each comparison of which one side moved: rows of (row, side before, side after, other side)."""
    found: dict[tuple[int, int], list[tuple[int, float, float, float]]] = {}
    for row, then, now in zip(rows.tolist(), before, after, strict=True):
        for key, (left, right) in then.items():
            new_left, new_right = now.get(key, (left, right))
            if new_left == left and new_right != right:
                found.setdefault(key, []).append((row, right, new_right, left))
            elif new_right == right and new_left != left:
                found.setdefault(key, []).append((row, left, new_left, right))
    return [np.array(moves, dtype=np.float64) for moves in found.values()]


def _limit(watched: Objective, number: int, value: float, step: float, moves: Sequence[Floats]) -> Limit | None:
    """The limit that a constant is; None if it is none."""
    turns: list[float] = []
    of: list[int] = []
    extremes: set[float] = set()
    reached = False
    for table in moves:
        limit, slope = table[0, 1], (table[0, 2] - table[0, 1]) / step
        if np.ptp(table[:, 1]) > 1e-9 * abs(limit) or not np.isfinite(slope) or slope == 0.0:
            continue  # it depends on the state: a quantity, no limit
        others = table[:, 3]
        turns += (value + (others - limit) / slope).tolist()
        of += table[:, 0].astype(int).tolist()
        reached = reached or bool((others < limit).any() and (others > limit).any())
        extremes |= {value + (extreme - limit) / slope for extreme in _extremes(watched)}
    if not turns:
        return None
    order = np.argsort(turns, kind="stable")
    kept = tuple(extreme for extreme in sorted(extremes) if _is_like(extreme, value))
    return Limit(number, np.array(turns)[order], np.array(of, dtype=np.intp)[order], reached, kept)


def _extremes(watched: Objective) -> list[float]:
    observed = watched.observed
    return [*observed.min(axis=0).tolist(), *observed.max(axis=0).tolist()]


def _between(turns: Floats) -> list[float]:
    """One value from each stretch between turning points, and one beyond each end."""
    distinct = np.unique(turns[np.isfinite(turns)])
    if not len(distinct):
        return []
    margin = 0.02 * (float(np.ptp(distinct)) or abs(float(distinct[0])) or 1.0)
    middles = (distinct[1:] + distinct[:-1]) / 2
    return [float(distinct[0]) - margin, *middles.tolist(), float(distinct[-1]) + margin]


def _whole_around(turns: Floats) -> list[float]:
    """The whole numbers from below the first turning point to above the last."""
    finite = turns[np.isfinite(turns)]
    if not len(finite):
        return []
    low, high = np.floor(finite.min()) - 1, np.ceil(finite.max()) + 1
    return np.unique(np.round(np.linspace(low, high, int(min(high - low + 1, 1000))))).tolist()


def _is_like(value: float, now: float) -> bool:
    """Whether a value could be meant where another is written: of the same sign, not far larger or smaller."""
    if now == 0.0:
        return abs(value) < _FARTHEST
    return 1 / _FARTHEST <= value / now <= _FARTHEST
