"""Running a model over a dataset: the host's side of the predict job, comparing predictions as they arrive."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, get_args

import numpy as np

from cwm_engine.checking.compare import Bools, Comparison
from cwm_engine.checking.evidence import Evidence, Hang, Program, Reruns
from cwm_engine.checking.order import Runs, spread
from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.report import Status
from cwm_engine.sandbox.host import Child, ChildDied, Zygote
from cwm_engine.sandbox.limits import Limits
from cwm_engine.sandbox.outputs import Failure, FailureKind
from cwm_engine.sandbox.results import PREDICTED, Results
from cwm_engine.sandbox.transitions import Form, pack

_TICK = 0.05
_LONGEST = 500
_KINDS = frozenset(get_args(FailureKind))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come: rows checked of all rows, and those of them that are wrong."""

    checked: int
    total: int
    failing: int


OnProgress = Callable[[Progress], None]


class Runner:
    """Runs programs over one dataset, each in a fresh sandboxed process.

    Args:
        prepared: The data.
        limits: What a program may use; a step that takes longer than `limits.step_seconds` is a hang.
        jobs: Names of further job modules that the sandbox must have ready.
    """

    def __init__(self, prepared: Prepared, limits: Limits = Limits(), jobs: Sequence[str] = ()) -> None:
        self.prepared = prepared
        self.limits = limits
        self._jobs = ("cwm_engine.sandbox.predict", *jobs)
        self._zygote: Zygote | None = None
        self._preload: frozenset[str] = frozenset()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the sandbox."""
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None

    def child(self, preload: Sequence[str] = ()) -> Child:
        """A fresh sandboxed process that holds the states and actions of the dataset."""
        if self._zygote is None or not self._preload.issuperset(preload):
            self.close()
            self._preload |= frozenset(preload)
            layout, count = self.prepared.layout, len(self.prepared.transitions)
            with pack(self.prepared.transitions) as inputs:
                self._zygote = Zygote.start(
                    inputs=inputs,
                    result_bytes=Results.size(count, layout.width),
                    preload=sorted(self._preload),
                    jobs=self._jobs,
                    limits=self.limits,
                )
        return self._zygote.take()

    def run(
        self,
        program: Program,
        *,
        first: Runs | None = None,
        determinism: bool = True,
        stop_at_failure: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Evidence:
        """Run a program over all transitions and compare its predictions with what was observed.

        Args:
            program: The model.
            first: Transitions to run before the others; spread over the dataset when not given.
            determinism: Whether to run a sample again for randomness and hidden state.
            stop_at_failure: Whether one wrong transition is enough to know.
            on_progress: Called after the first rows and after every chunk.
        """
        started = time.monotonic()
        request = {
            **program.request,
            "job": "cwm_engine.sandbox.predict:predict",
            "mode": self.prepared.mode,
            "first": (spread(self.prepared) if first is None else first).tolist(),
            "determinism": determinism,
        }
        child = self.child(program.preload)
        try:
            child.send(request)
            state = _State(self.prepared, Results.view(child.results, *self._shape), on_progress)
            status, hang = self._follow(child, state, started, stop_at_failure)
        finally:
            child.close()
        return Evidence(
            program=program,
            prepared=self.prepared,
            status=status,
            comparison=state.comparison,
            results=state.results,
            wrong=state.wrong,
            checked=state.checked,
            paths=tuple(state.paths),
            failures=tuple(state.failures),
            load_failure=state.load_failure,
            hang=hang,
            reruns=state.reruns,
            form=state.form,
            loading=state.loading,
            printed=state.printed,
            seconds=time.monotonic() - started,
        )

    @property
    def isolation_level(self) -> str | None:
        """How well programs are shut in; None before the first one ran."""
        return self._zygote.isolation.level if self._zygote is not None else None

    @property
    def _shape(self) -> tuple[int, int]:
        return len(self.prepared.transitions), self.prepared.layout.width

    def _follow(self, child: Child, state: _State, started: float, stop_at_failure: bool) -> tuple[Status, Hang | None]:
        moved, last = started, -1
        while True:
            try:
                message = child.receive(_TICK)
            except ChildDied as death:
                status = Status.TIMEOUT if death.kind == "timeout" else Status.PARTIAL
                return status, Hang(death.kind, death.reason, state.row_of(death.progress), death.line)
            now = time.monotonic()
            if message is not None:
                moved = now
                if (ended := state.take(message.data)) is not None:
                    return ended, None
                if stop_at_failure and state.failing:
                    return Status.PARTIAL, None
            elif child.progress != last:
                moved, last = now, child.progress
            if now - moved > self.limits.step_seconds or now - started > self.limits.wall_seconds:
                killed = child.kill()
                stuck = now - moved > self.limits.step_seconds
                seconds = self.limits.step_seconds if stuck else self.limits.wall_seconds
                reason = f"one step took longer than {seconds:g} s" if stuck else f"it took longer than {seconds:g} s"
                return Status.TIMEOUT, Hang("timeout", reason, state.row_of(killed.progress), killed.line)


@dataclass
class _State:
    """What has arrived so far; messages come from code nobody has reviewed, so each is read with suspicion."""

    prepared: Prepared
    results: Results
    on_progress: OnProgress | None
    comparison: Comparison = field(init=False)
    wrong: Bools = field(init=False)
    checked: Bools = field(init=False)
    paths: list[bytes] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    load_failure: Failure | None = None
    reruns: Reruns = Reruns()
    form: Form = "plain"
    loading: bytes = b""
    printed: str = ""
    _done: int = 0
    _failing: int = 0

    def __post_init__(self) -> None:
        count = len(self.prepared.dataset)
        self.wrong = np.zeros((count, len(self.prepared.layout.names)), dtype=np.bool_)
        self.checked = np.zeros(count, dtype=np.bool_)
        self.comparison = self.prepared.comparison.fresh()

    @property
    def failing(self) -> int:
        """How many rows have been found wrong."""
        return self._failing

    def take(self, data: dict[str, Any]) -> Status | None:
        """Take in one message; the status when it was the last."""
        match data:
            case {"event": "failed", "failure": failure}:
                self.load_failure = _failure(failure)
                self.printed = str(data.get("printed", ""))
                return Status.ERROR
            case {"event": "loaded", "form": form, "path": path}:
                self.form = "stored" if form == "stored" else "plain"
                self.loading = bytes.fromhex(str(path))
            case {"event": "rows", "rows": rows}:
                if self.comparison.words is not None:
                    self.comparison.words.learn([str(word) for word in data["words"]])
                self.paths.extend(bytes.fromhex(str(path)) for path in data["paths"])
                self.failures.extend(_failure(failure) for failure in data["failures"])
                self._compare(rows)
            case {"event": "done", "complete": complete}:
                self.printed = str(data.get("printed", ""))
                self.reruns = Reruns(*(self._rows_of(data.get(name)) for name in ("random", "hidden", "mutated")))
                return Status.COMPLETE if complete is True and self.checked.all() else Status.PARTIAL
        return None

    def row_of(self, run: int) -> int:
        """A row of the dataset for which transition `run` was run."""
        order = self.prepared.rows_of_run
        count = len(self.prepared.transitions)
        run = min(max(run, 0), count - 1)
        return run if order is None else int(order[0][order[1][run]])

    def _compare(self, runs: Any) -> None:
        prepared, results = self.prepared, self.results
        rows, chosen = self._dataset_rows(runs)
        status = results.status[chosen]
        wrong = self.comparison.mismatches(results.predicted[chosen], rows)
        wrong &= ~prepared.excused[rows]
        wrong[status != PREDICTED] = True
        fresh = ~self.checked[rows]
        self._done += int(fresh.sum())
        self._failing += int((wrong.any(axis=1) & fresh).sum())
        self.wrong[rows] = wrong
        self.checked[rows] = True
        if self.on_progress is not None:
            self.on_progress(Progress(self._done, len(prepared.dataset), self._failing))

    def _dataset_rows(self, runs: Any) -> tuple[Any, Any]:
        """Rows of the dataset that a chunk of runs answers, and the run of each."""
        count, order = len(self.prepared.transitions), self.prepared.rows_of_run
        match runs:
            case {"from": int(start), "to": int(stop)} if 0 <= start <= stop <= count:
                if order is None:
                    return slice(start, stop), slice(start, stop)
                rows = order[0][order[1][start] : order[1][stop]]
                return rows, self.prepared.run_of[rows]  # type: ignore[index]
            case list():
                chosen = np.array([run for run in runs if isinstance(run, int) and 0 <= run < count], dtype=np.intp)
                return (chosen, chosen) if order is None else (order[0][order[1][chosen]], chosen)
            case _:
                return slice(0, 0), slice(0, 0)

    def _rows_of(self, runs: Any) -> tuple[int, ...]:
        if not isinstance(runs, list):
            return ()
        return tuple(self.row_of(run) for run in runs if isinstance(run, int))


def _failure(data: Any) -> Failure:
    match data:
        case {"kind": kind, "message": str(message), "type": str(name), "line": int() | None as line} if kind in _KINDS:
            return Failure(kind, message[:_LONGEST], name[:_LONGEST], line)
        case _:
            return Failure("exception", "the model failed without saying why")
