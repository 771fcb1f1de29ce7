"""Children by fork: starting the zygote process, and the descriptors it hands over with each child."""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import socket
import tempfile
import time
from typing import Any

from cwm_engine.errors import CwmError
from cwm_engine.sandbox.arrays import SharedArrays
from cwm_engine.sandbox.child import HEADER_BYTES
from cwm_engine.sandbox.handles import explain, wait_for
from cwm_engine.sandbox.messages import Message, encode
from cwm_engine.sandbox.spawn import Worker, last_line
from cwm_engine.sandbox.zygote import STATUS, Inbox

_SECONDS_TO_START = 120.0
_SECONDS_TO_FORK = 30.0
_SECONDS_TO_STOP = 2.0
_ATTEMPTS = 3


class ForkServer:
    """A running zygote process; see `host.Source`.

    Args:
        start: The first message to it, see `zygote.main`.
        inputs: The arrays it maps.

    Raises:
        CwmError: It does not start.
    """

    def __init__(self, start: dict[str, Any], inputs: SharedArrays) -> None:
        self._map_bytes = HEADER_BYTES + int(start["result_bytes"])
        self._closed = False
        self._channel, theirs = socket.socketpair()
        self._inbox = Inbox(self._channel)
        with theirs, tempfile.TemporaryFile() as errors:
            try:
                number = theirs.fileno()
                self._worker = Worker(
                    "cwm_engine.sandbox.zygote:main",
                    str(number),
                    descriptors=[number],
                    wrapped=bool(start["wrapped"]),
                    errors=errors,
                )
            except CwmError:
                self._channel.close()
                raise
            theirs.close()  # or its end would not be noticed
            answer = None
            with contextlib.suppress(OSError):
                socket.send_fds(self._channel, [encode(start)], [inputs.descriptor])
                answer = self._next_message(_SECONDS_TO_START)
            if answer is None:
                self.close()
                errors.seek(0)
                raise CwmError(f"the worker process did not start: {last_line(errors.read())}")
        self.answer = answer.data

    def next_link(self) -> ForkedLink:
        """The waiting child; the zygote forks another in a moment.

        Raises:
            CwmError: The zygote is gone, or its children end by themselves.
        """
        ending = 0
        for _ in range(_ATTEMPTS):
            try:
                message = self._next_message(0)
                if message is None:
                    self._channel.sendall(encode({"waiting": True}))
                    message = self._next_message(_SECONDS_TO_FORK)
                if message is None:
                    raise TimeoutError("it does not answer")
                self._channel.sendall(encode({"taken": message.data["child"]}))
            except OSError as error:
                raise CwmError(f"the worker process is gone: {error}") from error
            link = ForkedLink(int(message.data["child"]), self._channel, self._inbox, self._map_bytes)
            if not link.has_ended():
                return link
            ending = link.status(_SECONDS_TO_STOP) or 0
            link.close()  # it died while it was waiting
        raise CwmError(f"worker processes end before they are asked anything: {explain(ending)[1]}")

    def close(self) -> None:
        """End the zygote and all its children."""
        if not self._closed:
            self._closed = True
            self._channel.close()
            self._inbox.close()
            self._worker.stop(_SECONDS_TO_STOP)

    def _next_message(self, patience: float) -> Message | None:
        """The zygote's next message, or None if none comes in time.

        Raises:
            ConnectionError: The zygote is gone.
        """
        deadline = time.monotonic() + patience
        while (message := self._inbox.next()) is None:
            left = max(0.0, deadline - time.monotonic())
            if not wait_for(self._channel.fileno(), left):
                return None
            if not self._inbox.receive():
                raise ConnectionError("it ended")
        return message


class ForkedLink:
    """A child of a zygote; see `handles.Link`."""

    def __init__(self, process: int, channel: socket.socket, inbox: Inbox, map_bytes: int) -> None:
        self.socket = socket.socket(fileno=inbox.take_descriptor())
        results = inbox.take_descriptor()
        self.memory = mmap.mmap(results, map_bytes)
        os.close(results)
        self.trace: int | None = inbox.take_descriptor()
        self._ending: int | None = inbox.take_descriptor()
        self._process = process
        self._channel = channel

    def has_ended(self) -> bool:
        """Whether a child that was asked nothing yet has closed its socket all the same."""
        return wait_for(self.socket.fileno(), 0) and not self.socket.recv(1, socket.MSG_PEEK)

    def ask_for_line(self) -> None:
        """Have faulthandler write to `trace`."""
        self._send(signal.SIGUSR1)

    def kill(self) -> None:
        """End the child."""
        self._send(signal.SIGKILL)

    def status(self, patience: float) -> int | None:
        """How it ended, if it has."""
        if self._ending is None or not wait_for(self._ending, patience):
            return None
        content = os.read(self._ending, STATUS.size)
        return int(STATUS.unpack(content)[0]) if content else None

    def close(self) -> None:
        """Close every descriptor."""
        self.socket.close()
        for descriptor in (self.trace, self._ending):
            if descriptor is not None:
                os.close(descriptor)
        self.trace = self._ending = None

    def _send(self, number: int) -> None:
        with contextlib.suppress(OSError):  # no zygote, no child
            self._channel.sendall(encode({"signal": int(number), "child": self._process}))
