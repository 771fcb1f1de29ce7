"""What a check needs to know of a dataset, worked out once: what to send, what to excuse, what to compare with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cwm_engine.checking.compare import Bools, Comparison, Tolerance, Words
from cwm_engine.checking.fields import TERMINATED, Layout
from cwm_engine.checking.scores import baseline
from cwm_engine.errors import CwmError
from cwm_engine.sandbox.transitions import Transitions
from cwm_engine.trajectories.columns import Kind, leaves
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.trajectories.health import ceiling, unexplainable_terminations

Mode = Literal["transition", "episode"]

_NAMED = 12


@dataclass(frozen=True)
class Prepared:
    """A dataset ready to be checked against.

    Attributes:
        dataset: What was observed.
        mode: `transition` sets the state before every step, `episode` once per episode.
        tolerance: How near a float must be.
        ignore: Fields nobody is held to.
    """

    dataset: Dataset
    mode: Mode = "transition"
    tolerance: Tolerance = Tolerance()
    ignore: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field in self.ignore:
            if not any(_belongs(name, field) for name in self.layout.names):
                known = ", ".join(self.layout.names[:_NAMED]) + (", ..." if len(self.layout.names) > _NAMED else "")
                raise CwmError(f"`ignore` names {field!r}, which is no field of the data", hint=f"fields are {known}")

    @cached_property
    def layout(self) -> Layout:
        """The columns of a prediction."""
        return Layout(self.dataset.next_observations.structure)

    @cached_property
    def _distinct(self) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]] | None:
        """First row and number of each distinct (state, action); None where every row is run by itself."""
        columns = (self.dataset.observations, self.dataset.actions)
        kinds = {leaf.kind for part in columns for _, leaf in leaves(part.structure)}
        if self.mode == "episode" or not kinds <= {Kind.INT, Kind.BOOL}:
            return None
        cells = [array.reshape(len(self.dataset), -1) for part in columns for array in part.arrays]
        first, number = np.unique(_as_bytes(cells), return_index=True, return_inverse=True)[1:]
        return first, number

    @cached_property
    def transitions(self) -> Transitions:
        """The distinct states and actions: a discrete model is run once for each."""
        starts = self.dataset.episode_starts
        states, actions = self.dataset.observations, self.dataset.actions
        if self._distinct is not None:
            rows = self._distinct[0]
            states, actions, starts = states.take(rows), actions.take(rows), starts[:0]
        return Transitions(states, actions, self.layout.structure, starts)

    @cached_property
    def run_of(self) -> npt.NDArray[np.intp] | None:
        """For each row of the dataset, the transition that was run for it; None where they are the same."""
        return None if self._distinct is None else self._distinct[1]

    @cached_property
    def rows_of_run(self) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]] | None:
        """Rows of the dataset ordered by the transition run for them, and where each one's rows begin."""
        if self._distinct is None:
            return None
        order = np.argsort(self._distinct[1], kind="stable")
        begins = np.searchsorted(self._distinct[1][order], np.arange(len(self._distinct[0]) + 1))
        return order, begins

    @cached_property
    def comparison(self) -> Comparison:
        """How predictions are held against the dataset."""
        words = Words(self.dataset.next_observations, self.layout) if any(self.layout.is_text) else None
        return Comparison(self.dataset, self.layout, self.tolerance, words)

    @cached_property
    def unexplainable(self) -> Bools:
        """Rows (n,) whose termination is a time limit in disguise."""
        return unexplainable_terminations(self.dataset)

    @cached_property
    def excused(self) -> Bools:
        """Cells (n, fields) that are not held against a model."""
        names = self.layout.names
        excused = np.zeros((len(self.dataset), len(names)), dtype=np.bool_)
        excused[self.unexplainable, names.index(TERMINATED)] = True
        if self.mode == "episode":
            excused[self.dataset.truncated, names.index(TERMINATED)] = True
        for field in self.ignore:
            excused[:, [_belongs(name, field) for name in names]] = True
        return excused

    @cached_property
    def baseline(self) -> float | None:
        """The accuracy of doing nothing."""
        return baseline(self.comparison, self.excused)

    @cached_property
    def ceiling(self) -> float | None:
        """The best accuracy that any deterministic model can reach on this data; unknown where it may remember."""
        if self.mode == "episode":
            return None
        return ceiling(self.dataset, self.tolerance.atol, self.tolerance.rtol, ignore=self.ignore)


def _belongs(name: str, field: str) -> bool:
    """Whether a field is the one meant, or a part of it."""
    return name == field or name.startswith((f"{field}[", f"{field}."))


def _as_bytes(cells: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    table = np.ascontiguousarray(np.concatenate(cells, axis=1).astype(np.int64))
    return table.view(np.dtype((np.void, table.dtype.itemsize * table.shape[1]))).ravel()
