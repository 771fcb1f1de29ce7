"""The project's own modules around a model: found by the names it imports them by, and read as text."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cwm_engine.errors import CwmError
from cwm_engine.findings import Finding
from cwm_engine.world_model.allowed import ALLOWED_MODULES
from cwm_engine.world_model.source import parse, read_source

MAX_SIBLINGS = 300
"""Project files one model may pull in; more is a library, which belongs under `allow_modules`."""


@dataclass(frozen=True, slots=True)
class Sibling:
    """A module of the project that has just been read: its `__package__` and what is wrong with it, if anything is."""

    label: str
    package: str
    tree: ast.Module | None
    problem: Finding | CwmError | None = None


class MissingError(Exception):
    """An import of a project file that is not there: the reason as the end of a sentence, and advice."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.advice = advice


class Siblings:
    """Finds and reads modules, each once.

    Names are what Python would call the modules: `helpers` for `import helpers`; for `from . import helpers` the name
    of the directory goes before it, and of those above it, as many as are packages or are climbed by dots.

    Args:
        model: The model's file; None for an unsaved text, which has no siblings.
        root: The project's directory: absolute imports are looked up in every directory between it and the model.
        levels: The most dots of a relative import in the model.

    Attributes:
        package: The dotted name of the model's directory; empty if it is no package and nothing is imported relatively.
        sources: Text by module name, parents included; a parent without `__init__.py` has the empty text.
        files: The files read.
        fresh: Modules read since this list was last emptied, whose own imports are still to be resolved.
    """

    def __init__(self, model: Path | None, root: Path | None, levels: int) -> None:
        self.package = ""
        self.sources: dict[str, str] = {}
        self.files: dict[str, Path] = {}
        self.fresh: list[Sibling] = []
        self._directories: dict[str, Path] = {}
        self._search: list[Path] = []
        if model is not None:
            home = model.absolute().parent
            self.package = self._name_packages(home, levels)
            self._search = _search_path(home, root.absolute() if root else None)

    def find(self, module: str, names: Sequence[str]) -> bool:
        """Read an absolute import, if it is one of the project's own.

        Args:
            module: What is imported, e.g. `helpers.maths`.
            names: What is taken from it, each of which may be a module too.

        Returns:
            False if the project has nothing of the name.

        Raises:
            MissingError: The project has the first part of the name but not the rest.
        """
        first, *rest = module.split(".")
        for directory in self._search:
            source, package = _locate(directory, first)
            if source is None and (package is None or not _holds(package, rest, names)):
                continue  # a directory that happens to have the name, e.g. of data
            self._read(first, source, package)
            found = self._descend(first, rest)
            if found is None:
                raise MissingError(
                    f"`{module}` is not there, though `{first}` is one of the project's own",
                    "Create the file, or correct the name.",
                )
            for name in names:
                self._descend(found, [name])
            return True
        return False

    def find_relative(self, package: str, level: int, module: str, names: Sequence[str]) -> None:
        """Read a relative import, e.g. of `..maths` from within `package`.

        Raises:
            MissingError: There is no such file.
        """
        shown = "." * level + module
        parts = package.split(".") if package else []
        if not self._search:
            raise MissingError(
                f"the relative import `{shown}` has no file to start from",
                "Save the model; its neighbours are found from its directory.",
            )
        if level > len(parts):
            raise MissingError(
                f"the relative import `{shown}` leaves the package the file is imported from",
                "Import the file by its bare name, or the file that imports it relatively too.",
            )
        base = ".".join(parts[: len(parts) - level + 1])
        self._read_packages(base)
        modules = module.split(".") if module else []
        found = self._descend(base, modules)
        if found is None:
            raise MissingError(
                f"`{shown}` is not there: no file {'/'.join(modules)}.py in {self._directories[base].name}/",
                "Create the file, or correct the name.",
            )
        for name in names:
            if self._descend(found, [name]) is None and not modules and not _mentions(self.sources.get(found), name):
                raise MissingError(
                    f"`from {shown} import {name}` finds no file {name}.py in {self._directories[found].name}/",
                    "Create the file, or correct the name.",
                )

    def _name_packages(self, home: Path, levels: int) -> str:
        """Name the directories above the model, as many as are packages or are climbed by a relative import."""
        chain: list[Path] = []
        directory = home
        while (directory / "__init__.py").is_file() or len(chain) < levels:
            if directory.parent == directory:
                break
            chain.append(directory)
            directory = directory.parent
        name = ""
        for folder in reversed(chain):
            part = re.sub(r"\W", "_", folder.name)
            if not name and (part in sys.stdlib_module_names or part in ALLOWED_MODULES):
                part += "_"
            name = f"{name}.{part}" if name else part
            self._directories[name] = folder
        return name

    def _descend(self, base: str, parts: Sequence[str]) -> str | None:
        """Read the modules below `base` one after the other; the last one's name, None if one does not exist."""
        name = base
        for part in parts:
            directory = self._directories.get(name)
            source, package = _locate(directory, part) if directory else (None, None)
            if source is None and package is None:
                return None
            name = f"{name}.{part}"
            self._read(name, source, package)
        return name

    def _read_packages(self, name: str) -> None:
        """Read the `__init__.py` of a package and of those it is in, as Python does before anything in it."""
        parts = name.split(".")
        for length in range(1, len(parts) + 1):
            package = ".".join(parts[:length])
            init = self._directories[package] / "__init__.py"
            self._read(package, init if init.is_file() else None, self._directories[package])

    def _read(self, name: str, source: Path | None, package: Path | None) -> None:
        if package is not None:
            self._directories[name] = package
        if name in self.sources:
            return
        self.sources[name] = ""
        if source is None:
            return
        label = source.name if source.name != "__init__.py" else f"{source.parent.name}/__init__.py"
        owner = name if package is not None else name.rpartition(".")[0]
        self.files[name] = source
        if len(self.files) > MAX_SIBLINGS:
            hint = "Install the project as a package and list it under `allow_modules`."
            problem = CwmError(f"is one more project file than the {MAX_SIBLINGS} a model may pull in", hint=hint)
            self.fresh.append(Sibling(label, owner, None, problem))
            return
        try:
            text = read_source(source)
        except CwmError as error:
            self.fresh.append(Sibling(label, owner, None, error))
            return
        if isinstance(text, Finding):
            self.fresh.append(Sibling(label, owner, None, text))
            return
        tree = parse(text.text)
        if isinstance(tree, Finding):
            self.fresh.append(Sibling(label, owner, None, tree))
            return
        self.sources[name] = text.text
        self.fresh.append(Sibling(label, owner, tree))


def _search_path(home: Path, root: Path | None) -> list[Path]:
    """Where absolute imports may find the project's files: from the model's directory upwards."""
    top = home
    while (top / "__init__.py").is_file() and top.parent != top:
        top = top.parent
    if root is not None and home.is_relative_to(root) and top.is_relative_to(root):
        top = root
    return [home, *(parent for parent in home.parents if parent.is_relative_to(top))]


def _locate(directory: Path, part: str) -> tuple[Path | None, Path | None]:
    """The source file and the package directory of a module in `directory`, as Python would choose them."""
    package = directory / part
    init = package / "__init__.py"
    if init.is_file():
        return init, package
    module = directory / f"{part}.py"
    if module.is_file():
        return module, None
    return None, package if package.is_dir() else None


def _holds(package: Path, parts: Sequence[str], names: Sequence[str]) -> bool:
    """Whether a directory without `__init__.py` has something of what an import wants of it."""
    for part in parts:
        source, inner = _locate(package, part)
        if source is not None:
            return True
        if inner is None:
            return False
        package = inner
    return any(_locate(package, name)[0] is not None for name in names)


def _mentions(text: str | None, name: str) -> bool:
    return text is not None and (name == "*" or re.search(rf"\b{re.escape(name)}\b", text) is not None)
