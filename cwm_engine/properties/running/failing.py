"""What an exception says of a test: who raised it, for which case, and what came out."""

from __future__ import annotations

import ast
import linecache
import re
import types
from collections.abc import Iterable, Iterator
from typing import Any

from cwm_engine.sandbox.program import MODEL_FILENAME, is_forbidden

_SHORT = 120
_SEEN = 6
_EXAMPLE = re.compile(r"^(?:Failing|Falsifying)[^:\n]*:\s*(?P<call>.*)", re.DOTALL)


class EndlessLoopError(Exception):
    """A loop of the model turned more often than it may."""


def parts(error: BaseException) -> list[BaseException]:
    """The exceptions of a group, which is what Hypothesis raises where several things are wrong."""
    if isinstance(error, BaseExceptionGroup):
        return [part for one in error.exceptions for part in parts(one)]
    return [error]


def is_refused(error: BaseException, path: str) -> bool:
    """Whether the sandbox refuses what the test itself does; what the model does is the model's fault."""
    return is_forbidden(error) and not raised_by_model(error, path)


def raised_by_model(error: BaseException, path: str) -> bool:
    """Whether it was raised in the model's file or in what that called, and not in the file of tests."""
    innermost = None
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename in {MODEL_FILENAME, path}:
            innermost = traceback.tb_frame.f_code.co_filename
        traceback = traceback.tb_next
    return innermost == MODEL_FILENAME


def frames(error: BaseException, path: str) -> Iterator[tuple[types.FrameType, int]]:
    """The frames of the traceback that are in the file of tests."""
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == path:
            yield traceback.tb_frame, traceback.tb_lineno
        traceback = traceback.tb_next


def counterexample(error: BaseException) -> list[list[str]]:
    """The arguments of the simplest case, from what Hypothesis notes on an exception."""
    for note in getattr(error, "__notes__", ()):
        found = _EXAMPLE.match(str(note))
        if found is None:
            continue
        try:
            call = ast.parse(found["call"].strip(), mode="eval").body
        except SyntaxError:
            return [["case", " ".join(found["call"].split())]]
        if isinstance(call, ast.Call):
            named = [(keyword.arg or "**", keyword.value) for keyword in call.keywords]
            return [[name, ast.unparse(value)] for name, value in named if name != "self"]
    return []


def seen(frame: types.FrameType, line: int) -> list[list[str]]:
    """The values of names in the statement that failed, in the order in which they are read there."""
    path = frame.f_code.co_filename
    source = "".join(linecache.getlines(path))
    names: dict[str, None] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assert) and node.lineno <= line <= (node.end_lineno or node.lineno):
            reads = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
            names |= dict.fromkeys(part.id for part in sorted(reads, key=lambda part: (part.lineno, part.col_offset)))
    arguments = frame.f_code.co_varnames[: frame.f_code.co_argcount + frame.f_code.co_kwonlyargcount]
    values = [(name, frame.f_locals[name]) for name in names if name in frame.f_locals and name not in arguments]
    return [[name, short(value)] for name, value in _plain(values)][:_SEEN]


def _plain(values: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    for name, value in values:
        if not callable(value) and not isinstance(value, types.ModuleType):
            yield name, value


def short(value: Any) -> str:
    """A value in a line, not too long."""
    try:
        text = " ".join(repr(value).split())
    except Exception as error:  # noqa: BLE001 - the model may have written __repr__
        return f"(cannot be shown: {type(error).__name__})"
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}..."
