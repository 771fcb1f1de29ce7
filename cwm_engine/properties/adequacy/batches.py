"""Mutants in sandboxed processes, many in each: the host's side of the comparison of mutants with their model."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_engine.checking.evidence import Program
from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.run import Runner
from cwm_engine.properties.adequacy.mutants import Mutant
from cwm_engine.sandbox.handles import ChildDied
from cwm_engine.sandbox.transitions import Form
from cwm_engine.trajectories.columns import Kind

JOBS = ("cwm_engine.properties.adequacy.jobs",)
"""Job modules that a `Runner` must have ready."""

Floats = npt.NDArray[np.float64]

_STANDSTILL = 10.0
"""Seconds without news, after which the mutant at hand is taken to hang."""
_TICK = 0.1


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of a mutant.

    Attributes:
        mutant: The mutant.
        rows: Rows of `Prepared.transitions` in which it predicts something else than the model, the first of them.
        predicted: What it predicts there, (k, width); NaN where it fails.
        expected: What the model predicts there, (k, width).
        compared: In how many rows the two were compared; 0 where there was no time.
        fails: Why it could not be run, or what ended it; None otherwise.
    """

    mutant: Mutant
    rows: npt.NDArray[np.intp]
    predicted: Floats
    expected: Floats
    compared: int
    fails: str | None = None

    @property
    def differs(self) -> bool:
        """Whether it can be told from the model."""
        return bool(len(self.rows)) or self.fails is not None


def compare(
    runner: Runner,
    program: Program,
    mutants: Sequence[Mutant],
    *,
    form: Form,
    seconds: float,
    least: int = 0,
    most: int = 1,
    on_progress: Callable[[int], None] | None = None,
) -> Iterator[Outcome]:
    """Compare mutants with their model, row by row, until each differs.

    Args:
        runner: Gives fresh sandboxed processes over the data; it must have `JOBS` ready.
        program: The model.
        mutants: Its mutants.
        form: How the model is given states and actions.
        seconds: Processor time for all of them.
        least: The first so many rows are run in any case.
        most: How many differing rows to tell of each.
        on_progress: Called with the number of mutants that are done.
    """
    waiting = list(mutants)
    until = time.monotonic() + seconds
    done = 0
    while waiting:
        request = {
            **program.request,
            **columns_that_count(runner.prepared),
            "job": "cwm_engine.properties.adequacy.jobs:compare",
            "form": form,
            "mode": runner.prepared.mode,
            "edits": [[mutant.number, *mutant.edit] for mutant in waiting],
            "least": least,
            "most": most,
            "seconds": max(until - time.monotonic(), 0.0),
        }
        for outcome in _of_one_child(runner, program, request, waiting):
            done += 1
            if on_progress is not None:
                on_progress(done)
            yield outcome
        waiting = waiting[done - (len(mutants) - len(waiting)) :]


def _of_one_child(
    runner: Runner, program: Program, request: dict[str, Any], waiting: Sequence[Mutant]
) -> Iterator[Outcome]:
    """What a child says of mutants, up to the one that ends it."""
    width = runner.prepared.layout.width
    left = iter(waiting)
    with runner.child(program.preload) as child:
        child.send(request)
        moved = time.monotonic()
        while True:
            try:
                message = child.receive(_TICK)
            except ChildDied as death:
                runner.stop.check()
                yield from (_failed(mutant, death.reason) for _, mutant in zip(range(1), left, strict=False))
                return
            runner.stop.check()
            if message is None:
                if time.monotonic() - moved > _STANDSTILL + runner.limits.step_seconds:
                    child.kill()
                    yield from (_failed(mutant, "it hangs") for _, mutant in zip(range(1), left, strict=False))
                    return
                continue
            moved = time.monotonic()
            if message.data.get("event") != "mutant":
                return
            mutant = next(left, None)
            if mutant is None:
                return
            yield _read(mutant, message.data, message.blob, width)


def _read(mutant: Mutant, data: dict[str, Any], blob: bytes, width: int) -> Outcome:
    if "fails" in data:
        return _failed(mutant, str(data["fails"]))
    rows = np.array(data.get("rows", ()), dtype=np.intp)
    numbers = np.frombuffer(blob, dtype=np.float64)
    if numbers.size != 2 * len(rows) * width:
        return _failed(mutant, "it interfered with the comparison")
    predicted, expected = numbers.reshape(2, len(rows), width)
    return Outcome(mutant, rows, predicted, expected, int(data.get("compared", 0)))


def _failed(mutant: Mutant, reason: str) -> Outcome:
    nothing = np.zeros((0, 0))
    return Outcome(mutant, np.zeros(0, dtype=np.intp), nothing, nothing, 0, reason)


def columns_that_count(prepared: Prepared) -> dict[str, Any]:
    """The columns of a prediction that count, and which of them have to be equal."""
    layout = prepared.layout
    fields = [
        name
        for leaf, names in enumerate(layout.leaf_fields)
        for name in (names if len(names) == layout.sizes[leaf] else names * layout.sizes[leaf])
    ]
    kinds = [leaf.kind for leaf, size in zip(layout.leaves, layout.sizes, strict=True) for _ in range(size)]
    names, kinds = [*fields, "reward", "terminated"], [*kinds, Kind.FLOAT, Kind.BOOL]
    ignored = prepared.ignore
    kept = [
        number
        for number, name in enumerate(names)
        if not any(name == field or name.startswith((f"{field}[", f"{field}.")) for field in ignored)
    ]
    return {
        "columns": kept,
        "exact": [kinds[number] is not Kind.FLOAT for number in kept],
        "tolerance": [prepared.tolerance.atol, prepared.tolerance.rtol],
    }
