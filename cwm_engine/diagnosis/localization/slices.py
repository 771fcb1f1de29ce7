"""Component slices: for each field of a prediction, the lines it was computed from.

Each field of each transition is a test of its own: if `x_dot` is wrong while `theta_dot` is right, lines
that feed only `theta_dot` are cleared. Wherever the evaluation that follows values fails or would not give
exactly what a plain run gives, the slice is all lines that ran: less is known then, nothing wrong.
"""

from __future__ import annotations

import ast
import inspect
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cwm_engine.diagnosis.execution.bounded import LOOP_ITERATIONS, bounded
from cwm_engine.diagnosis.execution.executor import Bench, Loader, ModelRef, load_plainly
from cwm_engine.diagnosis.execution.sample import Sample
from cwm_engine.diagnosis.localization.masks import Mask, items_of, union
from cwm_engine.diagnosis.localization.shadow import Shadow
from cwm_engine.diagnosis.localization.shadow_compiler import compile_function
from cwm_engine.diagnosis.localization.spectrum import ochiai
from cwm_engine.trajectories.columns import DictOf, Leaf, Structure, TupleOf
from cwm_engine.world_model.counters import Counters
from cwm_engine.world_model.discovery import Dialect

_SMALL = 64


@dataclass(frozen=True)
class Slices:
    """What each field of some transitions was computed from.

    Attributes:
        lines: By transition of the sample: for each field its lines.
        exact: Transitions whose slices follow values; those of the others are all lines that ran.
    """

    lines: dict[int, tuple[frozenset[int], ...]]
    exact: frozenset[int]

    def suspicion(self, sample: Sample) -> dict[int, float]:
        """Ochiai's coefficient of every line over all fields of the transitions; lines of no wrong field have none."""
        failing: dict[int, float] = {}
        passing: dict[int, float] = {}
        total = 0.0
        for row, fields in self.lines.items():
            for wrong, lines in zip(sample.wrong[row].tolist(), fields, strict=True):
                total += wrong
                counts = failing if wrong else passing
                for line in lines:
                    counts[line] = counts.get(line, 0.0) + 1.0
        return {line: ochiai(count, passing.get(line, 0.0), total) for line, count in failing.items()}

    def of_wrong_fields(self, sample: Sample, row: int) -> frozenset[int]:
        """All lines that a wrong field of a transition was computed from."""
        wrong = sample.wrong[row].tolist()
        return frozenset[int]().union(*(lines for lines, bad in zip(self.lines[row], wrong, strict=True) if bad))


def component_slices(
    tree: ast.Module,
    model: ModelRef,
    sample: Sample,
    rows: Sequence[int],
    *,
    always: frozenset[int] = frozenset(),
    deadline: float = float("inf"),
    loader: Loader = load_plainly,
) -> Slices:
    """The slices of some transitions of a sample.

    Args:
        tree: The model's module, as the user wrote it.
        model: The model in it.
        sample: The transitions.
        rows: Which of them.
        always: Lines that run before the first step; part of every inexact slice.
        deadline: `time.process_time()` at which to stop; the slices of the rows left are inexact.
        loader: What runs the module.
    """
    counters = Counters(LOOP_ITERATIONS)
    bench = Bench(bounded(tree), model, sample, counters.names, loader)
    states, actions = sample.inputs()
    histories = sample.histories()
    tracer = _Tracer(tree, model, bench.machine.namespace, sample.following.structure)
    found: dict[int, tuple[frozenset[int], ...]] = {}
    exact: set[int] = set()
    count = len(sample.layout.names)
    for row in rows:
        fields = None
        try:
            if time.process_time() > deadline:
                raise TimeoutError
            counters.refill()
            expected = bench.judge.cells(bench.output(row))
            observation, masks = tracer.run(
                bench.fresh(states[row]), actions[row], histories[row] if histories else None
            )
            if _same(bench.judge.cells(observation), expected) and len(masks) == count:
                fields = tuple(tracer.shadow.lines(mask) for mask in masks)
                exact.add(row)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - the model or the evaluation of it failed: nothing is known
            fields = None
        found[row] = fields or (sample.path_lines[sample.paths[row]] | always,) * count
    return Slices(found, frozenset(exact))


class _Tracer:
    """Runs a model in any dialect on values with masks."""

    def __init__(self, tree: ast.Module, model: ModelRef, namespace: dict[str, Any], structure: Structure) -> None:
        self.shadow = Shadow(tree, namespace, compile_function)
        self._model = model
        self._namespace = namespace
        self._structure = structure
        self._instance: Any = None
        if model.dialect is not Dialect.FUNCTIONS:
            self._instance = self.shadow.construct(namespace[model.name])

    def run(self, state: Any, action: Any, history: Sequence[Any] | None) -> tuple[Any, list[int]]:
        """What the model returns for a transition, and the masks of its cells.

        Args:
            state: The state it is put into.
            action: The action to predict.
            history: Actions that are taken before; None in transition mode.
        """
        self.shadow.start()
        if self._instance is not None:
            if history is not None:
                self._instance = self.shadow.construct(type(self._instance))
            self.shadow.call(self._instance.set_state, [(state, 0)], {}, 0)
            for earlier in history or ():
                self.shadow.call(self._instance.step, [(earlier, 0)], {}, 0)
            output, mask = self.shadow.call(self._instance.step, [(action, 0)], {}, 0)
            parts = items_of(output, self.shadow.read(output, mask), len(output))
            chosen = (0, 2, 3) if len(output) == 4 else (0, 1, 2)
            following, reward, done = (parts[i] for i in chosen)
            cells = self._cells(self._structure, output[0], following)
            return output, [*cells, union(reward), union(done)]
        start: tuple[Any, Mask] = (state, 0)
        for earlier in history or ():
            start = self.shadow.call(self._namespace["transition"], [start, (earlier, 0)], {}, 0)
        following, mask = self.shadow.call(self._namespace["transition"], [start, (action, 0)], {}, 0)
        arguments = [start, (action, 0), (following, mask)]
        rewards = self._namespace.get("REWARDS")
        goal = self._model.goal
        function: Any = self._namespace.get("reward")
        if rewards and (goal is not None or function is None):
            function = rewards[goal if goal is not None else next(iter(rewards))]
        elif len(inspect.signature(function).parameters) > 3:
            arguments.append((goal, 0))
        paid, paid_mask = self.shadow.call(function, arguments, {}, 0)
        reward, done = items_of(paid, paid_mask, 2)
        return (following, *paid), [*self._cells(self._structure, following, mask), union(reward), union(done)]

    def _cells(self, structure: Structure, value: Any, mask: Mask) -> list[int]:
        mask = self.shadow.read(value, mask)
        match structure:
            case Leaf(_, _, shape):
                size = int(np.prod(shape, dtype=np.int64))
                if not shape or size > _SMALL:
                    return [union(mask)]
                if len(shape) == 1:
                    return [union(item) for item in items_of(value, mask, size)]
                rows = zip(value, items_of(value, mask, shape[0]), strict=True)
                inner = Leaf(structure.kind, structure.dtype, shape[1:])
                return [cell for item, part in rows for cell in self._cells(inner, item, part)]
            case TupleOf(items):
                parts = items_of(value, mask, len(items))
                return [
                    cell
                    for item, of, part in zip(value, items, parts, strict=True)
                    for cell in self._cells(of, item, part)
                ]
            case DictOf(named):
                whole = union(mask)
                by_name = mask if isinstance(mask, dict) else {}
                return [cell for name, of in named for cell in self._cells(of, value[name], by_name.get(name, whole))]


def _same(first: Sequence[Any], second: Sequence[Any]) -> bool:
    for a, b in zip(first, second, strict=True):
        if isinstance(a, np.ndarray):
            if not np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
                return False
        elif not (a == b or (_is_nan(a) and _is_nan(b))):
            return False
    return True


def _is_nan(value: Any) -> bool:
    return isinstance(value, float | np.floating) and bool(np.isnan(value))
