"""The trajectory store: one SQLite file, one transaction per episode, so that a crash costs at most the open episode.

An episode is a row of `episode` and one row of `col` per array: numbers as raw little-endian bytes, text as
compressed JSON. Observations are stored once, n + 1 of them, unless the rows of an episode do not follow on from
each other. Every episode carries a hash of its content, and the file a hash of them all, which keys the cache.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cwm_engine.errors import CwmError
from cwm_engine.files import SKIP_HINT
from cwm_engine.trajectories.columns import Structure, describe_structure, structure_from_json, structure_to_json
from cwm_engine.trajectories.dataset import BadRecord, Dataset, Provenance, Spaces
from cwm_engine.trajectories.episodes import Episode
from cwm_engine.trajectories.formats.codec import DatasetBuilder, EncodedEpisode, Part, UnreadableError, encode_episode
from cwm_engine.trajectories.formats.header import provenance_from_json, provenance_to_json
from cwm_engine.trajectories.formats.store_files import (
    create_file,
    explained,
    open_for_reading,
    open_for_writing,
    undamaged,
)


class SeedTakenError(CwmError):
    """An episode with this seed is already in the file."""


class TrajectoryStore:
    """An open file of trajectories; use it as a context manager, in one thread and one process.

    Several processes may append to one file at the same time, each with a store of its own.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, resources: ExitStack) -> None:
        self.path = path
        self._connection = connection
        self._resources = resources
        self._run: int | None = None
        self._settled: dict[str, Structure] = {}

    @classmethod
    def create(cls, path: Path | str) -> Self:
        """A new file.

        Raises:
            CwmError: The file exists or cannot be made.
        """
        return cls._writing(Path(path), create_file(Path(path)))

    @classmethod
    def open(cls, path: Path | str, *, readonly: bool = False) -> Self:
        """An existing file; read-only, it is seen as it was when opened, however much others append.

        Raises:
            CwmError: It is missing, locked, damaged, not one of trajectories, or written by a newer version.
        """
        path = Path(path)
        if not readonly:
            return cls._writing(path, open_for_writing(path))
        resources = ExitStack()
        return cls(path, open_for_reading(path, resources), resources)

    @classmethod
    def _writing(cls, path: Path, connection: sqlite3.Connection) -> Self:
        resources = ExitStack()
        resources.callback(connection.close)
        return cls(path, connection, resources)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the last one to close it leaves a single file behind."""
        self._resources.close()

    @property
    def content_hash(self) -> str:
        """Changes with every episode and with every word about where they come from."""
        with undamaged(self.path):
            return str(self._value("SELECT value FROM store WHERE key = 'content'"))

    @property
    def episode_count(self) -> int:
        """How many episodes there are."""
        return int(self._value("SELECT count(*) FROM episode"))

    @property
    def transition_count(self) -> int:
        """How many transitions there are."""
        return int(self._value("SELECT coalesce(sum(n), 0) FROM episode"))

    def next_try(self, seed: int | None) -> int:
        """The number after the last try that was recorded from this seed."""
        query = (
            "SELECT coalesce(max(try) + 1, 0) FROM episode JOIN dataset ON dataset.id = dataset WHERE dataset.seed IS ?"
        )
        return int(self._value(query, seed))

    def begin(self, *, spaces: Spaces = Spaces(), provenance: Provenance = Provenance()) -> None:
        """Say where the episodes appended from here on come from.

        Raises:
            CwmError: The file holds episodes of another environment, or of this one with other arguments.
        """
        with self._transaction():
            self._check_environment(provenance)
            described = json.dumps({"observation": spaces.observation, "action": spaces.action})
            written = json.dumps(provenance_to_json(provenance))
            cursor = self._connection.execute(
                "INSERT INTO dataset (environment, seed, spaces, provenance) VALUES (?, ?, ?, ?)",
                (provenance.environment, provenance.seed, described, written),
            )
            self._run = cursor.lastrowid
            self._advance_content(described.encode() + written.encode())

    def append(self, episode: Episode) -> int:
        """Add an episode; when this returns, it survives a crash of the process.

        Returns:
            Its number in the file.

        Raises:
            SeedTakenError: Another episode has its seed.
            CwmError: It has no transitions or another structure, or the file cannot be written.
        """
        if len(episode) == 0:
            raise CwmError("an episode without transitions cannot be stored", path=self.path)
        if self._run is None:
            self.begin()
        encoded = encode_episode(episode)
        with self._transaction():
            for name, structure in (
                ("observation", episode.observations.structure),
                ("action", episode.actions.structure),
            ):
                self._settle_structure(name, structure)
            return self._insert(episode, encoded)

    def read(self, *, skip_bad: bool = False) -> Dataset:
        """All episodes.

        Args:
            skip_bad: Leave damaged episodes out and list them in `Dataset.skipped`.

        Raises:
            CwmError: There are no transitions, or an episode is damaged and `skip_bad` is off.
        """
        with explained(self.path), undamaged(self.path):
            numbers = [row[0] for row in self._connection.execute("SELECT id FROM episode ORDER BY id")]
            if not numbers:
                raise CwmError("holds no transitions", path=self.path, hint="record some with `cwm record`")
            builder = DatasetBuilder(self.transition_count, self._structure("observation"), self._structure("action"))
            bad = []
            for position, number in enumerate(numbers):
                try:
                    builder.add(self._episode(number))
                except (UnreadableError, sqlite3.DatabaseError) as error:
                    bad.append(BadRecord(str(self.path), f"episode {position}", str(error)))
                    if not skip_bad:
                        raise CwmError(f"episode {position}: {error}", path=self.path, hint=SKIP_HINT) from error
            if len(bad) == len(numbers):
                raise CwmError("holds no transitions that can be read", path=self.path)
            spaces, provenance = self._origin()
            return replace(builder.finish(spaces=spaces, provenance=provenance), skipped=tuple(bad))

    def _value(self, query: str, *arguments: Any) -> Any:
        with explained(self.path):
            row = self._connection.execute(query, arguments).fetchone()
        return None if row is None else row[0]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with explained(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _check_environment(self, provenance: Provenance) -> None:
        known = self._value("SELECT provenance FROM dataset WHERE environment IS NOT NULL")
        if known is None or provenance.environment is None:
            return
        first = provenance_from_json(json.loads(known))
        theirs, ours = _with_arguments(first), _with_arguments(provenance)
        if theirs != ours:
            hint = "choose another file"
            raise CwmError(f"holds trajectories of {theirs}, not of {ours}", path=self.path, hint=hint)

    def _settle_structure(self, name: str, structure: Structure) -> None:
        """The first episode settles the structure of the file."""
        if self._settled.get(name) == structure:
            return
        written = json.dumps(structure_to_json(structure))
        known = self._connection.execute("SELECT value FROM store WHERE key = ?", (name,)).fetchone()
        if known is None:
            self._connection.execute("INSERT INTO store VALUES (?, ?)", (name, written))
        elif known[0] != written:
            expected = describe_structure(structure_from_json(json.loads(known[0])))
            found = describe_structure(structure)
            raise CwmError(f"holds {name}s of {expected}; this episode has {found}", path=self.path)
        self._settled[name] = structure

    def _insert(self, episode: Episode, encoded: EncodedEpisode) -> int:
        execute = self._connection.execute
        start = execute("SELECT start + n FROM episode ORDER BY id DESC LIMIT 1").fetchone()
        row = (
            self._run,
            start[0] if start else 0,
            encoded.length,
            episode.seed,
            episode.index,
            encoded.chained,
            encoded.terminated,
            encoded.truncated,
            encoded.info,
            encoded.digest,
        )
        try:
            cursor = execute(
                "INSERT INTO episode (dataset, start, n, seed, try, chained, terminated, truncated, info, hash)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )
        except sqlite3.IntegrityError as error:
            raise SeedTakenError(f"already holds an episode with seed {episode.seed}", path=self.path) from error
        number = int(cursor.lastrowid or 0)
        self._connection.executemany(
            "INSERT INTO col (episode, field, leaf, dtype, shape, codec, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(number, *part) for part in encoded.parts],
        )
        self._advance_content(encoded.digest)
        return number - 1

    def _advance_content(self, addition: bytes) -> None:
        content = self._value("SELECT value FROM store WHERE key = 'content'")
        digest = hashlib.blake2b(content.encode() + addition, digest_size=16).hexdigest()
        self._connection.execute("UPDATE store SET value = ? WHERE key = 'content'", (digest,))

    def _episode(self, number: int) -> EncodedEpisode:
        row = self._connection.execute(
            "SELECT n, chained, terminated, truncated, info, hash FROM episode WHERE id = ?", (number,)
        ).fetchone()
        columns = self._connection.execute(
            "SELECT field, leaf, dtype, shape, codec, data FROM col WHERE episode = ?", (number,)
        )
        n, chained, terminated, truncated, info, digest = row
        parts = tuple(map(Part._make, columns))
        return EncodedEpisode(n, bool(chained), bool(terminated), bool(truncated), info, parts, digest)

    def _structure(self, name: str) -> Structure:
        return structure_from_json(json.loads(self._value("SELECT value FROM store WHERE key = ?", name)))

    def _origin(self) -> tuple[Spaces, Provenance]:
        """Spaces and provenance of all runs as one: the first, with every policy named."""
        rows = self._connection.execute(
            "SELECT spaces, provenance FROM dataset WHERE id IN (SELECT dataset FROM episode) ORDER BY id"
        ).fetchall()
        spaces = json.loads(rows[0][0])
        runs = [provenance_from_json(json.loads(row[1])) for row in rows]
        policies = dict.fromkeys(run.policy for run in runs if run.policy is not None)
        seeds = {run.seed for run in runs}
        provenance = replace(
            runs[0],
            policy=" + ".join(policies) or None,
            seed=seeds.pop() if len(seeds) == 1 else None,
            source=str(self.path),
        )
        return Spaces(spaces["observation"], spaces["action"]), provenance


def _with_arguments(provenance: Provenance) -> str:
    arguments = json.dumps(dict(provenance.environment_kwargs), sort_keys=True, default=repr)
    return f"{provenance.environment}" + (f" with {arguments}" if provenance.environment_kwargs else "")
