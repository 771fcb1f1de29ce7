"""Model files as text: reading any bytes without a crash, parsing, and places in characters."""

from __future__ import annotations

import ast
import codecs
import io
import re
import threading
import tokenize
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from cwm_engine.errors import CwmError
from cwm_engine.findings import Finding, Severity, Span

MAX_SOURCE_BYTES = 16 << 20
"""Larger files are not read: 50,000 lines are about 2 MB, so this is no program."""


@dataclass(frozen=True)
class ModelSource:
    r"""The text of a model file and how it was written, so that an edit keeps it that way.

    Attributes:
        path: The file.
        text: Its decoded text without a byte order mark, newlines as in the file.
        encoding: The codec it was decoded with, e.g. `utf-8`.
        bom: Whether it started with a UTF-8 byte order mark.
        newline: The newline most lines end in, `"\n"`, `"\r\n"` or, from old Macintoshes, `"\r"`.
    """

    path: Path
    text: str
    encoding: str = "utf-8"
    bom: bool = False
    newline: str = "\n"

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines as Python counts them, without their newlines."""
        return split_lines(self.text)

    def encode(self, new_text: str) -> bytes:
        r"""Write `new_text` the way this file was written.

        A file that uses one newline style throughout gets it everywhere; in a mixed file every line keeps its own.

        Raises:
            CwmError: The text has a character that the declared encoding cannot write.
        """
        styles = set(_NEWLINE.findall(self.text))
        if len(styles) == 1:
            new_text = _NEWLINE.sub(lambda _: self.newline, new_text)
        try:
            data = new_text.encode(self.encoding)
        except UnicodeEncodeError as error:
            raise CwmError(
                f"the new text has a character that the declared encoding {self.encoding} cannot write: "
                f"{error.object[error.start]!r}",
                path=self.path,
                hint="save the file as UTF-8 and remove its coding comment",
            ) from None
        return codecs.BOM_UTF8 + data if self.bom else data


def read_source(path: Path | str) -> ModelSource | Finding:
    """Read a model file, whatever its bytes are.

    Returns:
        The source, or a finding CWM111 that says where the file stops being text.

    Raises:
        CwmError: The file is missing, a directory, not a regular file, or may not be read.
    """
    path = Path(path)
    if path.is_dir():
        raise CwmError("is a directory, not a model file", path=path, hint="name the Python file that holds the model")
    if not path.exists():
        raise CwmError(
            "no such file", path=path, hint="check the spelling; paths are relative to the working directory"
        )
    if not path.is_file():
        raise CwmError("is not a regular file", path=path, hint="a model is a Python source file")
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_SOURCE_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise CwmError(f"cannot be read: {reason}", path=path, hint="check the permissions of the file") from None
    return decode_source(data, path)


def decode_source(data: bytes, path: Path | str) -> ModelSource | Finding:
    """Decode the bytes of a model file; the same as `read_source` for bytes at hand."""
    path = Path(path)
    if len(data) > MAX_SOURCE_BYTES:
        return _unreadable(
            data,
            0,
            f"The file is larger than {MAX_SOURCE_BYTES >> 20} MB; this is no model.",
            "Name a Python source file.",
        )
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _unreadable(
            data, 0, "The file is written in UTF-16; Python reads UTF-8.", "Save it again with the encoding UTF-8."
        )
    if (at := data.find(0)) >= 0:
        return _unreadable(
            data,
            at,
            f"The file is binary: byte {at} is a null byte.",
            "Name a Python source file, not compiled code or data.",
        )
    bom = data.startswith(codecs.BOM_UTF8)
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError as error:
        return _not_decodable(data, None) or _unreadable(
            data,
            0,
            f"The coding comment of the file is not usable: {error.msg}.",
            "Save the file as UTF-8 without one.",
        )
    if not _is_ascii_superset(encoding):
        return _unreadable(
            data,
            0,
            f"The coding comment names {encoding}, which is not an encoding for source text.",
            "Save the file as UTF-8 and remove the comment.",
        )
    if encoding == "utf-8-sig":
        encoding = "utf-8"
    body = data[len(codecs.BOM_UTF8) :] if bom else data
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError:
        problem = _not_decodable(data, encoding)
        assert problem is not None, "decoding failed a moment ago"  # noqa: S101
        return problem
    newlines = _NEWLINE.findall(text)
    newline = max(("\n", "\r\n", "\r"), key=newlines.count)
    return ModelSource(path=path, text=text, encoding=encoding, bom=bom, newline=newline)


def parse(source: str) -> ast.Module | Finding:
    """Parse a program, never crashing or warning on hostile text.

    Returns:
        The tree, or a finding CWM101 at the place where Python gave up.
    """
    try:
        # The parser's warnings (e.g. of an invalid escape) are for the author of the model; turned into errors
        # by a host with strict filters they would look like syntax errors.
        with _WARNING_FILTERS, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except SyntaxError as error:
        return _syntax_finding(error, source)
    except ValueError as error:  # null bytes before Python 3.12, lone surrogates
        reason = "it contains a null byte" if "\0" in source else f"it contains a character that is no text ({error})"
        lines = split_lines(source)
        line = next((i for i, text in enumerate(lines, 1) if "\0" in text or _SURROGATE.search(text)), 1)
        return _syntax_error(
            f"The file is not valid Python: {reason}.", _whole_line(lines, line), "Remove the character."
        )
    except (RecursionError, MemoryError):
        lines = split_lines(source)
        longest = max(range(len(lines)), key=lambda i: len(lines[i])) + 1
        return _syntax_error(
            "The program is nested too deeply for Python to parse.",
            _whole_line(lines, longest),
            "Split the longest expression or `elif` chain, e.g. with a dictionary or a loop.",
        )


def split_lines(text: str) -> tuple[str, ...]:
    r"""Split at `\n`, `\r\n` and `\r` only, which is what the `lineno` of a syntax tree counts."""
    return tuple(_NEWLINE.split(text))


class _Located(Protocol):
    lineno: int
    col_offset: int
    end_lineno: int | None
    end_col_offset: int | None


def span_of(node: _Located, lines: Sequence[str]) -> Span:
    """The place of a node, in characters from 1 (the tree counts UTF-8 bytes from 0)."""
    end_line = node.end_lineno or node.lineno
    end_offset = node.end_col_offset if node.end_col_offset is not None else node.col_offset
    return Span(
        node.lineno,
        _characters(lines, node.lineno, node.col_offset) + 1,
        end_line,
        _characters(lines, end_line, end_offset) + 1,
    )


_NEWLINE = re.compile(r"\r\n|\r|\n")
_SURROGATE = re.compile("[\ud800-\udfff]")
_WARNING_FILTERS = threading.Lock()  # catch_warnings swaps a process-wide list; two threads at once would mix it up
_ASCII = bytes(range(9, 14)) + bytes(range(32, 127))


def _characters(lines: Sequence[str], line: int, offset: int) -> int:
    text = lines[line - 1] if line <= len(lines) else ""
    return offset if text.isascii() else len(text.encode("utf-8", "surrogatepass")[:offset].decode("utf-8", "replace"))


def _is_ascii_superset(encoding: str) -> bool:
    """Whether plain program text means itself in this codec; rules out escapes, UTF-7 and codecs of bytes."""
    if encoding.replace("-", "_") in {"unicode_escape", "raw_unicode_escape"}:
        return False
    try:
        return _ASCII.decode(encoding) == _ASCII.decode("ascii")
    except (UnicodeError, LookupError, ValueError, TypeError):
        return False


def _not_decodable(data: bytes, encoding: str | None) -> Finding | None:
    """The finding for the first byte that is not text, None if all of it is."""
    name = encoding or "utf-8"
    try:
        data.decode(name)
    except UnicodeDecodeError as error:
        line = _line_of(data, error.start)
        declared = f"{name} text, as its coding comment says" if encoding not in {None, "utf-8"} else "UTF-8 text"
        return _unreadable(
            data,
            error.start,
            f"The file is not {declared}: byte 0x{data[error.start]:02x} at offset {error.start} (line {line}).",
            "Save it as UTF-8, or declare its encoding in the first line, e.g. `# -*- coding: latin-1 -*-`.",
        )
    return None


def _line_of(data: bytes, offset: int) -> int:
    head = data[:offset]
    return 1 + head.count(b"\n") + head.count(b"\r") - head.count(b"\r\n")


def _unreadable(data: bytes, offset: int, message: str, note: str) -> Finding:
    line = _line_of(data, offset)
    start = max(data.rfind(b"\n", 0, offset), data.rfind(b"\r", 0, offset)) + 1
    column = len(data[start:offset].decode("utf-8", "replace")) + 1
    return Finding(
        code="CWM111", severity=Severity.ERROR, message=message, span=Span(line, column, line, column + 1), note=note
    )


def _syntax_error(message: str, span: Span, note: str | None) -> Finding:
    return Finding(code="CWM101", severity=Severity.ERROR, message=message, span=span, note=note)


def _whole_line(lines: Sequence[str], line: int) -> Span:
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    start = len(text) - len(text.lstrip())
    return Span(line, start + 1, line, max(len(text.rstrip()), start + 1) + 1)


def _syntax_finding(error: SyntaxError, source: str) -> Finding:
    lines = split_lines(source)
    line = min(max(error.lineno or 1, 1), len(lines))
    width = len(lines[line - 1])
    column = min(max(error.offset or 1, 1), width + 1)
    end_line, end_column = line, column + 1
    if error.end_lineno is not None and error.end_offset is not None and error.end_lineno >= line:
        candidate = (min(error.end_lineno, len(lines)), error.end_offset)
        if candidate > (line, column):
            end_line, end_column = candidate[0], min(candidate[1], len(lines[candidate[0] - 1]) + 1)
    if (end_line, end_column) <= (line, column):
        end_line, end_column = line, column + 1
    note = None
    fence = next((i for i, text in enumerate(lines, 1) if text.lstrip().startswith("```")), None)
    if fence is not None:
        note = f"Line {fence} is a Markdown fence: keep only the code between the fences."
    reason = error.msg.strip()
    return _syntax_error(f"The file is not valid Python: {reason}.", Span(line, column, end_line, end_column), note)
