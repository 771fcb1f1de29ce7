"""The job that runs a world model over the transitions of a dataset and leaves raw predictions in the shared map.

It never sees an outcome: whether a prediction is right is decided by the host. Besides predictions it
reports what only a second run can show: randomness, hidden state, and arguments that were changed.
"""

from __future__ import annotations

import ast
import gc
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_engine.sandbox.outputs import Failure, MalformedError, Writer
from cwm_engine.sandbox.program import load_program
from cwm_engine.sandbox.results import FIRST_FAILURE, PREDICTED, Results
from cwm_engine.sandbox.runner import Instance, Recorder, Recording, SetState, failure_of, instances, outputs_of
from cwm_engine.sandbox.transitions import Form, Transitions, unpack
from cwm_engine.trajectories.columns import canonical_json
from cwm_engine.world_model.counters import PATH, Counters, hits_of
from cwm_engine.world_model.discovery import Dialect
from cwm_engine.world_model.probes import instrument

FIRST_CHUNK = 64
CHUNK = 4096
PROBED = 12
"""Rows run again to see whether a prediction depends on anything but state and action."""

MAX_FAILURES = 256
_SAME = 1e-6

WARM_ROWS = 16_384
_WARM_UP = """
import math
class Environment:
    def set_state(self, state):
        self.state = tuple(state)
    def step(self, action):
        x, y = self.state
        if action == 1 and x < 0.5:
            x = x + math.cos(y) * 2.0
        return (x, y), -1.0, x > 2.0 or y > 2.0
"""


def prepare(inputs: Any, shared: dict[str, Any]) -> None:
    """Turn the inputs into Python values once, in the zygote; children inherit them."""
    shared["transitions"] = unpack(inputs, shared["meta"])


def warm(context: Any) -> None:
    """Do in a waiting child what the first request would pay for: touch inherited memory and its own results."""
    transitions: Transitions = context.shared["transitions"]
    for values in (transitions.plain_states, transitions.plain_actions):
        for _ in values[:WARM_ROWS]:
            pass  # counting a reference writes to the page, which copies it now instead of later
    touched = context.results[: WARM_ROWS * 64]
    touched[:] = bytes(len(touched))
    instrumented = instrument(ast.parse(_WARM_UP))
    compile(instrumented.tree, "<warm>", "exec")
    recorder = Recorder(Counters(1), {PATH: 0}, probes=len(instrumented.probes), has_loops=False)
    states, actions = transitions.values("plain", 0, 256)
    instance = Instance(lambda _state: None, lambda action: (states[0], 0.0, False) if action is None else None)
    recording = recorder.run(instance, zip(range(256), states, [None] * len(actions), strict=False), [0])
    writer = Writer(transitions.prediction, 3)
    with suppress(MalformedError):
        writer.write(recording.outputs, np.empty((len(recording.outputs), writer.width)))


def predict(context: Any, request: dict[str, Any], _blob: bytes) -> None:
    """Run a model over all transitions.

    The request names `source`, `siblings`, `model` (`name`, `dialect`, `goal`), `mode`, the rows to run
    `first`, and whether to probe for `determinism`. Messages sent: `failed`, or `loaded`, then `rows`
    for every chunk, then `done`.
    """
    warnings.simplefilter("ignore")
    gc.set_threshold(100_000, 50, 100)
    transitions: Transitions = context.shared["transitions"]
    try:
        run = _Run(context, request, transitions)
    except BaseException as error:  # noqa: BLE001 - the model's own code runs here
        context.send({"event": "failed", "failure": _as_json(failure_of(error)), "printed": context.printed.text})
        return
    context.send({"event": "loaded", "form": run.form, "path": run.loading.hex()})
    first = np.array(request["first"], dtype=np.intp)
    episodic = request["mode"] == "episode"
    complete = run.episodes() if episodic else run.rows(first) and run.all_rows()
    found = run.determinism() if complete and request["determinism"] and not episodic else {}
    context.send({"event": "done", "complete": complete, "printed": context.printed.text, **found})


class _Run:
    def __init__(self, context: Any, request: dict[str, Any], transitions: Transitions) -> None:
        instrumented = instrument(ast.parse(request["source"]))
        counters, probes = Counters(context.limits.loop_iterations), len(instrumented.probes)
        namespace = load_program(
            instrumented.tree,
            siblings=request["siblings"],
            namespace=counters.names,
            allowed=request["allowed"],
        )
        model = request["model"]
        dialect = Dialect(model["dialect"])
        self.context = context
        self.transitions = transitions
        self.construct: Callable[[], Instance] = instances(namespace, model["name"], dialect, model.get("goal"))
        self.instance = self.construct()
        self.loading = hits_of(namespace[PATH], probes)
        self.recorder = Recorder(counters, namespace, probes=probes, has_loops=instrumented.has_loops)
        self.writer = Writer(transitions.prediction, 5 if dialect is Dialect.GYMNASIUM else 3)
        self.results = Results.view(context.results, len(transitions), self.writer.width)
        self.failures: dict[Failure, int] = {}
        self.form: Form = self._choose_form(np.array(request["first"][:16], dtype=np.intp))

    def rows(self, rows: npt.NDArray[np.intp]) -> bool:
        """Run chosen rows; False when the run has to stop."""
        states, actions = self.transitions.chosen(self.form, rows)
        return self._chunk(rows, zip(rows.tolist(), states, actions, strict=True))

    def all_rows(self) -> bool:
        """Run every row, chunk by chunk."""
        start = 0
        while start < len(self.transitions):
            stop = min(start + CHUNK, len(self.transitions))
            states, actions = self.transitions.values(self.form, start, stop)
            if not self._chunk(slice(start, stop), zip(range(start, stop), states, actions, strict=True)):
                return False
            start = stop
        return True

    def episodes(self) -> bool:
        """Run every episode from its first state; the model carries its state from step to step."""
        bounds = [*self.transitions.episode_starts.tolist(), len(self.transitions)]
        for start, stop in pairwise(bounds):
            instance = self.construct()
            states, actions = self.transitions.values(self.form, start, stop)
            carried = Instance(_first_only(instance.set_state), instance.step)
            if not self._chunk(slice(start, stop), zip(range(start, stop), states, actions, strict=True), carried):
                return False
        return True

    def determinism(self) -> dict[str, list[int]]:
        """Rows whose prediction changes when asked twice, depends on earlier steps, or changes its arguments."""
        count = len(self.transitions)
        rows = np.unique(np.linspace(0, count - 1, min(PROBED, count)).astype(np.intp))
        once, again = self._fresh(rows), self._fresh(rows)
        random = ~_same(once, again, 0.0)
        hidden = ~random & (self.results.status[rows] == PREDICTED) & ~_same(once, self.results.predicted[rows], 0.0)
        mutated = self._changes_arguments(rows)
        return {"random": rows[random].tolist(), "hidden": rows[hidden].tolist(), "mutated": mutated}

    def _chunk(self, rows: Any, steps: Iterator[tuple[int, Any, Any]], instance: Instance | None = None) -> bool:
        recording = self.recorder.run(instance or self.instance, steps, self.context.progress)
        count = len(recording.outputs)
        complete = count == (rows.stop - rows.start if isinstance(rows, slice) else len(rows))
        if not complete:
            rows = slice(rows.start, rows.start + count) if isinstance(rows, slice) else rows[:count]
        before = len(self.failures)
        predicted = np.empty((count, self.writer.width))
        reasons = self.writer.write_each(recording.outputs, predicted)
        self.results.predicted[rows] = predicted
        self.results.path[rows] = np.minimum(recording.paths, np.iinfo(np.uint16).max)
        self.results.status[rows] = [
            PREDICTED if reason is None else FIRST_FAILURE + self._number(reason) for reason in reasons
        ]
        self.context.send(
            {
                "event": "rows",
                "rows": {"from": rows.start, "to": rows.stop} if isinstance(rows, slice) else rows.tolist(),
                "words": self.writer.fresh_words(),
                "paths": self.recorder.fresh_paths(),
                "failures": [_as_json(failure) for failure in list(self.failures)[before:]],
            }
        )
        return complete

    def _number(self, failure: Failure) -> int:
        if failure not in self.failures and len(self.failures) >= MAX_FAILURES:
            failure = Failure(failure.kind, "and other messages", failure.type, failure.line)
            if len(self.failures) >= 2 * MAX_FAILURES:
                return MAX_FAILURES - 1
        return self.failures.setdefault(failure, len(self.failures))

    def _choose_form(self, rows: npt.NDArray[np.intp]) -> Form:
        """Plain Python values where a sample predicts the same with them as with what Gymnasium gives."""
        if not self.transitions.forms_differ:
            return "plain"
        forms: tuple[Form, Form] = ("plain", "stored")
        predictions = []
        for form in forms:
            outputs = outputs_of(self.construct(), *self.transitions.chosen(form, rows))
            predictions.append(self._rows_of(outputs))
        plain, stored = predictions
        return "plain" if _same(plain, stored, _SAME).all() else "stored"

    def _fresh(self, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
        """What new instances predict, one for each row."""
        steps = zip(*self.transitions.chosen(self.form, rows), strict=True)
        return self._rows_of([outputs_of(self.construct(), [state], [action])[0] for state, action in steps])

    def _rows_of(self, outputs: list[Any]) -> npt.NDArray[np.float64]:
        predicted = np.empty((len(outputs), self.writer.width))
        self.writer.write_each(outputs, predicted)
        return predicted

    def _changes_arguments(self, rows: npt.NDArray[np.intp]) -> list[int]:
        states, actions = self.transitions.chosen("stored", rows)
        before = [canonical_json(step) for step in zip(states, actions, strict=True)]
        outputs_of(self.construct(), states, actions)
        after = [canonical_json(step) for step in zip(states, actions, strict=True)]
        return [row for row, one, other in zip(rows.tolist(), before, after, strict=True) if one != other]


def _first_only(set_state: SetState) -> SetState:
    pending = [set_state]

    def set_first(state: Any) -> None:
        if pending:
            pending.pop()(state)

    return set_first


def _same(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64], tolerance: float) -> npt.NDArray[np.bool_]:
    """Which rows are equal within the tolerance, NaN being equal to NaN."""
    near = np.isclose(one, other, rtol=tolerance, atol=tolerance, equal_nan=True)
    return np.logical_and.reduce(near, axis=1)


def _as_json(failure: Failure) -> dict[str, Any]:
    return {"kind": failure.kind, "message": failure.message, "type": failure.type, "line": failure.line}
