"""The open files: an immutable snapshot of each version, and what is known about it.

Positions are the client's business: its edits are applied here, line by line as the protocol counts lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import urlparse

from lsprotocol import types
from pygls.uris import to_fs_path

from cwm_engine.checking.report import ModelReport
from cwm_engine.findings import Finding
from cwm_engine.world_model.source import split_lines
from cwm_server.configuration import Configuration
from cwm_server.convert import Encoding, offset_of

Outcome = Literal["checked", "notRun", "noData", "noModel", "blocked", "stopped", "failed"]
"""How a check ended.

`checked` with reports; `notRun` because of the run mode or an untrusted workspace; `noData` where there is nothing to
check against; `noModel` where the file holds none; `blocked` where the sandbox is too weak for code that nobody has
reviewed; `stopped` by the user; `failed` where it could not be done, and the report's message says why.
"""


@dataclass(frozen=True)
class Snapshot:
    """One version of an open file.

    Attributes:
        uri: As the client names it.
        path: The file; None for a text that was never saved.
        version: As the client counts.
        text: The text in the editor, saved or not.
        settings: What was configured for it at that time.
    """

    uri: str
    path: Path | None
    version: int
    text: str
    settings: Configuration = field(default_factory=Configuration)

    @property
    def name(self) -> str:
        """The file as reports name it."""
        return str(self.path) if self.path is not None else urlparse(self.uri).path or self.uri

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines without their newlines."""
        return split_lines(self.text)


@dataclass(frozen=True)
class Checked:
    """What is known about a file.

    Attributes:
        snapshot: The version whose lines all places refer to.
        reports: One for each model.
        version: The version that was run for the reports; None if none was.
        interface: What the syntax tree of `snapshot` shows, where no report of it says so.
        outcome: How the last check ended; `checked` while one goes on.
        complete: Whether nothing more will be said about this version.
        stale: Whether the reports are about an older version than the buffer's.
        isolation: The level at which models are run: `full`, `partial` or `process`; None if it is not known.
        lines: Where the transitions of examples stand in a file of data: by file, episode and step the line, from 1.
    """

    snapshot: Snapshot
    reports: tuple[ModelReport, ...] = ()
    version: int | None = None
    interface: tuple[Finding, ...] = ()
    outcome: Outcome = "checked"
    complete: bool = False
    stale: bool = False
    isolation: str | None = None
    lines: Mapping[tuple[str | None, int, int], int] = field(default_factory=dict)

    @property
    def findings(self) -> Iterator[tuple[Finding, ModelReport | None]]:
        """All findings, each with the report it is from."""
        yield from ((finding, None) for finding in self.interface)
        for report in self.reports:
            yield from ((finding, report) for finding in report.findings)


class Documents:
    """The open files of a client.

    Args:
        settings_for: What is configured for a file at the moment.
    """

    def __init__(self, settings_for: Callable[[str], Configuration]) -> None:
        self.encoding: Encoding = types.PositionEncodingKind.Utf16
        self._settings_for = settings_for
        self._open: dict[str, Snapshot] = {}
        self._checked: dict[str, Checked] = {}
        self._when_closed: list[Callable[[str], object]] = []

    def on_close(self, react: Callable[[str], object]) -> None:
        """Call a function with the address of each file that is closed."""
        self._when_closed.append(react)

    def __iter__(self) -> Iterator[Snapshot]:
        return iter(list(self._open.values()))

    def snapshot(self, uri: str) -> Snapshot | None:
        """The newest version of a file; None if it is not open."""
        return self._open.get(uri)

    def current(self, uri: str) -> Checked | None:
        """What is known about a file, `stale` if it is about an older version; None if nothing is."""
        checked, snapshot = self._checked.get(uri), self._open.get(uri)
        if checked is None or snapshot is None:
            return None
        return replace(checked, stale=checked.version != snapshot.version and bool(checked.reports))

    def open(self, document: types.TextDocumentItem) -> Snapshot:
        """Take a file in."""
        path = to_fs_path(document.uri) if document.uri.startswith("file:") else None
        snapshot = Snapshot(
            document.uri,
            Path(path) if path else None,
            document.version,
            document.text,
            self._settings_for(document.uri),
        )
        self._open[document.uri] = snapshot
        return snapshot

    def change(
        self, document: types.VersionedTextDocumentIdentifier, changes: Sequence[types.TextDocumentContentChangeEvent]
    ) -> Snapshot | None:
        """Apply a client's edits; the new version, or None if the file is not open."""
        before = self._open.get(document.uri)
        if before is None:
            return None
        text = before.text
        for change in changes:
            text = self._edited(text, change)
        return self._put(replace(before, version=document.version, text=text))

    def reconfigure(self, uri: str) -> Snapshot | None:
        """The same version under the settings of the moment."""
        before = self._open.get(uri)
        return None if before is None else self._put(replace(before, settings=self._settings_for(uri)))

    def close(self, uri: str) -> None:
        """Forget a file."""
        self._open.pop(uri, None)
        self._checked.pop(uri, None)
        for react in self._when_closed:
            react(uri)

    def learn(self, checked: Checked) -> None:
        """Remember what was found out about a file that is still open."""
        if checked.snapshot.uri in self._open:
            self._checked[checked.snapshot.uri] = checked

    def _put(self, snapshot: Snapshot) -> Snapshot:
        self._open[snapshot.uri] = snapshot
        return snapshot

    def _edited(self, text: str, change: types.TextDocumentContentChangeEvent) -> str:
        if isinstance(change, types.TextDocumentContentChangeWholeDocument):
            return change.text
        start = offset_of(text, change.range.start, self.encoding)
        end = max(start, offset_of(text, change.range.end, self.encoding))
        return f"{text[:start]}{change.text}{text[end:]}"
