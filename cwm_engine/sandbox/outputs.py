"""From what `step` returned to rows of numbers: taking predictions apart, whole chunks at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cwm_engine.sandbox.program import error_of
from cwm_engine.sandbox.sharing import SharedError, observed, shares
from cwm_engine.trajectories.columns import DictOf, Kind, Leaf, Structure, TupleOf, canonical_json, leaves

Floats = npt.NDArray[np.float64]
FailureKind = Literal["exception", "forbidden", "memory", "loop", "arity", "shape", "type"]

_NUMERIC = "biuf"
_SHOWN = 40
_SEARCHED = 10_000


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no prediction; `line` is in the model's file, `type` the exception's where there was one."""

    kind: FailureKind
    message: str
    type: str = ""
    line: int | None = None

    @property
    def is_costly(self) -> bool:
        """Whether it takes a limit to be used up, each time."""
        return self.kind in {"loop", "memory"}


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
        by_reference: Whether outputs are read later than they were returned, so that they must not share memory.
        words: Texts in the order of their numbers; `fresh_words` hands out those not yet told to the host.
    """

    structure: Structure
    returns: Literal[3, 5]
    by_reference: bool = False
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
            SharedError: They are read by reference and share memory.
            BaseException: Whatever the objects of a model raise when they are looked at.
        """
        observations, rewards, dones = self._split(outputs)
        if self.by_reference and shares(self.structure, outputs, observations):
            raise SharedError
        end = self._write(self.structure, observations, rows, 0, "obs")
        rows[:, end] = _scalars("reward", rewards, "a number")
        rows[:, end + 1] = _scalars("done", dones, "True or False")

    def write_each(self, outputs: Sequence[Any], rows: Floats) -> dict[int, Failure]:
        """Write outputs of which some may be malformed; those leave a row of NaN and their reason, by position.

        Raises:
            SharedError: They are read by reference and share memory.
        """
        try:
            self.write(outputs, rows)
        except SharedError:
            raise
        except BaseException:  # noqa: BLE001 - looking at a model's objects can run its code
            if self.by_reference and shares(self.structure, *observed(outputs)):
                raise SharedError from None
        else:
            return {}
        reasons = (self._write_one(output, row) for output, row in zip(outputs, rows, strict=True))
        return {position: reason for position, reason in enumerate(reasons) if reason is not None}

    def _write_one(self, output: Any, row: Floats) -> Failure | None:
        try:
            if isinstance(output, Failure):
                raise MalformedError(output)
            self.write([output], row.reshape(1, -1))
        except MalformedError as error:
            row[:] = np.nan
            return error.failure
        except BaseException as error:  # noqa: BLE001 - see `write_each`
            row[:] = np.nan
            told = error_of(error)
            message = f"what `step` returned cannot be read: {told['type']}: {told['message']}"
            return Failure("memory" if isinstance(error, MemoryError) else "type", message, "", told["line"])
        return None

    def _split(self, outputs: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any], Sequence[Any]]:
        if set(map(type, outputs)) <= {tuple, list} or all(isinstance(output, tuple | list) for output in outputs):
            with suppress(ValueError):  # not all of one length
                parts = tuple(zip(*outputs, strict=True))
                if len(parts) == self.returns:
                    return parts[0], parts[1], parts[2]
                if len(parts) == 4 and self.returns == 3 and all(np.ndim(valid) == 1 for valid in parts[1]):
                    return parts[0], parts[2], parts[3]
        raise MalformedError(_arity(outputs[0], self.returns))

    def _write(self, structure: Structure, values: Sequence[Any], rows: Floats, column: int, path: str) -> int:
        match structure:
            case Leaf(Kind.JSON):
                rows[:, column] = [self._word(_json(value, path)) for value in values]
                return column + 1
            case Leaf(Kind.TEXT, _, shape):
                cells = np.array(values, dtype=object).reshape(len(values), -1)
                size = int(np.prod(shape, dtype=np.int64))
                if cells.shape[1] != size or not all(isinstance(cell, str) for cell in cells.flat):
                    raise MalformedError(_unlike(path, f"text of shape {shape}" if shape else "text", values[0]))
                numbers = [self._word(cell) for cell in cells.flat]
                rows[:, column : column + size] = np.array(numbers).reshape(cells.shape)
                return column + size
            case Leaf(_, _, shape):
                array = _numbers(values, shape, path)
                size = array.shape[1]
                rows[:, column : column + size] = array
                return column + size
            case TupleOf(items):
                for index, item in enumerate(items):
                    inner = _items(values, index, len(items), path)
                    column = self._write(item, inner, rows, column, f"{path}[{index}]")
                return column
            case DictOf(items):
                names = {name for name, _ in items}
                for value in values:
                    _check_names(value, names, path)
                for name, item in items:
                    column = self._write(item, [value[name] for value in values], rows, column, f"{path}.{name}")
                return column

    def _word(self, text: str) -> int:
        return self.words.setdefault(text, len(self.words))


def _numbers(values: Sequence[Any], shape: tuple[int, ...], path: str) -> Floats:
    array = _array(values)
    if array.dtype.kind not in _NUMERIC:
        odd = _odd_one(values[0], path)
        raise MalformedError(
            odd or _unlike(path, "a number" if shape == () else f"numbers of shape {shape}", values[0])
        )
    if array.shape != (len(values), *shape):
        message = f"{_name(path)} has shape {np.shape(values[0])}, the data has shape {shape}"
        raise MalformedError(Failure("shape", message))
    return array.reshape(len(values), -1)


def _array(values: Sequence[Any]) -> npt.NDArray[Any]:
    """The values as one array; an array of objects where they have no common shape or are no numbers."""
    try:
        array = np.asarray(values)
    except ValueError:
        return np.empty((), dtype=object)
    if array.dtype.kind == "O" and all(isinstance(cell, int | float | np.number | np.bool_) for cell in array.flat):
        return array.astype(np.float64)  # whole numbers beyond 64 bits
    return array


def _scalars(what: str, values: Sequence[Any], wanted: str) -> Floats:
    array = _array(values)
    if array.shape != (len(values),) or array.dtype.kind not in _NUMERIC:
        raise MalformedError(Failure("type", f"`{what}` is {describe(values[0])}, not {wanted}"))
    return array


def _odd_one(value: Any, path: str) -> Failure | None:
    """The first part of a nested value that is no number, by its path."""
    stack = [(value, path)]
    for _ in range(_SEARCHED):  # a list may hold itself
        if not stack:
            return None
        part, where = stack.pop()
        if isinstance(part, tuple | list) or (isinstance(part, np.ndarray) and part.ndim):
            stack += [(item, f"{where}[{index}]") for index, item in reversed(list(enumerate(part)))]
        elif np.asarray(part).dtype.kind not in _NUMERIC and where != path:
            return Failure("type", f"`{where}` is {describe(part)}, not a number")
    return None


def _items(values: Sequence[Any], index: int, count: int, path: str) -> list[Any]:
    for value in values:
        if not isinstance(value, tuple | list | np.ndarray) or len(value) != count:
            message = f"{_name(path)} is {describe(value)}, the data has tuples of {count} items"
            raise MalformedError(Failure("shape", message))
    return [value[index] for value in values]


def _check_names(value: Any, names: set[str], path: str) -> None:
    if not isinstance(value, Mapping):
        listed = ", ".join(map(repr, sorted(names)))
        message = f"{_name(path)} is {describe(value)}, the data has dictionaries with the keys {listed}"
        raise MalformedError(Failure("shape", message))
    if value.keys() == names:
        return
    missing, extra = sorted(names - value.keys()), sorted(map(str, value.keys() - names))
    differences = [f"lacks the key {key!r}" for key in missing] + [f"has the extra key {key!r}" for key in extra]
    raise MalformedError(Failure("shape", f"{_name(path)} {' and '.join(differences[:3])}"))


def _json(value: Any, path: str) -> str:
    try:
        return canonical_json(value)
    except (TypeError, ValueError, RecursionError):
        raise MalformedError(_unlike(path, "a value with a JSON form", value)) from None


def _arity(output: Any, returns: int) -> Failure:
    expected = "3 values (observation, reward, done)"
    if returns == 5:
        expected = "5 values (observation, reward, terminated, truncated, info)"
    if not isinstance(output, tuple | list):
        return Failure("arity", f"`step` returned {describe(output)}, not {expected}")
    return Failure("arity", f"`step` returned {_count(len(output), 'value')}, not {expected}")


def _unlike(path: str, expected: str, value: Any) -> Failure:
    return Failure("type", f"{_name(path)} is {describe(value)}, the data has {expected}")


def _name(path: str) -> str:
    return "the observation" if path == "obs" else f"`{path}`"


def describe(value: Any) -> str:
    """A value of a model in a few words, without running its code."""
    match value:
        case None:
            return "None"
        case str():
            return f"the text {value[:_SHOWN]!r}"
        case np.ndarray():
            return f"an array of {value.dtype} of shape {value.shape}"
        case tuple() | list() | dict():
            return f"a {type(value).__name__} of {_count(len(value), 'item')}"
        case bool() | int() | float() | complex() | np.generic():
            return f"{value!r:.{_SHOWN}} of type {type(value).__name__}"
        case _:
            # Its `repr` is the model's own code and may hold an address that is another one each time.
            return f"an object of type {type(value).__name__}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
