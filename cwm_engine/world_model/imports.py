"""What a model imports: allowed modules, the project's own files, and what the sandbox will not offer.

A model only computes, so it may import maths and data modules, NumPy, Gymnasium (for spaces and the base class),
its own neighbours and what `allow_modules` names. The list is a policy, not the wall: the wall is the sandbox, which
holds whatever a program gets its hands on. Hence two decisions about borderline names:

- `sys` is allowed. Models written by language models import it for `sys.maxsize` or `sys.float_info`, and it gives
  nothing that every Python program does not already reach through an exception's frames.
- `os`, and with it `os.path`, is not. There is nothing to compute with it: every use of it in a model is a mistake that
  the sandbox would turn into a stranger error.
"""

from __future__ import annotations

import ast
import difflib
import importlib.util
import re
import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cwm_engine.errors import CwmError
from cwm_engine.findings import Finding, Severity, Span
from cwm_engine.world_model.source import parse, read_source, span_of

PRELOADED: tuple[str, ...] = (
    # the language's own helpers; a strict sandbox cannot open the files of a lazy import later
    "abc", "collections", "collections.abc", "contextlib", "copy", "dataclasses", "enum", "functools", "inspect", "io",
    "itertools", "linecache", "operator", "sys", "time", "tokenize", "traceback", "tracemalloc", "types", "typing",
    "warnings", "weakref", "__future__",
    # numbers
    "bisect", "cmath", "decimal", "fractions", "heapq", "math", "numbers", "random", "statistics",
    # data and text; unicodedata is what the compiler needs for a Greek variable name
    "array", "calendar", "datetime", "json", "queue", "re", "string", "struct", "textwrap", "unicodedata", "_strptime",
    # NumPy loads these on first use
    "numpy", "numpy.fft", "numpy.linalg", "numpy.ma", "numpy.polynomial", "numpy.random", "numpy.strings",
)  # fmt: skip
"""What every sandbox imports before it closes, in this order."""

ALLOWED_MODULES: frozenset[str] = frozenset(
    {name.partition(".")[0] for name in PRELOADED if not name.startswith("_")}
    | {"base64", "binascii", "colorsys", "copyreg", "csv", "difflib", "graphlib", "hashlib", "keyword", "logging"}
    | {"pprint", "reprlib", "typing_extensions", "zlib", "gymnasium", "__future__"}
)
"""Top-level names a model may import without configuration; their submodules are included."""

MAX_SIBLINGS = 300
"""Project files one model may pull in; more is a library, which belongs under `allow_modules`."""


@dataclass(frozen=True)
class Imports:
    """What has to be there before the model runs.

    Attributes:
        preload: Modules to import before the sandbox closes, beyond `PRELOADED`.
        siblings: Source text of the project's own modules by full name, parents included (a parent without
            `__init__.py` has the empty text). A name is a package if another name continues it.
        problems: Findings CWM105 and CWM106, and CWM101 and CWM111 for siblings, at the import in the model.
        package: The `__package__` to give the model, so that its relative imports find the siblings.
        files: The files behind the siblings, to watch for changes.
    """

    preload: tuple[str, ...] = ()
    siblings: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Finding, ...] = ()
    package: str = ""
    files: tuple[Path, ...] = ()


def resolve_imports(
    tree: ast.Module,
    path: Path | None,
    allow_modules: Sequence[str] = (),
    *,
    root: Path | None = None,
    lines: Sequence[str] = (),
) -> Imports:
    """Classify every import of a model, in functions too, without importing anything of it.

    Left out are imports that never run (`if TYPE_CHECKING:`, `if __name__ == "__main__":`). One inside `try` with a
    handler for `ImportError` is optional: it is no problem if the module is not there.

    Args:
        tree: The parsed model.
        path: Its file; None for a text that is not saved, which has no siblings.
        allow_modules: Names that configuration allows, e.g. `scipy` or `scipy.special`.
        root: The project's directory; absolute imports are looked up beside the model, at the root of its package
            and in every directory between the model and `root`.
        lines: The lines of the model, for columns after non-ASCII text.
    """
    resolver = _Resolver(path.absolute() if path else None, tuple(allow_modules), root.absolute() if root else None)
    resolver.run(tree, lines)
    return Imports(
        preload=tuple(name for name in resolver.preload if name not in PRELOADED),
        siblings=resolver.siblings,
        problems=tuple(resolver.problems.values()),
        package=resolver.package if path else "",
        files=tuple(resolver.files),
    )


@dataclass(frozen=True)
class _Wanted:
    """One imported module: `names` are what a `from` import takes from it."""

    module: str
    level: int
    names: tuple[str, ...] | None
    node: ast.Import | ast.ImportFrom
    alias: ast.alias | None
    optional: bool


@dataclass(frozen=True)
class _Importer:
    """The file whose imports are resolved; `span` is the place in the model that leads to it."""

    tree: ast.Module
    package: str
    label: str | None
    span: Span | None


class _Resolver:
    def __init__(self, path: Path | None, allow: tuple[str, ...], root: Path | None) -> None:
        self.path = path
        self.allow = allow
        self.root = root
        self.preload: dict[str, None] = {}
        self.siblings: dict[str, str] = {}
        self.problems: dict[tuple[str, str], Finding] = {}
        self.files: list[Path] = []
        self.package = ""
        self.directories: dict[str, Path] = {}  # package name -> its directory
        self.queue: deque[_Importer] = deque()

    def run(self, tree: ast.Module, lines: Sequence[str]) -> None:
        wanted = list(_imports_of(tree))
        if self.path is not None:
            self._name_package(max((item.level for item in wanted), default=0))
        self.queue.append(_Importer(tree, self.package, None, None))
        while self.queue:
            importer = self.queue.popleft()
            for item in wanted if importer.tree is tree else _imports_of(importer.tree):
                span = importer.span or span_of(item.alias or item.node, lines)
                self._resolve(item, importer, span)
            self._preload_used_submodules(importer.tree)

    # -- one import ----------------------------------------------------------------------------------------------

    def _resolve(self, item: _Wanted, importer: _Importer, span: Span) -> None:
        if item.level:
            self._resolve_relative(item, importer, span)
            return
        top = item.module.partition(".")[0]
        if top == "__future__":
            return
        if top in ALLOWED_MODULES and importlib.util.find_spec(top) is not None:
            self._preload(item, importer, span)
        elif self._resolve_absolute(item, importer, span):
            return
        elif _is_listed(item, self.allow):
            if _is_installed(top):
                self._preload(item, importer, span)
            else:
                self._missing(item.module, item, importer, span)
        elif top in sys.stdlib_module_names:
            self._not_allowed(item, importer, span, standard=True)
        elif _is_installed(top):
            self._not_allowed(item, importer, span, standard=False)
        else:
            self._missing(item.module, item, importer, span)

    def _preload(self, item: _Wanted, importer: _Importer, span: Span) -> None:
        """Note the modules to import in advance; a submodule is checked on disk, without importing its parent."""
        parts = item.module.split(".")
        if len(parts) > 1 and not _has_submodule(parts[0], parts[1:]):
            self._missing(item.module, item, importer, span)
            return
        self.preload[item.module] = None
        for name in item.names or ():
            if _has_submodule(parts[0], [*parts[1:], name]):
                self.preload[f"{item.module}.{name}"] = None

    def _resolve_relative(self, item: _Wanted, importer: _Importer, span: Span) -> None:
        parts = importer.package.split(".") if importer.package else []
        shown = "." * item.level + item.module
        if self.path is None:
            self._problem("CWM105", shown, item, importer, span,
                          f"the relative import `{shown}` has no file to start from",
                          "Save the model; its neighbours are found from its directory.")  # fmt: skip
            return
        if item.level > len(parts):
            self._problem("CWM105", shown, item, importer, span,
                          f"the relative import `{shown}` leaves the package it is in",
                          "Import the file by its name from the model's directory.")  # fmt: skip
            return
        base = ".".join(parts[: len(parts) - item.level + 1])
        modules = item.module.split(".") if item.module else []
        found = self._load_parts(base, modules, importer, span)
        if found is None:
            missing = f"{'/'.join(modules)}.py"
            self._problem("CWM105", shown, item, importer, span,
                          f"`{shown}` is not there: no file {missing} in {self.directories[base].name}/",
                          "Create the file, or correct the name.")  # fmt: skip
            return
        for name in item.names or ():
            if name != "*" and self._load_parts(found, [name], importer, span) is None and not item.module:
                text = self.siblings.get(found, "")
                if not re.search(rf"\b{re.escape(name)}\b", text):
                    self._problem("CWM105", shown + name, item, importer, span,
                                  f"`{shown}` holds no module or name `{name}`",
                                  f"Create {name}.py beside the model, or correct the name.")  # fmt: skip

    def _resolve_absolute(self, item: _Wanted, importer: _Importer, span: Span) -> bool:
        """Whether the module is one of the project's own files; then it is loaded, with its parents."""
        modules = item.module.split(".")
        for directory in self._search_path():
            source, package = _locate(directory, modules[0])
            if source is None and package is not None and not _holds(package, [*modules[1:], *(item.names or ())]):
                continue  # a directory that happens to have the name, e.g. of data
            if source is None and package is None:
                continue
            self._register(modules[0], source, package, importer, span)
            found = self._load_parts(modules[0], modules[1:], importer, span)
            if found is None:
                self._problem("CWM105", item.module, item, importer, span,
                              f"`{item.module}` is not there, though `{modules[0]}` is one of the project's own",
                              "Create the file, or correct the name.")  # fmt: skip
                return True
            for name in item.names or ():
                if name != "*":
                    self._load_parts(found, [name], importer, span)
            return True
        return False

    # -- siblings ------------------------------------------------------------------------------------------------

    def _name_package(self, levels: int) -> None:
        """Name the package of the model after its directories, as many as have `__init__.py` or are climbed."""
        assert self.path is not None  # noqa: S101
        chain: list[Path] = []
        directory = self.path.parent
        while (directory / "__init__.py").is_file() or len(chain) < max(levels, 1):
            chain.append(directory)
            if directory.parent == directory:
                break
            directory = directory.parent
        parts: list[str] = []
        for folder in reversed(chain):
            part = re.sub(r"\W", "_", folder.name) or "_"
            if not parts and (part in sys.stdlib_module_names or part in ALLOWED_MODULES):
                part += "_"
            parts.append(part)
            self.directories[".".join(parts)] = folder
        self.package = ".".join(parts)

    def _search_path(self) -> Iterator[Path]:
        """The directories in which absolute imports may find the project's files, nearest first."""
        if self.path is None:
            return
        directory = self.path.parent
        yield directory
        package_root = directory
        while (package_root / "__init__.py").is_file() and package_root.parent != package_root:
            package_root = package_root.parent
        stop = self.root if self.root is not None and directory.is_relative_to(self.root) else package_root
        if package_root.is_relative_to(stop) is False:
            stop = package_root
        while directory != stop:
            directory = directory.parent
            yield directory

    def _load_parts(self, base: str, parts: Sequence[str], importer: _Importer, span: Span) -> str | None:
        """Load `base` and the modules below it; the full name of the last, None if one does not exist."""
        if base not in self.siblings and base in self.directories:
            self._register_package(base, importer, span)
        name = base
        for part in parts:
            directory = self.directories.get(name)
            if directory is None:
                return None
            source, package = _locate(directory, part)
            if source is None and package is None:
                return None
            name = f"{name}.{part}"
            self._register(name, source, package, importer, span)
        return name

    def _register_package(self, name: str, importer: _Importer, span: Span) -> None:
        parts = name.split(".")
        for length in range(1, len(parts) + 1):
            parent = ".".join(parts[:length])
            if parent not in self.siblings:
                directory = self.directories[parent]
                init = directory / "__init__.py"
                self._register(parent, init if init.is_file() else None, directory, importer, span)

    def _register(self, name: str, source: Path | None, package: Path | None, importer: _Importer, span: Span) -> None:
        if package is not None:
            self.directories[name] = package
        if name in self.siblings:
            return
        self.siblings[name] = ""
        if source is None:
            return
        if len(self.files) >= MAX_SIBLINGS:
            self.problems.setdefault(
                ("CWM106", "*"),
                Finding(
                    code="CWM106",
                    severity=Severity.ERROR,
                    message=f"The model pulls in more than {MAX_SIBLINGS} files of the project.",
                    span=span,
                    note="Install the project as a package and list it under `allow_modules`.",
                ),
            )
            return
        self.files.append(source)
        label = source.name if source.name != "__init__.py" else f"{source.parent.name}/__init__.py"
        try:
            read = read_source(source)
        except CwmError as error:
            self._sibling_problem("CWM105", label, error.message, error.hint, span)
            return
        if isinstance(read, Finding):
            self._sibling_problem(read.code, label, read.message, read.note, span)
            return
        tree = parse(read.text)
        if isinstance(tree, Finding):
            self._sibling_problem(tree.code, label, f"line {tree.span.line}: {tree.message}", tree.note, span)
            return
        self.siblings[name] = read.text
        owner = name if package is not None else name.rpartition(".")[0]
        self.queue.append(_Importer(tree, owner, label, importer.span or span))

    # -- submodules reached as attributes ------------------------------------------------------------------------

    def _preload_used_submodules(self, tree: ast.Module) -> None:
        """Preload `scipy.integrate` where a program says `import scipy` and uses it as an attribute.

        Packages load such submodules on first use, which a closed sandbox cannot do.
        """
        bound: dict[str, str] = {}
        for item in _imports_of(tree):
            if isinstance(item.node, ast.Import) and item.alias is not None and item.module in self.preload:
                alias = item.alias.asname
                bound[alias or item.module.partition(".")[0]] = item.module if alias else item.module.partition(".")[0]
        if not bound:
            return
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute):
                continue
            dotted = _dotted(node)
            if dotted is None or dotted[0] not in bound:
                continue
            full = [*bound[dotted[0]].split("."), *dotted[1:]]
            if full[0] in sys.stdlib_module_names or ".".join(full) in self.preload:
                continue
            if _has_submodule(full[0], full[1:]):
                self.preload[".".join(full)] = None

    # -- problems ------------------------------------------------------------------------------------------------

    def _missing(self, module: str, item: _Wanted, importer: _Importer, span: Span) -> None:
        top = module.partition(".")[0]
        if top in ALLOWED_MODULES or _is_installed(top):
            self._problem("CWM105", module, item, importer, span,
                          f"`{module}` does not exist, though `{top}` is installed", "Correct the name.")  # fmt: skip
            return
        if top == "gym":
            advice = "`gym` has become `gymnasium`, which is available: `import gymnasium as gym`."
        else:
            advice = f"Install it with `pip install {_DISTRIBUTIONS.get(top, top)}`"
            advice += "." if _is_listed(item, self.allow) else f' and allow it with `allow_modules = ["{top}"]`.'
            similar = difflib.get_close_matches(top, sorted(ALLOWED_MODULES), n=1, cutoff=0.75)
            if similar:
                advice = f"Did you mean `{similar[0]}`? Otherwise: {advice[0].lower()}{advice[1:]}"
        self._problem("CWM105", module, item, importer, span, f"the module `{module}` is not installed", advice)

    def _not_allowed(self, item: _Wanted, importer: _Importer, span: Span, *, standard: bool) -> None:
        top = item.module.partition(".")[0]
        if not standard:
            self._problem("CWM106", item.module, item, importer, span,
                          f"the module `{item.module}` is not among those a model may import",
                          f'Do without it, or allow it for this project with `allow_modules = ["{top}"]`.')  # fmt: skip
            return
        purpose = next((text for text, names in _PURPOSES.items() if top in names), "more than computing")
        advice = "Remove the import: a model only computes with the state and the action it is given."
        self._problem("CWM106", item.module, item, importer, span,
                      f"the module `{item.module}` is not allowed: it is for {purpose}", advice)  # fmt: skip

    def _problem(
        self, code: str, name: str, item: _Wanted, importer: _Importer, span: Span, reason: str, note: str
    ) -> None:
        if item.optional:
            return
        message = (
            f"{importer.label}, imported here: {reason}." if importer.label else f"{reason[0].upper()}{reason[1:]}."
        )
        finding = Finding(code=code, severity=Severity.ERROR, message=message, span=span, note=note)
        self.problems.setdefault((code, name), finding)

    def _sibling_problem(self, code: str, label: str, message: str, note: str | None, span: Span) -> None:
        text = f"{label}, imported here: {message[0].lower()}{message[1:]}"
        finding = Finding(
            code=code, severity=Severity.ERROR, message=text if text.endswith(".") else f"{text}.", span=span, note=note
        )
        self.problems.setdefault((code, label), finding)


def _imports_of(tree: ast.Module) -> Iterator[_Wanted]:
    """All imports that may run, in the order of the text."""
    stack: list[tuple[ast.AST, bool]] = [(tree, False)]
    while stack:
        node, optional = stack.pop()
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield _Wanted(alias.name, 0, None, node, alias, optional)
            continue
        if isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            yield _Wanted(node.module or "", node.level, names, node, None, optional)
            continue
        children: list[tuple[ast.AST, bool]] = []
        never_runs = isinstance(node, ast.If) and _never_true(node.test)
        guarded = isinstance(node, ast.Try) and any(_catches_import_error(handler) for handler in node.handlers)
        for name in ("body", "handlers", "orelse", "finalbody", "cases"):
            if never_runs and name == "body":
                continue
            suite = getattr(node, name, None)
            if isinstance(suite, list):
                children += [(child, optional or (guarded and name == "body")) for child in suite]
        stack += reversed(children)


def _never_true(test: ast.expr) -> bool:
    """Whether a condition is false in a checked model: type checking, or being the main program."""
    if isinstance(test, ast.Compare):
        names = [side.id for side in (test.left, *test.comparators) if isinstance(side, ast.Name)]
        return "__name__" in names and isinstance(test.ops[0], ast.Eq)
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _catches_import_error(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = {kind.id for kind in kinds if isinstance(kind, ast.Name)}
    return handler.type is None or bool(names & {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


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


def _holds(package: Path, names: Sequence[str]) -> bool:
    """Whether a directory without `__init__.py` has at least one of the modules an import wants of it."""
    source, inner = _locate(package, names[0]) if names else (None, None)
    if source is not None:
        return True
    if inner is not None:
        return _holds(inner, names[1:])
    return any(_locate(package, name)[0] is not None for name in names[1:])


def _is_listed(item: _Wanted, allow: Sequence[str]) -> bool:
    wanted = [item.module, *(f"{item.module}.{name}" for name in item.names or ())]
    return any(name == entry or name.startswith(f"{entry}.") for name in wanted for entry in allow)


def _is_installed(top: str) -> bool:
    try:
        return importlib.util.find_spec(top) is not None
    except (ImportError, ValueError, AttributeError):
        return False


def _has_submodule(top: str, parts: Sequence[str]) -> bool:
    """Whether `top.parts...` is a module, judged by files alone (a find_spec of it would import its parents)."""
    if ".".join((top, *parts)) in sys.modules:
        return True
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError, AttributeError):
        return False
    locations = list(spec.submodule_search_locations or ()) if spec else []
    for part in parts[:-1]:
        locations = [str(Path(place) / part) for place in locations if (Path(place) / part).is_dir()]
    if not parts:
        return spec is not None
    last = parts[-1]
    for place in map(Path, locations):
        source, package = _locate(place, last)
        if source is not None or package is not None:
            return True
        if last.isidentifier() and any(place.glob(f"{last}.*.so")):
            return True
    return False


def _dotted(node: ast.expr) -> list[str] | None:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return [node.id, *reversed(parts)]


_PURPOSES = {
    "files and the environment": {
        "os", "pathlib", "shutil", "glob", "tempfile", "fileinput", "posixpath", "ntpath", "stat", "zipfile", "tarfile",
        "gzip", "bz2", "lzma", "sqlite3", "dbm", "configparser", "tomllib", "getpass", "platform", "pwd", "grp", "posix",
    },
    "the network": {
        "socket", "ssl", "urllib", "http", "ftplib", "smtplib", "imaplib", "poplib", "telnetlib", "xmlrpc",
        "socketserver", "select", "selectors", "webbrowser", "email", "nntplib",
    },
    "processes and threads": {
        "subprocess", "multiprocessing", "threading", "_thread", "concurrent", "asyncio", "signal", "sched", "pty",
        "faulthandler", "resource", "atexit",
    },
    "native code and memory": {"ctypes", "_ctypes", "mmap", "gc"},
    "pickles, which run code when they are loaded": {"pickle", "pickletools", "shelve", "marshal", "_pickle"},
    "loading and running other code": {
        "importlib", "imp", "pkgutil", "runpy", "zipimport", "code", "codeop", "builtins", "site", "pdb", "ast", "dis",
    },
    "secrets and unique numbers, which no transition repeats": {"secrets", "uuid"},
}  # fmt: skip

_DISTRIBUTIONS = {
    "PIL": "pillow",
    "attr": "attrs",
    "cv2": "opencv-python",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}
