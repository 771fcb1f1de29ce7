"""Which file is checked when, and who hears of it; each file has a check of its own, see `file_check`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cwm_engine.errors import CwmError
from cwm_server.documents import Checked, Documents, Snapshot
from cwm_server.file_check import FileCheck
from cwm_server.workers import Message, Workers

MOST_WORKERS = 4
"""Files that keep a process of their own, unless the user says how many; those not looked at for longest lose it."""

Observer = Callable[[Checked], None]


class Checks:
    """Checks the open files in worker processes.

    Args:
        documents: The open files, and where what is found out about them is kept.
        workers: Where processes come from.

    Attributes:
        trusted: Whether the client trusts its workspace; nothing is run where it does not.
        level: The isolation level of this machine, once it is known.
    """

    def __init__(self, documents: Documents, workers: Workers) -> None:
        self.trusted = True
        self.level: str | None = None
        self._documents = documents
        self._workers = workers
        self._files: dict[str, FileCheck] = {}
        self._observers: list[Observer] = []
        self._anyway: set[str] = set()

    def observe(self, observer: Observer) -> None:
        """Call a function whenever more is known about a file, and when a check of it begins."""
        self._observers.append(observer)

    def changed(self, snapshot: Snapshot, *, saved: bool = False) -> None:
        """A file was opened, edited or saved: check it as its run mode says."""
        match snapshot.settings.run:
            case "onType":
                execute = True
            case "onSave":
                execute = saved
            case _:
                execute = False
        self._file(snapshot).want(snapshot, execute=execute and self.trusted)

    async def check(self, snapshot: Snapshot) -> Checked:
        """Check a file now, whatever its run mode; cancelling the wait stops the check."""
        return await self._file(snapshot).checked(snapshot, execute=self.trusted)

    def run_anyway(self, snapshot: Snapshot) -> None:
        """Run a model although the sandbox is too weak for what nobody has reviewed; as long as the file is open."""
        self._anyway.add(snapshot.uri)
        self._file(snapshot).want(snapshot, execute=self.trusted)

    def may_run(self, snapshot: Snapshot) -> bool:
        """Whether the user has said that a model may run below the full isolation level."""
        return snapshot.uri in self._anyway or snapshot.settings.run_below_full_isolation

    def reload(self, snapshot: Snapshot, *, data: bool = True) -> None:
        """Something beside the file has changed: its data or configuration (`data`), or a module that it imports."""
        if data:
            self._file(snapshot).reload()
        self.changed(snapshot, saved=True)

    def stop(self, uri: str) -> None:
        """End the check of a file that is going on; what was found out so far stays."""
        if uri in self._files:
            self._files[uri].stop()

    def watched(self, uri: str) -> frozenset[str]:
        """The files that decide about a report besides the model's own."""
        return self._files[uri].watched if uri in self._files else frozenset()

    async def ask(self, uri: str, function: str, params: Message) -> Any:
        """Have a function answer in the worker of a file.

        Args:
            uri: The file, which is open.
            function: `module:function`; it is called as `function(checker, params)`, see `checker.Checker`, in a thread
                beside the check, and returns JSON values.
            params: JSON values.

        Raises:
            CwmError: The function failed, or the file has no worker.
        """
        snapshot = self._documents.snapshot(uri)
        if snapshot is None:
            raise CwmError("is not open", path=uri)
        return await self._file(snapshot).ask(function, params)

    def restart(self) -> None:
        """Give all workers up; what is wanted next gets new ones."""
        for file in self._files.values():
            file.retire()

    def close(self, uri: str) -> None:
        """Forget a file and end its worker."""
        self._anyway.discard(uri)
        if uri in self._files:
            self._files.pop(uri).end()

    def close_all(self) -> None:
        """End all workers."""
        for uri in list(self._files):
            self.close(uri)

    def _file(self, snapshot: Snapshot) -> FileCheck:
        file = self._files.pop(snapshot.uri, None) or FileCheck(self, snapshot, self._workers)
        self._make_room(snapshot.settings.workers or MOST_WORKERS)
        self._files[snapshot.uri] = file  # the one used last is the last
        return file

    def _make_room(self, most: int) -> None:
        """Take their workers from files that have not been looked at for longest."""
        idle = [file for file in self._files.values() if file.is_idle]
        for file in idle[: max(0, len(idle) - most + 1)]:
            file.retire()

    def tell(self, checked: Checked) -> None:
        """Remember and pass on what is known."""
        self._documents.learn(checked)
        for observer in self._observers:
            observer(checked)
