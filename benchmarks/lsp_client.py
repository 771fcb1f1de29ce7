"""A language client for the benchmarks: notes when each message arrived, and answers what a server asks."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CWM = (sys.executable, "-P", "-m", "cwm_engine.cli.main", "serve", "--stdio")
BARE = (
    sys.executable,
    "-P",
    "-c",
    "from pygls.lsp.server import LanguageServer; LanguageServer('bare', '1').start_io()",
)
# The time of every callback on the event loop, by the clock and of the processor; the worst are printed at the end.
WATCHED = (
    sys.executable,
    "-P",
    "-c",
    """
import asyncio, sys, time
from cwm_server.app import serve
run, worst = asyncio.events.Handle._run, []
def watched(handle):
    wall, cpu = time.perf_counter(), time.thread_time()
    try:
        return run(handle)
    finally:
        worst.append((time.perf_counter() - wall, time.thread_time() - cpu))
asyncio.events.Handle._run = watched
code = serve()
worst = worst[len(worst) // 20:]  # starting up imports what it needs
print("LOOP", max(wall for wall, _ in worst), max(cpu for _, cpu in worst), file=sys.stderr)
sys.exit(code)
""",
)


@dataclass(frozen=True)
class Received:
    """A message and when it arrived, in seconds of `time.perf_counter`."""

    at: float
    message: dict[str, Any]


class Client:
    """A server process and its streams.

    Args:
        command: How it is started.
    """

    def __init__(self, command: Sequence[str] = CWM) -> None:
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=False
        )
        self._number = 0
        self._arrived: queue.SimpleQueue[Received | None] = queue.SimpleQueue()
        self._errors: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._read_errors, daemon=True).start()
        self.version = 0

    def write(self, message: dict[str, Any]) -> float:
        """Send a message; when."""
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        at = time.perf_counter()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()
        return at

    def request(self, method: str, params: Any = None) -> Received:
        """Send a request; the answer."""
        self._number += 1
        number = self._number
        self.write({"id": number, "method": method, "params": params})
        return self.until(lambda message: "method" not in message and message.get("id") == number)

    def until(self, wanted: Callable[[dict[str, Any]], Any], seconds: float = 120.0) -> Received:
        """The next message that is wanted."""
        while True:
            received = self._arrived.get(timeout=seconds)
            if received is None:
                raise RuntimeError("\n".join(self._errors))
            message = received.message
            if "id" in message and "method" in message:
                result = [{}] if message["method"] == "workspace/configuration" else None
                self.write({"id": message["id"], "result": result})
            if wanted(message):
                return received

    def enter(self) -> float:
        """Initialize; seconds since the process was started."""
        answer = self.request("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        self.write({"method": "initialized", "params": {}})
        return answer.at - self.started

    def open(self, path: Path, text: str) -> None:
        """Open a file."""
        self.version = 1
        document = {"uri": path.as_uri(), "languageId": "python", "version": 1, "text": text}
        self.write({"method": "textDocument/didOpen", "params": {"textDocument": document}})

    def edit(self, path: Path, text: str) -> float:
        """Replace the text; when it was sent."""
        self.version += 1
        document = {"uri": path.as_uri(), "version": self.version}
        return self.write(
            {
                "method": "textDocument/didChange",
                "params": {"textDocument": document, "contentChanges": [{"text": text}]},
            }
        )

    def status(self, wanted: Callable[[dict[str, Any]], Any]) -> Received:
        """Wait for a status of the newest version."""
        return self.until(
            lambda message: (
                message.get("method") == "cwm/status"
                and message["params"]["version"] == self.version
                and wanted(message["params"])
            )
        )

    def diagnostics(self, wanted: Callable[[list[dict[str, Any]]], Any]) -> Received:
        """Wait for diagnostics of the newest version."""
        return self.until(
            lambda message: (
                message.get("method") == "textDocument/publishDiagnostics"
                and message["params"].get("version") == self.version
                and wanted(message["params"]["diagnostics"])
            )
        )

    def end(self) -> list[str]:
        """End the server; what it wrote to its log."""
        self.request("shutdown")
        self.write({"method": "exit", "params": None})
        self.process.wait(30)
        time.sleep(0.1)
        return self._errors

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        while header := stream.readline():
            length = int(header.split(b":")[1])
            while stream.readline().strip():
                pass
            body = stream.read(length)
            self._arrived.put(Received(time.perf_counter(), json.loads(body)))
        self._arrived.put(None)

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._errors.append(line.decode().rstrip())
