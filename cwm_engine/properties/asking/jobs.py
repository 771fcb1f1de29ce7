"""The job that looks for actions which tell programs apart, or reach code that never ran; the model is the simulator.

It explores as Go-Explore does (Ecoffet et al., 2021): states are sorted into cells, a cell is chosen again and again,
and the model walks on from there. A state at the edge of what was reached is chosen as often as a rare one, so that the
edge moves. In every state that is reached, each program that is still to be told from the model predicts the same step.
"""

from __future__ import annotations

import ast
import copy
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_engine.properties.adequacy.jobs import Batch
from cwm_engine.sandbox.program import load_program
from cwm_engine.sandbox.runner import Instance, instances, still
from cwm_engine.trajectories.columns import Leaf
from cwm_engine.world_model.counters import PATH, Counters, hits_of
from cwm_engine.world_model.probes import Instrumented, instrument

Floats = npt.NDArray[np.float64]
Shows = Callable[[Any, Any, Any], bool]
"""Whether a step, given as state, action and what the model predicts, shows what is looked for."""

_BINS = 6
"""Cells into which the range of a recorded number is divided."""
_LEG = 12
"""How many steps are walked from a cell at most."""
_AGAIN = 0.5
_EDGE = 0.5
"""How often a state at the edge of what was reached is chosen, or near it, instead of a rare one."""
_FEW = 24
"""So many states are looked at for one that is rare or near the edge."""
_MOST_CELLS = 50_000
_SHORTENING = 20_000
"""Steps that may be spent on leaving out actions of a sequence."""
_LONG = 32
"""States of more numbers are told apart by all of them."""


def explore(context: Any, request: Mapping[str, Any], _blob: bytes) -> None:
    """Look for short sequences of actions.

    The request names the model (see `Program.request`) and its `form`; `edits` as `[number, start, end, text]` for the
    programs to tell from it; `blocks` of its code that are to be reached, by their number; what `adequacy.jobs.compare`
    says of the columns of a prediction; how many `steps` to take, how long the `longest` sequence may be, the `seconds`
    of processor time and the `seed`. Of the child's states those below `starts` are where episodes begin, the others
    say how far numbers range; its actions are those to choose from. Messages: `found` with `kind` (`mutant` or
    `block`), `number`, `start` (a row) and `actions` (rows); then `done` with the `steps` that were taken.
    """
    warnings.simplefilter("ignore")
    with np.errstate(all="ignore"):
        steps = _Explorer(context, request).run()
    context.send({"event": "done", "steps": steps})


@dataclass(slots=True)
class _Visit:
    """A state that was reached: from which one, by which action (a row), after how many steps."""

    before: _Visit | None
    action: int
    depth: int
    state: Any
    numbers: tuple[float, ...]
    start: int
    chosen: int = 0


class _Explorer(Batch):
    def __init__(self, context: Any, request: Mapping[str, Any]) -> None:
        super().__init__(context, {**request, "mode": "transition"})
        self._context = context
        self._source: str = request["source"]
        self._blocks: set[int] = set(request["blocks"])
        self._columns = np.array(request["columns"], dtype=np.intp)
        self._exact = np.array(request["exact"], dtype=np.bool_)
        self._atol, self._rtol = request["tolerance"]
        self._lot = np.random.default_rng(int(request["seed"]))
        self._longest = int(request["longest"])
        self._most_steps = int(request["steps"])
        self._until = time.process_time() + float(request["seconds"])
        self._starts_count = int(request["starts"])
        self._mutants: dict[int, Instance] = {}
        for number, start, end, replacement in request["edits"]:
            with suppress(BaseException):  # a mutant may raise anything
                self._mutants[number] = self.load(f"{self._source[:start]}{replacement}{self._source[end:]}")
        self._model, self._path = self._instrumented()
        self._cells: dict[tuple[int, ...], int] = {}
        self._order: list[_Visit] = []
        self._low, self._step = self._grid()
        self._lowest: list[_Visit] = []
        self._highest: list[_Visit] = []
        self._known_paths: dict[int, frozenset[int]] = {}

    def run(self) -> int:
        """Explore until everything is found, or time or steps are over."""
        states, _ = self.transitions.chosen(self._form, np.arange(self._starts_count))
        for row, state in enumerate(states):
            self._visit(_Visit(None, -1, 0, state, self._numbers(state), row))
        rows = np.arange(len(self.transitions.actions))
        self._actions = actions = self.transitions.chosen(self._form, rows)[1]
        steps = 0
        while (self._mutants or self._blocks) and self._order and steps < self._most_steps:
            if time.process_time() > self._until:
                break
            steps += self._walk(self._choose(), actions)
        return steps

    def _walk(self, visit: _Visit, actions: Sequence[Any]) -> int:
        """Go on from a state for a few steps; how many."""
        visit.chosen += 1
        row = -1
        for walked in range(_LEG):
            if visit.depth >= self._longest:
                return walked
            if row < 0 or self._lot.random() > _AGAIN:
                row = int(self._lot.integers(len(actions)))
            output = self._stepped(self._model, visit.state, actions[row])
            if output is None:
                return walked + 1
            self._ask(visit, row, actions[row], output)
            state, done = self._following(output)
            if done:
                return walked + 1
            visit = _Visit(visit, row, visit.depth + 1, state, self._numbers(state), visit.start)
            self._visit(visit)
        return _LEG

    def _ask(self, visit: _Visit, row: int, action: Any, output: Any) -> None:
        """See whether this step reaches code or tells programs apart."""
        if self._blocks:
            for block in self._executed() & self._blocks:
                self._blocks.discard(block)
                self._tell("block", block, visit, row, lambda *_, block=block: block in self._executed())
        if not self._mutants:
            return
        expected = self._cells_of(output)
        if np.isnan(expected).all():
            return
        for number, mutant in list(self._mutants.items()):
            if self._tells(mutant, visit.state, action, expected):
                del self._mutants[number]
                self._tell("mutant", number, visit, row, partial(self._separates, mutant))

    def _separates(self, mutant: Instance, state: Any, action: Any, output: Any) -> bool:
        return self._tells(mutant, state, action, self._cells_of(output))

    def _tells(self, mutant: Instance, state: Any, action: Any, expected: Floats) -> bool:
        """Whether a mutant predicts something else than the model."""
        answer = self._stepped(mutant, state, action)
        predicted = np.full(self.writer.width, np.nan) if answer is None else self._cells_of(answer)
        return self._differs(predicted, expected)

    def _tell(self, kind: str, number: int, visit: _Visit, row: int, shows: Shows) -> None:
        rows = [row]
        place: _Visit = visit
        while place.before is not None:
            rows.append(place.action)
            place = place.before
        rows = self._shortened(place, rows[::-1], shows)
        self._context.send({"event": "found", "kind": kind, "number": number, "start": place.start, "actions": rows})

    def _shortened(self, start: _Visit, rows: list[int], shows: Shows) -> list[int]:
        """The same without the actions that are not needed."""
        left = _SHORTENING
        length = max(len(rows) // 2, 1)
        while length and left > 0:
            place = 0
            while place + length < len(rows) and left > 0:
                shorter = rows[:place] + rows[place + length :]
                left -= len(shorter)
                if self._still(start, shorter, shows):
                    rows = shorter
                else:
                    place += length
            length //= 2
        return rows

    def _still(self, start: _Visit, rows: Sequence[int], shows: Shows) -> bool:
        """Whether the last of some actions shows what is looked for."""
        state = start.state
        for index, row in enumerate(rows):
            output = self._stepped(self._model, state, self._actions[row])
            if output is None:
                return False
            if index == len(rows) - 1:
                return bool(shows(state, self._actions[row], output))
            state, done = self._following(output)
            if done:
                return False
        return False

    def _stepped(self, instance: Instance, state: Any, action: Any) -> Any:
        self._counters.refill()
        self._path(None)
        try:
            instance.set_state(_own(state))
            return instance.step(action)
        except BaseException:  # noqa: BLE001 - a model may raise anything
            self._counters.refill()
            return None

    def _instrumented(self) -> tuple[Instance, Callable[[Any], int]]:
        """The model with its probes, and what reads the path of the last step (and clears it when given None)."""
        request = self._request
        self._probed: Instrumented = instrument(ast.parse(self._source))
        counters = Counters(self._context.limits.loop_iterations)
        namespace = load_program(
            self._probed.tree,
            siblings=request["siblings"],
            package=request["package"],
            namespace=counters.names,
            allowed=request["allowed"],
        )
        model = request["model"]
        instance = still(instances(namespace, model["name"], self._dialect, model.get("goal"))())

        def path(clear: Any = 0) -> int:
            counters.refill()
            taken: int = namespace[PATH]
            if clear is None:
                namespace[PATH] = 0
            return taken

        return instance, path

    def _executed(self) -> frozenset[int]:
        taken = self._path(0)
        if taken not in self._known_paths:
            self._known_paths[taken] = self._probed.executed(hits_of(taken, len(self._probed.probes)))
        return self._known_paths[taken]

    def _cells_of(self, output: Any) -> Floats:
        row = np.empty((1, self.writer.width))
        self.writer.write_each([output], row)
        return row[0]

    def _differs(self, predicted: Floats, expected: Floats) -> bool:
        one, other = predicted[self._columns], expected[self._columns]
        near = np.abs(one - other) <= self._atol + self._rtol * np.abs(other)
        same = (one == other) | (near & ~self._exact) | (np.isnan(one) & np.isnan(other))
        return not same.all()

    def _following(self, output: Any) -> tuple[Any, bool]:
        done = bool(output[3] if len(output) == 4 else output[2])
        leaf = self.transitions.states.structure
        if self._form == "stored" and isinstance(leaf, Leaf) and leaf.shape:
            return np.array(output[0], dtype=leaf.dtype), done
        return output[0], done

    # Cells

    def _visit(self, visit: _Visit) -> None:
        """Remember a state in its cell; a shorter way there takes the place of a longer one."""
        cell = self._cell(visit.numbers)
        known = self._cells.get(cell)
        if known is None:
            if len(self._order) >= _MOST_CELLS:
                return
            self._cells[cell] = len(self._order)
            self._order.append(visit)
            self._mark_edges(visit)
        elif visit.depth < self._order[known].depth:
            # What was reached from the old one was reached from there: it keeps its own way.
            visit.chosen = self._order[known].chosen
            self._order[known] = visit

    def _mark_edges(self, visit: _Visit) -> None:
        if not self._lowest:
            count = len(visit.numbers) if len(visit.numbers) <= _LONG else 0
            self._lowest, self._highest = [visit] * count, [visit] * count
        for index in range(len(self._lowest)):
            if visit.numbers[index] < self._lowest[index].numbers[index]:
                self._lowest[index] = visit
            if visit.numbers[index] > self._highest[index].numbers[index]:
                self._highest[index] = visit

    def _choose(self) -> _Visit:
        """A state to go on from: at an edge, near one, or the one of a few that was chosen least."""
        few = [self._order[place] for place in self._lot.integers(len(self._order), size=_FEW)]
        if not self._lowest or self._lot.random() > _EDGE:
            return min(few, key=lambda visit: visit.chosen)
        index = int(self._lot.integers(len(self._lowest)))
        sign = 1.0 if self._lot.random() < 0.5 else -1.0
        if self._lot.random() < 0.5:
            return (self._highest if sign > 0 else self._lowest)[index]
        # What stands at the very edge may be doomed: the pole falls. So one of the others near it gets a turn.
        few.sort(key=lambda visit: visit.chosen)
        return max(few[: _FEW // 2], key=lambda visit: sign * visit.numbers[index])

    def _cell(self, numbers: tuple[float, ...]) -> tuple[int, ...]:
        if len(numbers) > _LONG or len(numbers) != len(self._low):
            return (hash(numbers),)
        return tuple(np.floor((np.array(numbers) - self._low) / self._step).astype(np.int64).tolist())

    def _grid(self) -> tuple[Floats, Floats]:
        """Where cells begin, and how wide they are: one for each whole number, a part of the range for others."""
        arrays = self.transitions.states.arrays
        if any(array.dtype == object for array in arrays):
            return np.zeros(0), np.ones(0)
        flat = [array.reshape(len(array), -1) for array in arrays]
        low = np.concatenate([part.min(axis=0) for part in flat]).astype(np.float64)
        high = np.concatenate([part.max(axis=0) for part in flat]).astype(np.float64)
        whole = np.concatenate([np.full(part.shape[1], part.dtype.kind != "f") for part in flat])
        step = np.where(whole | (high == low), 1.0, (high - low) / _BINS)
        return low, step

    def _numbers(self, state: Any) -> tuple[float, ...]:
        try:
            return tuple(_flat(state))
        except (TypeError, ValueError):
            return (float(hash(repr(state)) % 2**52),)


def _own(state: Any) -> Any:
    """A state that a model may change without changing those that were reached."""
    if isinstance(state, np.ndarray):
        return state.copy()
    return copy.deepcopy(state) if isinstance(state, dict | list) else state


def _flat(value: Any) -> list[float]:
    match value:
        case np.ndarray():
            return [float(number) for number in value.ravel()]
        case dict():
            return [number for part in value.values() for number in _flat(part)]
        case tuple() | list():
            return [number for part in value for number in _flat(part)]
        case _:
            return [float(value)]
