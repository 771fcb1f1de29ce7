"""From what `step` returned to rows of numbers: taking predictions apart, whole chunks at a time."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cwm_engine.trajectories.columns import DictOf, Kind, Leaf, Structure, TupleOf, canonical_json, leaves

Floats = npt.NDArray[np.float64]
FailureKind = Literal["exception", "forbidden", "memory", "loop", "arity", "shape", "type"]

_NUMERIC = "biuf"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no prediction; `line` is in the model's file, `type` the exception's where there was one."""

    kind: FailureKind
    message: str
    type: str = ""
    line: int | None = None


class MalformedError(Exception):
    """What was returned is no prediction."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass
class Writer:
    """Writes outputs of one dialect as rows.

    Attributes:
        structure: Structure of the observations.
        returns: How many values `step` returns: 3 (observation, reward, done) or 5 (Gymnasium); a 4-tuple
            with valid actions second is understood in place of 3.
        words: Texts in the order of their numbers; `fresh_words` hands out those not yet told to the host.
    """

    structure: Structure
    returns: Literal[3, 5]
    words: dict[str, int] = field(default_factory=dict)
    _told: int = 0

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return sum(int(np.prod(leaf.shape, dtype=np.int64)) for _, leaf in leaves(self.structure)) + 2

    def fresh_words(self) -> list[str]:
        """The words that have come up since the last call."""
        fresh = list(self.words)[self._told :]
        self._told = len(self.words)
        return fresh

    def write(self, outputs: Sequence[Any], rows: Floats) -> None:
        """Write outputs as rows.

        Args:
            outputs: What `step` returned (k of them).
            rows: Where to write, shape `(k, width)`.

        Raises:
            MalformedError: One of them is no prediction; `write_each` tells which.
        """
        observations, rewards, dones = self._split(outputs)
        end = self._write(self.structure, observations, rows, 0)
        rows[:, end] = _scalars("reward", rewards)
        rows[:, end + 1] = _scalars("done", dones)

    def write_each(self, outputs: Sequence[Any], rows: Floats) -> list[Failure | None]:
        """Write outputs of which some may be malformed; those leave a row of NaN and their reason."""
        if not any(isinstance(output, Failure) for output in outputs):
            with suppress(Exception):
                self.write(outputs, rows)
                return [None] * len(outputs)
        return [self._write_one(output, row) for output, row in zip(outputs, rows, strict=True)]

    def _write_one(self, output: Any, row: Floats) -> Failure | None:
        try:
            if isinstance(output, Failure):
                raise MalformedError(output)
            self.write([output], row.reshape(1, -1))
        except MalformedError as error:
            row[:] = np.nan
            return error.failure
        return None

    def _split(self, outputs: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any], Sequence[Any]]:
        try:
            parts = tuple(zip(*outputs, strict=True))
        except (TypeError, ValueError):
            parts = ()
        if len(parts) == self.returns:
            return parts[0], parts[1], parts[2]
        if len(parts) == 4 and self.returns == 3 and all(np.ndim(valid) == 1 for valid in parts[1]):
            return parts[0], parts[2], parts[3]
        raise MalformedError(_arity(outputs[0], self.returns))

    def _write(self, structure: Structure, values: Sequence[Any], rows: Floats, column: int) -> int:
        match structure:
            case Leaf(Kind.JSON):
                rows[:, column] = [self._word(_json(value)) for value in values]
                return column + 1
            case Leaf(Kind.TEXT, _, shape):
                cells = np.array(values, dtype=object).reshape(len(values), -1)
                size = int(np.prod(shape, dtype=np.int64))
                if cells.shape[1] != size or not all(isinstance(cell, str) for cell in cells.flat):
                    raise MalformedError(_unlike(f"text of shape {shape}" if shape else "text", values[0]))
                numbers = [self._word(cell) for cell in cells.flat]
                rows[:, column : column + size] = np.array(numbers).reshape(cells.shape)
                return column + size
            case Leaf(_, _, shape):
                array = _numbers(values, shape)
                size = array.shape[1]
                rows[:, column : column + size] = array
                return column + size
            case TupleOf(items):
                for index, item in enumerate(items):
                    column = self._write(item, _items(values, index, len(items)), rows, column)
                return column
            case DictOf(items):
                for name, item in items:
                    column = self._write(item, _entries(values, name), rows, column)
                return column

    def _word(self, text: str) -> int:
        return self.words.setdefault(text, len(self.words))


def _numbers(values: Sequence[Any], shape: tuple[int, ...]) -> Floats:
    array = _array(values)
    if array.dtype.kind == "O" and array.shape == (len(values), *shape):
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError, OverflowError):
            raise MalformedError(_unlike("numbers", values[0])) from None
    if array.dtype.kind not in _NUMERIC:
        raise MalformedError(_unlike("a number" if shape == () else f"numbers of shape {shape}", values[0]))
    if array.shape != (len(values), *shape):
        found = np.shape(values[0])
        message = f"the observation has shape {found}, the data has shape {shape}"
        raise MalformedError(Failure("shape", message))
    return array.reshape(len(values), -1)


def _array(values: Sequence[Any]) -> npt.NDArray[Any]:
    """The values as one array; an array of nothing where they have no common shape."""
    try:
        return np.asarray(values)
    except (ValueError, TypeError, OverflowError):
        return np.empty((), dtype=object)


def _scalars(what: str, values: Sequence[Any]) -> Floats:
    array = _array(values)
    if array.shape != (len(values),) or array.dtype.kind not in _NUMERIC:
        wanted = "a number" if what == "reward" else "True or False"
        message = f"`{what}` is {_describe(values[0])}, not {wanted}"
        raise MalformedError(Failure("type", message))
    return array


def _items(values: Sequence[Any], index: int, count: int) -> list[Any]:
    try:
        if all(len(value) == count and not isinstance(value, (str, dict)) for value in values):
            return [value[index] for value in values]
    except TypeError:
        pass
    message = f"the observation is {_describe(values[0])}, the data has tuples of {count} items"
    raise MalformedError(Failure("shape", message))


def _entries(values: Sequence[Any], name: str) -> list[Any]:
    try:
        return [value[name] for value in values]
    except (KeyError, TypeError, IndexError):
        message = f"the observation is {_describe(values[0])}, the data has dictionaries with the key {name!r}"
        raise MalformedError(Failure("shape", message)) from None


def _json(value: Any) -> str:
    try:
        return canonical_json(value)
    except (TypeError, ValueError, RecursionError):
        raise MalformedError(_unlike("a value with a JSON form", value)) from None


def _arity(output: Any, returns: int) -> Failure:
    expected = "3 values (observation, reward, done)"
    if returns == 5:
        expected = "5 values (observation, reward, terminated, truncated, info)"
    if not isinstance(output, (tuple, list)):
        return Failure("arity", f"`step` returned {_describe(output)}, not {expected}")
    return Failure("arity", f"`step` returned {len(output)} values, not {expected}")


def _unlike(expected: str, value: Any) -> Failure:
    return Failure("type", f"the observation is {_describe(value)}, the data has {expected}")


def _describe(value: Any) -> str:
    match value:
        case None:
            return "None"
        case str():
            return f"the text {value[:40]!r}"
        case np.ndarray():
            return f"an array of {value.dtype} of shape {value.shape}"
        case tuple() | list() | dict():
            return f"a {type(value).__name__} of {len(value)} items"
        case _:
            return f"{value!r:.40} of type {type(value).__name__}"
