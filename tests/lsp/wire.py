"""The server without an editor: messages written and read one by one, and its processes counted."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import time
from pathlib import Path
from typing import IO, Any

from tests.lsp.editor import PATIENCE, SERVER


class Wire:
    """A server process and its streams.

    Args:
        arguments: For the command, instead of `--stdio`.
    """

    def __init__(self, *arguments: str) -> None:
        command = SERVER if not arguments else [*SERVER[:-1], *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.received: list[Any] = []
        self._number = 0
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None and stream is not self.process.stdout:
                stream.close()

    def write(self, body: bytes | str) -> None:
        """Send bytes as the body of a message."""
        body = body.encode() if isinstance(body, str) else body
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def notify(self, method: str, params: Any = None) -> None:
        """Send a notification."""
        self.write(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}))

    def request(self, method: str, params: Any = None) -> Any:
        """Send a request; the whole answer."""
        return self.answer(self.send(method, params))

    def send(self, method: str, params: Any = None) -> int:
        """Send a request without waiting; its number."""
        self._number += 1
        self.write(json.dumps({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params}))
        return self._number

    def answer(self, number: Any) -> Any:
        """The answer to a request."""
        return self.until(lambda message: "method" not in message and message.get("id") == number)

    def until(self, wanted: Any) -> Any:
        """The next message that is wanted."""
        while True:
            message = self._queue.get(timeout=PATIENCE)
            assert message is not None, "the server has ended"
            self.received.append(message)
            if message.get("method") == "workspace/configuration":
                self.write(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": [{}]}))
            elif "id" in message and "method" in message:
                self.write(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": None}))
            if wanted(message):
                return message

    def enter(self, process_id: int | None = None) -> None:
        """Initialize the server."""
        self.request("initialize", {"processId": process_id, "rootUri": None, "capabilities": {}})
        self.notify("initialized", {})

    def open(self, path: Path, text: str) -> None:
        """Open a file."""
        document = {"uri": path.as_uri(), "languageId": "python", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})

    def state(self, *states: str) -> Any:
        """Wait for a status with one of these states; its parameters."""
        return self.until(
            lambda message: message.get("method") == "cwm/status" and message["params"]["state"] in states
        )["params"]

    def end(self) -> int:
        """End the server as the protocol wants it; its exit code."""
        self.request("shutdown")
        self.notify("exit")
        return self.process.wait(PATIENCE)

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            while header := stream.readline():
                length = int(header.removeprefix(b"Content-Length: "))
                while stream.readline().strip():
                    pass
                self._queue.put(json.loads(stream.read(length)))
        self._queue.put(None)


def descendants(pid: int) -> set[int]:
    """All processes below one."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found: set[int] = set()
    while more := {child for child, parent in parents.items() if parent in found | {pid}} - found:
        found |= more
    return found


def all_end(pids: set[int]) -> bool:
    """Whether processes end before patience does."""
    deadline = time.monotonic() + PATIENCE
    while any(_is_running(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
