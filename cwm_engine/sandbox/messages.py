"""Frames between host, zygote and children: a JSON object and raw bytes, with their lengths in front.

Whatever comes from a child may have been written by the program under test. `Decoder` therefore holds
every number against a limit before it allocates anything, and nothing is ever unpickled.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_LENGTHS = struct.Struct("<II")
_MOST_CONTAINERS = 1_000_000


@dataclass(frozen=True, slots=True)
class Message:
    """What one side told the other."""

    data: dict[str, Any]
    blob: bytes = b""


class ProtocolError(Exception):
    """What arrived is not a message: the sender is broken or hostile, and nothing more is read from it."""


class OutputLimitError(ProtocolError):
    """The sender has sent, or announces, more than it may."""


def encode(data: Mapping[str, Any], blob: bytes | memoryview = b"") -> bytes:
    """The frame of one message.

    Raises:
        TypeError: `data` holds something JSON has no form for.
    """
    text = json.dumps(data, separators=(",", ":")).encode("ascii")
    return b"".join((_LENGTHS.pack(len(text), len(blob)), text, blob))


class Decoder:
    """Puts messages together from the pieces in which they arrive.

    Args:
        limit: Bytes the sender may send over its life; None for a sender that is trusted.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._left = limit
        self._buffer = bytearray()

    def feed(self, piece: bytes) -> None:
        """Take in what arrived.

        Raises:
            OutputLimitError: The sender has sent more than its limit.
        """
        if self._left is not None:
            self._left -= len(piece)
            if self._left < 0:
                raise OutputLimitError("more output than allowed")
        self._buffer += piece

    def next(self) -> Message | None:
        """The next complete message, or None until more arrives.

        Raises:
            ProtocolError: The bytes are not a message.
            OutputLimitError: A message is announced that would pass the limit.
        """
        if len(self._buffer) < _LENGTHS.size:
            return None
        text_length, blob_length = _LENGTHS.unpack_from(self._buffer)
        end = _LENGTHS.size + text_length + blob_length
        if len(self._buffer) < end:
            if self._left is not None and end - len(self._buffer) > self._left:
                raise OutputLimitError("a message longer than allowed is announced")
            return None
        text = bytes(self._buffer[_LENGTHS.size : _LENGTHS.size + text_length])
        blob = bytes(self._buffer[_LENGTHS.size + text_length : end])
        del self._buffer[:end]
        return Message(_parse(text), blob)


def read_message(read: Callable[[int], bytes]) -> Message | None:
    """Wait for one whole message; None when the other side has closed the connection.

    Only for the child, whose other side is the host it trusts.

    Args:
        read: Waits for at most so many bytes; gives none at the end.
    """
    lengths = _read_exactly(read, _LENGTHS.size)
    if lengths is None:
        return None
    text_length, blob_length = _LENGTHS.unpack(lengths)
    body = _read_exactly(read, text_length + blob_length)
    return None if body is None else Message(_parse(body[:text_length]), body[text_length:])


def write_all(write: Callable[[memoryview], int], content: bytes) -> None:
    """Write everything with a function that writes some and says how much."""
    view = memoryview(content)
    while view:
        view = view[write(view) :]


def _parse(text: bytes) -> dict[str, Any]:
    """A JSON object, refusing what would cost the reader far more memory than the sender."""
    if text.count(b"[") + text.count(b"{") > _MOST_CONTAINERS:
        raise ProtocolError("a message with too many parts")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"a message that is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise ProtocolError("a message that is not a JSON object")
    return data


def _read_exactly(read: Callable[[int], bytes], count: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        part = read(count - len(parts))
        if not part:
            return None
        parts += part
    return bytes(parts)
