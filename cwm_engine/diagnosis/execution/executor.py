"""Running a transformed model on the transitions of a sample and judging its predictions, one at a time.

The check runs whole datasets and compares arrays; an analysis runs single transitions, hundreds of
thousands of them, each of a slightly different program. Here a prediction is judged as soon as it is made,
the fields it got wrong before first, so that a bad candidate is dropped after a microsecond.
"""

from __future__ import annotations

import ast
import copy
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cwm_engine.diagnosis.execution.judge import Judge, Miss
from cwm_engine.diagnosis.execution.levels import Level
from cwm_engine.diagnosis.execution.sample import Sample
from cwm_engine.sandbox.program import MODEL_FILENAME
from cwm_engine.sandbox.runner import instances
from cwm_engine.trajectories.columns import DictOf, Kind, Leaf, Structure, TupleOf
from cwm_engine.world_model.discovery import Dialect

Loader = Callable[[ast.Module, Mapping[str, Any]], dict[str, Any]]
"""Runs a module's tree with the given names already in its namespace, and returns the namespace."""

_FEW = 64
"""Containers of up to so many items are made whole again after candidates that change them in place."""


@dataclass(frozen=True, slots=True)
class ModelRef:
    """Which model of a file runs: its class (or `transition`), its dialect, and the goal whose reward pays."""

    name: str
    dialect: Dialect
    goal: str | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ModelRef:
        """The model a job's request names."""
        return cls(str(data["name"]), Dialect(data["dialect"]), data.get("goal"))


def load_plainly(tree: ast.Module, names: Mapping[str, Any]) -> dict[str, Any]:
    """A loader for trusted code: no import guard, no siblings."""
    module = types.ModuleType("model")
    module.__dict__.update(names)
    sys.modules[module.__name__] = module
    exec(compile(tree, MODEL_FILENAME, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - the purpose
    return module.__dict__


class Machine:
    """A loaded model that is stepped from any state, and brought back to its first condition in between.

    Args:
        tree: The module, transformed or not.
        model: The model in it.
        names: Names that are there before the module runs; functions see later changes of `namespace`.
        loader: What runs the module.

    Attributes:
        namespace: The module's names.
        model: The instance that is stepped; None for functions.
        set_state: Puts it into a state.
        step: Steps it.

    Raises:
        BaseException: Whatever the module or the model's constructor raises.
    """

    def __init__(
        self, tree: ast.Module, model: ModelRef, names: Mapping[str, Any], loader: Loader = load_plainly
    ) -> None:
        self._model = model
        self.namespace = loader(tree, names)
        self._first = {name: value for name, value in self.namespace.items() if name.startswith("__")}
        self._tree = tree
        self._switches = tuple(names)
        self._construct = instances(self.namespace, model.name, model.dialect, model.goal)
        self._instance = self._construct()
        owner = getattr(self._instance.set_state, "__self__", None)
        self.model: Any = owner
        self._attributes: dict[str, Any] | None = getattr(owner, "__dict__", None)
        self._pristine = dict(self._attributes or {})
        self._current = (self._attributes, self._pristine)
        self._guarded = [
            (names, name, copy.deepcopy(value))
            for names in (self._pristine, self.namespace)
            for name, value in names.items()
            if isinstance(value, list | dict | set) and len(value) <= _FEW and not name.startswith("_")
        ]
        self.set_state, self.step = self._instance.set_state, self._instance.step

    @cached_property
    def _code(self) -> types.CodeType:
        return compile(self._tree, MODEL_FILENAME, "exec", dont_inherit=True)

    def reset(self, level: Level = Level.STEP) -> None:
        """Forget what earlier steps left behind, and run again what the current switches may have changed.

        Raises:
            BaseException: Whatever the module or the constructor raises with these switches.
        """
        for names, name, value in self._guarded:
            if names[name] != value:  # a candidate changed it in place
                names[name] = copy.deepcopy(value)
        if level is Level.STEP:
            self.set_state, self.step = self._instance.set_state, self._instance.step
            if self._attributes is not None:
                self._attributes.clear()
                self._attributes.update(self._pristine)
            self._current = (self._attributes, self._pristine)
            return
        construct = self._construct
        if level is Level.MODULE:
            namespace = dict(self._first)
            namespace.update((name, self.namespace[name]) for name in self._switches)
            exec(self._code, namespace)  # noqa: S102 - the purpose
            construct = instances(namespace, self._model.name, self._model.dialect, self._model.goal)
        instance = construct()
        self.set_state, self.step = instance.set_state, instance.step
        attributes = getattr(getattr(instance.set_state, "__self__", None), "__dict__", None)
        self._current = (attributes, dict(attributes or {}))

    def rewind(self) -> None:
        """Put the model that is stepped back to how it was constructed, as at the start of an episode."""
        attributes, constructed = self._current
        if attributes is not None:
            attributes.clear()
            attributes.update(constructed)


class Bench:
    """A machine, a judge and the inputs of a sample: everything that answers "is this transition right now?".

    Args:
        tree: The module, transformed or not.
        model: The model in it.
        sample: The transitions.
        names: Names that are there before the module runs.
        loader: What runs the module.
        twin: Another bench for the same sample, whose judge and inputs serve this one too.
    """

    def __init__(
        self,
        tree: ast.Module,
        model: ModelRef,
        sample: Sample,
        names: Mapping[str, Any],
        loader: Loader = load_plainly,
        *,
        twin: Bench | None = None,
    ) -> None:
        self.machine = Machine(tree, model, names, loader)
        self.judge: Judge = Judge(sample) if twin is None else twin.judge
        self._inputs: tuple[Sequence[Any], Sequence[Any], list[Sequence[Any]] | None] = (
            (*sample.inputs(), sample.histories()) if twin is None else twin._inputs
        )
        self._states, self._actions, self._histories = self._inputs
        self.fresh = _copier(sample.states.structure, sample.form)

    def output(self, row: int) -> Any:
        """What the model returns for a transition.

        Raises:
            BaseException: Whatever the model raises.
        """
        machine = self.machine
        if self._histories is None:
            machine.set_state(self.fresh(self._states[row]))
            return machine.step(self._actions[row])
        machine.rewind()
        machine.set_state(self.fresh(self._states[row]))
        for action in self._histories[row]:
            machine.step(action)
        return machine.step(self._actions[row])

    def accepts(self, row: int) -> bool:
        """Whether the model's prediction is right in every field; an exception is not."""
        try:
            return self.judge.accepts(row, self.output(row))
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - a candidate may raise anything
            return False

    def look(self, row: int) -> tuple[list[Any], int] | None:
        """The cells of the prediction, and which of them are wrong, a bit each; None after an exception."""
        try:
            output = self.output(row)
            return self.judge.cells(output), self.judge.measure(row, output).wrong
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - a candidate may raise anything
            return None

    def measure(self, row: int) -> Miss | None:
        """How far the prediction is from the outcome; None after an exception."""
        try:
            return self.judge.measure(row, self.output(row))
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - a candidate may raise anything
            return None


def _copier(structure: Structure, form: str) -> Callable[[Any], Any]:
    """What protects the sample's states from a model that changes its arguments."""
    if form == "plain" and not _has(structure, lambda part: isinstance(part, DictOf) or _is_json(part)):
        return lambda state: state
    if isinstance(structure, Leaf) and structure.shape:
        return lambda state: state.copy() if isinstance(state, np.ndarray) else state
    if not _has(structure, lambda part: isinstance(part, DictOf) or _is_json(part) or bool(getattr(part, "shape", ()))):
        return lambda state: state
    return _deep_copy


def _deep_copy(value: Any) -> Any:
    match value:
        case np.ndarray():
            return value.copy()
        case dict():
            return {name: _deep_copy(item) for name, item in value.items()}
        case list():
            return [_deep_copy(item) for item in value]
        case tuple():
            return tuple(_deep_copy(item) for item in value)
        case _:
            return value


def _is_json(part: Structure) -> bool:
    return isinstance(part, Leaf) and part.kind is Kind.JSON


def _has(structure: Structure, test: Callable[[Structure], bool]) -> bool:
    match structure:
        case Leaf():
            return test(structure)
        case TupleOf(items):
            return test(structure) or any(_has(item, test) for item in items)
        case DictOf(named):
            return test(structure) or any(_has(item, test) for _, item in named)
