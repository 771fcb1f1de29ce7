"""The inside of a child: shut yourself in, wait for the one request you will ever get, do it, end.

A job is a function `job(context, request, blob)` in a module the zygote has imported. Its module may define
`prepare(inputs, shared)`, called once in the zygote before anything is forked, to make Python objects that
every child inherits, and `warm(context)`, called in each waiting child to do early what would be slow later.
"""

from __future__ import annotations

import faulthandler
import functools
import gc
import mmap
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from cwm_engine.sandbox.arrays import Array
from cwm_engine.sandbox.hardening import Hardening
from cwm_engine.sandbox.limits import Limits
from cwm_engine.sandbox.messages import encode, read_message, write_all
from cwm_engine.sandbox.program import Printed, error_of

HEADER_BYTES = 4096  # in front of the results, a page of its own; its first eight bytes are the progress
EXIT_RAISED, EXIT_MEMORY, EXIT_NOT_SHUT_IN = 70, 71, 72

_PROGRESS = struct.Struct("<q")


class JobContext:
    """What a job can see and do.

    Attributes:
        inputs: The arrays the host handed over, read-only.
        shared: Objects made by the job modules' `prepare`; `shared["meta"]` is what came with the arrays.
        limits: The limits this child runs under.
        results: Writable bytes that the host sees; zero at the start.
        progress: One signed 64-bit integer that the host sees: `context.progress[0] = i` is the cheapest way to set it.
        printed: What the program wrote to standard output and standard error.
    """

    def __init__(
        self, inputs: Mapping[str, Array], shared: dict[str, Any], limits: Limits, memory: mmap.mmap, channel: Channel
    ) -> None:
        self.inputs = inputs
        self.shared = shared
        self.limits = limits
        self.results = memoryview(memory)[HEADER_BYTES:]
        self.progress = memoryview(memory)[: _PROGRESS.size].cast("q")
        self.printed = Printed(limits.printed_bytes)
        self._channel = channel

    def set_progress(self, index: int) -> None:
        """Tell the host, at no cost to speak of, what is being worked on."""
        self.progress[0] = index

    def send(self, data: Mapping[str, Any], blob: bytes | memoryview = b"") -> None:
        """Send the host a JSON object and raw bytes.

        Raises:
            TypeError: `data` holds something JSON has no form for.
        """
        write_all(self._channel.write, encode(data, blob))

    def receive(self) -> tuple[dict[str, Any], bytes]:
        """Wait for the host's next message; ends the process when there will be none."""
        message = read_message(self._channel.read)
        if message is None:
            os._exit(0)
        return message.data, message.blob


class Channel:
    """A connected socket used through `read` and `write` alone: the calls on sockets are filtered out."""

    def __init__(self, connection: socket.socket) -> None:
        self.descriptor = connection.fileno()
        if sys.platform == "win32":  # untested; a socket is no descriptor there
            self.read, self.write = connection.recv, connection.send
        else:
            self.read = functools.partial(os.read, self.descriptor)
            self.write = functools.partial(os.write, self.descriptor)


Job = Callable[[JobContext, dict[str, Any], bytes], None]


@dataclass(frozen=True, slots=True)
class Duty:
    """Everything a child inherits.

    Attributes:
        inputs: See `JobContext`.
        shared: See `JobContext`.
        limits: See `JobContext`.
        hardening: The layers to put on.
        modules: Names of the job modules; nothing else can be asked for.
    """

    inputs: Mapping[str, Array]
    shared: dict[str, Any]
    limits: Limits
    hardening: Hardening
    modules: tuple[str, ...]


def run_child(
    duty: Duty, *, memory: mmap.mmap, connection: socket.socket, trace: int | None, parent: int | None
) -> NoReturn:
    """Become a child: never returns, and never runs a job without every layer in place.

    Args:
        duty: What is inherited.
        memory: The map of progress and results.
        connection: The socket to the host.
        trace: Where the lines go on which the child hangs or crashes.
        parent: The process to die with, see `Hardening.enter`.
    """
    channel = Channel(connection)
    try:
        if trace is not None:
            faulthandler.enable(trace, all_threads=False)
            faulthandler.register(signal.SIGUSR1, file=trace, all_threads=False, chain=False)
        keep = {channel.descriptor} if trace is None else {channel.descriptor, trace}
        duty.hardening.enter(duty.limits, keep=keep, parent=parent)
    except BaseException:  # noqa: BLE001 - whatever it was: not like this
        os._exit(EXIT_NOT_SHUT_IN)
    context = JobContext(duty.inputs, duty.shared, duty.limits, memory, channel)
    sys.stdout = sys.stderr = context.printed
    try:
        _warm_up(context, duty.modules)
        request, blob = context.receive()
        job = _resolve(request["job"], duty.modules)
        gc.enable()
        job(context, request, blob)
    except BaseException as error:  # noqa: BLE001 - a program may raise anything
        _report_and_exit(context, error)
    os._exit(0)


def _warm_up(context: JobContext, modules: tuple[str, ...]) -> None:
    """Touch in the waiting child the memory that every request will touch, which after a fork is what costs."""
    exec(compile("class A:\n  def f(self): return [x * 2.0 for x in range(8)]\nA().f()", "<warm>", "exec"), {})  # noqa: S102
    encode({"warm": [1, 2.5, "x", None, True]})
    for name in modules:
        warm = getattr(sys.modules[name], "warm", None)
        if warm is not None:
            warm(context)


def _resolve(name: str, modules: tuple[str, ...]) -> Job:
    module, _, function = name.partition(":")
    if module not in modules:
        raise LookupError(f"no job module {module!r} was named when the zygote started")
    job: Job = getattr(sys.modules[module], function)
    return job


def _report_and_exit(context: JobContext, error: BaseException) -> NoReturn:
    """The job itself raised: tell the host as `{"error": ...}` if that can still be done."""
    code = EXIT_MEMORY if isinstance(error, MemoryError) else EXIT_RAISED
    try:
        context.send({"error": error_of(error)})
    finally:
        os._exit(code)
