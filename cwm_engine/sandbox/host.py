"""The host's end of the sandbox: start a zygote, take children from it, leave nothing behind."""

from __future__ import annotations

import contextlib
import mmap
import os
import select
import socket
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from cwm_engine.errors import CwmError
from cwm_engine.sandbox.arrays import SharedArrays
from cwm_engine.sandbox.child import HEADER_BYTES
from cwm_engine.sandbox.handles import Child, ChildDied, Death, Kind
from cwm_engine.sandbox.isolation import Isolation
from cwm_engine.sandbox.limits import Limits
from cwm_engine.sandbox.messages import Message, encode
from cwm_engine.sandbox.spawn import Worker, can_wrap, last_line
from cwm_engine.sandbox.zygote import STATUS, Inbox
from cwm_engine.world_model.imports import PRELOADED

__all__ = ["Child", "ChildDied", "Death", "Kind", "Message", "Zygote"]

_SECONDS_TO_START = 120.0
_SECONDS_TO_FORK = 30.0
_SECONDS_TO_STOP = 2.0


class Zygote:
    """A warm worker process and its waiting children; made by `start`. For use from one thread.

    Attributes:
        isolation: How well children are shut in; found out by trying when the zygote started.
        missing: Modules of `preload` that could not be imported, each with the reason.
    """

    def __init__(
        self, worker: Worker, channel: socket.socket, inbox: Inbox, limits: Limits, start: dict[str, Any]
    ) -> None:
        self._worker = worker
        self._channel = channel
        self._inbox = inbox
        self._limits = limits
        self._map_bytes = HEADER_BYTES + int(start["result_bytes"])
        self._closed = False
        self.isolation = Isolation(level="process", layers=())
        self.missing: dict[str, str] = {}

    @classmethod
    def start(
        cls,
        *,
        inputs: SharedArrays,
        result_bytes: int,
        preload: Sequence[str] = (),
        jobs: Sequence[str],
        limits: Limits | None = None,
        spares: int = 1,
        wrap: bool | None = None,
    ) -> Zygote:
        """Start a zygote and wait until it is warm, which takes a few tenths of a second.

        Args:
            inputs: States and actions, never outcomes. Stays the caller's to close.
            result_bytes: Size of every child's own map for results.
            preload: Modules a program will import beyond those always there; a child cannot load any itself.
            jobs: Modules with jobs, `package.module`; a `:function` after the name is ignored.
            limits: For every child.
            spares: Children kept waiting.
            wrap: Start it inside bubblewrap; None does so where bubblewrap works.

        Raises:
            CwmError: The process cannot be started, or a job module cannot be imported.
        """
        limits = limits or Limits()
        wrapped = can_wrap() if wrap is None else wrap
        start = {
            "wrapped": wrapped,
            "preloaded": list(PRELOADED),
            "preload": list(preload),
            "jobs": list(dict.fromkeys(name.partition(":")[0] for name in jobs)),
            "limits": asdict(limits),
            "result_bytes": result_bytes,
            "spares": spares,
        }
        ours, theirs = socket.socketpair()
        with tempfile.TemporaryFile() as errors, theirs:
            worker = Worker(
                "cwm_engine.sandbox.zygote:main",
                str(theirs.fileno()),
                descriptors=[theirs.fileno()],
                wrapped=wrapped,
                errors=errors,
            )
            theirs.close()
            zygote = cls(worker, ours, Inbox(ours), limits, start)
            try:
                socket.send_fds(ours, [encode(start)], [inputs.descriptor])
                answer = zygote._answer(_SECONDS_TO_START)
            except OSError:
                answer = None
            if answer is None:
                zygote.close()
                errors.seek(0)
                raise CwmError(f"the worker process did not start: {last_line(errors.read())}")
        if "failed" in answer.data:
            zygote.close()
            reasons = "; ".join(f"{name}: {reason}" for name, reason in answer.data["failed"].items())
            raise CwmError(f"the worker process could not import its jobs: {reasons}")
        zygote.isolation = Isolation.from_json(answer.data["layers"])
        zygote.missing = dict(answer.data["missing"])
        return zygote

    def take(self) -> Child:
        """A fresh child, already shut in, for one program; the next one is forked soon.

        Raises:
            CwmError: The zygote is gone.
        """
        while True:
            try:
                message = self._answer(0)
                if message is None:
                    self._channel.sendall(encode({"waiting": True}))
                    message = self._answer(_SECONDS_TO_FORK)
                if message is None:
                    raise TimeoutError("it does not answer")
                self._channel.sendall(encode({"taken": True}))
            except OSError as error:
                raise CwmError(f"the worker process is gone: {error}") from error
            link = _ForkedLink(int(message.data["child"]), self._channel, self._inbox, self._map_bytes)
            if link.status(0) is None:
                return Child(link, self._limits)
            link.close()  # it died while it was waiting

    def close(self) -> None:
        """End the zygote and all its children; further calls do nothing."""
        if not self._closed:
            self._closed = True
            self._channel.close()
            self._inbox.close()
            self._worker.stop(_SECONDS_TO_STOP)

    def __enter__(self) -> Zygote:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self, patience: float) -> Message | None:
        """The zygote's next message, or None if none comes in time.

        Raises:
            ConnectionError: The zygote is gone.
        """
        deadline = time.monotonic() + patience
        while (message := self._inbox.next()) is None:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self._channel], [], [], left)[0]:
                return None
            if not self._inbox.receive():
                raise ConnectionError("it ended")
        return message


class _ForkedLink:
    """A child of a zygote; see `Link`."""

    def __init__(self, process: int, channel: socket.socket, inbox: Inbox, map_bytes: int) -> None:
        self.socket = socket.socket(fileno=inbox.take_descriptor())
        results = inbox.take_descriptor()
        self.memory = mmap.mmap(results, map_bytes)
        os.close(results)
        self.trace: int | None = inbox.take_descriptor()
        self._ending: int | None = inbox.take_descriptor()
        self._process = process
        self._channel = channel

    def send_signal(self, number: int) -> None:
        with contextlib.suppress(OSError):  # no zygote, no child
            self._channel.sendall(encode({"signal": int(number), "child": self._process}))

    def status(self, patience: float) -> int | None:
        if self._ending is None or not select.select([self._ending], [], [], patience)[0]:
            return None
        content = os.read(self._ending, STATUS.size)
        return int(STATUS.unpack(content)[0]) if content else None

    def close(self) -> None:
        self.socket.close()
        for descriptor in (self.trace, self._ending):
            if descriptor is not None:
                os.close(descriptor)
        self.trace = self._ending = None
