"""Putting a program into a file: whole or not at all, and only in the place of what it was made from."""

from __future__ import annotations

import io
import os
import shutil
import tokenize
from dataclasses import replace
from pathlib import Path

from cwm_engine.errors import CwmError
from cwm_engine.files import replacing
from cwm_engine.world_model.source import ModelSource, read_source


def replace_text(source: ModelSource, text: str) -> None:
    """Put a text in the place of the text it was made from, with its line ends and its encoding.

    Raises:
        CwmError: The file holds something else by now, or cannot be written.
    """
    now = read_source(source.path)
    if not isinstance(now, ModelSource) or now.text != source.text:
        raise CwmError("has changed since it was checked", path=source.path, hint="run it again")
    _put(source.path, replace(source, encoding=_declared(text, source)).encode(text))


def write_text(path: Path, text: str, like: ModelSource | None = None) -> None:
    """Write a program to a file, over whatever it holds.

    Args:
        path: The file.
        text: The program.
        like: The file whose line ends and encoding it takes over.

    Raises:
        CwmError: The file cannot be written.
    """
    style = like or ModelSource(path, text)
    _put(path, replace(style, path=path, encoding=_declared(text, style)).encode(text))


def require_writable(path: Path) -> None:
    """See that a file can be written, before anything is done for it.

    Raises:
        CwmError: It cannot.
    """
    if path.is_dir():
        raise CwmError("is a directory", path=path, hint="name the file to write")
    folder = path.resolve().parent
    if not folder.is_dir():
        raise CwmError("cannot be written: there is no such directory", path=path, hint=f"make it: mkdir -p {folder}")
    if not os.access(folder, os.W_OK):
        raise CwmError("cannot be written: permission denied", path=path, hint="choose another place with `-o`")


def _put(path: Path, data: bytes) -> None:
    place = path.resolve()  # a link stays a link
    try:
        with replacing(place) as scratch:
            scratch.write_bytes(data)
            if place.exists():
                shutil.copymode(place, scratch)
    except OSError as error:
        raise CwmError(f"cannot be written: {error.strerror or error}", path=path) from error


def _declared(text: str, source: ModelSource) -> str:
    """The encoding that Python will read a text in, which may have lost the coding comment of the file it is for."""
    if source.encoding == "utf-8" and "coding" not in text[:400]:
        return "utf-8"
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(text.encode("utf-8", "replace")).readline)
    except SyntaxError:
        return "utf-8"
    return encoding
