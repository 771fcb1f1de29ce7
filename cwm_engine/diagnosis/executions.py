"""How many transitions execute each branch of a model, from the probes of one run."""

from __future__ import annotations

from collections import Counter

import numpy as np

from cwm_engine.checking.compare import Bools
from cwm_engine.checking.evidence import Evidence
from cwm_engine.sandbox.results import FIRST_FAILURE, most_paths
from cwm_engine.world_model.blocks import Instrumented

_BRANCHES = frozenset({"then", "else", "skip", "loop", "loop-else", "case", "after", "except"})
_MOST_PATHS = 4096


def executions(evidence: Evidence, instrumented: Instrumented) -> dict[int, int]:
    """How many of the checked transitions execute each branch, by its first line.

    A branch is code that may or may not run when the code around it does; what follows an early `return` is one too.

    Args:
        evidence: What a run showed.
        instrumented: The version that ran, with its probes.

    Returns:
        Nothing where it was not told in full.
    """
    counts = _counts(evidence, instrumented, evidence.checked)
    branches = [block for block in instrumented.blocks if block.kind in _BRANCHES and block.lines]
    return {block.lines[0]: counts[block.index] for block in branches} if counts is not None else {}


def line_executions(evidence: Evidence, instrumented: Instrumented, *, failing: bool = False) -> dict[int, int]:
    """How many of the checked transitions execute each line of the functions of a model.

    What runs only while the model is loaded and constructed counts once. Nothing where it was not told in full.

    Args:
        evidence: What a run showed.
        instrumented: The version that ran, with its probes.
        failing: Count the failing transitions alone.
    """
    counts = _counts(evidence, instrumented, evidence.failing if failing else evidence.checked)
    if counts is None:
        return {}
    loaded = frozenset[int]() if failing else instrumented.executed(evidence.loading)
    lines: dict[int, int] = {}
    for block in instrumented.blocks:
        count = max(counts[block.index], block.index in loaded)
        for line in block.lines:
            lines[line] = max(lines.get(line, 0), count)
    return lines


def lines_before(evidence: Evidence, instrumented: Instrumented) -> frozenset[int]:
    """The lines that run while the model is loaded and constructed and in no transition."""
    counts = _counts(evidence, instrumented, evidence.checked)
    if counts is None:
        return frozenset()
    loaded = instrumented.executed(evidence.loading)
    before = {line for index in loaded if not counts[index] for line in instrumented.blocks[index].lines}
    return frozenset(before - {line for block in instrumented.blocks if counts[block.index] for line in block.lines})


def _counts(evidence: Evidence, instrumented: Instrumented, rows: Bools) -> Counter[int] | None:
    """How many of the chosen transitions execute each block; None where that was not told in full."""
    probes = len(instrumented.probes)
    if not evidence.paths or len(evidence.paths) >= min(_MOST_PATHS, most_paths(probes)):
        return None
    if len(evidence.loading) != probes:
        return None
    counts: Counter[int] = Counter()
    ways = evidence.row_path.astype(np.int64) << 16 | evidence.row_status
    found, numbers = np.unique(ways[rows], return_counts=True)
    for way, number in zip(found.tolist(), numbers.tolist(), strict=True):
        raised = _line(evidence, way & 0xFFFF)
        for index in instrumented.executed(evidence.paths[way >> 16], raised):
            counts[index] += number
    return counts


def _line(evidence: Evidence, status: int) -> tuple[int, ...]:
    """Where a transition of this status ended in an exception."""
    number = status - FIRST_FAILURE
    line = evidence.failures[number].line if 0 <= number < len(evidence.failures) else None
    return () if line is None else (line,)
