"""The ranking of lines: what replacement explains, times what the spectrum suspects.

The weights were chosen on faults that no benchmark uses; they matter little: any exponent between 2 and 6
and any of several ways to combine the two spectra give the same order to a few per cent.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from cwm_engine.diagnosis.execution.sample import Sample
from cwm_engine.diagnosis.localization.replacement import Explanation
from cwm_engine.diagnosis.localization.spectrum import ochiai

_EXPONENT = 4
"""Repairing nearly everything is worth much more than repairing half: replacement errs by partial repairs."""

_CONFLICT = (1.0, 0.3, 0.03)
"""What an explanation is worth that an edit of its line could not turn into a repair (see `Explanation.conflict`)."""

_HOLDS = 2.0
"""What it is worth when one change suits all transitions tried."""

_UNEXPLAINED = 0.1
"""The worth of a line where nothing was explained: something may be missing there."""


def rank_lines(
    lines: Sequence[int],
    explanations: Sequence[Explanation],
    line_suspicion: Mapping[int, float],
    slice_suspicion: Mapping[int, float],
) -> list[tuple[int, float]]:
    """Lines with their suspicion in 0..1, the most suspicious first.

    Args:
        lines: All lines that may hold a mistake.
        explanations: What replacing values repairs.
        line_suspicion: Ochiai's coefficient by line coverage.
        slice_suspicion: Ochiai's coefficient by component slices.
    """
    worth = dict.fromkeys(lines, 0.0)
    for explanation in explanations:
        if explanation.line in worth:
            worth[explanation.line] = max(worth[explanation.line], worth_of(explanation))
    scores = {
        line: (worth[line] + _UNEXPLAINED) * (line_suspicion.get(line, 0.0) + slice_suspicion.get(line, 0.0))
        for line in lines
    }
    most = (_HOLDS + _UNEXPLAINED) * 2.0
    return sorted(((line, score / most) for line, score in scores.items()), key=lambda item: (-item[1], item[0]))


def worth_of(explanation: Explanation) -> float:
    """How much an explanation speaks for its line, from 0 to `_HOLDS`."""
    holds = _HOLDS if explanation.holds > 0.99 else 1.0
    return explanation.mean**_EXPONENT * _CONFLICT[explanation.conflict] * holds


def line_suspicion(sample: Sample, lines: Sequence[int], always: frozenset[int]) -> dict[int, float]:
    """Ochiai's coefficient of each line over the whole dataset.

    Args:
        sample: Knows how many failing and passing transitions execute each line.
        lines: The lines.
        always: Lines that run before the first step, for every transition.
    """
    failing, passing = sample.totals
    found = {}
    for line in lines:
        counts = (failing, passing) if line in always else sample.line_counts.get(line, (0, 0))
        found[line] = ochiai(*counts, failing)
    return found


def code_lines(tree: ast.Module) -> list[int]:
    """Lines that hold code which computes: not imports, headers of functions and classes, or docstrings."""
    found: set[int] = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                found.update(value.lineno for value in (*node.args.defaults, *node.args.kw_defaults) if value)
            case ast.ClassDef() | ast.Import() | ast.ImportFrom():
                continue
            case ast.Expr(value=ast.Constant()):
                continue
            case ast.If() | ast.While():
                found.add(node.lineno)
                found.update(_lines(node.test))
            case ast.For():
                found.update(range(node.lineno, (node.iter.end_lineno or node.lineno) + 1))
            case ast.stmt() if not hasattr(node, "body"):
                found.update(_lines(node))
    return sorted(found)


def _lines(node: ast.AST) -> set[int]:
    """The lines on which any part of a node starts; comments and lone brackets are none of them."""
    return {part.lineno for part in ast.walk(node) if isinstance(part, ast.expr | ast.stmt)}
