"""Gymnasium spaces as JSON and back, without pickle: what a dataset says about its observations and actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cwm_engine.errors import CwmError
from cwm_engine.trajectories.json_values import short_floats
from cwm_engine.trajectories.structures import JSON_LEAF, NUMERIC_KINDS, DictOf, Kind, Leaf, Structure, TupleOf

if TYPE_CHECKING:
    from gymnasium import Space

SpaceJson = Mapping[str, Any]

_MISSION_LENGTH = 1000
_PRINTABLE = "".join(map(chr, range(32, 127)))


def space_to_json(space: Space[Any]) -> tuple[SpaceJson | None, str | None]:
    """A space as JSON.

    Box, Discrete, MultiDiscrete, MultiBinary, Text, Sequence, Tuple and Dict are kept exactly; MiniGrid's
    MissionSpace becomes the Text space that holds every mission.

    Returns:
        The description and None, or None and the reason why this space has no description.
    """
    try:
        return _describe(space), None
    except _NoDescriptionError as error:
        return None, str(error)


def space_from_json(data: SpaceJson) -> Space[Any]:
    """The Gymnasium space that `space_to_json` described.

    Raises:
        CwmError: The description is malformed.
    """
    try:
        return _build(data)
    except (KeyError, TypeError, ValueError, AssertionError) as error:
        raise CwmError(f"not a description of a space: {data!r:.200}") from error


def structure_of_space(data: SpaceJson) -> Structure:
    """How values of a described space are put together; needs no Gymnasium.

    Raises:
        CwmError: The description is malformed.
    """
    try:
        return _structure(data)
    except (KeyError, TypeError, ValueError) as error:
        raise CwmError(f"not a description of a space: {data!r:.200}") from error


class _NoDescriptionError(Exception):
    """The space has no JSON form; the message says why."""


def _describe(space: Space[Any]) -> SpaceJson:
    from gymnasium import spaces

    match space:
        case spaces.Box():
            return {
                "type": "Box",
                "low": _bounds_to_json(space.low),
                "high": _bounds_to_json(space.high),
                "shape": list(space.shape),
                "dtype": str(space.dtype),
            }
        case spaces.Discrete():
            described: dict[str, Any] = {"type": "Discrete", "n": int(space.n), "start": int(space.start)}
            return described if space.dtype == np.int64 else {**described, "dtype": str(space.dtype)}
        case spaces.MultiDiscrete():
            described = {"type": "MultiDiscrete", "nvec": space.nvec.tolist(), "start": space.start.tolist()}
            return described if space.dtype == np.int64 else {**described, "dtype": str(space.dtype)}
        case spaces.MultiBinary():
            return {"type": "MultiBinary", "shape": list(space.shape)}
        case spaces.Text():
            return {
                "type": "Text",
                "min_length": space.min_length,
                "max_length": space.max_length,
                "charset": "".join(space.character_list),
            }
        case spaces.Sequence():
            return {"type": "Sequence", "space": _describe(space.feature_space), "stack": bool(space.stack)}
        case spaces.Tuple():
            return {"type": "Tuple", "spaces": [_describe(item) for item in space.spaces]}
        case spaces.Dict():
            if not all(isinstance(name, str) for name in space.spaces):
                raise _NoDescriptionError("a Dict space with keys that are not strings has no JSON form")
            return {"type": "Dict", "spaces": {name: _describe(item) for name, item in space.spaces.items()}}
        case _ if type(space).__name__.endswith("MissionSpace"):
            return {"type": "Text", "min_length": 0, "max_length": _MISSION_LENGTH, "charset": _PRINTABLE}
        case _:
            raise _NoDescriptionError(f"a {type(space).__name__} space has no JSON form")


def _build(data: SpaceJson) -> Space[Any]:
    from gymnasium import spaces

    match data["type"]:
        case "Box":
            dtype, shape = np.dtype(data["dtype"]), tuple(data["shape"])
            low, high = (_bounds_from_json(data[side], shape, dtype) for side in ("low", "high"))
            return spaces.Box(low, high, shape, dtype.type)
        case "Discrete":
            dtype = np.dtype(data.get("dtype", "int64"))
            return spaces.Discrete(int(data["n"]), start=int(data.get("start", 0)), dtype=dtype.type)
        case "MultiDiscrete":
            dtype = np.dtype(data.get("dtype", "int64"))
            whole: Any = dtype.type
            start = np.array(data["start"], dtype=whole) if "start" in data else None
            return spaces.MultiDiscrete(np.array(data["nvec"], dtype=whole), dtype=whole, start=start)
        case "MultiBinary":
            shape = data["shape"]
            return spaces.MultiBinary(shape[0] if len(shape) == 1 else shape)
        case "Text":
            charset = {"charset": data["charset"]} if "charset" in data else {}
            return spaces.Text(int(data["max_length"]), min_length=int(data.get("min_length", 1)), **charset)
        case "Sequence":
            return spaces.Sequence(_build(data["space"]), stack=bool(data.get("stack", False)))
        case "Tuple":
            return spaces.Tuple([_build(item) for item in data["spaces"]])
        case "Dict":
            return spaces.Dict([(name, _build(item)) for name, item in data["spaces"].items()])
        case other:
            raise ValueError(f"there is no {other} space")


def _structure(data: SpaceJson) -> Structure:
    match data["type"]:
        case "Box":
            return _numbers(data["dtype"], tuple(int(size) for size in data["shape"]))
        case "Discrete":
            return _numbers(data.get("dtype", "int64"), ())
        case "MultiDiscrete":
            return _numbers(data.get("dtype", "int64"), np.shape(data["nvec"]))
        case "MultiBinary":
            return _numbers("int8", tuple(int(size) for size in data["shape"]))
        case "Text":
            return Leaf(Kind.TEXT, "str")
        case "Tuple" if data["spaces"]:
            return TupleOf(tuple(_structure(item) for item in data["spaces"]))
        case "Dict" if data["spaces"]:
            return DictOf(tuple((str(name), _structure(item)) for name, item in data["spaces"].items()))
        case "Sequence" | "Tuple" | "Dict":
            return JSON_LEAF
        case other:
            raise ValueError(f"there is no {other} space")


def _numbers(dtype: str, shape: tuple[int, ...]) -> Leaf:
    return Leaf(NUMERIC_KINDS[np.dtype(dtype).kind], str(np.dtype(dtype)), shape)


def _bounds_to_json(bounds: npt.NDArray[Any]) -> Any:
    """One number where all bounds are equal; infinities as `"inf"` and `"-inf"`, which strict JSON can say."""
    values = short_floats(bounds)
    if values.size and (values == values.flat[0]).all():
        return _number_to_json(values.flat[0].item())
    return _nested_to_json(values.tolist())


def _nested_to_json(value: Any) -> Any:
    return [_nested_to_json(item) for item in value] if isinstance(value, list) else _number_to_json(value)


def _number_to_json(number: float | bool) -> Any:
    if isinstance(number, float) and not np.isfinite(number):
        return str(number)
    return number


def _bounds_from_json(data: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    # Strings such as "-inf" are read by NumPy; integers stay exact because only floats are ever infinite.
    values = np.array(data, dtype=np.float64).astype(dtype) if dtype.kind == "f" else np.array(data, dtype=dtype)
    return np.broadcast_to(values, shape).copy()
