"""Localization: from a sample of failing transitions to ranked lines and groups, in one process.

Component slices say what the wrong fields were computed from; value replacement says where one changed
value would make them right; set cover says how few lines explain everything.
"""

from __future__ import annotations

import ast
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cwm_engine.diagnosis.execution.executor import Loader, ModelRef, load_plainly
from cwm_engine.diagnosis.execution.levels import Level, focused, levels_of
from cwm_engine.diagnosis.execution.sample import Sample
from cwm_engine.diagnosis.execution.switchboard import Switchboard
from cwm_engine.diagnosis.localization.cover import Group, cover
from cwm_engine.diagnosis.localization.ranking import code_lines, line_suspicion, rank_lines
from cwm_engine.diagnosis.localization.replacement import explanations
from cwm_engine.diagnosis.localization.slices import component_slices

_SLICED, _EXPLAINED, _KEPT = 20, 10, 40
_SLICE_SHARE = 0.3
"""Share of the time that slices may take."""


@dataclass(frozen=True)
class Localization:
    """Where a model is probably wrong.

    Attributes:
        ranked: Lines with suspicion in 0..1, the most suspicious first; lines that no wrong field was computed
            from are not among them.
        groups: Failing transitions by probable cause, the largest group first.
        seconds: CPU time it took.
    """

    ranked: tuple[tuple[int, float], ...]
    groups: tuple[Group, ...]
    seconds: float


def localize(
    source: str, model: ModelRef, sample: Sample, *, seconds: float = 0.25, loader: Loader = load_plainly
) -> Localization:
    """Rank the lines of a model by how probably they are to blame for the failing transitions of a sample.

    Args:
        source: The model's file.
        model: The model in it.
        sample: Failing and passing transitions (see `choose_sample`).
        seconds: CPU time to use; what is not done by then is left out.
        loader: What runs the module.

    Raises:
        SyntaxError: The source is not valid Python.
        BaseException: Whatever loading the model raises.
    """
    started = time.process_time()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return _localize(source, model, sample, (started, seconds), loader)


def telling_rows(board: Switchboard, rows: Sequence[int], wanted: int) -> list[int]:
    """Failing transitions to explain, kinds of failure taking turns; of each kind small errors first and large between.

    Where the error is small the model responds to changes almost linearly, so that values are found.
    """
    sample = board.sample
    kinds: dict[tuple[bytes, int], list[tuple[float, int]]] = {}
    board.clear()
    for row in rows:
        miss = board.measure(row)
        size = sum(item * item for item in miss.distances) if miss else float("inf")
        kinds.setdefault((sample.wrong[row].tobytes(), int(sample.paths[row])), []).append((size, row))
    queues = []
    for kind in kinds.values():
        kind.sort()
        half = (len(kind) + 1) // 2
        places = [2 * i if i < half else 4 * (i - half) + 3 for i in range(len(kind))]  # two small ones, a large one
        queues.append([row for _, (_, row) in sorted(zip(places, kind, strict=True))])
    rounds = range(max((len(queue) for queue in queues), default=0))
    return [queue[i] for i in rounds for queue in queues if i < len(queue)][:wanted]


def _localize(
    source: str, model: ModelRef, sample: Sample, time_given: tuple[float, float], loader: Loader
) -> Localization:
    started, seconds = time_given
    tree = focused(ast.parse(source), model.name)
    lines = code_lines(tree)
    always = frozenset(line for line, level in levels_of(tree, model.name).items() if level is not Level.STEP)
    failing, passing = sample.failing.tolist(), sample.passing.tolist()
    slices = component_slices(
        tree, model, sample, _alternating(failing[:_SLICED], passing[:_SLICED]),
        always=always, deadline=started + _SLICE_SHARE * seconds, loader=loader,
    )  # fmt: skip
    slice_suspicion = slices.suspicion(sample)
    wrong_lines = {row: slices.of_wrong_fields(sample, row) for row in failing if row in slices.lines}
    suspected = frozenset[int]().union(*wrong_lines.values())
    board = Switchboard(tree, model, sample, loader, lines=suspected)
    rows = telling_rows(board, failing, _EXPLAINED)
    found = explanations(
        board, rows=rows, passing=passing[:_KEPT],
        lines=lambda line: slice_suspicion.get(line, 0.0), deadline=started + seconds,
    )  # fmt: skip
    spectrum = line_suspicion(sample, lines, always)
    ranked = rank_lines(
        [line for line in lines if line in suspected or spectrum[line] > 0], found, spectrum, slice_suspicion
    )
    ranked = [item for item in ranked if item[1] > 0]
    everything = frozenset(line for line, _ in ranked)
    groups = cover(ranked, found, rows, sample.weights[rows], {row: wrong_lines.get(row, everything) for row in rows})
    return Localization(tuple(ranked), tuple(groups), time.process_time() - started)


def _alternating(first: Sequence[int], second: Sequence[int]) -> list[int]:
    """Two lists in turns, so that a cut leaves some of both."""
    longest = range(max(len(first), len(second)))
    return [part[i] for i in longest for part in (first, second) if i < len(part)]
