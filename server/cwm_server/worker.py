"""A worker process: does one job away from the server's event loop, and ends when its server does.

It talks to the server over the pipes it is started with. Nothing else can: before anything is imported that might
print, standard input is emptied and standard output joins standard error.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from cwm_engine.sandbox.messages import encode, read_message

GRACE_SECONDS = 1.0
"""How long a job may take to end by itself once the server is gone."""

# What a check needs; imported while nobody is waiting yet.
_WARM = ("cwm_engine.diagnosis.opening", "cwm_engine.trajectories.load", "cwm_server.checker")

Message = dict[str, Any]


class Channel:
    """The way to the server; sending may be done from any thread.

    Args:
        inlet: Descriptor to read from.
        outlet: Descriptor to write to.
    """

    def __init__(self, inlet: int, outlet: int) -> None:
        self._inlet = inlet
        self._outlet = outlet
        self._lock = threading.Lock()
        self._arrived: queue.SimpleQueue[Message | None] = queue.SimpleQueue()

    def send(self, data: Message) -> None:
        """Tell the server something."""
        frame = memoryview(encode(data))
        # A server that is gone is noticed where it is read from.
        with self._lock, contextlib.suppress(OSError):
            while frame:
                frame = frame[os.write(self._outlet, frame) :]

    def read(self) -> Message | None:
        """Wait for what the server says next; None once it has closed its end. For use before `listen`."""
        try:
            message = read_message(lambda count: os.read(self._inlet, count))
        except OSError:
            return None
        return None if message is None else message.data

    def listen(self, take: Callable[[Message | None], None] | None = None) -> None:
        """Read in a thread of its own from here on.

        The process ends soon after the server has closed its end, whatever the job is doing then.

        Args:
            take: Called in that thread with each message, and with None at the end; `messages` gives them when not
                given.
        """
        threading.Thread(target=self._read_all, args=(take or self._arrived.put,), daemon=True).start()

    def messages(self) -> Iterator[Message]:
        """The messages as they arrive, until the server closes its end."""
        while (message := self._arrived.get()) is not None:
            yield message

    def _read_all(self, take: Callable[[Message | None], None]) -> None:
        while (message := self.read()) is not None:
            take(message)
        timer = threading.Timer(GRACE_SECONDS, os._exit, (0,))
        timer.daemon = True
        timer.start()
        take(None)


def main() -> None:
    """Warm up, wait for the job, do it.

    The first message is `{"job": "module:function", "params": {...}}`; the function takes the channel and the params.
    An exception it raises ends the process; its last message is `{"failed": "what happened"}`.
    """
    channel = Channel(*_private_pipes())
    try:
        for name in _WARM:
            importlib.import_module(name)
        call = channel.read()
        if call is None:
            return
        module, _, function = call["job"].partition(":")
        getattr(importlib.import_module(module), function)(channel, call["params"])
    except Exception as error:  # noqa: BLE001 - the server says it aloud
        channel.send({"failed": f"{type(error).__name__}: {error}"})
        sys.exit(1)


def _private_pipes() -> tuple[int, int]:
    """Take the standard streams away from everything that might read or print."""
    inlet, outlet = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    os.dup2(2, 1)
    return inlet, outlet


if __name__ == "__main__":
    main()
