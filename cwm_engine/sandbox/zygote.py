"""The zygote: a process with everything loaded and nobody's secrets, that does nothing but fork children.

Runs by exec, single-threaded, with a clean environment. It never runs the code of a model: each child it
forks shuts itself in, waits for one request and ends. Host and child talk directly; the zygote only
reaps, reports how a child ended, and passes signals on, because it alone knows which process ids are its own.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import mmap
import os
import random
import select
import signal
import socket
import struct
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cwm_engine.sandbox.arrays import anonymous_file, attach, seal
from cwm_engine.sandbox.child import HEADER_BYTES, Duty, run_child
from cwm_engine.sandbox.isolation import Isolation, usable_hardening
from cwm_engine.sandbox.limits import Limits
from cwm_engine.sandbox.messages import Decoder, Message, encode

STATUS = struct.Struct("<i")

_CLOSE_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
_SECONDS_TO_START = 120
# The next child is forked once those that were taken have ended and the host had time to look at their answers, or
# after a while: until then the processor, and the memory that a fork makes dear, are theirs.
_BUSY_MILLISECONDS, _PAUSE_MILLISECONDS = 100, 3
# What Python and NumPy themselves import when it is first used, which a child cannot do; those that a version
# does not have are passed over. What programs import is `world_model`'s to say.
_LAZY = (
    "_colorize",
    "encodings.ascii",
    "encodings.latin_1",
    "encodings.utf_16",
    "encodings.utf_32",
    "numpy.char",
    "numpy.dtypes",
    "numpy.exceptions",
    "numpy.rec",
    "numpy.typing",
)


def main(control: str) -> None:
    """Start as the host tells and serve it until it closes the control socket.

    Args:
        control: Number of the descriptor of that socket.
    """
    if hasattr(signal, "alarm"):
        signal.alarm(_SECONDS_TO_START)  # an import that never ends must not outlive the host
    with socket.socket(fileno=int(control)) as channel, contextlib.suppress(ConnectionError):
        inbox = Inbox(channel)
        start = inbox.wait()
        duty, answer = set_up(start.data, inbox.take_descriptor()) if start else (None, {})
        _leave_folder()
        channel.sendall(encode(answer))
        if start and duty:
            _silence()
            signal.alarm(0)
            _Zygote(channel, inbox, duty, start.data["result_bytes"]).serve(start.data["spares"])


def set_up(start: dict[str, Any], inputs: int) -> tuple[Duty | None, dict[str, Any]]:
    """Import, map and convert everything that children are to inherit.

    Args:
        start: The host's first message.
        inputs: Descriptor of the shared arrays.

    Returns:
        What children inherit, None if a job module cannot be imported; and the answer to the host.
    """
    hardening, layers = usable_hardening(start["wrapped"])
    _import_all([*start["preloaded"], *_LAZY])
    missing = _import_all(start["preload"])
    broken = _import_all(start["jobs"])
    if broken:
        return None, {"failed": broken}
    arrays, meta = attach(inputs)
    os.close(inputs)
    shared: dict[str, Any] = {"meta": meta}
    for name in start["jobs"]:
        prepare = getattr(sys.modules[name], "prepare", None)
        if prepare is not None:
            prepare(arrays, shared)
    os.environ.clear()
    _seed()
    duty = Duty(arrays, shared, Limits(**start["limits"]), hardening, tuple(start["jobs"]))
    return duty, {"layers": Isolation.of(layers).to_json(), "missing": missing}


class Inbox:
    """What comes in over the control socket: messages, and descriptors beside them."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._decoder = Decoder()
        self._descriptors: list[int] = []

    def wait(self) -> Message | None:
        """The next message; None once the host is gone."""
        while True:
            message = self._decoder.next()
            if message is not None or not self.receive():
                return message

    def receive(self) -> bool:
        """Take in what has arrived; False once the host is gone."""
        try:
            piece, descriptors, _, _ = socket.recv_fds(self._channel, 1 << 16, 8, _CLOSE_ON_EXEC)
        except ConnectionError:
            return False
        self._descriptors += descriptors
        self._decoder.feed(piece)
        return bool(piece)

    def next(self) -> Message | None:
        """The next message that has arrived already."""
        return self._decoder.next()

    def take_descriptor(self) -> int:
        """The next descriptor that came beside a message."""
        return self._descriptors.pop(0)

    def close(self) -> None:
        """Close the descriptors nobody took."""
        while self._descriptors:
            os.close(self._descriptors.pop())


class _Zygote:
    """The loop that forks, reaps and passes signals on.

    The host says `taken` when it has taken a child, by its process id, and `waiting` when it wants the next one now.
    """

    def __init__(self, channel: socket.socket, inbox: Inbox, duty: Duty, result_bytes: int) -> None:
        self._channel = channel
        self._inbox = inbox
        self._duty = duty
        self._map_bytes = HEADER_BYTES + result_bytes
        self._owed = 0
        self._taken: set[int] = set()
        self._statuses: dict[int, int] = {}  # process id -> the pipe its ending is reported on

    def serve(self, spares: int) -> None:
        """Keep `spares` children waiting until the host closes its end; then take them all along."""
        gc.collect()
        gc.freeze()  # collections in the children leave inherited objects, and their pages, alone
        gc.disable()
        wake_reader, wake_writer = os.pipe()
        os.set_blocking(wake_writer, False)
        signal.set_wakeup_fd(wake_writer)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        poll.register(wake_reader, select.POLLIN)
        try:
            for _ in range(spares):
                self._fork()
            while True:
                ready = {descriptor for descriptor, _ in poll.poll(self._pause if self._owed else None)}
                if not ready:
                    self._pay()
                if wake_reader in ready:
                    os.read(wake_reader, 1 << 12)
                    self._reap()
                if self._channel.fileno() in ready:
                    if not self._inbox.receive():
                        return
                    self._obey()
        except ConnectionError:
            return  # the host went away while it was being told of a child
        finally:
            for process in self._statuses:
                os.kill(process, signal.SIGKILL)
            for process in self._statuses:
                os.waitpid(process, 0)

    def _obey(self) -> None:
        while (message := self._inbox.next()) is not None:
            match message.data:
                case {"signal": number, "child": process} if process in self._statuses:
                    os.kill(process, number)
                case {"taken": process}:
                    self._owed += 1
                    if process in self._statuses:
                        self._taken.add(process)
                case {"waiting": _}:
                    self._pay()

    @property
    def _pause(self) -> int:
        return _BUSY_MILLISECONDS if self._taken else _PAUSE_MILLISECONDS

    def _pay(self) -> None:
        """Fork the children owed to the host."""
        while self._owed:
            self._owed -= 1
            self._fork()

    def _fork(self) -> None:
        """Fork a child and give the host its socket, its results, its trace and the pipe for its ending."""
        results = anonymous_file(self._map_bytes)
        seal(results)
        ours, childs = socket.socketpair()
        trace_reader, trace_writer = os.pipe()
        status_reader, status_writer = os.pipe()
        parent = os.getpid()
        try:
            process = os.fork()
            if process == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _seed()  # once more: Python's own generator seeds itself anew after every fork
                memory = mmap.mmap(results, self._map_bytes)
                run_child(self._duty, memory=memory, connection=childs, trace=trace_writer, parent=parent)
            self._statuses[process] = status_writer
            handed_over = [ours.fileno(), results, trace_reader, status_reader]
            socket.send_fds(self._channel, [encode({"child": process})], handed_over)
        finally:
            ours.close()
            childs.close()
            for descriptor in (results, trace_reader, trace_writer, status_reader):
                os.close(descriptor)

    def _reap(self) -> None:
        while self._statuses:
            process, status = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                return
            self._taken.discard(process)
            pipe = self._statuses.pop(process)
            with contextlib.suppress(BrokenPipeError):  # nobody asks any more
                os.write(pipe, STATUS.pack(os.waitstatus_to_exitcode(status)))
            os.close(pipe)


def _import_all(names: Iterable[str]) -> dict[str, str]:
    """Import modules; returns those that cannot be, each with its exception as text."""
    failures = {}
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - a module may raise anything while it is imported
            failures[name] = f"{type(error).__name__}: {error}"
    return failures


def _seed() -> None:
    """Start every child with the same random state, so that a model that draws without seeding gives one report."""
    random.seed(0)
    sys.modules["numpy"].random.seed(0)


def _silence() -> None:
    """Connect the standard streams to nowhere for good."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _leave_folder() -> None:
    """Be nowhere: the folder this process was started in was made for it, is empty, and now is gone."""
    with contextlib.suppress(OSError):
        Path.cwd().rmdir()
