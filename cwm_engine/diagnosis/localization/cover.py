"""From explaining lines to findings: the fewest lines that together explain every failing transition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cwm_engine.diagnosis.localization.replacement import Explanation

_RELATIVE, _LEAST = 0.7, 0.2
_WORTH_A_GROUP = 0.15
"""Share of all failing transitions that a further group has to explain."""

_MOST_GROUPS, _SUSPECTS = 5, 5


@dataclass(frozen=True, slots=True)
class Group:
    """Failing transitions with one probable cause.

    Attributes:
        line: The line that explains them best.
        suspects: Lines that may be the cause with their scores, the most suspicious first; `line` is the first.
        rows: Failing transitions of the sample that belong to it.
    """

    line: int
    suspects: tuple[tuple[int, float], ...]
    rows: tuple[int, ...]


def cover(
    ranked: Sequence[tuple[int, float]],
    explanations: Sequence[Explanation],
    rows: Sequence[int],
    weights: npt.NDArray[np.float64],
    wrong_lines: Mapping[int, frozenset[int]],
) -> list[Group]:
    """Groups of failing transitions, the largest first.

    Greedily, the line is taken that explains most of what is unexplained, weighted by its suspicion. A line
    explains a transition when it repairs nearly as much of it as the best line does.

    Args:
        ranked: Lines with scores, most suspicious first.
        explanations: What replacing values repairs, for the transitions `rows`.
        rows: The failing transitions that were explained.
        weights: How many transitions each of them stands for.
        wrong_lines: For each row, lines of its wrong fields.
    """
    scores = dict(ranked)
    lines = [line for line, score in ranked if score > 0]
    strength = _strengths(lines, explanations, len(rows))
    best = strength.max(axis=0, initial=0.0)
    # What was not tried on a row is taken to repair as much there as elsewhere, if the row depends on it at all.
    explains = (strength >= _RELATIVE * best) & (strength >= _LEAST)
    in_slice = np.array([[line in wrong_lines.get(row, frozenset()) for row in rows] for line in lines])
    in_slice = in_slice.reshape(len(lines), len(rows))
    share = weights / max(float(weights.sum()), 1e-12)
    left = np.ones(len(rows), dtype=np.bool_)
    groups: list[Group] = []
    while left.any() and len(groups) < _MOST_GROUPS and lines:
        gain = (explains & left) @ share
        value = gain * np.array([scores[line] for line in lines])
        first = int(np.argmax(value))
        if gain[first] < _WORTH_A_GROUP * (1.0 if groups else 0.0) or value[first] == 0:
            break
        taken = explains[first] & left
        if groups:
            order = np.argsort(-value, kind="stable")
            suspects = [(lines[i], scores[lines[i]]) for i in order[:_SUSPECTS].tolist() if value[i] > 0]
        else:
            suspects = _first_suspects(lines[first], ranked)
        groups.append(Group(lines[first], tuple(suspects), tuple(np.array(rows)[taken].tolist())))
        left &= ~taken
    if not groups:
        suspects = list(ranked[:_SUSPECTS])
        return [Group(suspects[0][0], tuple(suspects), tuple(rows))] if suspects else []
    return _with_rest(groups, rows, left, in_slice, lines)


def _strengths(lines: Sequence[int], explanations: Sequence[Explanation], count: int) -> npt.NDArray[np.float64]:
    """How much each line repairs of each row."""
    index = {line: i for i, line in enumerate(lines)}
    strength = np.zeros((len(lines), count))
    for explanation in explanations:
        if explanation.line in index:
            known = np.where(np.isnan(explanation.strength), explanation.mean, explanation.strength)
            np.maximum(strength[index[explanation.line]], known, out=strength[index[explanation.line]])
    return strength


def _first_suspects(line: int, ranked: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """The ranking as it is, with the chosen line in front."""
    rest = [item for item in ranked if item[0] != line]
    return [(line, dict(ranked)[line]), *rest[: _SUSPECTS - 1]]


def _with_rest(
    groups: list[Group],
    rows: Sequence[int],
    left: npt.NDArray[np.bool_],
    in_slice: npt.NDArray[np.bool_],
    lines: Sequence[int],
) -> list[Group]:
    """What nothing explains goes to the first group whose line it depends on."""
    if not left.any():
        return groups
    index = {line: i for i, line in enumerate(lines)}
    extra: dict[int, list[int]] = {}
    for position in np.flatnonzero(left).tolist():
        home = next((i for i, group in enumerate(groups) if in_slice[index[group.line], position]), 0)
        extra.setdefault(home, []).append(rows[position])
    return [Group(group.line, group.suspects, (*group.rows, *extra.get(i, ()))) for i, group in enumerate(groups)]
