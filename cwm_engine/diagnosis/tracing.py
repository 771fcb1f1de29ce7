"""Which lines follow which, found out by tracing one transition of each code path.

The probes of a check say which transitions took the same path. A tracer is far too slow for all transitions, but one of
each path is enough: the others did the same.
"""

from __future__ import annotations

import dis
import sys
import types
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_engine.checking.evidence import Evidence
from cwm_engine.checking.run import LOADING, Runner
from cwm_engine.sandbox.handles import ChildDied
from cwm_engine.sandbox.program import MODEL_FILENAME, load_program
from cwm_engine.sandbox.results import NOT_RUN
from cwm_engine.sandbox.runner import Instance, instances
from cwm_engine.world_model.counters import LoopLimit
from cwm_engine.world_model.discovery import Dialect

Arc = tuple[int, int]
"""From one line to the next that runs; negative where a function is entered or left: minus its first line."""

MOST_EVENTS = 200_000
"""Lines that one transition may run while it is traced."""

_RESUME = dis.opmap.get("RESUME")
_BATCH = 256


@dataclass(frozen=True)
class Traced:
    """What a model runs.

    Attributes:
        loading: What runs while it is loaded and constructed.
        kinds: For each row of the dataset that was checked, the number of what it runs; -1 where nothing is known.
        arcs: What the transitions of each kind run.
    """

    loading: frozenset[Arc]
    kinds: npt.NDArray[np.intp]
    arcs: tuple[frozenset[Arc], ...]


def trace(runner: Runner, evidence: Evidence) -> Traced:
    """Find out what each checked transition runs.

    Args:
        runner: Gives fresh sandboxed processes over the same data.
        evidence: What a run showed.
    """
    kinds = np.full(len(evidence.prepared.dataset), -1, dtype=np.intp)
    rows = np.flatnonzero(evidence.checked & (evidence.row_status != NOT_RUN))
    ways = evidence.row_path[rows].astype(np.int64) << 16 | evidence.row_status[rows]
    _, first, kinds[rows] = np.unique(ways, return_index=True, return_inverse=True)
    loading, arcs = _ask(runner, evidence, evidence.runs(rows[first]))
    return Traced(loading, kinds, tuple(arcs.get(number, frozenset()) for number in range(len(first))))


def _ask(
    runner: Runner, evidence: Evidence, runs: npt.NDArray[np.intp]
) -> tuple[frozenset[Arc], dict[int, frozenset[Arc]]]:
    """What loading runs, and by position what chosen transitions do; of those not answered in time, nothing."""
    loading: frozenset[Arc] = frozenset()
    found: dict[int, frozenset[Arc]] = {}
    lines = evidence.program.source.count("\n") + 1
    request = {**evidence.program.request, "form": evidence.form, "mode": evidence.prepared.mode, "runs": runs.tolist()}
    with runner.child(evidence.program.preload) as child:
        child.send({**request, "job": f"{__name__}:trace_job"})
        try:
            while (message := child.receive(LOADING * runner.limits.step_seconds)) is not None:
                match message.data:
                    case {"loaded": arcs}:
                        loading = _read(arcs, lines)
                    case {"at": int(position), "arcs": arcs} if 0 <= position < len(runs):
                        found[position] = _read(arcs, lines)
                    case _:
                        break
        except ChildDied:
            pass  # as it did when it was checked
    return loading, found


def _read(arcs: Any, lines: int) -> frozenset[Arc]:
    """What a child sent, as far as it can be true: the program could have sent anything."""
    pairs = [tuple(arc) for arc in arcs if isinstance(arc, list)] if isinstance(arcs, list) else []
    return frozenset(
        pair for pair in pairs if len(pair) == 2 and all(type(line) is int and -lines <= line <= lines for line in pair)
    )


# In the sandbox


def trace_job(context: Any, request: dict[str, Any], _blob: bytes) -> None:
    """The job: run chosen transitions under a tracer.

    The request names what `Program.request` does, `form`, `mode`, and the `runs` wanted, each of another path. Messages
    sent: `loaded` with arcs, then `at` (a position in `runs`) with `arcs` for each.
    """
    model = request["model"]
    tracer = Tracer()
    with tracer:
        namespace = load_program(
            request["source"],
            siblings=request["siblings"],
            package=request["package"],
            allowed=request["allowed"],
        )
        construct = instances(namespace, model["name"], Dialect(model["dialect"]), model["goal"])
        instance = construct()
    context.send({"loaded": tracer.take()})
    runs, transitions = np.array(request["runs"], dtype=np.intp), context.shared["transitions"]
    if request["mode"] == "episode":
        _trace_episodes(context, construct, request, tracer)
        return
    for start in range(0, len(runs), _BATCH):
        batch = runs[start : start + _BATCH]
        for position, state, action in zip(
            range(start, start + len(batch)), *transitions.chosen(request["form"], batch), strict=True
        ):
            _step(instance, tracer, action, state=state)
            context.send({"at": position, "arcs": tracer.take()})
    context.send({"done": True})


def _trace_episodes(context: Any, construct: Any, request: dict[str, Any], tracer: Tracer) -> None:
    """Play whole episodes up to the wanted steps, since what a model does may depend on what it remembers."""
    wanted = {run: position for position, run in enumerate(request["runs"])}
    transitions = context.shared["transitions"]
    starts = [*transitions.episode_starts.tolist(), len(transitions)]
    for first, after in pairwise(starts):
        inside = [run for run in wanted if first <= run < after]
        if not inside:
            continue
        instance = construct()
        states, actions = transitions.values(request["form"], first, max(inside) + 1)
        for run, state, action in zip(range(first, max(inside) + 1), states, actions, strict=True):
            given = {"state": state} if run == first else {}
            _step(instance, tracer if run in wanted else Tracer(on=False), action, **given)
            if run in wanted:
                context.send({"at": wanted[run], "arcs": tracer.take()})
    context.send({"done": True})


def _step(instance: Instance, tracer: Tracer, action: Any, **given: Any) -> None:
    try:
        with tracer:
            if given:
                instance.set_state(given["state"])
            instance.step(action)
    except BaseException:  # noqa: BLE001, S110 - what it ran until then is what is asked for
        pass


class Tracer:
    """Records what runs in the model's file, as coverage.py does: an arc for each line after the one before.

    Args:
        on: Whether to record at all.
    """

    def __init__(self, *, on: bool = True) -> None:
        self._on = on
        self._arcs: set[Arc] = set()
        self._events = 0

    def __enter__(self) -> None:
        if self._on:
            sys.settrace(self._call)

    def __exit__(self, *_: object) -> None:
        if self._on:
            sys.settrace(None)

    def take(self) -> list[Arc]:
        """What was recorded since the last time."""
        arcs, self._arcs, self._events = self._arcs, set(), 0
        return sorted(arcs)

    def _call(self, frame: types.FrameType, event: str, _: Any) -> Any:
        if event != "call" or frame.f_code.co_filename != MODEL_FILENAME:
            return None
        resumed = _RESUME is not None and frame.f_lasti >= 0 and frame.f_code.co_code[frame.f_lasti + 1] != 0
        return self._lines(frame.f_code, frame.f_lineno if resumed else -frame.f_code.co_firstlineno)

    def _lines(self, code: types.CodeType, last: int) -> Any:
        """What traces one call of a function."""
        arcs, instructions = self._arcs, code.co_code

        def line(frame: types.FrameType, event: str, _: Any) -> Any:
            nonlocal last
            if event == "line":
                self._events += 1
                if self._events > MOST_EVENTS:
                    raise LoopLimit("too long to be traced")
                arcs.add((last, frame.f_lineno))
                last = frame.f_lineno
            elif event == "return" and _leaves(instructions, frame.f_lasti):
                arcs.add((last, -code.co_firstlineno))
            return line

        return line


def _leaves(instructions: bytes, place: int) -> bool:
    """Whether a function that stops at an instruction is left, and not only waiting to go on as a generator does."""
    following = place if sys.version_info[:2] == (3, 13) else place + 2
    return following >= len(instructions) or instructions[following] != _RESUME
