"""The job that runs a world model over the transitions of a dataset and leaves raw predictions in the shared map.

It never sees an outcome: whether a prediction is right is decided by the host. Besides predictions it
reports what only a second run can show: randomness, hidden state, and arguments that were changed.
"""

from __future__ import annotations

import ast
import gc
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_engine.sandbox import rehearsal
from cwm_engine.sandbox.limits import Limits
from cwm_engine.sandbox.outputs import Failure, MalformedError, Writer
from cwm_engine.sandbox.program import load_program
from cwm_engine.sandbox.results import FIRST_FAILURE, PREDICTED, Results
from cwm_engine.sandbox.runner import Instance, Recorder, failure_of, instances, outputs_of, still
from cwm_engine.sandbox.sharing import SharedError
from cwm_engine.sandbox.transitions import Form, Transitions, unpack
from cwm_engine.trajectories.columns import canonical_json
from cwm_engine.world_model.counters import PATH, Counters, hits_of
from cwm_engine.world_model.discovery import Dialect
from cwm_engine.world_model.probes import instrument

FIRST_CHUNK = 64
SAMPLE = 16
"""Of the rows to run first so many are predicted from both forms of the inputs, to choose one."""

CHUNK = 4096
CHUNK_NUMBERS = 1 << 20
"""A chunk of large observations has fewer rows, so that it takes no more than 8 MB."""

PROBED = 12
"""Rows run again to see whether a prediction depends on anything but state and action."""

PROBE_SECONDS = 0.25
"""Models that take long to construct are run again on fewer rows."""

MAX_FAILURES = 256
_SAME = 1e-6
_REHEARSALS = 3  # Python tunes code that runs again


def prepare(inputs: Any, shared: dict[str, Any]) -> None:
    """Turn the inputs into Python values once, in the zygote; children inherit them, and code that has run before."""
    transitions = shared["transitions"] = unpack(inputs, shared["meta"])
    for _ in range(_REHEARSALS):
        rehearsal.rehearse(predict, transitions, Limits())


def warm(context: Any) -> None:
    """Do in a waiting child what the first request would pay for."""
    transitions: Transitions = context.shared["transitions"]
    width = Writer(transitions.prediction, 3).width
    rows = min(len(transitions), _chunk_rows(width))
    rehearsal.rehearse(predict, transitions, context.limits)
    rehearsal.touch(transitions, context.results)
    rehearsal.make_room(rows, width)


def predict(context: Any, request: dict[str, Any], _blob: bytes) -> None:
    """Run a model over all transitions.

    The request names `source`, `siblings`, `package`, `allowed`, `model` (`name`, `dialect`, `goal`), `mode`, the rows
    to run `first`, whether somebody waits for those `early` of which it is sure that the form of the inputs does not
    matter, whether to probe for `determinism`, and that `form`, null to find out which. Messages sent: `failed`; or
    `loaded`, then `form` whenever that is decided, `rows` for every chunk, and `done`. After plain inputs were chosen
    the host may ask for rows `again`, from stored ones; then it hears `rows` and `done` of these.
    """
    warnings.simplefilter("ignore")
    gc.set_threshold(100_000, 50, 100)
    try:
        run = _Run(context, request)
    except BaseException as error:  # noqa: BLE001 - the model's own code runs here
        context.send({"event": "failed", "failure": _as_json(failure_of(error)), "printed": context.printed.text})
        return
    context.send({"event": "loaded", "path": run.loading.hex()})
    try:
        complete = run.everything(request)
    except SharedError:
        run.start_again_with_copies()
        complete = run.everything(request)
    found = run.determinism() if complete and request["determinism"] and not run.carries else {}
    context.send({"event": "done", "complete": complete, "printed": context.printed.text, **found})
    if request["form"] is None and run.form == "plain" and run.transitions.forms_differ:
        asked, _ = context.receive()
        complete = run.again(np.array(asked["again"], dtype=np.intp))
        context.send({"event": "done", "complete": complete, "printed": context.printed.text})


class _Run:
    def __init__(self, context: Any, request: dict[str, Any]) -> None:
        instrumented = instrument(ast.parse(request["source"]))
        counters, probes = Counters(context.limits.loop_iterations), len(instrumented.probes)
        namespace = load_program(
            instrumented.tree,
            siblings=request["siblings"],
            package=request["package"],
            namespace=counters.names,
            allowed=request["allowed"],
        )
        model = request["model"]
        dialect = Dialect(model["dialect"])
        transitions: Transitions = context.shared["transitions"]
        self.context = context
        self.transitions = transitions
        self.refill = counters.refill
        self.construct: Callable[[], Instance] = instances(namespace, model["name"], dialect, model.get("goal"))
        self.instance = self.construct()
        self.loading = hits_of(namespace[PATH], probes)
        self.recorder = Recorder(counters, namespace, probes=probes, has_loops=instrumented.has_loops)
        self.writer = Writer(transitions.prediction, 5 if dialect is Dialect.GYMNASIUM else 3)
        self.results = Results.view(context.results, len(transitions), self.writer.width)
        self.failures: dict[Failure, int] = {}
        self.kinds: dict[int, int] = {}
        self.form: Form = "plain"
        self.carries = False

    def everything(self, request: dict[str, Any]) -> bool:
        """Run what was asked for; False when the run has to stop."""
        first = np.array(request["first"], dtype=np.intp)
        self.choose_form(request["form"], first[:SAMPLE])
        if request["mode"] == "episode":
            self.carry_states()
        else:
            certain = SAMPLE if request["early"] and self.transitions.forms_differ else len(first)
            if not all(self.rows(some) for some in (first[:certain], first[certain:]) if len(some)):
                return False
        return self.all_rows() and self.confirm_form()

    def start_again_with_copies(self) -> None:
        """Take no output by reference any more, and no input that the model may have changed."""
        self.recorder.copies, self.recorder.costly = True, 0
        self.instance = self._fresh()
        self.transitions = replace(self.transitions, plain_states=(), plain_actions=())

    def choose_form(self, wanted: Form | None, rows: npt.NDArray[np.intp]) -> None:
        """Plain Python values where a sample predicts the same with them as with what Gymnasium gives."""
        if wanted is not None:
            self._take_form(wanted)
        elif self.transitions.forms_differ:
            alike = not self.transitions.is_large and _alike(
                self._from_sample("plain", rows), self._from_sample("stored", rows)
            )
            self._take_form("plain" if alike else "stored")

    def carry_states(self) -> None:
        """Set the state only where an episode starts: the model carries it from step to step."""
        self.carries = True
        self.instance = _carried(self._fresh, self.transitions.episode_starts.tolist(), self.context.progress)

    def rows(self, rows: npt.NDArray[np.intp]) -> bool:
        """Run chosen rows; False when the run has to stop."""
        states, actions = self.transitions.chosen(self.form, rows)
        return self._chunk(rows, rows.tolist(), states, actions)

    def all_rows(self) -> bool:
        """Run every row, chunk by chunk."""
        start, most = 0, _chunk_rows(self.writer.width)
        while start < len(self.transitions):
            # Without chosen rows before them, the first few tell soonest whether anything is wrong.
            stop = min(start + (FIRST_CHUNK if self.carries and not start else most), len(self.transitions))
            states, actions = self.transitions.values(self.form, start, stop)
            self.recorder.costly = 0
            if not self._chunk(slice(start, stop), range(start, stop), states, actions):
                return False
            start = stop
        return True

    def confirm_form(self) -> bool:
        """Run everything again from stored values if any code path predicts something else from them.

        The sample that chose plain values may have missed the one branch that says `state.copy()`.
        """
        if self.form == "stored" or not self.transitions.forms_differ:
            return True
        if self.carries:
            if (self.results.status == PREDICTED).all():
                return True
        else:
            rows = np.array(list(self.kinds.values()), dtype=np.intp)
            if _alike(self.results.predicted[rows], self._from_sample("stored", rows)):
                return True
        self._take_form("stored")
        return self.all_rows()

    def again(self, rows: npt.NDArray[np.intp]) -> bool:
        """Run chosen rows from stored values, by a new instance that takes no output by reference."""
        self.form = "stored"
        self.recorder.copies, self.recorder.costly = True, 0
        self.instance = self._fresh()
        return self.rows(rows)

    def determinism(self) -> dict[str, list[int]]:
        """Rows whose prediction changes when asked twice, depends on earlier steps, or changes its arguments."""
        count = len(self.transitions)
        rows = np.unique(np.linspace(0, count - 1, min(PROBED, count)).astype(np.intp))
        first, second = (zip(*self.transitions.chosen(self.form, rows), strict=True) for _ in range(2))
        outputs: list[tuple[Any, Any]] = []
        deadline = time.perf_counter() + PROBE_SECONDS
        for row, once, again in zip(rows.tolist(), first, second, strict=True):
            if len(outputs) >= 2 and time.perf_counter() > deadline:
                break
            outputs.append((self._alone(row, *once), self._alone(row, *again)))
        rows = rows[: len(outputs)]
        one, other = (self._rows_of(list(answers)) for answers in zip(*outputs, strict=True))
        random = ~_same(one, other, 0.0)
        hidden = ~random & (self.results.status[rows] == PREDICTED) & ~_same(one, self.results.predicted[rows], 0.0)
        return {
            "asked": rows.tolist(),
            "random": rows[random].tolist(),
            "hidden": rows[hidden].tolist(),
            "mutated": self._changes_arguments(rows),
        }

    def _take_form(self, form: Form) -> None:
        self.form = form
        self.context.send({"event": "form", "form": form})

    def _chunk(self, rows: Any, numbers: Sequence[int], states: Sequence[Any], actions: Sequence[Any]) -> bool:
        recording = self.recorder.run(self.instance, zip(numbers, states, actions, strict=True), self.context.progress)
        count = len(recording.outputs)
        complete = count == len(numbers)
        if not complete:
            rows = slice(rows.start, rows.start + count) if isinstance(rows, slice) else rows[:count]
        before = len(self.failures)
        predicted = np.empty((count, self.writer.width))
        self.writer.by_reference = not self.recorder.copies
        reasons = self.writer.write_each(recording.outputs, predicted)
        self.results.predicted[rows] = predicted
        self.results.path[rows] = recording.paths
        status = np.full(count, PREDICTED, dtype=np.uint16)
        for position, reason in reasons.items():
            status[position] = FIRST_FAILURE + self._number(reason)
        self.results.status[rows] = status
        if self.form == "plain" and self.transitions.forms_differ:
            self._remember_kinds(numbers, self.results.path[rows].astype(np.uint32) << 16 | status)
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

    def _remember_kinds(self, numbers: Sequence[int], kinds: npt.NDArray[np.uint32]) -> None:
        """Keep one row of each code path and outcome."""
        for kind, position in zip(*(found.tolist() for found in np.unique(kinds, return_index=True)), strict=True):
            self.kinds.setdefault(kind, numbers[position])

    def _number(self, failure: Failure) -> int:
        if failure not in self.failures and len(self.failures) >= MAX_FAILURES:
            failure = Failure(failure.kind, "and other messages", failure.type, failure.line)
            if len(self.failures) >= 2 * MAX_FAILURES:
                return MAX_FAILURES - 1
        return self.failures.setdefault(failure, len(self.failures))

    def _alone(self, row: int, state: Any, action: Any) -> Any:
        """What a new instance answers to one transition."""
        self.context.progress[0] = row
        return outputs_of(still(self._fresh()), [state], [action], self.refill)[0]

    def _fresh(self) -> Instance:
        """A new instance; one that only fails where the constructor does, now that it is called again."""
        self.refill()
        try:
            return self.construct()
        except BaseException as error:  # noqa: BLE001 - the model's own code runs here
            return _failing(failure_of(error))

    def _from_sample(self, form: Form, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
        """What one new instance predicts for rows, one after the other; up to the first costly failure."""
        instance = still(self._fresh())
        outputs: list[Any] = []
        for row, state, action in zip(rows.tolist(), *self.transitions.chosen(form, rows), strict=True):
            self.context.progress[0] = row
            outputs += outputs_of(instance, [state], [action], self.refill)
            if isinstance(outputs[-1], Failure) and outputs[-1].is_costly:
                break
        return self._rows_of(outputs)

    def _rows_of(self, outputs: list[Any]) -> npt.NDArray[np.float64]:
        predicted = np.empty((len(outputs), self.writer.width))
        self.writer.by_reference = False
        self.writer.write_each(outputs, predicted)
        return predicted

    def _changes_arguments(self, rows: npt.NDArray[np.intp]) -> list[int]:
        states, actions = self.transitions.chosen("stored", rows)
        before = [(_trace(state), _trace(action)) for state, action in zip(states, actions, strict=True)]
        outputs_of(self._fresh(), states, actions, self.refill)
        after = [(_trace(state), _trace(action)) for state, action in zip(states, actions, strict=True)]
        return [row for row, one, other in zip(rows.tolist(), before, after, strict=True) if one != other]


def _chunk_rows(width: int) -> int:
    return max(FIRST_CHUNK, min(CHUNK, CHUNK_NUMBERS // width))


def _carried(fresh: Callable[[], Instance], starts: Sequence[int], progress: Any) -> Instance:
    """A model that is constructed and told its state where an episode starts, and only steps from there on."""
    first = frozenset(starts)
    current: list[Instance] = []

    def set_state(state: Any) -> None:
        if progress[0] in first:
            current[:] = [fresh()]
            try:
                current[0].set_state(state)
            except BaseException as error:
                current[:] = [_failing(failure_of(error))]  # the episode never began
                raise

    def step(action: Any) -> Any:
        return current[0].step(action)

    return Instance(set_state, step)


def _failing(failure: Failure) -> Instance:
    def fail(_: Any) -> Any:
        raise MalformedError(failure)

    return Instance(fail, fail)


def _trace(value: Any) -> Any:
    """What is another once the value has been changed; None if a model has put something into it that has no JSON."""
    if type(value) in (bool, int, float, str):
        return ""
    if type(value) is np.ndarray and value.dtype.kind in "biuf":
        return value.dtype.str, value.shape, value.tobytes()
    try:
        return canonical_json(value)
    except (TypeError, ValueError, RecursionError):
        return None


def _alike(plain: npt.NDArray[np.float64], stored: npt.NDArray[np.float64]) -> bool:
    """Whether both forms predict the same; where one fails, the exception must be the one that arrays raise."""
    return (
        len(plain) == len(stored) and not np.isnan(plain).all(axis=1).any() and bool(_same(plain, stored, _SAME).all())
    )


def _same(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64], tolerance: float) -> npt.NDArray[np.bool_]:
    """Which rows are equal within the tolerance, NaN being equal to NaN."""
    with np.errstate(invalid="ignore"):
        near = (np.abs(one - other) <= tolerance * (1.0 + np.abs(other))) & np.isfinite(other)
    near |= (one == other) | np.isnan(one) & np.isnan(other)
    return np.logical_and.reduce(near, axis=1)


def _as_json(failure: Failure) -> dict[str, Any]:
    return {"kind": failure.kind, "message": failure.message, "type": failure.type, "line": failure.line}
