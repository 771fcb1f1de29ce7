"""The host's end of a child: ask it, listen to it with suspicion, kill it, and say how it ended."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from mmap import mmap
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from cwm_engine.sandbox.child import EXIT_MEMORY, EXIT_NOT_SHUT_IN, HEADER_BYTES
from cwm_engine.sandbox.limits import Limits
from cwm_engine.sandbox.messages import Decoder, Message, OutputLimitError, ProtocolError, encode
from cwm_engine.sandbox.program import line_in_dump

Kind = Literal["crash", "forbidden", "memory", "output", "timeout"]

_PROGRESS = struct.Struct("<q")
_DUMP_SECONDS = 0.2  # how long a program stuck in C may take to say on which line it is
_END_SECONDS = 2.0  # how long the kernel may take to end a process and give its memory back
_GRACE_SECONDS = 1.0  # between a child's closing its socket and the news of its end, on a busy machine
_PAUSE_SECONDS = 0.02  # after which what it says about its line is taken to be all
_LONGEST_DUMP = 1 << 16
_PIECE = 1 << 18


@dataclass(frozen=True, slots=True)
class Death:
    """Where a child was when it ended. A program can forge both: hold them against the file and the data.

    Attributes:
        progress: What it last wrote as its progress.
        line: The line of the model's file it was on, if it could be found out.
    """

    progress: int
    line: int | None


class ChildDied(Exception):  # noqa: N818 - an event, and the name all callers know
    """A child ended, or was ended, without being asked to.

    Attributes:
        kind: `crash` (a signal such as SIGSEGV, or an end without a result), `forbidden` (a system call that
            is refused with the end of the process), `memory`, `output` (too much of it, or nonsense),
            `timeout` (processor time used up).
        signal: The signal that ended it, if one did.
        exit_code: Its exit code, if it ended by itself.
        progress: See `Death`.
        line: See `Death`.
    """

    def __init__(self, kind: Kind, reason: str, death: Death, status: int | None) -> None:
        super().__init__(reason)
        self.kind: Kind = kind
        self.reason = reason
        self.progress = death.progress
        self.line = death.line
        self.signal = -status if status is not None and status < 0 else None
        self.exit_code = status if status is not None and status >= 0 else None


class Link(Protocol):
    """What a child hangs on; the forking and the fresh-process way of making children differ here only.

    Attributes:
        socket: To the child.
        memory: The map of progress and results.
        trace: Descriptor of the pipe for the line of a hang or crash, where there is one.
    """

    socket: socket.socket
    memory: mmap
    trace: int | None

    def ask_for_line(self) -> None:
        """Have the child write to `trace` where it is."""

    def kill(self) -> None:
        """End the child; nothing happens once it has ended."""

    def status(self, patience: float) -> int | None:
        """How the child ended, as `waitstatus_to_exitcode` puts it; None if it has not, or nobody knows."""

    def close(self) -> None:
        """Close every descriptor."""


class Child:
    """One process for one program, thrown away afterwards.

    Attributes:
        results: Shared bytes the child writes its answers into, zero at first. A living child can still
            change them: compare a copy, or after its end.
    """

    def __init__(self, link: Link, limits: Limits) -> None:
        self._link = link
        self._decoder = Decoder(limits.output_bytes)
        self._limits = limits
        self._death: Death | None = None
        self._failure: ChildDied | None = None
        self.results: npt.NDArray[np.uint8] = np.frombuffer(link.memory, dtype=np.uint8, offset=HEADER_BYTES)
        link.socket.setblocking(False)

    def send(self, request: Mapping[str, Any], blob: bytes = b"") -> None:
        """Send a message; the first one names the job: `{"job": "package.module:function", ...}`.

        Raises:
            ChildDied: The child does not take it within the wall clock limit. A child that has ended is not
                noticed here but by `receive`.
        """
        view = memoryview(encode(request, blob))
        deadline = time.monotonic() + self._limits.wall_seconds
        while view:
            try:
                view = view[self._link.socket.send(view) :]
            except BlockingIOError:
                if not self._wait(deadline, writing=True):
                    raise self._fail("timeout", "it stopped reading", kill=True) from None
            except OSError:
                return

    def receive(self, timeout: float) -> Message | None:
        """Wait for a message.

        Args:
            timeout: Seconds; 0 takes what has arrived.

        Returns:
            The message, or None when the time is over. A job that raised sends `{"error": error_of(...)}`.

        Raises:
            ChildDied: No message will come any more.
        """
        deadline = time.monotonic() + timeout
        while True:
            if self._failure is not None:
                raise self._failure
            try:
                message = self._decoder.next()
                if message is not None:
                    return message
                piece = self._link.socket.recv(_PIECE)
                if not piece:
                    raise self._ended()
                self._decoder.feed(piece)
            except BlockingIOError:
                if not self._wait(deadline):
                    return None
            except OutputLimitError:
                raise self._fail("output", "it sent more than it may", kill=True) from None
            except ProtocolError as error:
                raise self._fail("output", f"it sent {error}", kill=True) from None
            except OSError:
                raise self._ended() from None

    @property
    def progress(self) -> int:
        """What the child last wrote as its progress. The program can write anything there: check before use."""
        return int(_PROGRESS.unpack_from(self._link.memory)[0])

    def fileno(self) -> int:
        """For `select` and `asyncio`: readable when `receive(0)` has something to do; call that until it gives None."""
        return self._link.socket.fileno()

    def kill(self) -> Death:
        """End the child, finding out first on which line it is; returns after it has ended."""
        if self._death is None:
            dump = self._ask_for_line()
            self._link.kill()
            self._link.status(_END_SECONDS)
            self._death = self._last_words(dump)
            self._link.close()
        return self._death

    def close(self) -> None:
        """End the child at once, without asking or waiting; further calls do nothing."""
        if self._death is None:
            self._link.kill()
            self._death = Death(self.progress, None)
            self._link.close()

    def end(self) -> None:
        """Have the child ended, from whatever thread; the thread it belongs to then hears that it died."""
        self._link.kill()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wait(self, deadline: float, *, writing: bool = False) -> bool:
        """Wait until the socket can be read (or written); False when the time is over."""
        return wait_for(self._link.socket.fileno(), max(0.0, deadline - time.monotonic()), writing=writing)

    def _ended(self) -> ChildDied:
        """The socket is closed: the child has ended, or pretends to have."""
        if self._death is not None:
            return self._failure or ChildDied("crash", "it was closed", self._death, None)
        status = self._link.status(_GRACE_SECONDS)
        if status is None:
            return self._fail("crash", "it closed its connection, or its zygote is gone", kill=True)
        kind, reason = explain(status)
        return self._fail(kind, reason, status=status)

    def _fail(self, kind: Kind, reason: str, *, kill: bool = False, status: int | None = None) -> ChildDied:
        if kill:
            self.kill()
        if self._death is None:
            self._death = self._last_words(b"")
            self._link.close()
        self._failure = ChildDied(kind, reason, self._death, status)
        return self._failure

    def _ask_for_line(self) -> bytes:
        """Have faulthandler write where the child is; works while it is stuck in C code."""
        trace = self._link.trace
        if trace is None:
            return b""
        self._link.ask_for_line()
        dump = b""
        deadline = time.monotonic() + _DUMP_SECONDS
        while line_in_dump(dump) is None and len(dump) < _LONGEST_DUMP:
            left = deadline - time.monotonic()
            if left <= 0 or not wait_for(trace, min(left, _PAUSE_SECONDS) if dump else left):
                break
            piece = os.read(trace, 1 << 12)
            if not piece:
                break
            dump += piece
        return dump

    def _last_words(self, dump: bytes) -> Death:
        """Read what is left in the trace pipe of a child that has ended."""
        trace = self._link.trace
        if trace is not None:
            os.set_blocking(trace, False)
            with contextlib.suppress(BlockingIOError):
                while len(dump) < _LONGEST_DUMP and (piece := os.read(trace, 1 << 12)):
                    dump += piece
        return Death(self.progress, line_in_dump(dump))


def wait_for(descriptor: int, seconds: float, *, writing: bool = False) -> bool:
    """Wait until a descriptor can be read, or written; False when the time is over.

    Not `select`, which cannot watch descriptors above 1023, except on Windows, where there is nothing else.
    """
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT if writing else select.POLLIN)
        return bool(poll.poll(seconds * 1000))
    own = [descriptor]
    return any(select.select([] if writing else own, own if writing else [], [], seconds))


def explain(status: int) -> tuple[Kind, str]:
    """What an exit status means for a child nobody killed, as a kind of death and as half a sentence."""
    if status < 0:
        name = _signal_name(-status)
        match name:
            case "SIGSYS":
                return "forbidden", "it made a system call that is not allowed"
            case "SIGXCPU":
                return "timeout", "it used up its processor time"
            case "SIGKILL":
                return "memory", "the system ended it, most likely for want of memory"
            case _:
                return "crash", f"it crashed ({name})"
    match status:
        case code if code == EXIT_MEMORY:
            return "memory", "it ran out of memory"
        case code if code == EXIT_NOT_SHUT_IN:
            return "crash", "the sandbox could not be set up, so nothing was run"
        case _:
            return "crash", f"it ended without an answer (exit code {status})"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
