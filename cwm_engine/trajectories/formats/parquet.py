"""Parquet: one row per transition, for DuckDB, pandas and friends (extra `parquet`).

Columns are `observation`, `action`, `next_observation`, `reward`, `terminated`, `truncated`, `episode`, `step` and
`info.*`; values with parts have one column per part, such as `observation.board`. Values without a fixed shape are
JSON text.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np

from cwm_engine.errors import CwmError
from cwm_engine.files import replacing
from cwm_engine.trajectories.columns import Array, Columns, Leaf, Structure, leaves
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.trajectories.episodes import contiguous_order, number_rows
from cwm_engine.trajectories.formats.header import Header, header_of, part_names, read_header, write_header
from cwm_engine.trajectories.formats.rows import MISSING, Row, collector_paused, dataset_of_rows
from cwm_engine.trajectories.structures import NUMERIC_KINDS

_HEADER: Final = b"cwm"
_ALIASES: Final = {"obs": "observation", "next_obs": "next_observation", "terminal": "done"}
_COLUMNS_HINT: Final = "a Parquet file of trajectories has observation, action, reward and terminated, one row a step"


def read_parquet(path: Path, *, skip_bad: bool = False) -> Dataset:
    """The transitions of a Parquet file, written by this program or by another.

    Raises:
        CwmError: pyarrow is missing, the file is damaged, a column is missing, or a row cannot be read.
    """
    arrow, parquet = _pyarrow()
    try:
        table = parquet.read_table(path)
        if table.num_rows == 0:
            raise CwmError("holds no transitions", path=path)
        written = (table.schema.metadata or {}).get(_HEADER)
        if written is None:
            return _read_foreign(path, table, skip_bad)
        return _read_own(path, table, read_header(json.loads(written), path))
    except (OSError, LookupError, TypeError, ValueError, arrow.ArrowException) as error:
        raise CwmError(f"not a readable Parquet file: {error}", path=path) from error


def write_parquet(dataset: Dataset, path: Path) -> None:
    """Write a dataset; its spaces and provenance go into the file's metadata.

    Raises:
        CwmError: pyarrow is missing, a text is not valid Unicode, or the file cannot be written.
    """
    arrow, parquet = _pyarrow()
    columns: dict[str, Any] = {}
    parts = {
        "observation": dataset.observations,
        "action": dataset.actions,
        "next_observation": dataset.next_observations,
    }
    parts |= {f"info.{name}": info for name, info in dataset.info.items()}
    try:
        for name, values in parts.items():
            for (part, leaf), array in zip(part_names(name, values.structure), values.arrays, strict=True):
                if 0 not in leaf.shape:
                    columns[part] = _arrow_array(arrow, leaf, array)
        for name in ("rewards", "terminated", "truncated", "episode", "step"):
            columns[name.removesuffix("s")] = arrow.array(getattr(dataset, name))
        schema_text = json.dumps(write_header(header_of(dataset)))
        table = arrow.table(columns).replace_schema_metadata({_HEADER: schema_text.encode()})
        with replacing(path) as scratch:
            parquet.write_table(table, scratch, compression="zstd")
    except UnicodeEncodeError as error:
        raise CwmError("a text is not valid Unicode, which Parquet cannot hold", path=path) from error


def _pyarrow() -> tuple[ModuleType, ModuleType]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        hint = 'pip install "code-world-models[parquet]"'
        raise CwmError("Parquet files need pyarrow, which is not installed", hint=hint) from error
    return pa, parquet


def _arrow_array(arrow: ModuleType, leaf: Leaf, array: Array) -> Any:
    if array.dtype == object:
        values = arrow.array(array.ravel().tolist(), arrow.large_string())
    else:
        values = arrow.array(np.ascontiguousarray(array).reshape(-1))
    for size in reversed(leaf.shape):
        values = arrow.FixedSizeListArray.from_arrays(values, size)
    return values


def _read_own(path: Path, table: Any, header: Header) -> Dataset:
    if header.observation is None or header.action is None:
        raise CwmError("the header does not describe the observations", path=path)
    n = table.num_rows
    numbers = _lone(path, table, "episode").astype(np.int64)
    order = contiguous_order(numbers)
    episode, _ = number_rows(numbers if order is None else numbers[order])
    dataset = Dataset(
        observations=_columns(path, table, "observation", header.observation),
        actions=_columns(path, table, "action", header.action),
        next_observations=_columns(path, table, "next_observation", header.observation),
        rewards=_lone(path, table, "reward").astype(np.float64, copy=False),
        terminated=_lone(path, table, "terminated").astype(bool, copy=False),
        truncated=_lone(path, table, "truncated").astype(bool, copy=False),
        episode=np.zeros(n, dtype=np.int32),
        step=_lone(path, table, "step").astype(np.int32, copy=False),
        info={name: _columns(path, table, f"info.{name}", item) for name, item in (header.info or {}).items()},
        spaces=header.spaces,
        provenance=header.provenance,
    )
    dataset = dataset if order is None else dataset.rows(order)
    vars(dataset)["episode"] = episode
    return dataset


def _columns(path: Path, table: Any, name: str, structure: Structure) -> Columns:
    return Columns(structure, tuple(_leaf(path, table, part, leaf) for part, leaf in leaves(structure, name)))


def _lone(path: Path, table: Any, name: str) -> Array:
    column = _column(path, table, name)
    array: Array = column.to_numpy(zero_copy_only=False)
    return array


def _column(path: Path, table: Any, name: str) -> Any:
    if name not in table.column_names:
        raise CwmError(f"has no column {name}", path=path, hint=_COLUMNS_HINT)
    column = table.column(name).combine_chunks()
    if column.null_count:
        row = column.is_null().to_pylist().index(True)
        raise CwmError(f"row {row}: {name} is null", path=path)
    return column


def _leaf(path: Path, table: Any, name: str, leaf: Leaf) -> Array:
    if 0 in leaf.shape:
        return np.empty((table.num_rows, *leaf.shape), dtype=object if leaf.dtype == "str" else leaf.dtype)
    column = _column(path, table, name)
    for _ in leaf.shape:
        column = column.flatten()
    array: Array = column.to_numpy(zero_copy_only=False)
    try:
        return array.reshape(table.num_rows, *leaf.shape).astype(
            object if leaf.dtype == "str" else leaf.dtype, copy=False
        )
    except ValueError as error:
        raise CwmError(f"column {name} does not hold {leaf.dtype} {leaf.shape}", path=path) from error


def _read_foreign(path: Path, table: Any, skip_bad: bool) -> Dataset:
    """A file of another program: columns by their usual names, structure from their types and values."""
    table = table.rename_columns([_ALIASES.get(name, name) for name in table.column_names])
    names = set(table.column_names)
    missing = sorted({"observation", "action", "reward"} - names)
    if not names & {"terminated", "done"}:
        missing.append("terminated")
    if missing:
        raise CwmError(f"has no column {' and no column '.join(missing)}", path=path, hint=_COLUMNS_HINT)
    with collector_paused():
        values = {name: table.column(name).to_pylist() for name in names}
        header = Header(
            observation=_declared(table, "observation", values),
            action=_declared(table, "action", values),
        )
        return dataset_of_rows(_rows(values, table.num_rows), path=path, header=header, skip_bad=skip_bad)


def _declared(table: Any, name: str, values: dict[str, list[Any]]) -> Structure | None:
    """The structure of a column of numbers, which its type knows better than its values."""
    kind = table.schema.field(name).type
    while hasattr(kind, "value_type"):
        kind = kind.value_type
    try:
        dtype = np.dtype(kind.to_pandas_dtype())
        shape = np.shape(next((value for value in values[name] if value is not None), 0.0))
    except (NotImplementedError, TypeError, ValueError):
        return None
    return Leaf(NUMERIC_KINDS[dtype.kind], str(dtype), shape) if dtype.kind in NUMERIC_KINDS else None


def _rows(values: dict[str, list[Any]], count: int) -> list[Row]:
    rows, episode = [], 0
    for index in range(count):
        given = {name: column[index] for name, column in values.items()}
        truncated = bool(given.get("truncated"))
        ended = bool(given.get("done"))
        terminated = given.get("terminated", ended and not truncated)
        name = given.get("episode", episode)
        row = Row(
            place=f"row {index}",
            episode=name if isinstance(name, int | str) else episode,
            observation=given["observation"],
            action=given["action"],
            terminated=bool(terminated),
            truncated=truncated,
            next_observation=given.get("next_observation", MISSING),
        )
        nulls = [name for name in ("observation", "action", "reward", "next_observation") if given.get(name, 0) is None]
        if nulls or terminated is None:
            row.problem = f"{(nulls or ['terminated'])[0]} is null"
        elif not isinstance(given["reward"], int | float):
            row.problem = f"reward: expected a number, got {given['reward']!r:.80}"
        else:
            row.reward = float(given["reward"])
        episode += terminated or truncated or ended
        rows.append(row)
    return rows
