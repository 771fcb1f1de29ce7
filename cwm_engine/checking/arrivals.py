"""What arrives from a child that runs a model: messages read with suspicion, predictions compared at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, get_args

import numpy as np

from cwm_engine.checking.compare import Bools, Comparison
from cwm_engine.checking.evidence import UNEXPLAINED, Reruns
from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.report import Status
from cwm_engine.sandbox.outputs import Failure, FailureKind
from cwm_engine.sandbox.results import PREDICTED, Results
from cwm_engine.sandbox.transitions import Form

_LONGEST = 500
_KINDS = frozenset(get_args(FailureKind))


class NonsenseError(Exception):
    """A message that the job does not send: the program has got hold of the connection."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come: rows checked of all rows, and those of them that are wrong."""

    checked: int
    total: int
    failing: int


OnProgress = Callable[[Progress], None]


@dataclass
class Arrivals:
    """Everything one child has told so far.

    Attributes:
        prepared: The data.
        shared: The map it writes its predictions into, and can still change.
        on_progress: Called after every chunk.
        everything: Whether it was asked to run all rows.
        results: Its predictions; status and path as they were when they were compared.
        loaded: Whether the model was loaded and constructed.
        done: How many rows have been compared.
        comparison, wrong, checked, paths, failures, load_failure, reruns, form, loading, printed: See `Evidence`.
    """

    prepared: Prepared
    shared: Results
    on_progress: OnProgress | None
    everything: bool = True
    results: Results = field(init=False)
    loaded: bool = False
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
    done: int = 0
    _failing: int = 0

    def __post_init__(self) -> None:
        count = len(self.prepared.dataset)
        self.wrong = np.zeros((count, len(self.prepared.layout.names)), dtype=np.bool_)
        self.checked = np.zeros(count, dtype=np.bool_)
        self.comparison = self.prepared.comparison.fresh()
        self.results = replace(
            self.shared, path=np.zeros_like(self.shared.path), status=np.zeros_like(self.shared.status)
        )

    @property
    def failing(self) -> int:
        """How many rows have been found wrong."""
        return self._failing

    def take(self, data: Mapping[str, Any]) -> Status | None:
        """Take in one message.

        Returns:
            The status when it was the last one.

        Raises:
            NonsenseError: It is none that the job sends.
        """
        try:
            return self._take(data)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise NonsenseError from error

    def row_of(self, run: int) -> int:
        """A row of the dataset for which transition `run` was run."""
        order = self.prepared.rows_of_run
        run = min(max(run, 0), len(self.prepared.transitions) - 1)
        return run if order is None else int(order[0][order[1][run]])

    def _take(self, data: Mapping[str, Any]) -> Status | None:
        match data:
            case {"event": "failed", "failure": failure, "printed": str(printed)}:
                self.load_failure = _failure(failure)
                self.printed = printed
                return Status.ERROR
            case {"event": "loaded", "path": str(path)}:
                self.loading = bytes.fromhex(path)
                self.loaded = True
            case {"event": "form", "form": "plain" | "stored" as form}:
                self.form = form
            case {"event": "rows", "rows": rows, "words": list(words), "paths": list(paths), "failures": failures}:
                if self.comparison.words is not None:
                    self.comparison.words.learn([str(word) for word in words])
                self.paths.extend(self._path(path) for path in paths)
                self.failures.extend(_failure(failure) for failure in failures)
                self._compare(rows)
            case {"event": "done", "complete": bool(complete), "printed": str(printed)}:
                self.printed = printed
                asked, random, hidden, mutated = (
                    self._rows_of(data.get(name, [])) for name in ("asked", "random", "hidden", "mutated")
                )
                self.reruns = Reruns(asked, random, hidden, mutated)
                return self._ending(complete)
            case {"error": _}:  # the job itself failed, and how its process ends will say why
                pass
            case _:
                raise NonsenseError
        return None

    def _ending(self, complete: bool) -> Status:
        if complete and self.checked.all():
            return Status.COMPLETE
        if self.everything and (complete or not any(failure.is_costly for failure in self.failures)):
            raise NonsenseError  # nothing else ends a run early
        return Status.PARTIAL

    def _path(self, text: Any) -> bytes:
        path = bytes.fromhex(text)
        if len(path) != len(self.loading):
            raise NonsenseError
        return path

    def _compare(self, runs: Any) -> None:
        prepared, results = self.prepared, self.results
        rows, chosen = self._dataset_rows(runs)
        results.path[chosen] = self.shared.path[chosen]
        results.status[chosen] = status = self.shared.status[chosen].copy()
        wrong = self.comparison.mismatches(results.predicted[chosen], rows)
        wrong &= ~prepared.excused[rows]
        wrong[status != PREDICTED] = True
        seen = self.checked[rows]
        # Rows may come a second time: chosen ones, and all of them when the inputs turn out to need another form.
        self.done += int((~seen).sum())
        self._failing += int(wrong.any(axis=1).sum()) - int(self.wrong[rows].any(axis=1).sum())
        self.wrong[rows] = wrong
        self.checked[rows] = True
        if self.on_progress is not None:
            self.on_progress(Progress(self.done, len(prepared.dataset), self._failing))

    def _dataset_rows(self, runs: Any) -> tuple[Any, Any]:
        """Rows of the dataset that a chunk of runs answers, and the run of each."""
        count, order = len(self.prepared.transitions), self.prepared.rows_of_run
        match runs:
            case {"from": int(start), "to": int(stop)} if 0 <= start <= stop <= count:
                if order is None:
                    return slice(start, stop), slice(start, stop)
                rows = order[0][order[1][start] : order[1][stop]]
                return rows, self.prepared.run_of[rows]  # type: ignore[index]
            case list() if all(isinstance(run, int) and 0 <= run < count for run in runs):
                chosen = np.array(runs, dtype=np.intp)
                return (chosen, chosen) if order is None else (order[0][order[1][chosen]], chosen)
            case _:
                raise NonsenseError

    def _rows_of(self, runs: Any) -> tuple[int, ...]:
        if not isinstance(runs, list) or not all(isinstance(run, int) for run in runs):
            raise NonsenseError
        return tuple(self.row_of(run) for run in runs)


def _failure(data: Any) -> Failure:
    match data:
        case {"kind": kind, "message": str(message), "type": str(name), "line": int() | None as line} if kind in _KINDS:
            return Failure(kind, message[:_LONGEST], name[:_LONGEST], line)
        case _:
            return UNEXPLAINED
