"""Opening SQLite files of trajectories: made new, for writing, or for reading where nothing may be written."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from cwm_engine.errors import CwmError
from cwm_engine.trajectories.formats.header import UPGRADE_HINT

APPLICATION_ID: Final = 0x63776D31
FORMAT: Final = 1
BUSY_SECONDS: Final = 30.0
"""How long to wait for another process that is writing."""

_MARKS: Final = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT};"
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS store (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dataset (
    id INTEGER PRIMARY KEY,
    environment TEXT,
    seed INTEGER,
    spaces TEXT NOT NULL,
    provenance TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS episode (
    id INTEGER PRIMARY KEY,
    dataset INTEGER NOT NULL REFERENCES dataset,
    start INTEGER NOT NULL,
    n INTEGER NOT NULL,
    seed INTEGER,
    try INTEGER,
    chained INTEGER NOT NULL,
    terminated INTEGER NOT NULL,
    truncated INTEGER NOT NULL,
    info TEXT NOT NULL,
    hash BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS col (
    episode INTEGER NOT NULL REFERENCES episode,
    field TEXT NOT NULL,
    leaf INTEGER NOT NULL,
    dtype TEXT NOT NULL,
    shape TEXT NOT NULL,
    codec TEXT NOT NULL,
    data BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS episode_seed ON episode (seed) WHERE seed IS NOT NULL;
CREATE INDEX IF NOT EXISTS col_episode ON col (episode);
INSERT OR IGNORE INTO store VALUES ('content', '');
CREATE TRIGGER IF NOT EXISTS episode_changed AFTER UPDATE ON episode
    BEGIN UPDATE store SET value = hex(randomblob(16)) WHERE key = 'content'; END;
CREATE TRIGGER IF NOT EXISTS episode_removed AFTER DELETE ON episode
    BEGIN UPDATE store SET value = hex(randomblob(16)) WHERE key = 'content'; END;
CREATE TRIGGER IF NOT EXISTS col_changed AFTER UPDATE ON col
    BEGIN UPDATE store SET value = hex(randomblob(16)) WHERE key = 'content'; END;
"""

_DAMAGED_HINT: Final = "--skip-bad reads the episodes that are whole, where the rest of the file is"
_FOREIGN_HINT: Final = "trajectories are recorded with `cwm record` or imported with `cwm import`"


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """SQLite's errors as a `CwmError` that says what is wrong with the file."""
    try:
        yield
    except sqlite3.Error as error:
        message = str(error)
        if "locked" in message or "busy" in message:
            hint = "wait for the program that is writing to it, or stop it"
            raise CwmError("is locked by another program", path=path, hint=hint) from error
        if "not a database" in message:
            raise CwmError("is not a file of trajectories", path=path, hint=_FOREIGN_HINT) from error
        if "malformed" in message or "corrupt" in message:
            raise CwmError(f"is damaged: {message}", path=path, hint=_DAMAGED_HINT) from error
        raise CwmError(f"cannot be used: {message}", path=path) from error
    except UnicodeDecodeError as error:
        # A damaged page, quoted in SQLite's own message, which Python then cannot decode.
        raise CwmError("is damaged", path=path, hint=_DAMAGED_HINT) from error


@contextmanager
def undamaged(path: Path) -> Iterator[None]:
    """What cannot be made sense of, although SQLite could read it, as a `CwmError`."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise CwmError(f"is damaged: {error}", path=path, hint=_DAMAGED_HINT) from error


def create_file(path: Path) -> sqlite3.Connection:
    """A new, empty file; one that a crash left without any table counts as new.

    Raises:
        CwmError: The file exists or cannot be made.
    """
    if path.exists() and not _is_blank(path):
        raise CwmError("already exists", path=path, hint="append to it, or choose another name")
    if not path.parent.is_dir():
        raise CwmError("cannot be written: there is no such directory", path=path)
    with explained(path):
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            _set_up(connection)
            connection.executescript(f"BEGIN IMMEDIATE;\n{_MARKS}\n{_SCHEMA}\nCOMMIT;")
        except BaseException:
            connection.close()
            raise
        return connection


def open_for_writing(path: Path) -> sqlite3.Connection:
    """An existing file, to append to.

    Raises:
        CwmError: It is missing, locked, damaged, or not one of trajectories.
    """
    _require_file(path)
    with explained(path):
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            _check_format(connection, path)
            _set_up(connection)
        except BaseException:
            connection.close()
            raise
        return connection


def open_for_reading(path: Path, resources: ExitStack) -> sqlite3.Connection:
    """An existing file as it is now; works in a directory where nothing may be written.

    Args:
        path: The file.
        resources: Closed when the connection is no longer needed.

    Raises:
        CwmError: It is missing, locked, damaged, or not one of trajectories.
    """
    _require_file(path)
    with explained(path):
        connection = _connect_for_reading(path, resources)
        resources.callback(connection.close)
        return connection


def _connect_for_reading(path: Path, resources: ExitStack) -> sqlite3.Connection:
    """Reading a file in WAL mode writes beside it. Where that is forbidden, take it as immutable or copy it."""
    try:
        return _snapshot(f"file:{quote(str(path))}?mode=rw", path)
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise
    log = path.with_name(f"{path.name}-wal")
    if not log.exists() or log.stat().st_size == 0:
        return _snapshot(f"file:{quote(str(path))}?mode=ro&immutable=1", path)
    copy = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="cwm-"))) / "copy.sqlite"
    shutil.copyfile(path, copy)
    shutil.copyfile(log, copy.with_name(f"{copy.name}-wal"))
    return _snapshot(f"file:{quote(str(copy))}?mode=rw", path)


def _snapshot(uri: str, path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        connection.execute("PRAGMA query_only = 1")
        _check_format(connection, path)
        connection.execute("BEGIN")
        connection.execute("SELECT value FROM store").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _set_up(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    # In WAL mode NORMAL never corrupts; a power cut, unlike a crash, may cost the last commits.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _check_format(connection: sqlite3.Connection, path: Path) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID:
        kind = "is empty" if _table_count(connection) == 0 else "is an SQLite database of something else"
        raise CwmError(f"holds no trajectories: it {kind}", path=path, hint=_FOREIGN_HINT)
    if version > FORMAT:
        message = f"was written by a newer version (format {version}; this one reads {FORMAT})"
        raise CwmError(message, path=path, hint=UPGRADE_HINT)


def _is_blank(path: Path) -> bool:
    """Whether a crash left the file before its tables were made."""
    if not path.is_file() or path.stat().st_size == 0:
        return path.is_file()
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
            return _table_count(connection) == 0
    except sqlite3.Error:
        return False


def _table_count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0])


def _require_file(path: Path) -> None:
    if not path.exists():
        raise CwmError("there is no such file", path=path, hint=_FOREIGN_HINT)
    if not path.is_file():
        raise CwmError("is not a file", path=path)
