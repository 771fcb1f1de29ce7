"""Loading and saving datasets: one door for every format, chosen by what a file holds rather than what it is called."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from cwm_engine.errors import CwmError
from cwm_engine.files import replacing
from cwm_engine.trajectories.columns import Columns, Kind, Structure, common_structure, describe_structure, leaves
from cwm_engine.trajectories.dataset import BadRecord, Dataset
from cwm_engine.trajectories.episodes import join_info, split_episodes
from cwm_engine.trajectories.formats import cache
from cwm_engine.trajectories.formats.store import TrajectoryStore

SUFFIXES: Final = (".sqlite", ".db", ".jsonl", ".ndjson", ".jsonl.gz", ".npz", ".parquet")
"""Names of files that a directory of trajectories is searched for."""

Source = str | Path

_MAGICS: Final = {
    b"SQLite format 3\0": "sqlite",
    b"PK\x03\x04": "npz",
    b"PK\x05\x06": "npz",
    b"PAR1": "parquet",
    b"\x89HDF\r\n\x1a\n": "hdf5",
    b"\x1f\x8b": "jsonl",
    b"\x93NUMPY": "npy",
}
_FOREIGN_HINTS: Final = {
    "hdf5": "a Minari dataset is loaded by its id, as minari:namespace/name-v0",
    "npy": "save obs, next_obs, action, reward and done together with np.savez",
}
_FORMATS_HINT: Final = "trajectories are .sqlite, .jsonl, .npz or .parquet files, or minari:namespace/name-v0"
_PICKLE_HINT: Final = "convert it to npz or JSON Lines in the program that wrote it"
_CACHED_FROM_BYTES: Final = 4 << 20
_PICKLE_SUFFIXES: Final = {".pkl", ".pickle", ".p", ".pt", ".pth", ".joblib"}
_PICKLE_START: Final = re.compile(rb"\x80[\x00-\x05]")
_ENVIRONMENT_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_][A-Za-z0-9]+)*-v\d+")
_MINARI_ID: Final = re.compile(r"(?:[-_\w][-_\w/]*[-_\w]+/)?[-_\w]+-v\d+")
_MINARI_PREFIX: Final = "minari:"


def load_dataset(source: Source | Sequence[Source], *, skip_bad: bool = False) -> Dataset:
    """The transitions of a file, a directory, a pattern such as `trajectories/cartpole*`, or several of them.

    Args:
        source: `.sqlite`, `.jsonl`, `.npz` or `.parquet` files, directories of them, or `minari:namespace/name-v0`.
        skip_bad: Leave out what cannot be read and list it in `Dataset.skipped`.

    Raises:
        CwmError: Nothing is there, nothing can be read, or something cannot be read and `skip_bad` is off; or the
            files hold values of different shapes.
    """
    sources = [source] if isinstance(source, str | Path) else list(source)
    found = [path for one in sources for path in _expand(one)]
    parts: list[Dataset] = []
    unreadable: list[BadRecord] = []
    for path in found:
        try:
            parts.append(_load(path, skip_bad))
        except CwmError as error:
            if not skip_bad or len(found) == 1:
                raise
            unreadable.append(BadRecord(str(path), "the whole file", error.message))
    if not parts:
        raise CwmError("none of these files can be read", path=", ".join(map(str, found)))
    whole = _put_together(parts)
    named = ", ".join(map(str, sources))
    provenance = replace(whole.provenance, source=named)
    return replace(whole, provenance=provenance, skipped=(*whole.skipped, *unreadable))


def save_dataset(dataset: Dataset, path: Source, *, overwrite: bool = False) -> None:
    """Write a dataset in the format that the name ends in, or to Minari as `minari:namespace/name-v0`.

    Directories that are missing are made.

    Raises:
        CwmError: The file exists and `overwrite` is off, the name says no format, or the format cannot hold the data.
    """
    if str(path).startswith(_MINARI_PREFIX):
        from cwm_engine.trajectories.formats.minari import write_minari

        write_minari(dataset, str(path).removeprefix(_MINARI_PREFIX), overwrite=overwrite)
        return
    path = Path(path)
    writer = next((writer for suffix, writer in _writers() if path.name.endswith(suffix)), None)
    if writer is None:
        raise CwmError("the name does not say in which format to write", path=path, hint=_FORMATS_HINT)
    if path.exists() and not overwrite:
        raise CwmError("already exists", path=path, hint="choose another name or ask to overwrite it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CwmError(f"cannot be written: {error.strerror or error}", path=path) from error
    writer(dataset, path)


def _expand(source: Source) -> list[Source]:
    """The files that a source stands for; a Minari id stays a string."""
    if isinstance(source, str) and source.startswith(_MINARI_PREFIX):
        return [source]
    path = Path(source)
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file() and file.name.endswith(SUFFIXES))
        if not files:
            raise CwmError("there are no trajectories in this directory", path=path, hint=_FORMATS_HINT)
        return list(files)
    if path.exists():
        return [path]
    matches = sorted(Path(path.anchor or ".").glob(str(path.relative_to(path.anchor)))) if _is_pattern(path) else []
    files = [file for file in matches if file.is_file() and file.name.endswith(SUFFIXES)]
    if files:
        return list(files)
    if _MINARI_ID.fullmatch(str(source)):
        return [f"{_MINARI_PREFIX}{source}"]
    raise CwmError("there is no such file", path=path, hint=_FORMATS_HINT)


def _is_pattern(path: Path) -> bool:
    return any(character in str(path) for character in "*?[")


def _load(source: Source, skip_bad: bool) -> Dataset:
    if isinstance(source, str):
        from cwm_engine.trajectories.formats.minari import read_minari

        return read_minari(source.removeprefix(_MINARI_PREFIX), skip_bad=skip_bad)
    dataset = _readers(_format(source))(source, skip_bad)
    known = dataset.provenance.environment
    if known is None and _ENVIRONMENT_NAME.fullmatch(source.name.split(".")[0]):
        known = source.name.split(".")[0]
    return replace(dataset, provenance=replace(dataset.provenance, environment=known, source=str(source)))


def _format(path: Path) -> str:
    """What a file holds, by its first bytes."""
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError as error:
        raise CwmError(f"cannot be read: {error.strerror or error}", path=path) from error
    if path.suffix.lower() in _PICKLE_SUFFIXES or _PICKLE_START.match(start):
        raise CwmError("is a pickle, which is never loaded: it could run any code", path=path, hint=_PICKLE_HINT)
    if not start:
        raise CwmError("is empty: it holds no transitions", path=path)
    found = next((name for magic, name in _MAGICS.items() if start.startswith(magic)), None)
    if found in _FOREIGN_HINTS:
        raise CwmError("is not a file of trajectories", path=path, hint=_FOREIGN_HINTS[found])
    text_like = start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")
    if found is None and not text_like and not path.name.endswith((".jsonl", ".ndjson", ".json")):
        raise CwmError("is not a file of trajectories", path=path, hint=_FORMATS_HINT)
    return found or "jsonl"


def _readers(name: str) -> Callable[[Path, bool], Dataset]:
    return {"sqlite": _read_store, "npz": _read_npz, "jsonl": _read_jsonl, "parquet": _read_parquet}[name]


def _read_store(path: Path, skip_bad: bool) -> Dataset:
    with TrajectoryStore.open(path, readonly=True) as store:
        key = f"store-{store.content_hash}"
        found = cache.fetch(key)
        if found is None:
            found = store.read(skip_bad=skip_bad)
            cache.keep(key, found)
    return found


def _read_npz(path: Path, _skip_bad: bool) -> Dataset:
    from cwm_engine.trajectories.formats.npz import read_npz

    return read_npz(path)


def _read_jsonl(path: Path, skip_bad: bool) -> Dataset:
    from cwm_engine.trajectories.formats.jsonl import read_jsonl

    return _cached(path, lambda: read_jsonl(path, skip_bad=skip_bad))


def _read_parquet(path: Path, skip_bad: bool) -> Dataset:
    from cwm_engine.trajectories.formats.parquet import read_parquet

    return _cached(path, lambda: read_parquet(path, skip_bad=skip_bad))


def _cached(path: Path, read: Callable[[], Dataset]) -> Dataset:
    """A dataset kept by the content of its file; small files are read faster than looked up."""
    if path.stat().st_size < _CACHED_FROM_BYTES:
        return read()
    with path.open("rb") as file:
        key = f"file-{hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()}"
    found = cache.fetch(key)
    if found is None:
        found = read()
        cache.keep(key, found)
    return found


def _write_store(dataset: Dataset, path: Path) -> None:
    with replacing(path) as scratch:
        with TrajectoryStore.create(scratch) as store:
            store.begin(spaces=dataset.spaces, provenance=dataset.provenance)
            for episode in split_episodes(dataset):
                store.append(episode)
        # The journal of a file that this one replaces is not this one's.
        for journal in ("-wal", "-shm"):
            path.with_name(path.name + journal).unlink(missing_ok=True)


def _writers() -> list[tuple[str, Callable[[Dataset, Path], None]]]:
    from cwm_engine.trajectories.formats.jsonl import write_jsonl
    from cwm_engine.trajectories.formats.npz import write_npz
    from cwm_engine.trajectories.formats.parquet import write_parquet

    return [
        (".sqlite", _write_store),
        (".db", _write_store),
        (".jsonl", write_jsonl),
        (".ndjson", write_jsonl),
        (".jsonl.gz", write_jsonl),
        (".npz", write_npz),
        (".parquet", write_parquet),
    ]


def _put_together(parts: list[Dataset]) -> Dataset:
    """All parts in one structure; whole numbers and floats of one shape widen to the wider of them."""
    if len(parts) == 1:
        return parts[0]
    for name in ("observations", "actions"):
        first: Columns = getattr(parts[0], name)
        for part in parts[1:]:
            columns: Columns = getattr(part, name)
            if not _alike(first.structure, columns.structure):
                raise CwmError(
                    f"holds {name} of {describe_structure(columns.structure)}, "
                    f"{parts[0].provenance.source} of {describe_structure(first.structure)}",
                    path=part.provenance.source,
                    hint="name only files of one environment",
                )
    observation = common_structure([part.observations.structure for part in parts])
    action = common_structure([part.actions.structure for part in parts])
    same = [
        replace(
            part,
            observations=part.observations.cast(observation),
            next_observations=part.next_observations.cast(observation),
            actions=part.actions.cast(action),
            info={},
        )
        for part in parts
    ]
    return replace(Dataset.concatenate(same), info=join_info([part.info for part in parts]))


def _alike(one: Structure, other: Structure) -> bool:
    if len(leaves(one)) != len(leaves(other)):
        return False
    return all(
        path == other_path
        and leaf.shape == other_leaf.shape
        and (leaf.kind == other_leaf.kind or {leaf.kind, other_leaf.kind} <= {Kind.FLOAT, Kind.INT})
        for (path, leaf), (other_path, other_leaf) in zip(leaves(one), leaves(other), strict=True)
    )
