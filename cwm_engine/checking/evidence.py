"""Evidence: everything one run of a model over a dataset has shown, before anyone asks why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cwm_engine.checking import cwmb
from cwm_engine.checking.compare import Bools, Comparison, Floats
from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.report import Status
from cwm_engine.findings import Example
from cwm_engine.sandbox.outputs import Failure
from cwm_engine.sandbox.results import FIRST_FAILURE, PREDICTED, Results
from cwm_engine.sandbox.transitions import Form
from cwm_engine.trajectories.columns import DictOf, Kind, Leaf, Structure, TupleOf, to_json
from cwm_engine.trajectories.columns import from_canonical_json as parse_json
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.world_model.discovery import ModelSpec
from cwm_engine.world_model.imports import ALLOWED_MODULES

_ROUNDING = 1e-12


@dataclass(frozen=True)
class Program:
    """A model as it is run: its source, the modules beside it, and which model of the file is meant.

    Attributes:
        source: Text of the model's file.
        spec: The model in it.
        siblings: Source of the project's own modules that it imports, by module name.
        goal: Which reward function pays, for files with several goals.
        preload: Modules beyond the standard ones that the sandbox must have ready.
        allowed: Top-level modules it may import besides its siblings.
    """

    source: str
    spec: ModelSpec
    siblings: Mapping[str, str] = field(default_factory=dict)
    package: str = ""
    goal: str | None = None
    preload: tuple[str, ...] = ()
    allowed: frozenset[str] = ALLOWED_MODULES

    @property
    def request(self) -> dict[str, Any]:
        """What a job in the sandbox has to be told to load the program."""
        return {
            "source": self.source,
            "siblings": dict(self.siblings),
            "package": self.package,
            "allowed": sorted(self.allowed),
            "model": {"name": self.spec.name, "dialect": str(self.spec.dialect), "goal": self.goal},
        }


@dataclass(frozen=True)
class Hang:
    """The model stopped answering, or its process ended.

    Attributes:
        kind: How it ended.
        message: What happened, as half a sentence.
        row: The row of the dataset it was working on; None while it was being loaded.
        line: The line of its file it was on, where that is known.
    """

    kind: Literal["timeout", "crash", "forbidden", "memory", "output", "slow"]
    message: str
    row: int | None
    line: int | None


UNEXPLAINED = Failure("exception", "the model failed without saying why")
"""What a child writes is not to be trusted: it may refer to a failure it never described."""


@dataclass(frozen=True)
class Reruns:
    """Rows of the dataset that were run again (`asked`), and those whose prediction changed, by the reason."""

    asked: tuple[int, ...] = ()
    random: tuple[int, ...] = ()
    hidden: tuple[int, ...] = ()
    mutated: tuple[int, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """What a run showed.

    Attributes:
        program: The model that ran.
        prepared: The data it ran on.
        status: How far the run came; `error` when the model never ran.
        comparison: How its predictions were compared, with the words they use.
        results: Raw predictions, one row a distinct transition.
        wrong: Cells (n, fields) that differ and are not excused; all of a row without a prediction.
        checked: Rows (n,) that were run.
        paths: The probes each code path hit, in the order of their numbers.
        failures: Why rows have no prediction; a status of `FIRST_FAILURE + k` refers to entry k.
        load_failure: Why the model could not be loaded at all.
        hang: Where the run ended before its time.
        reruns: What a second run showed.
        loading: The probes that were hit while the model was loaded and constructed.
        form: How the model was given states and actions.
        printed: What the model wrote to standard output.
        seconds: Wall time of the run.
    """

    program: Program
    prepared: Prepared
    status: Status
    comparison: Comparison
    results: Results
    wrong: Bools
    checked: Bools
    paths: tuple[bytes, ...] = ()
    failures: tuple[Failure, ...] = ()
    load_failure: Failure | None = None
    hang: Hang | None = None
    reruns: Reruns = Reruns()
    form: Form = "plain"
    loading: bytes = b""
    printed: str = ""
    seconds: float = 0.0

    @cached_property
    def failing(self) -> Bools:
        """Rows (n,) that were run and have a wrong field or no prediction."""
        return self.wrong.any(axis=1) & self.checked

    @property
    def passed(self) -> int:
        """How many rows are right in every field."""
        return int(self.checked.sum() - self.failing.sum())

    @property
    def accuracy(self) -> float | None:
        """Fraction of the checked rows with every field right; None where nothing was checked."""
        count = int(self.checked.sum())
        return self.passed / count if count else None

    @property
    def reaches_ceiling(self) -> bool:
        """Whether no deterministic model can be right more often: what is wrong then contradicts what is right."""
        ceiling = self.prepared.ceiling
        return ceiling is not None and self.accuracy is not None and self.accuracy >= ceiling - _ROUNDING

    @property
    def field_accuracies(self) -> dict[str, float]:
        """Fraction of the checked rows in which a field is right, by field."""
        count = int(self.checked.sum())
        if not count:
            return {}
        right = 1.0 - self.wrong[self.checked].mean(axis=0)
        return dict(zip(self.prepared.layout.names, right.tolist(), strict=True))

    def runs(self, rows: Any) -> Any:
        """The rows of `results` that hold the predictions for rows of the dataset."""
        return rows if self.prepared.run_of is None else self.prepared.run_of[rows]

    @cached_property
    def row_status(self) -> npt.NDArray[np.uint16]:
        """For each row of the dataset, the status of its prediction."""
        return self.results.status[self.runs(slice(None))]

    @cached_property
    def row_path(self) -> npt.NDArray[np.uint16]:
        """For each row of the dataset, the number of its code path, below `len(paths)`."""
        return np.minimum(self.results.path[self.runs(slice(None))], max(len(self.paths) - 1, 0))

    @cached_property
    def path_hits(self) -> npt.NDArray[np.bool_]:
        """Which probes each code path hit, (paths, probes)."""
        if not self.paths:
            return np.zeros((0, 0), dtype=np.bool_)
        return np.array([np.frombuffer(path, dtype=np.uint8) for path in self.paths]).astype(np.bool_)

    def predicted(self, rows: Any) -> Floats:
        """Raw predictions for rows of the dataset."""
        return self.results.predicted[self.runs(rows)]

    def failure_of(self, row: int) -> Failure | None:
        """Why a row has no prediction."""
        number = int(self.row_status[row]) - FIRST_FAILURE
        if number < 0:
            return None
        return self.failures[number] if number < len(self.failures) else UNEXPLAINED

    @cached_property
    def cwmb_score(self) -> float:
        """The score of the released CWMB evaluator, 0..1; any row without a prediction makes it 0."""
        if not self.checked.all() or not (self.row_status == PREDICTED).all():
            return 0.0
        scores = cwmb.row_scores(self.comparison, self.predicted(slice(None)))
        return cwmb.aggregate(scores, self.prepared.dataset.rewards)

    def situation(self, row: int) -> Example:
        """What was observed at a row, without a prediction."""
        return observed_at(self.prepared.dataset, row)

    def example(self, row: int) -> Example:
        """What was observed and predicted at a row."""
        failure = self.failure_of(row)
        if failure is not None:
            return replace(self.situation(row), predicted={"error": failure.message})
        differs = np.array(self.prepared.layout.names)[self.wrong[row]]
        return replace(self.situation(row), predicted=self._predicted_json(row), differs=tuple(differs.tolist()))

    def _predicted_json(self, row: int) -> dict[str, Any]:
        layout = self.prepared.layout
        numbers = self.predicted(row)
        observation, _ = self._value(layout.structure, numbers, 0)
        done = float(numbers[layout.terminated])
        return {
            "observation": observation,
            "reward": float(numbers[layout.reward]),
            "terminated": bool(done) if done in (0.0, 1.0) else done,
        }

    def _value(self, structure: Structure, numbers: Floats, column: int) -> tuple[Any, int]:
        match structure:
            case Leaf(kind, _, shape):
                size = int(np.prod(shape, dtype=np.int64))
                cells = [self._cell(kind, float(number)) for number in numbers[column : column + size]]
                return (_nest(cells, shape) if shape else cells[0]), column + size
            case TupleOf(items):
                values = []
                for item in items:
                    value, column = self._value(item, numbers, column)
                    values.append(value)
                return values, column
            case DictOf(items):
                named = {}
                for name, item in items:
                    named[name], column = self._value(item, numbers, column)
                return named, column

    def _cell(self, kind: Kind, number: float) -> Any:
        if kind in (Kind.TEXT, Kind.JSON):
            words = self.comparison.words
            text = words.text(number) if words is not None else None
            if kind is not Kind.JSON or text is None:
                return text
            try:
                return to_json(parse_json(text))
            except (ValueError, TypeError, RecursionError):  # it comes from code nobody has reviewed
                return text
        if kind is Kind.BOOL and number in (0.0, 1.0):
            return bool(number)
        return int(number) if kind in (Kind.INT, Kind.BOOL) and number.is_integer() else number


def observed_at(dataset: Dataset, row: int) -> Example:
    """A transition as it was observed, without a prediction."""
    return Example(
        episode=int(dataset.episode[row]),
        step=int(dataset.step[row]),
        state=to_json(dataset.observations.row(row)),
        action=to_json(dataset.actions.row(row)),
        expected={
            "observation": to_json(dataset.next_observations.row(row)),
            "reward": float(dataset.rewards[row]),
            "terminated": bool(dataset.terminated[row]),
        },
        predicted=None,
        differs=(),
    )


def _nest(cells: list[Any], shape: tuple[int, ...]) -> Any:
    if len(shape) <= 1:
        return cells
    size = len(cells) // shape[0] if shape[0] else 0
    return [_nest(cells[i * size : (i + 1) * size], shape[1:]) for i in range(shape[0])]
