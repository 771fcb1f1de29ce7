"""What property tests have shown of the open files, kept until they are run again and moved with the lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from cwm_engine.checking.report import ModelReport
from cwm_server.carry import Lines, carried
from cwm_server.documents import Documents, Snapshot


@dataclass(frozen=True)
class Broken:
    """What the last run of the tests of one model has shown.

    Attributes:
        snapshot: The version that was run.
        report: A report that holds the findings alone.
        failing: The tests that did not hold, to be run again when the model has changed.
    """

    snapshot: Snapshot
    report: ModelReport
    failing: tuple[str, ...]


class BrokenProperties:
    """The findings about properties, by file and model.

    Args:
        documents: The open files.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._known: dict[str, dict[str | None, Broken]] = {}
        self._observers: list[Callable[[str], None]] = []
        documents.on_close(lambda uri: self._known.pop(uri, None))

    def observe(self, observer: Callable[[str], None]) -> None:
        """Call a function with the address of a file of which something new is known."""
        self._observers.append(observer)

    def of(self, uri: str) -> Sequence[Broken]:
        """What the last runs have shown of a file, at the lines where it is in the newest text."""
        snapshot = self._documents.snapshot(uri)
        if snapshot is None:
            return ()
        return [self._moved(broken, snapshot) for broken in self._known.get(uri, {}).values()]

    def learn(self, model: str | None, broken: Broken) -> None:
        """Take in what a run has shown; of a model, it takes the place of what was known."""
        uri = broken.snapshot.uri
        if self._documents.snapshot(uri) is None:
            return
        self._known.setdefault(uri, {})[model] = broken
        for observer in self._observers:
            observer(uri)

    def known(self, uri: str) -> Sequence[Broken]:
        """What the last runs have shown of a file, at the lines where it was then."""
        return list(self._known.get(uri, {}).values())

    def failing(self, uri: str) -> dict[str | None, tuple[str, ...]]:
        """By model, the tests that did not hold."""
        return {model: broken.failing for model, broken in self._known.get(uri, {}).items() if broken.failing}

    @staticmethod
    def _moved(broken: Broken, snapshot: Snapshot) -> Broken:
        if broken.snapshot.text == snapshot.text:
            return broken
        (report,) = carried((broken.report,), Lines(broken.snapshot.lines, snapshot.lines))
        return replace(broken, report=report)
