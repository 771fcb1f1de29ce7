"""The protocol as pygls speaks it, with our own messages typed and every request answered, even one nobody can read."""

from __future__ import annotations

import asyncio
import logging
from functools import cache
from typing import Any, Generic, TypeVar
from urllib.parse import unquote

import attrs
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.protocol import LanguageServerProtocol
from pygls.protocol.json_rpc import JsonRPCNotification, MsgId

from cwm_engine.errors import CwmError
from cwm_server import messages

REQUEST_FAILED = -32803
_INVALID_PARAMS = -32602
_UNREADABLE = "$/unreadable"

Params = TypeVar("Params")

logger = logging.getLogger(__name__)


class Protocol(LanguageServerProtocol):
    """What the server speaks."""

    def get_message_type(self, method: str) -> type[Any] | None:  # type: ignore[override]  # theirs is cached
        """The form of a message, ours or the protocol's."""
        return _own_type(method) or super().get_message_type(method)

    def get_result_type(self, method: str) -> type[Any] | None:  # type: ignore[override]  # theirs is cached
        """The form of an answer, to a request of ours or of the protocol."""
        return _own_result_type(method) or super().get_result_type(method)

    def structure_message(self, data: dict[str, Any]) -> Any:
        """Read a message; a request whose parameters cannot be read is answered here."""
        try:
            return super().structure_message(data)
        except JsonRpcException:
            number = data.get("id")
            if "method" in data and isinstance(number, int | str):
                error = types.ResponseError(_INVALID_PARAMS, f"the parameters of {data['method']!r} cannot be read")
                self._send_response(number, error=error)
            return JsonRPCNotification(method=_UNREADABLE, jsonrpc="2.0", params=None)

    def _send_handler_result(self, future: Any, *, msg_id: int | str) -> None:
        """Answer a request; what could not be done is said as the command line says it."""
        problem = None if future.cancelled() else future.exception()
        if isinstance(problem, CwmError):
            self._request_futures.pop(msg_id, None)
            self._send_response(msg_id, error=types.ResponseError(REQUEST_FAILED, str(problem)))
        else:
            super()._send_handler_result(future, msg_id=msg_id)

    def _send_response(
        self, msg_id: int | str, result: Any | None = None, error: types.ResponseError | None = None
    ) -> None:
        """Answer a request; tracebacks stay in the log."""
        if error is not None:
            error = types.ResponseError(error.code, error.message)
        super()._send_response(msg_id, result, error)

    def handle_message(self, message: Any) -> None:
        """Hand a message over; what is no message is passed over, and so is the edit of a file that was closed."""
        if not hasattr(message, "jsonrpc"):
            logger.warning("what the client sent is no message")
        elif not self._is_late(message):
            super().handle_message(message)

    def _is_late(self, message: Any) -> bool:
        """Whether a file that is not open is edited: VS Code says so after closing one whose edits are thrown away."""
        if not isinstance(message, types.DidChangeTextDocumentNotification):
            return False
        return unquote(message.params.text_document.uri) not in self.workspace.text_documents


async def until_done(future: asyncio.Future[Any]) -> Any:
    """Wait for the client's answer such that a late one is no error where the waiting was cancelled."""
    return await asyncio.shield(future)


@attrs.define
class Notification(Generic[Params]):
    """A notification of our own."""

    method: str
    jsonrpc: str
    params: Params


@attrs.define
class Request(Generic[Params]):
    """A request of our own."""

    id: MsgId
    method: str
    jsonrpc: str
    params: Params


@attrs.define
class Response(Generic[Params]):
    """The answer to a request of our own."""

    id: MsgId
    jsonrpc: str
    result: Params


@cache
def _own_result_type(method: str) -> Any:
    if method in messages.REQUESTS:
        result: Any = messages.REQUESTS[method][1]
        return Response[result]
    return None


@cache
def _own_type(method: str) -> Any:
    if method in messages.REQUESTS:
        params: Any = messages.REQUESTS[method][0]
        return Request[params]
    if method in messages.NOTIFICATIONS:
        params = messages.NOTIFICATIONS[method]
        return Notification[params]
    return None
