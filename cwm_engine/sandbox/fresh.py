"""Children without fork, for Windows: a fresh process per program, started ahead of time.

The same to its user as a zygote, with less to offer: isolation is a separate process with a clean environment,
a child takes a quarter of a second of processor time to start, the line of a hang is not known, and a child at work
outlives a host that is killed. The mechanics are tested on Linux; Windows itself is untested.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import mmap
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from cwm_engine.errors import CwmError
from cwm_engine.sandbox.arrays import SharedArrays
from cwm_engine.sandbox.child import HEADER_BYTES, run_child
from cwm_engine.sandbox.messages import Decoder, encode
from cwm_engine.sandbox.zygote import set_up

_SECONDS_TO_START = 120.0
_TOKEN_BYTES = 32


class FreshProcesses:
    """Keeps one started process ready; see `host.Source`.

    Args:
        start: What `zygote.set_up` needs to know.
        inputs: Copied into a file that every process maps.
    """

    def __init__(self, start: dict[str, Any], inputs: SharedArrays) -> None:
        self._start = start
        self._folder = Path(tempfile.mkdtemp(prefix="cwm-"))
        self._count = 0
        self._closed = False
        with mmap.mmap(inputs.descriptor, inputs.size, access=mmap.ACCESS_READ) as view:
            (self._folder / "inputs").write_bytes(view)
        self._spare = self._launch()
        try:
            self.answer = self._spare.connect()
        except CwmError:
            self.close()
            raise

    def next_link(self) -> FreshLink:
        """The waiting process; the next one is started."""
        link = self._spare
        self._spare = self._launch()
        link.connect()
        return link

    def close(self) -> None:
        """End the waiting process and remove the files."""
        if not self._closed:
            self._closed = True
            self._spare.close()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _launch(self) -> FreshLink:
        self._count += 1
        return FreshLink(self._folder / f"child-{self._count}", self._start)


class FreshLink:
    """One such process; see `handles.Link`.

    It calls back over the loopback interface, which every platform has, and proves by a token from a file
    only this user can read that it is the one.
    """

    def __init__(self, path: Path, start: dict[str, Any]) -> None:
        from cwm_engine.sandbox.spawn import Worker

        self.trace: int | None = None
        self._token = secrets.token_bytes(_TOKEN_BYTES)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._answer: dict[str, Any] | None = None
        self.socket = self._listener
        self._results = path.with_suffix(".results")
        with self._results.open("w+b") as file:
            file.truncate(HEADER_BYTES + start["result_bytes"])
            self.memory = mmap.mmap(file.fileno(), HEADER_BYTES + start["result_bytes"], access=mmap.ACCESS_READ)
        call = {"start": start, "token": self._token.hex(), "port": self._listener.getsockname()[1]}
        path.write_text(json.dumps(call | {"results": str(self._results)}), encoding="utf-8")
        self._worker = Worker("cwm_engine.sandbox.fresh:main", str(path))

    def connect(self) -> dict[str, Any]:
        """Wait until the process is ready; what `zygote.set_up` answered in it.

        Raises:
            CwmError: It ended first, or takes too long.
        """
        deadline = time.monotonic() + _SECONDS_TO_START
        while self._answer is None:
            if self._worker.process.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise CwmError("a worker process did not start")
            self._listener.settimeout(0.1)
            with contextlib.suppress(TimeoutError, ConnectionError):
                caller, _ = self._listener.accept()
                self._answer = self._listen_to(caller)
        return self._answer

    def ask_for_line(self) -> None:
        """There is no way to."""

    def kill(self) -> None:
        """End the child."""
        self._worker.process.kill()

    def status(self, patience: float) -> int | None:
        """How it ended, if it has."""
        try:
            return self._worker.process.wait(patience)
        except subprocess.TimeoutExpired:
            return None

    def close(self) -> None:
        """Close every descriptor."""
        self.socket.close()
        self._listener.close()
        self._worker.process.kill()
        self._worker.stop(_SECONDS_TO_START)
        with contextlib.suppress(OSError):  # Windows keeps it while results are looked at
            self._results.unlink()

    def _listen_to(self, caller: socket.socket) -> dict[str, Any] | None:
        """The answer of whoever called, if he knows the token; None sends a stranger away."""
        caller.settimeout(10.0)
        token = b""
        while len(token) < _TOKEN_BYTES and (piece := caller.recv(_TOKEN_BYTES - len(token))):
            token += piece
        if not hmac.compare_digest(token, self._token):
            caller.close()
            return None
        decoder = Decoder()
        while (message := decoder.next()) is None:
            decoder.feed(caller.recv(1 << 16))
        self._listener.close()
        self.socket = caller
        return message.data


def main(argument: str) -> None:
    """Be a child: set up like a zygote, call the host, become what a forked child is.

    Args:
        argument: Path of the file with everything there is to know.
    """
    path = Path(argument)
    call = json.loads(path.read_text(encoding="utf-8"))
    path.unlink()
    start = call["start"]
    duty, answer = set_up(start, os.open(path.with_name("inputs"), os.O_RDONLY | getattr(os, "O_BINARY", 0)))
    with open(call["results"], "r+b") as file:  # noqa: PTH123 - a plain file to map
        memory = mmap.mmap(file.fileno(), HEADER_BYTES + start["result_bytes"])
    channel = socket.create_connection(("127.0.0.1", call["port"]))
    channel.sendall(bytes.fromhex(call["token"]) + encode(answer))
    if duty is not None:
        run_child(duty, memory=memory, connection=channel, trace=None, parent=None)
