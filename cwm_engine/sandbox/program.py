"""Loading the program under test: a fresh module, its neighbours from memory, its errors on its own lines."""

from __future__ import annotations

import ast
import builtins
import errno
import importlib.abc
import importlib.machinery
import importlib.util
import io
import linecache
import re
import sys
import types
from collections.abc import Collection, Mapping, Sequence
from typing import Any

MODEL_FILENAME = "<model>"
_LONGEST_MESSAGE = 2000
_MODEL_FRAME = re.compile(rb'File "<model>", line (\d+) in ')
_REFUSED = frozenset({errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EMFILE, errno.EFBIG})


class ForbiddenImportError(ImportError):
    """The program imports a module that is not on the list of modules a world model may use."""


def load_program(
    source: str | ast.Module,
    *,
    filename: str = MODEL_FILENAME,
    siblings: Mapping[str, str] | None = None,
    package: str = "",
    namespace: Mapping[str, Any] | None = None,
    allowed: Collection[str] | None = None,
) -> dict[str, Any]:
    """Run a program as a fresh module, once per process.

    Args:
        source: Its text, or its tree with probes inserted.
        filename: What its code objects are called; tracebacks are searched for it.
        siblings: Modules of the user's own that it imports, full name to text.
        package: The package it belongs to, from which its relative imports start.
        namespace: Names that are there before it runs, such as what inserted probes write to.
        allowed: Top-level modules it may import besides its siblings; None allows everything that is loaded.

    Returns:
        The module's namespace after it has run.

    Raises:
        BaseException: Whatever the program raises while it is compiled or runs.
    """
    siblings = siblings or {}
    names = guarded_builtins(None if allowed is None else {*allowed, *(name.partition(".")[0] for name in siblings)})
    sys.meta_path.insert(0, SiblingFinder(siblings, names))
    module = types.ModuleType("model" if "model" not in siblings else "model_")
    module.__file__ = filename
    module.__package__ = package
    module.__dict__.update(namespace or {}, __builtins__=names)
    sys.modules[module.__name__] = module
    if isinstance(source, str):
        # Tracebacks and `inspect.getsource` look here; without a time stamp nobody looks for a file.
        linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    exec(compile(source, filename, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - what the child is for
    return module.__dict__


def error_of(error: BaseException, filename: str = MODEL_FILENAME) -> dict[str, Any]:
    """An exception as JSON: its type, its message, the innermost line of the program it passed through.

    Returns:
        `type`, `message` (bounded), `line` (1-based, None if the program's file was not involved) and
        `forbidden` (see `is_forbidden`).
    """
    line = error.lineno if isinstance(error, SyntaxError) and error.filename == filename else None
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == filename:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    try:
        message = str(error)[:_LONGEST_MESSAGE]
    except Exception as failure:  # noqa: BLE001 - the program may have written __str__
        message = f"(its message cannot be shown: {type(failure).__name__})"
    return {
        "type": type(error).__name__[:200],
        "message": message,
        "line": line,
        "forbidden": is_forbidden(error),
    }


def is_forbidden(error: BaseException) -> bool:
    """Whether an exception is the sandbox refusing something rather than the program being wrong."""
    if isinstance(error, ForbiddenImportError | PermissionError):
        return True
    if isinstance(error, OSError):
        return error.errno in _REFUSED
    return isinstance(error, RuntimeError) and "can't start new thread" in error.args


def line_in_dump(dump: bytes) -> int | None:
    """The innermost line of the program in what `faulthandler` wrote."""
    found = _MODEL_FRAME.search(dump)
    return int(found[1][:9]) if found else None


class Printed(io.TextIOBase):
    """A text stream that keeps the beginning of what is written to it and counts the rest.

    Args:
        limit: Characters kept.
    """

    def __init__(self, limit: int) -> None:
        self._room = limit
        self._parts: list[str] = []
        self.dropped = 0

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: str) -> int:
        """Keep what fits."""
        kept = text[: self._room]
        if kept:
            self._parts.append(kept)
            self._room -= len(kept)
        self.dropped += len(text) - len(kept)
        return len(text)

    @property
    def text(self) -> str:
        """What was kept."""
        return "".join(self._parts)


class SiblingFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports modules from memory; a name that another name continues is a package.

    Args:
        siblings: Their texts by full name.
        names: The built-in names that they are given.
    """

    def __init__(self, siblings: Mapping[str, str], names: dict[str, Any]) -> None:
        self._siblings = siblings
        self._names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find a module by its name; its parents and a module to reload say nothing here."""
        del path, target
        if fullname not in self._siblings:
            return None
        is_package = any(name.startswith(f"{fullname}.") for name in self._siblings)
        return importlib.machinery.ModuleSpec(fullname, self, origin=f"<{fullname}>", is_package=is_package)

    def exec_module(self, module: types.ModuleType) -> None:
        """Run its text."""
        name = module.__name__
        module.__dict__["__builtins__"] = self._names
        exec(compile(self._siblings[name], f"<{name}>", "exec", dont_inherit=True), module.__dict__)  # noqa: S102


def guarded_builtins(allowed: Collection[str] | None) -> dict[str, Any]:
    """The built-in names, with an `__import__` that keeps to the list.

    The guard gives a clear message on the line; what stops a program that gets around it is the kernel.
    """
    names = dict(vars(builtins))
    if allowed is None:
        return names

    def guarded_import(
        name: str,
        globals: Mapping[str, object] | None = None,  # noqa: A002 - the signature of __import__
        locals: Mapping[str, object] | None = None,  # noqa: A002
        fromlist: Sequence[str] = (),
        level: int = 0,
    ) -> types.ModuleType:
        root = name.partition(".")[0]
        if level == 0 and root not in allowed:
            raise ForbiddenImportError(f"a world model may not import {root!r}", name=name)
        return builtins.__import__(name, globals, locals, fromlist, level)

    names["__import__"] = guarded_import
    return names
