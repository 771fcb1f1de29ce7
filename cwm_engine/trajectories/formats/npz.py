"""NPZ: NumPy's own archive, as the published buffers are distributed; never with pickled objects.

One row per transition under the keys `obs`, `next_obs`, `action`, `reward`, `done`, `truncated`, `episode`.
Values with parts have one key per part, such as `obs.board` or `action[1]`; text is kept as fixed-width strings.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cwm_engine.errors import CwmError
from cwm_engine.files import replacing
from cwm_engine.trajectories.columns import Array, Columns, Kind, Leaf, Structure, leaves, same_rows
from cwm_engine.trajectories.dataset import Bools, Dataset
from cwm_engine.trajectories.episodes import contiguous_order, number_rows
from cwm_engine.trajectories.formats.header import Header, header_of, part_names, read_header, write_header
from cwm_engine.trajectories.structures import NUMERIC_KINDS

_HEADER: Final = "cwm"
_KEYS_HINT: Final = "an npz file of trajectories has obs, next_obs, action, reward and done, one row per transition"
_PICKLE_HINT: Final = "save numbers and text as plain arrays, or write JSON Lines"


def read_npz(path: Path) -> Dataset:
    """The transitions of an npz file.

    Without `episode`, a new one begins after a `done` row and where `obs` does not continue the `next_obs` before
    it. `terminated` is `done` and not `truncated`, unless it is stored.

    Raises:
        CwmError: The file is damaged, a key is missing, holds pickled objects or has another number of rows.
    """
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise CwmError("is a single array", path=path, hint=_KEYS_HINT)
            with archive:
                data = {name: _entry(path, archive, name) for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, LookupError, NotImplementedError) as error:
        raise CwmError(f"not a readable npz file: {error}", path=path) from error
    return _dataset(path, data)


def write_npz(dataset: Dataset, path: Path) -> None:
    """Write a dataset with the keys of the published buffers, and its spaces and provenance under `cwm`."""
    data: dict[str, Array] = {}
    quoted: list[str] = []
    parts = {"obs": dataset.observations, "next_obs": dataset.next_observations, "action": dataset.actions}
    for name, columns in parts.items():
        _put(data, quoted, name, columns)
    for number, columns in enumerate(dataset.info.values()):
        _put(data, quoted, f"info{number}", columns)
    data |= {
        "reward": dataset.rewards,
        "done": dataset.terminated | dataset.truncated,
        "terminated": dataset.terminated,
        "truncated": dataset.truncated,
        "episode": dataset.episode,
        "step": dataset.step,
        _HEADER: np.array(json.dumps(write_header(header_of(dataset)) | {"quoted": quoted})),
    }
    texts = any(array.dtype.kind == "U" and array.shape for array in data.values())
    save: Callable[..., None] = np.savez_compressed if texts else np.savez
    with replacing(path) as scratch, scratch.open("wb") as file:
        save(file, **data)


def _entry(path: Path, archive: Mapping[str, Any], name: str) -> Array:
    try:
        array: Array = archive[name]
    except ValueError as error:
        if "allow_pickle" in str(error):
            message = f"{name}: holds pickled Python objects, which are never loaded"
            raise CwmError(message, path=path, hint=_PICKLE_HINT) from error
        raise
    return array


def _dataset(path: Path, data: Mapping[str, Array]) -> Dataset:
    rows = _check_keys(path, data)
    header, quoted = _header(path, data)
    observations = _get(path, data, quoted, "obs", header.observation)
    truncated = _flags(path, data, "truncated", np.zeros(rows, dtype=bool))
    done = _flags(path, data, "done", np.zeros(rows, dtype=bool))
    terminated = _flags(path, data, "terminated", done & ~truncated)
    following = _get(path, data, quoted, "next_obs", observations.structure)
    if "episode" in data:
        numbers = _whole_numbers(path, data, "episode")
    else:
        breaks = (terminated | truncated)[:-1]
        breaks |= ~same_rows(following.take(slice(0, rows - 1)), observations.take(slice(1, None)))
        numbers = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(breaks)])
    order = contiguous_order(numbers)
    episode, step = number_rows(numbers if order is None else numbers[order])
    dataset = Dataset(
        observations=observations,
        actions=_get(path, data, quoted, "action", header.action),
        next_observations=following,
        rewards=_numbers(path, data, "reward").astype(np.float64),
        terminated=terminated,
        truncated=truncated,
        episode=episode,
        step=_whole_numbers(path, data, "step").astype(np.int32) if "step" in data else step,
        info={
            name: _get(path, data, quoted, f"info{number}", structure)
            for number, (name, structure) in enumerate((header.info or {}).items())
        },
        spaces=header.spaces,
        provenance=header.provenance,
    )
    if order is None:
        return dataset
    return replace(dataset.rows(order), episode=episode, step=dataset.step[order] if "step" in data else step)


def _check_keys(path: Path, data: Mapping[str, Array]) -> int:
    """The number of rows, the same for all keys."""
    keys = {name.split(".")[0].split("[")[0] for name in data}
    missing = [name for name in ("obs", "next_obs", "action", "reward") if name not in keys]
    if not keys & {"done", "terminated"}:
        missing.append("done")
    if missing:
        raise CwmError(f"has no {' and no '.join(missing)}", path=path, hint=_KEYS_HINT)
    rows = len(np.atleast_1d(data["reward"]))
    for name, array in data.items():
        if name != _HEADER and (array.ndim == 0 or len(array) != rows):
            found = "is a single value" if array.ndim == 0 else f"has {len(array)} rows"
            raise CwmError(f"{name} {found}, reward has {rows}", path=path, hint=_KEYS_HINT)
    if rows == 0:
        raise CwmError("holds no transitions", path=path)
    return rows


def _header(path: Path, data: Mapping[str, Array]) -> tuple[Header, frozenset[str]]:
    if _HEADER not in data:
        return Header(), frozenset()
    try:
        written = json.loads(str(data[_HEADER]))
        quoted = frozenset(written.get("quoted", ()))
    except (AttributeError, TypeError, ValueError) as error:
        raise CwmError(f"{_HEADER}: {error}", path=path) from error
    return read_header(written, path, _HEADER), quoted


def _put(data: dict[str, Array], quoted: list[str], name: str, columns: Columns) -> None:
    for (part, leaf), array in zip(part_names(name, columns.structure), columns.arrays, strict=True):
        if leaf.kind in (Kind.TEXT, Kind.JSON):
            # NumPy drops NULs at the end of a string; quoted as JSON they are kept.
            if any(text.endswith("\0") for text in array.flat):
                quoted.append(part)
                array = np.frompyfunc(json.dumps, 1, 1)(array)  # noqa: PLW2901
            data[part] = array.astype(np.str_) if array.size else np.zeros(array.shape, dtype="<U1")
        else:
            data[part] = array


def _get(
    path: Path, data: Mapping[str, Array], quoted: frozenset[str], name: str, structure: Structure | None
) -> Columns:
    """The columns under a name; a key without parts is a lone array where no structure is declared."""
    if structure is None:
        if name not in data:
            message = f"{name} is stored in parts ({', '.join(key for key in data if key.startswith(name))})"
            raise CwmError(f"{message}, but the file does not say how they fit together", path=path, hint=_KEYS_HINT)
        array = _native(path, data, name)
        kind = NUMERIC_KINDS.get(array.dtype.kind, Kind.TEXT)
        structure = Leaf(kind, "str" if kind is Kind.TEXT else str(array.dtype), array.shape[1:])
    arrays = []
    for part, leaf in leaves(structure, name):
        if part not in data:
            raise CwmError(f"has no {part}", path=path, hint=_KEYS_HINT)
        array = _native(path, data, part)
        if array.dtype.kind == "U":
            array = array.astype(object)
            array = np.frompyfunc(json.loads, 1, 1)(array) if part in quoted else array
        if array.shape[1:] != leaf.shape or (array.dtype.kind == "O") != (leaf.dtype == "str"):
            wanted = f"{leaf.dtype} {leaf.shape}"
            raise CwmError(f"{part} holds {data[part].dtype} {array.shape[1:]}, expected {wanted}", path=path)
        arrays.append(array if leaf.dtype == "str" else array.astype(leaf.dtype, copy=False))
    return Columns(structure, tuple(arrays))


def _native(path: Path, data: Mapping[str, Array], name: str) -> Array:
    array = data[name]
    if array.dtype.kind not in {*NUMERIC_KINDS, "U"}:
        raise CwmError(f"{name} holds {array.dtype}, expected numbers, booleans or text", path=path)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _numbers(path: Path, data: Mapping[str, Array], name: str) -> Array:
    array = _native(path, data, name)
    if array.dtype.kind == "U" or array.size != len(array):
        raise CwmError(f"{name} holds {array.dtype} {array.shape[1:]}, expected one number a row", path=path)
    return array.reshape(-1)


def _whole_numbers(path: Path, data: Mapping[str, Array], name: str) -> npt.NDArray[np.int64]:
    numbers = _numbers(path, data, name)
    if numbers.dtype.kind not in "iu":
        raise CwmError(f"{name} holds {numbers.dtype}, expected whole numbers", path=path)
    return numbers.astype(np.int64)


def _flags(path: Path, data: Mapping[str, Array], name: str, otherwise: Bools) -> Bools:
    if name not in data:
        return otherwise
    flags = _numbers(path, data, name)
    wrong = np.flatnonzero((flags != 0) & (flags != 1))
    if len(wrong):
        raise CwmError(f"row {wrong[0]}: {name} is {flags[wrong[0]]}, expected true or false", path=path)
    return flags.astype(bool)
