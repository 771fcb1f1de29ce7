"""The jobs of a child that runs mutants: many programs in one process, each compared with the model as it is.

A child holds states and actions, never outcomes: a mutant is told from the model by what the two predict. What it says
are raw predictions and the number of the mutant it is at, so that the host knows which one took the process down.
"""

from __future__ import annotations

import ast
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_engine.sandbox.outputs import Failure, Writer
from cwm_engine.sandbox.program import load_program
from cwm_engine.sandbox.runner import Instance, failure_of, instances, still
from cwm_engine.sandbox.transitions import Form, Transitions
from cwm_engine.trajectories.columns import Leaf
from cwm_engine.world_model.counters import Counters
from cwm_engine.world_model.discovery import Dialect
from cwm_engine.world_model.probes import instrument

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]

_FIRST, _GROWTH, _LARGEST = 32, 4, 8192
_LOOPS = 20_000
_STICKY, _WALK = 0.6, 40
"""How often a walk repeats its action, and after how many steps it begins anew."""
_SHARES = 4
"""How many shares of the time that is left one mutant may take; most take far less than one."""
_COSTLY = 3
"""So many endless loops in one mutant are enough to know it by."""


def compare(context: Any, request: Mapping[str, Any], _blob: bytes) -> None:
    """Run mutants until each predicts something else than the model.

    The request names the model (see `Program.request`), its `form` and `mode`; `edits` as `[number, start, end, text]`;
    which `columns` of a prediction count, which of them are `exact`, and the `tolerance` of the others; how many rows
    are run for every mutant (`least`, the first ones), how many rows that differ are told (`most`), and the `seconds`
    of processor time for all. Messages: `mutant` for each, with its `number`, the `rows` in which it differs, how many
    were `compared`, and its predictions for them and those of the model as the blob; then `done`. A mutant for which
    there is no time has `compared` 0, one that would take too much of it fewer than all rows.
    """
    warnings.simplefilter("ignore")
    with np.errstate(all="ignore"):
        _Comparison(context, request).run(request["edits"])
    context.send({"event": "done"})


def roam(context: Any, request: Mapping[str, Any], _blob: bytes) -> None:
    """Let the model walk on from recorded states, with recorded actions, for `steps` steps; `seed` decides which.

    One message, `roamed`, with the observations that are no ends of episodes as a blob, (k, width - 2).
    """
    warnings.simplefilter("ignore")
    with np.errstate(all="ignore"):
        seen = _Walk(context, request).observations(int(request["steps"]), int(request["seed"]))
    context.send({"event": "roamed"}, seen.tobytes())


class Batch:
    """One program after another over the same rows, in chunks that grow.

    Args:
        context: The child.
        request: See `compare`.
    """

    def __init__(self, context: Any, request: Mapping[str, Any]) -> None:
        self.transitions: Transitions = context.shared["transitions"]
        self._request = request
        self._form: Form = request["form"]
        self._dialect = Dialect(request["model"]["dialect"])
        self.writer = Writer(self.transitions.prediction, 5 if self._dialect is Dialect.GYMNASIUM else 3)
        self._counters = Counters(min(context.limits.loop_iterations, _LOOPS))
        self._starts = frozenset(self.transitions.episode_starts.tolist()) if request["mode"] == "episode" else None
        self._inputs: dict[int, tuple[Sequence[Any], Sequence[Any]]] = {}

    def chunks(self, order: Rows, least: int) -> Iterator[Rows]:
        """The rows in the order in which they run; in episode mode from the first to the last."""
        size, start = max(_FIRST, least), 0
        while start < len(order):
            yield order[start : start + size]
            start += size
            size = min(max(_FIRST, size) * _GROWTH if start > least else _FIRST, _LARGEST)

    def load(self, text: str) -> Instance:
        """An instance of a program.

        Raises:
            BaseException: Whatever the program raises.
        """
        request = self._request
        self._counters.refill()
        namespace = load_program(
            instrument(ast.parse(text)).tree,
            siblings=request["siblings"],
            package=request["package"],
            namespace=self._counters.names,
            allowed=request["allowed"],
        )
        model = request["model"]
        construct = instances(namespace, model["name"], self._dialect, model.get("goal"))
        if self._starts is None:
            return still(construct())
        return _carried(construct, self._starts)

    def predictions(self, instance: Instance, rows: Rows) -> Floats:
        """What a program predicts, (k, width); NaN where it fails. All of NaN after some endless loops."""
        states, actions = self._values(rows)
        outputs: list[Any] = []
        refill, costly = self._counters.refill, 0
        for row, state, action in zip(rows.tolist(), states, actions, strict=True):
            refill()
            try:
                instance.set_state(state if self._starts is None else (row, state))
                outputs.append(instance.step(action))
            except BaseException as error:  # noqa: BLE001 - whatever a model raises is its answer to this step
                outputs.append(failure_of(error))
                costly += outputs[-1].is_costly
                if costly >= _COSTLY:
                    outputs += [Failure("loop", "and more")] * (len(rows) - len(outputs))
                    break
        refill()
        predicted = np.empty((len(outputs), self.writer.width))
        self.writer.write_each(outputs, predicted)
        return predicted

    def _values(self, rows: Rows) -> tuple[Sequence[Any], Sequence[Any]]:
        """States and actions; plain ones are kept, since nothing can change them."""
        if self._form == "stored" or not self._is_unchangeable:
            return self.transitions.chosen(self._form, rows)
        key = int(rows[0])
        if key not in self._inputs or len(self._inputs[key][0]) != len(rows):
            self._inputs[key] = self.transitions.chosen(self._form, rows)
        return self._inputs[key]

    @property
    def _is_unchangeable(self) -> bool:
        states = self.transitions.states.plain(0, 1)
        return all(isinstance(state, int | float | str) or _is_flat_tuple(state) for state in states)


class _Comparison(Batch):
    def __init__(self, context: Any, request: Mapping[str, Any]) -> None:
        super().__init__(context, request)
        self._context = context
        self._least, self._most = int(request["least"]), int(request["most"])
        self._source: str = request["source"]
        self._columns = np.array(request["columns"], dtype=np.intp)
        self._exact = np.array(request["exact"], dtype=np.bool_)
        self._atol, self._rtol = request["tolerance"]
        count = len(self.transitions)
        rest = np.arange(self._least, count)
        if self._starts is None:
            rest = np.random.default_rng(0).permutation(rest)
        self._order: Rows = np.concatenate([np.arange(min(self._least, count)), rest]).astype(np.intp)
        self._model = self.load(self._source)
        self._expected: dict[int, Floats] = {}
        self._until = self._late = time.process_time() + float(request["seconds"])

    def run(self, edits: Sequence[tuple[int, int, int, str]]) -> None:
        for place, (number, start, end, replacement) in enumerate(edits):
            self._context.progress[0] = number
            left = self._until - time.process_time()
            if left <= 0:
                self._tell(number, 0, [])
                continue
            self._late = time.process_time() + _SHARES * left / (len(edits) - place)
            try:
                instance = self.load(f"{self._source[:start]}{replacement}{self._source[end:]}")
            except BaseException as error:  # noqa: BLE001 - a mutant may raise anything
                self._context.send({"event": "mutant", "number": number, "fails": failure_of(error).message})
                continue
            self._examine(number, instance)

    def _examine(self, number: int, instance: Instance) -> None:
        compared = 0
        found: list[tuple[Rows, Floats, Floats]] = []
        for rows in self.chunks(self._order, self._least):
            expected = self._expected_of(rows)
            predicted = self.predictions(instance, rows)
            differing = self._differs(predicted, expected)
            compared += len(rows)
            if differing.any():
                found.append((rows[differing], predicted[differing], expected[differing]))
            if (found and compared >= self._least) or time.process_time() > self._late:
                break
        self._tell(number, compared, found)

    def _tell(self, number: int, compared: int, found: Sequence[tuple[Rows, Floats, Floats]]) -> None:
        rows: list[int] = []
        blob = b""
        if found:
            kept = slice(0, self._most)
            rows = np.concatenate([part[0] for part in found])[kept].tolist()
            mutant, model = (np.concatenate([part[which] for part in found])[kept] for which in (1, 2))
            blob = np.stack([mutant, model]).tobytes()
        self._context.send({"event": "mutant", "number": number, "rows": rows, "compared": compared}, blob)

    def _expected_of(self, rows: Rows) -> Floats:
        key = int(rows[0])
        if key not in self._expected:
            self._expected[key] = self.predictions(self._model, rows)
        return self._expected[key]

    def _differs(self, predicted: Floats, expected: Floats) -> Bools:
        """Which rows differ beyond the tolerance; none in which the model itself has no prediction."""
        one, other = predicted[:, self._columns], expected[:, self._columns]
        near = np.abs(one - other) <= self._atol + self._rtol * np.abs(other)
        same = (one == other) | (near & ~self._exact) | (np.isnan(one) & np.isnan(other))
        differs: Bools = ~same.all(axis=1) & ~np.isnan(expected).all(axis=1)
        return differs


class _Walk(Batch):
    def observations(self, steps: int, seed: int) -> Floats:
        lot = np.random.default_rng(seed)
        count = len(self.transitions)
        rows = lot.integers(0, count, steps)
        starts = self.transitions.episode_starts
        if len(starts):  # every other walk begins where episodes do
            rows = np.where(lot.random(steps) < 0.5, starts[lot.integers(0, len(starts), steps)], rows)
        again = lot.random(steps) < _STICKY
        actions = lot.integers(0, count, steps)
        actions = actions[np.maximum.accumulate(np.where(again, 0, np.arange(steps)))]
        begins, plays = self.transitions.chosen(self._form, rows)[0], self.transitions.chosen(self._form, actions)[1]
        ends = (lot.random(steps) < 1 / _WALK).tolist()
        self._starts = None
        instance = self.load(self._request["source"])
        outputs: list[Any] = []
        state: Any = None
        for begin, action, end in zip(begins, plays, ends, strict=True):
            self._counters.refill()
            try:
                instance.set_state(begin if state is None else state)
                output = instance.step(action)
                done = output[3] if len(output) == 4 else output[2]
                outputs.append(output)
                state = None if done or end else self._as_state(output[0])
            except BaseException:  # noqa: BLE001 - a model may raise anything
                state = None
        self._counters.refill()
        seen = np.empty((len(outputs), self.writer.width))
        self.writer.write_each(outputs, seen)
        kept = np.isfinite(seen).all(axis=1) & (seen[:, -1] == 0.0)
        return np.ascontiguousarray(seen[kept, :-2])

    def _as_state(self, observation: Any) -> Any:
        """What was predicted, as it would be handed over if it had been observed."""
        leaf = self.transitions.states.structure
        if self._form == "stored" and isinstance(leaf, Leaf) and leaf.shape:
            return np.asarray(observation, dtype=leaf.dtype)
        return observation


def _carried(construct: Any, starts: frozenset[int]) -> Instance:
    """A model whose state is set where an episode starts, and that only steps from there on."""
    current: list[Instance] = []

    def set_state(numbered: Any) -> None:
        row, state = numbered
        if row in starts or not current:
            current[:] = [still(construct())]
            current[0].set_state(state)

    def step(action: Any) -> Any:
        return current[0].step(action)

    return Instance(set_state, step)


def _is_flat_tuple(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(item, int | float | str) for item in value)
