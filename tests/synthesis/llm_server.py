"""A small OpenAI-compatible server on loopback that answers as told: rightly, or wrongly as real ones do.

Each request is answered by the next behaviour of the script; the last one stays. A behaviour is a function of the
handler and the body of the request.
"""

import json
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Body = dict[str, Any]
USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.send_json({"object": "list", "data": [{"id": "test", "object": "model", "owned_by": "tests"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/chat/completions":
            self.send_error_json(404, f"no such path {self.path}")
            return
        if not body.get("model") or not body.get("messages"):
            self.send_error_json(400, "model and messages are required")
            return
        with self.server.lock:
            self.server.requests.append(body)
            self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
            script = self.server.script
            behaviour = script.pop(0) if len(script) > 1 else script[0]
        behaviour(self, body)

    def send_json(self, document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.send_body(json.dumps(document).encode(), "application/json", status, headers)

    def send_error_json(
        self, status: int, message: str, headers: Mapping[str, str] | None = None, **facts: Any
    ) -> None:
        self.send_json(
            {"error": {"message": message, "type": "test", "param": None, "code": None, **facts}}, status, headers
        )

    def send_body(self, body: bytes, kind: str, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def start_stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def send_chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def send_event(self, document: Any) -> None:
        data = document if isinstance(document, str) else json.dumps(document)
        self.send_chunk(f"data: {data}\n\n".encode())

    def end_stream(self) -> None:
        self.send_chunk(b"")

    def reset(self) -> None:
        """Break the connection off, as a crashed server does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True


Behaviour = Callable[[Handler, Body], None]


class Server(ThreadingHTTPServer):
    """The server; a context manager that runs it in a thread."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, *script: Behaviour) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = list(script)
        self.requests: list[Body] = []
        self.headers: list[dict[str, str]] = []
        self.lock = threading.Lock()
        self.stopped = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopped.set()
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error of the server."""


def chunk(text: str | None = None, *, index: int = 0, finish: str | None = None, **delta: Any) -> Body:
    """One event of a stream."""
    content = {} if text is None else {"content": text}
    choice = {"index": index, "delta": {**content, **delta}, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "test", "choices": [choice]}


def streams(
    *texts: str, usage: Body | None = USAGE, honours_n: bool = True, finish: str = "stop", comments: bool = False
) -> Behaviour:
    """Stream the texts, the first one alone if `n` is ignored; usage comes only if it was asked for."""

    def behave(handler: Handler, body: Body) -> None:
        handler.start_stream()
        count = body.get("n") or 1
        for index, text in enumerate(texts[: count if honours_n else 1]):
            handler.send_event(chunk("", index=index, role="assistant"))
            for start in range(0, len(text), 50):
                handler.send_event(chunk(text[start : start + 50], index=index))
                if comments:
                    handler.send_chunk(b": PROCESSING\n\n")
            handler.send_event(chunk(index=index, finish=finish))
        if usage is not None and (body.get("stream_options") or {}).get("include_usage"):
            handler.send_event({**chunk(), "choices": [], "usage": usage})
        handler.send_event("[DONE]")
        handler.end_stream()

    return behave


def answers(*texts: str, usage: Body | None = USAGE, **choice: Any) -> Behaviour:
    """Answer with one JSON document although a stream was asked for."""

    def behave(handler: Handler, body: Body) -> None:
        choices = [
            {"index": index, "finish_reason": "stop", "message": {"role": "assistant", "content": text}, **choice}
            for index, text in enumerate(texts)
        ]
        handler.send_json({"id": "c", "object": "chat.completion", "model": "test", "choices": choices, "usage": usage})

    return behave


def fails(status: int, message: str = "no", headers: Mapping[str, str] | None = None, **facts: Any) -> Behaviour:
    """Answer with an error."""
    return lambda handler, body: handler.send_error_json(status, message, headers, **facts)


def refuses(parameter: str, then: Behaviour, message: str = "Unsupported parameter: '{}'.") -> Behaviour:
    """Answer with 400 as long as the request has a parameter."""

    def behave(handler: Handler, body: Body) -> None:
        if parameter in body:
            handler.send_error_json(400, message.format(parameter), param=parameter, code="unsupported_parameter")
        else:
            then(handler, body)

    return behave


def page(text: str, kind: str = "text/html; charset=utf-8") -> Behaviour:
    """Answer with anything, and with 200."""
    return lambda handler, body: handler.send_body(text.encode(), kind)


def cut(text: str, *, clean: bool = False) -> Behaviour:
    """Break off in the middle of a stream: the connection is reset, or (clean) it just ends."""

    def behave(handler: Handler, body: Body) -> None:
        handler.start_stream()
        handler.send_event(chunk(text))
        if clean:
            handler.end_stream()
        else:
            handler.reset()

    return behave


def hangs_up(handler: Handler, body: Body) -> None:
    """Close the connection without an answer."""
    handler.reset()


def is_silent(handler: Handler, body: Body) -> None:
    """Take the request and never answer."""
    handler.server.stopped.wait(60)
    handler.close_connection = True


def falls_silent(text: str, *, comments: bool = False) -> Behaviour:
    """Stream a beginning and then nothing, or only comments that say that it is alive."""

    def behave(handler: Handler, body: Body) -> None:
        handler.start_stream()
        handler.send_event(chunk(text))
        while not handler.server.stopped.wait(0.05):
            if comments:
                handler.send_chunk(b": PROCESSING\n\n")
        handler.close_connection = True

    return behave


def never_ends(handler: Handler, body: Body) -> None:
    """Stream the same words until the client has enough."""
    handler.start_stream()
    try:
        while not handler.server.stopped.is_set():
            handler.send_event(chunk("and so on " * 50))
    except OSError:
        handler.close_connection = True


def events(*documents: Any) -> Behaviour:
    """Stream any events, without an end."""

    def behave(handler: Handler, body: Body) -> None:
        handler.start_stream()
        for document in documents:
            handler.send_event(document)
        handler.end_stream()

    return behave
