"""Judging a prediction as soon as it is made, field by field, the fields that were wrong before first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cwm_engine.diagnosis.execution.sample import Sample
from cwm_engine.trajectories.columns import DictOf, Kind, Leaf, Structure, TupleOf, canonical_json

_SMALL = 64
"""Leaves of more elements are judged as one field, as `Layout.names` names them."""

_FAR = 1e150


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


def _split(output: Any) -> tuple[Any, Any, Any]:
    if len(output) == 4:  # the valid actions come second
        return output[0], output[2], output[3]
    if len(output) == 5:  # Gymnasium
        return output[0], output[1], output[2]
    observation, reward, done = output
    return observation, reward, done


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
