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
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cwm_engine.diagnosis.levels import Level
from cwm_engine.diagnosis.sample import Sample
from cwm_engine.sandbox.program import MODEL_FILENAME
from cwm_engine.sandbox.runner import instances
from cwm_engine.trajectories.columns import DictOf, Kind, Leaf, Structure, TupleOf, canonical_json
from cwm_engine.world_model.discovery import Dialect

Loader = Callable[[ast.Module, Mapping[str, Any]], dict[str, Any]]
"""Runs a module's tree with the given names already in its namespace, and returns the namespace."""

_SMALL = 64
"""Leaves of more elements are judged as one field, as `Layout.names` names them."""

_FAR = 1e150


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
            if isinstance(value, list | dict | set) and len(value) <= _SMALL and not name.startswith("_")
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


class Miss(NamedTuple):
    """How far a prediction is from the outcome.

    Attributes:
        wrong: Which cells are wrong, one bit each.
        distances: For each number its signed distance, scaled by the outcome's size; what is not a number,
            such as `terminated`, has none: 0.
    """

    wrong: int
    distances: list[float]


class Judge:
    """Compares predictions with the outcomes of a sample, field by field.

    Numbers are compared element by element, so a row of cells is `(*observation elements, reward, done)`;
    a leaf of more than 64 elements is one cell.
    """

    def __init__(self, sample: Sample) -> None:
        self._read = _reader(sample.following.structure)
        self.names = sample.layout.names
        tolerance = sample.tolerance
        kinds = (*_kinds(sample.following.structure), Kind.FLOAT, Kind.BOOL)
        self._exact: list[list[tuple[int, Any]]] = []
        self._near: list[list[tuple[int, float, float]]] = []
        self._large: list[list[tuple[int, npt.NDArray[Any], npt.NDArray[Any]]]] = []
        for row in range(len(sample)):
            cells = _observed_cells(sample, row)
            exact, near, large = [], [], []
            # What was wrong before is wrong again in nearly all candidates: look there first.
            for cell in np.argsort(~sample.wrong[row], kind="stable").tolist():
                value = cells[cell]
                if sample.excused[row, cell]:
                    continue
                if isinstance(value, np.ndarray):
                    allowed = (
                        tolerance.atol + tolerance.rtol * np.abs(value) if kinds[cell] is Kind.FLOAT else value * 0.0
                    )
                    large.append((cell, value, allowed))
                elif kinds[cell] is Kind.FLOAT and np.isfinite(value):
                    near.append((cell, float(value), tolerance.atol + tolerance.rtol * abs(float(value))))
                else:
                    exact.append((cell, value))
            self._exact.append(exact)
            self._near.append(near)
            self._large.append(large)

    def cells(self, output: Any) -> list[Any]:
        """A prediction as cells.

        Raises:
            Exception: It does not have the shape of the observations.
        """
        observation, reward, done = _split(output)
        cells = self._read(observation)
        cells.append(reward)
        cells.append(done)
        return cells

    def accepts(self, row: int, output: Any) -> bool:
        """Whether every field of a prediction is right.

        Raises:
            Exception: It does not have the shape of the observations.
        """
        cells = self.cells(output)
        for cell, target, allowed in self._near[row]:
            if not abs(cells[cell] - target) <= allowed:
                return False
        for cell, target in self._exact[row]:
            if cells[cell] != target:
                return False
        for cell, observed, allowances in self._large[row]:
            if not (np.abs(cells[cell] - observed) <= allowances).all():
                return False
        return True

    def measure(self, row: int, output: Any) -> Miss:
        """How far a prediction is from the outcome.

        Raises:
            Exception: The prediction does not have the shape of the observations, or a number is not finite.
        """
        cells = self.cells(output)
        found = [0.0] * len(cells)
        wrong = 0
        for cell, target, allowed in self._near[row]:
            off = float(cells[cell]) - target
            if not abs(off) <= allowed:
                wrong |= 1 << cell
            found[cell] = off / (1.0 + abs(target))
        for cell, target in self._exact[row]:
            value = cells[cell]
            if value != target:
                wrong |= 1 << cell
                if isinstance(target, int | float) and not isinstance(target, bool):
                    found[cell] = (float(value) - target) / (1.0 + abs(target))
        for cell, observed, allowances in self._large[row]:
            share = float(np.mean(~(np.abs(cells[cell] - observed) <= allowances)))
            if share:
                wrong |= 1 << cell
            found[cell] = share
        if not all(-_FAR < off < _FAR for off in found):
            raise OverflowError
        return Miss(wrong, found)


class Bench:
    """A machine, a judge and the inputs of a sample: everything that answers "is this transition right now?"."""

    def __init__(
        self,
        tree: ast.Module,
        model: ModelRef,
        sample: Sample,
        names: Mapping[str, Any],
        loader: Loader = load_plainly,
    ) -> None:
        self.machine = Machine(tree, model, names, loader)
        self.judge = Judge(sample)
        self._states, self._actions = sample.inputs()
        self._histories = sample.histories()
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

    def measure(self, row: int) -> Miss | None:
        """How far the prediction is from the outcome; None after an exception."""
        try:
            return self.judge.measure(row, self.output(row))
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - a candidate may raise anything
            return None


def _split(output: Any) -> tuple[Any, Any, Any]:
    if len(output) == 4:  # the valid actions come second
        return output[0], output[2], output[3]
    if len(output) == 5:  # Gymnasium
        return output[0], output[1], output[2]
    observation, reward, done = output
    return observation, reward, done


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


def _size(leaf: Leaf) -> int:
    return int(np.prod(leaf.shape, dtype=np.int64))


def _kinds(structure: Structure) -> list[Kind]:
    match structure:
        case Leaf(kind, _, shape):
            return [kind] * (1 if shape and _size(structure) > _SMALL else _size(structure))
        case TupleOf(items):
            return [kind for item in items for kind in _kinds(item)]
        case DictOf(named):
            return [kind for _, item in named for kind in _kinds(item)]


def _observed_cells(sample: Sample, row: int) -> list[Any]:
    cells: list[Any] = []
    for leaf, array in zip(sample.layout.leaves, sample.following.arrays, strict=True):
        if leaf.shape and _size(leaf) > _SMALL:
            cells.append(tuple(array[row].ravel().tolist()) if leaf.kind is Kind.TEXT else array[row])
        else:
            cells.extend(array[row].ravel().tolist() if leaf.shape else [array[row : row + 1].tolist()[0]])
    return [*cells, float(sample.rewards[row]), bool(sample.terminated[row])]


def _reader(structure: Structure) -> Callable[[Any], list[Any]]:
    """A function from a predicted observation to its cells; it raises where the shape is another."""
    match structure:
        case Leaf(Kind.JSON):
            return lambda value: [canonical_json(value)]
        case Leaf(_, _, ()):
            return lambda value: [value]
        case Leaf(Kind.TEXT, _, shape):
            return lambda value: _texts(value, shape)
        case Leaf(_, _, (size,)) if size <= _SMALL:

            def read_vector(value: Any) -> list[Any]:
                cells: list[Any] = value.tolist() if isinstance(value, np.ndarray) else list(value)
                if len(cells) != size:
                    raise ValueError("another shape")
                return cells

            return read_vector
        case Leaf(_, _, shape):
            return lambda value: _numbers(value, shape)
        case TupleOf(items):
            return _reader_of_parts([(index, _reader(item)) for index, item in enumerate(items)], len(items))
        case DictOf(named):
            return _reader_of_parts([(name, _reader(item)) for name, item in named], None)


def _reader_of_parts(
    parts: Sequence[tuple[Any, Callable[[Any], list[Any]]]], count: int | None
) -> Callable[[Any], list[Any]]:
    def read(value: Any) -> list[Any]:
        if count is not None and len(value) != count:
            raise ValueError("another number of items")
        return [cell for key, part in parts for cell in part(value[key])]

    return read


def _texts(value: Any, shape: tuple[int, ...]) -> list[Any]:
    array = np.asarray(value, dtype=object)
    if array.shape != shape:
        raise ValueError("another shape")
    texts = array.ravel().tolist()
    return [tuple(texts)] if len(texts) > _SMALL else list(texts)


def _numbers(value: Any, shape: tuple[int, ...]) -> list[Any]:
    array = np.asarray(value)
    if array.shape != shape:
        raise ValueError("another shape")
    return [array] if array.size > _SMALL else list(array.ravel().tolist())
