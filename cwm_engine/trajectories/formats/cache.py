"""A cache of loaded datasets: memory-mapped arrays in the user's cache directory, keyed by content.

Large files then open in milliseconds and share their pages between processes. Everything here may be deleted at
any time; nothing here is needed, and where the directory cannot be written there simply is no cache. The
environment variable `CWM_NO_CACHE` turns it off.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from cwm_engine.errors import CwmError
from cwm_engine.trajectories.columns import Array, Columns, Structure, leaves
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.trajectories.formats.header import header_of, read_header, write_header

OFF_VARIABLE: Final = "CWM_NO_CACHE"
MINIMUM_ROWS: Final = 20_000
"""Smaller datasets load about as fast without."""
MAXIMUM_BYTES: Final = 4 << 30
"""Beyond this total, the entries not used for longest are removed."""

_FORMAT: Final = "1"
_META: Final = "meta.json"
_STALE_SECONDS: Final = 3600.0
_UNUSABLE = (OSError, ValueError, KeyError, TypeError, IndexError, EOFError, CwmError)


def fetch(key: str) -> Dataset | None:
    """The dataset kept under a key; None where there is none, or none that is whole."""
    directory = _directory()
    if directory is None or not (directory / key / _META).exists():
        return None
    try:
        dataset = _read(directory / key)
        os.utime(directory / key / _META)
    except _UNUSABLE:
        shutil.rmtree(directory / key, ignore_errors=True)
        return None
    return dataset


def keep(key: str, dataset: Dataset) -> None:
    """Keep a dataset under a key; does nothing where it is small, incomplete, or nothing can be written."""
    directory = _directory()
    if directory is None or len(dataset) < MINIMUM_ROWS or dataset.skipped:
        return
    scratch = directory / f"tmp-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        scratch.mkdir(parents=True, mode=0o700)
        size = _write(scratch, dataset)
        if size <= MAXIMUM_BYTES // 2:
            scratch.rename(directory / key)
            _trim(directory)
    except _UNUSABLE:
        pass  # Another process was faster, the disk is full, the directory is not ours: all fine without.
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _directory() -> Path | None:
    if os.environ.get(OFF_VARIABLE):
        return None
    from platformdirs import user_cache_path

    return user_cache_path("code-world-models", appauthor=False) / f"datasets-{_FORMAT}"


def _write(directory: Path, dataset: Dataset) -> int:
    for number, array in enumerate(_arrays(dataset)):
        if array.dtype == object:
            texts: dict[str, int] = {}
            codes = np.array([texts.setdefault(text, len(texts)) for text in array.flat], dtype=np.int32)
            np.save(directory / f"{number}.npy", codes.reshape(array.shape), allow_pickle=False)
            (directory / f"{number}.json").write_text(json.dumps(list(texts)), encoding="utf-8")
        else:
            np.save(directory / f"{number}.npy", array, allow_pickle=False)
    size = sum(file.stat().st_size for file in directory.iterdir())
    meta = {
        "header": write_header(header_of(dataset)),
        "rows": len(dataset),
        "bytes": size,
        "fingerprint": dataset.fingerprint,
    }
    (directory / _META).write_text(json.dumps(meta), encoding="utf-8")
    return size


def _read(directory: Path) -> Dataset:
    meta = json.loads((directory / _META).read_text(encoding="utf-8"))
    rows = int(meta["rows"])
    header = read_header(meta["header"], directory)
    if header.observation is None or header.action is None:
        raise ValueError("incomplete")
    arrays = _stored_arrays(directory, rows)
    dataset = Dataset(
        observations=_columns(header.observation, arrays),
        actions=_columns(header.action, arrays),
        next_observations=_columns(header.observation, arrays),
        rewards=next(arrays),
        terminated=next(arrays),
        truncated=next(arrays),
        episode=next(arrays),
        step=next(arrays),
        info={name: _columns(structure, arrays) for name, structure in (header.info or {}).items()},
        spaces=header.spaces,
        provenance=header.provenance,
    )
    # Hashing all columns again is what the cache is there to avoid.
    vars(dataset)["fingerprint"] = str(meta["fingerprint"])
    return dataset


def _arrays(dataset: Dataset) -> Iterator[Array]:
    yield from dataset.observations.arrays
    yield from dataset.actions.arrays
    yield from dataset.next_observations.arrays
    yield from (dataset.rewards, dataset.terminated, dataset.truncated, dataset.episode, dataset.step)
    for columns in dataset.info.values():
        yield from columns.arrays


def _stored_arrays(directory: Path, rows: int) -> Iterator[Array]:
    number = 0
    while True:
        array = np.asarray(np.load(directory / f"{number}.npy", mmap_mode="r", allow_pickle=False))
        if len(array) != rows:
            raise ValueError("incomplete")
        texts = directory / f"{number}.json"
        if texts.exists():
            found: list[str] = json.loads(texts.read_text(encoding="utf-8"))
            table = np.empty(len(found), dtype=object)
            table[:] = found
            array = table[array]
        yield array
        number += 1


def _columns(structure: Structure, arrays: Iterator[Array]) -> Columns:
    return Columns(structure, tuple(next(arrays) for _ in leaves(structure)))


def _trim(directory: Path) -> None:
    """Remove what crashes left behind, and the entries not used for longest beyond the total size."""
    entries = []
    for entry in directory.iterdir():
        try:
            if entry.name.startswith("tmp-"):
                if time.time() - entry.stat().st_mtime > _STALE_SECONDS:
                    shutil.rmtree(entry, ignore_errors=True)
                continue
            meta: dict[str, Any] = json.loads((entry / _META).read_text(encoding="utf-8"))
            entries.append(((entry / _META).stat().st_mtime, int(meta["bytes"]), entry))
        except _UNUSABLE:
            shutil.rmtree(entry, ignore_errors=True)
    total = 0
    for _, size, entry in sorted(entries, reverse=True):
        total += size
        if total > MAXIMUM_BYTES:
            shutil.rmtree(entry, ignore_errors=True)
