"""The journal of a search: what it needs to go on after it was killed at any moment, and to be looked at later.

One SQLite file a run. Rows are only ever added; a reply is in it before anyone uses it; each node is one transaction.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from cwm_engine.errors import CwmError
from cwm_engine.synthesis.interfaces import Estimate, Proposal, Request, SearchAction, Selection, Usage
from cwm_engine.synthesis.locking import Lock
from cwm_engine.synthesis.tree import Node

FORMAT = 1
SUFFIX = ".sqlite"

_SCHEMA = """
CREATE TABLE run (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE calls (seq INTEGER PRIMARY KEY, number INTEGER NOT NULL, estimate TEXT NOT NULL, time REAL NOT NULL);
CREATE TABLE refusals (seq INTEGER PRIMARY KEY, time REAL NOT NULL);
CREATE TABLE replies (hash TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE answers (
    number INTEGER PRIMARY KEY, selection TEXT NOT NULL, request TEXT NOT NULL, proposals TEXT NOT NULL,
    calls INTEGER NOT NULL, time REAL NOT NULL
);
CREATE INDEX answers_by_request ON answers (request);
CREATE TABLE nodes (id INTEGER PRIMARY KEY, document TEXT NOT NULL, elapsed REAL NOT NULL, time REAL NOT NULL);
CREATE TABLE endings (seq INTEGER PRIMARY KEY, result TEXT NOT NULL, time REAL NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a proposer said when it was asked.

    Attributes:
        selection: What it was asked for.
        proposals: What it said.
        calls: How many paid calls that took.
    """

    selection: Selection
    proposals: tuple[Proposal, ...]
    calls: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A node of the journal, and how many seconds the search had worked when it was added."""

    node: Node
    elapsed: float


class Journal:
    """The journal of one run. To be used from one thread.

    Args:
        path: Its file.
        connection: The open file.
        lock: Held while the run may be written to; None for reading.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: Lock | None) -> None:
        self.path = path
        self._connection = connection
        self._lock = lock

    @classmethod
    def create(cls, path: Path, header: Mapping[str, Any]) -> Journal:
        """Begin the journal of a new run.

        Args:
            path: Its file, which must not exist.
            header: What the search is, as JSON values; never changed afterwards.

        Raises:
            CwmError: The file exists or cannot be written.
        """
        if path.exists():
            raise CwmError("is there already", path=path, hint="resume the run or choose another name")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(exist_ok=False)
        except OSError as error:
            raise _unwritable(path, error) from error
        journal = cls._open(path, writable=True)
        with journal._transaction():
            for statement in filter(str.strip, _SCHEMA.split(";")):
                journal._connection.execute(statement)
            rows = [(key, json.dumps(value)) for key, value in {"format": FORMAT, **header}.items()]
            journal._connection.executemany("INSERT INTO run VALUES (?, ?)", rows)
        return journal

    @classmethod
    def open(cls, path: Path, *, writable: bool = True) -> Journal:
        """Open the journal of a run, to go on with it or to look at it.

        Raises:
            CwmError: There is no such file, it is no journal, or another process is writing to it.
        """
        if not path.is_file():
            raise CwmError("there is no such run", path=path, hint="`cwm runs` lists them")
        journal = cls._open(path, writable=writable)
        try:
            known = journal.header.get("format") if journal._has_tables() else None
        except (sqlite3.DatabaseError, ValueError) as error:
            journal.close()
            raise CwmError(f"is not the journal of a search ({error})", path=path) from error
        if known is None:
            journal.close()
            raise CwmError("holds no run: it was ended before it began", path=path, hint="delete it")
        if known != FORMAT:
            journal.close()
            raise CwmError(f"is a journal of format {known}, this version reads {FORMAT}", path=path)
        return journal

    @classmethod
    def _open(cls, path: Path, *, writable: bool) -> Journal:
        try:
            lock = Lock.take(path.with_suffix(".lock")) if writable else None
        except OSError as error:
            raise _unwritable(path, error) from error
        if writable and lock is None:
            raise CwmError("another process is working on this run", path=path, hint="wait for it or end it")
        connection: sqlite3.Connection | None = None
        try:
            connection = sqlite3.connect(path, isolation_level=None, timeout=10.0)
            if writable:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
        except sqlite3.Error as error:
            if connection is not None:
                connection.close()
            if lock is not None:
                lock.release()
            raise CwmError(f"is not the journal of a search ({error})", path=path) from error
        return cls(path, connection, lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and let others write to it."""
        self._connection.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    # Reading

    @property
    def header(self) -> dict[str, Any]:
        """What the search is, as `create` was told."""
        return {key: json.loads(value) for key, value in self._connection.execute("SELECT key, value FROM run")}

    def _has_tables(self) -> bool:
        return self._connection.execute("SELECT 1 FROM sqlite_master").fetchone() is not None

    @property
    def result(self) -> dict[str, Any] | None:
        """How the run ended the last time; None if it did not."""
        row = self._connection.execute("SELECT result FROM endings ORDER BY seq DESC LIMIT 1").fetchone()
        return json.loads(row[0]) if row else None

    @property
    def node_count(self) -> int:
        """How many nodes there are, without the root."""
        return int(self._connection.execute("SELECT count(*) FROM nodes").fetchone()[0])

    def nodes(self, after: int = 0) -> Iterator[Entry]:
        """All nodes but the root, or those after one of them, in the order of the tree."""
        rows = self._connection.execute("SELECT document, elapsed FROM nodes WHERE id > ? ORDER BY id", (after,))
        for document, elapsed in rows:
            yield Entry(Node.from_json(json.loads(document)), elapsed)

    def answers(self, since: int = 0) -> dict[int, Answer]:
        """What proposers said, by the number of the request; from one of them on."""
        query = "SELECT number, selection, proposals, calls FROM answers WHERE number >= ?"
        rows = self._connection.execute(query, (since,)).fetchall()
        return {
            number: Answer(_selection(json.loads(selection)), self._proposals(json.loads(proposals)), calls)
            for number, selection, proposals, calls in rows
        }

    def recorded(self, request: str) -> tuple[Proposal, ...] | None:
        """What was said to a request of this hash (see `request_hash`); None if it was never made."""
        row = self._connection.execute("SELECT proposals FROM answers WHERE request = ?", (request,)).fetchone()
        return self._proposals(json.loads(row[0])) if row else None

    def lost(self) -> list[Estimate]:
        """At most what calls took that were sent and never answered, because the search was killed."""
        rows = self._connection.execute(
            "SELECT estimate FROM calls WHERE seq NOT IN"
            " (SELECT max(seq) FROM calls JOIN answers USING (number) GROUP BY number)"
            " AND seq NOT IN (SELECT seq FROM refusals) ORDER BY seq"
        )
        return [_estimate(json.loads(estimate)) for (estimate,) in rows]

    # Writing

    def add_call(self, number: int, estimate: Estimate) -> None:
        """Note that a request is about to be sent, and what it takes at most."""
        with self._transaction():
            self._connection.execute(
                "INSERT INTO calls (number, estimate, time) VALUES (?, ?, ?)",
                (number, json.dumps(asdict(estimate)), time.time()),
            )

    def add_refusal(self, number: int) -> None:
        """Note that the last request of this number was refused, so that it took nothing."""
        with self._transaction():
            self._connection.execute(
                "INSERT INTO refusals SELECT max(seq), ? FROM calls WHERE number = ?", (time.time(), number)
            )

    def add_answer(self, number: int, request: str, answer: Answer) -> None:
        """Keep what a proposer said, before it is used.

        Args:
            number: Which request of the search.
            request: Its hash.
            answer: What was said.
        """
        documents = [_reply_document(proposal) for proposal in answer.proposals]
        hashes = [_hash(document) for document in documents]
        proposals = [
            {"hash": name, "usage": asdict(proposal.usage), "cost": proposal.cost, "seconds": proposal.seconds}
            for name, proposal in zip(hashes, answer.proposals, strict=True)
        ]
        with self._transaction():
            self._connection.executemany(
                "INSERT OR IGNORE INTO replies VALUES (?, ?)", zip(hashes, documents, strict=True)
            )
            self._connection.execute(
                "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?)",
                (number, json.dumps(answer.selection), request, json.dumps(proposals), answer.calls, time.time()),
            )

    def add_node(self, node: Node, elapsed: float) -> None:
        """Keep a node and what is known about it."""
        with self._transaction():
            self._connection.execute(
                "INSERT INTO nodes VALUES (?, ?, ?, ?)", (node.id, json.dumps(node.to_json()), elapsed, time.time())
            )

    def add_ending(self, result: Mapping[str, Any]) -> None:
        """Keep how the run ended this time."""
        with self._transaction():
            self._connection.execute(
                "INSERT INTO endings (result, time) VALUES (?, ?)", (json.dumps(result), time.time())
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise _unwritable(self.path, error) from error

    def _proposals(self, rows: Sequence[Mapping[str, Any]]) -> tuple[Proposal, ...]:
        return tuple(
            Proposal(
                **json.loads(self._reply(row["hash"])),
                usage=Usage(**row["usage"]),
                cost=row["cost"],
                seconds=row["seconds"],
            )
            for row in rows
        )

    def _reply(self, name: str) -> str:
        return str(self._connection.execute("SELECT document FROM replies WHERE hash = ?", (name,)).fetchone()[0])


def request_hash(request: Request) -> str:
    """A content hash of everything a proposer is told."""
    return _hash(json.dumps(asdict(request), sort_keys=True, separators=(",", ":")))


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _reply_document(proposal: Proposal) -> str:
    document = {
        "program": proposal.program,
        "reply": proposal.reply,
        "reason": proposal.reason,
        "prompt": proposal.prompt,
    }
    return json.dumps(document, sort_keys=True)


def _selection(values: Sequence[Any]) -> Selection:
    node, action, replaces = values
    return Selection(node, SearchAction(action), replaces)


def _estimate(document: Mapping[str, Any]) -> Estimate:
    return Estimate(Usage(**document["usage"]), document["cost"], document["calls"])


def _unwritable(path: Path, error: Exception) -> CwmError:
    return CwmError(
        f"the journal cannot be written: {error}", path=path, hint="see that it may be written and the disk has room"
    )
