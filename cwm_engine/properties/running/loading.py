"""Loading a model for its tests, in the sandbox: from memory, with probes, by whatever way a test takes."""

from __future__ import annotations

import ast
import errno
import functools
import importlib.machinery
import linecache
import os
import sys
import types
from collections.abc import Callable
from typing import Any

from cwm_engine.sandbox.program import MODEL_FILENAME, SiblingFinder, guarded_builtins
from cwm_engine.world_model.counters import PATH, Counters
from cwm_engine.world_model.probes import instrument


class Model:
    """The model's file, loaded with probes from memory by whatever way a test takes.

    Args:
        given: See `run`.
        loop_iterations: Turns that its loops may take in one case.
    """

    def __init__(self, given: dict[str, Any] | None, loop_iterations: int = 1) -> None:
        self._given = given
        self._counters = Counters(loop_iterations)
        self._loaded: list[dict[str, Any]] = []
        if given is not None:
            siblings = given["siblings"]
            allowed = {*given["allowed"], *(name.partition(".")[0] for name in siblings)}
            self._names = guarded_builtins(allowed)
            self._code = compile(instrument(ast.parse(given["source"])).tree, MODEL_FILENAME, "exec", dont_inherit=True)
            sys.meta_path.insert(0, SiblingFinder(siblings, self._names))
            sys.meta_path.insert(0, _Finder(self, given["module"]))
            _serve_file(given["path"], self.execute)
            lines = given["source"].splitlines(keepends=True)
            linecache.cache[given["path"]] = (len(given["source"]), None, lines, given["path"])

    def offer(self, siblings: dict[str, str]) -> None:
        """Let the tests import modules of their own."""
        sys.meta_path.append(SiblingFinder(siblings, dict(vars(__import__("builtins")))))

    def execute(self, module: types.ModuleType) -> None:
        """Run the model's file as a module."""
        assert self._given is not None  # noqa: S101 - only then there is a file
        module.__dict__.update(self._counters.names, __builtins__=self._names)
        if self._given["package"]:
            module.__package__ = self._given["package"]
        self._loaded.append(module.__dict__)
        self._counters.refill()
        exec(self._code, module.__dict__)  # noqa: S102 - what the sandbox is for

    def begin(self) -> None:
        """A new case: nothing has run."""
        self._counters.refill()
        for namespace in self._loaded:
            namespace[PATH] = 0

    @property
    def path(self) -> int:
        """The probes hit since then."""
        found = 0
        for namespace in self._loaded:
            value = namespace.get(PATH, 0)
            found |= value if type(value) is int else 0
        return found


class _Finder:
    """Finds the model where it is imported by its name."""

    def __init__(self, model: Model, name: str) -> None:
        self._model = model
        self._name = name

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name != self._name:
            return None
        return importlib.machinery.ModuleSpec(name, self, origin=MODEL_FILENAME)  # type: ignore[arg-type]

    def create_module(self, _spec: Any) -> None:
        """Nothing special."""

    def exec_module(self, module: types.ModuleType) -> None:
        self._model.execute(module)


def _serve_file(path: str, execute: Callable[[types.ModuleType], None]) -> None:
    """Have the loader of a file take it from memory."""
    usual = importlib.machinery.SourceFileLoader.exec_module

    def exec_module(self: importlib.machinery.SourceFileLoader, module: types.ModuleType) -> None:
        if os.path.normpath(self.path) == os.path.normpath(path):
            execute(module)
        else:
            usual(self, module)

    importlib.machinery.SourceFileLoader.exec_module = exec_module  # type: ignore[method-assign, assignment]


def leave_the_file_system() -> None:
    """Make it look empty: pytest asks for files that need not be there, and the sandbox refuses even the question."""

    def empty(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def ask(*arguments: Any, **named: Any) -> Any:
            try:
                return function(*arguments, **named)
            except PermissionError as error:
                raise FileNotFoundError(errno.ENOENT, "there is no file system", error.filename) from None

        return ask

    for name in ("stat", "lstat", "listdir", "scandir"):
        setattr(os, name, empty(getattr(os, name)))
    os.getcwd = lambda: os.sep
    os.chdir = lambda path: None  # noqa: ARG005
