"""What a model imports: what the sandbox has to hold before it closes, and what it will not offer."""

from __future__ import annotations

import ast
import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cwm_engine.findings import Finding, Severity, Span
from cwm_engine.world_model.allowed import (
    ALLOWED_MODULES,
    PRELOADED,
    advice_if_missing,
    has_submodule,
    is_installed,
    reason_if_not_allowed,
)
from cwm_engine.world_model.siblings import MissingError, Siblings
from cwm_engine.world_model.source import span_of
from cwm_engine.world_model.syntax import all_nodes, dotted_name

__all__ = ["ALLOWED_MODULES", "PRELOADED", "Imports", "resolve_imports"]


@dataclass(frozen=True)
class Imports:
    """What has to be there before the model runs.

    Attributes:
        preload: Modules to import before the sandbox closes, beyond `PRELOADED`.
        siblings: Source text of the project's own modules by name, parents included (a parent without `__init__.py` has
            the empty text). A name is a package if another name continues it.
        problems: Findings CWM105 and CWM106, and CWM101 and CWM111 for siblings, at the import in the model.
        package: The `__package__` of the model, from which its relative imports start; empty if it has none.
        files: The files behind the siblings.
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
        root: The project's directory; absolute imports are looked up in the model's directory and in those above it, up
            to `root` or to the root of the package the model is in.
        lines: The lines of the model, for columns after non-ASCII text.
    """
    return _Resolver(tree, path, allow_modules, root, lines).resolve()


@dataclass(frozen=True, slots=True)
class _Import:
    """One imported module; `names` are what a `from` import takes from it."""

    module: str
    level: int
    names: tuple[str, ...]
    node: ast.stmt | ast.alias
    optional: bool

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]


@dataclass(frozen=True, slots=True)
class _Importer:
    """A file whose imports are resolved: the model, or a sibling with the place in the model that leads to it."""

    tree: ast.Module
    package: str
    label: str | None = None
    span: Span | None = None


class _Resolver:
    def __init__(
        self, tree: ast.Module, path: Path | None, allow: Sequence[str], root: Path | None, lines: Sequence[str]
    ) -> None:
        levels = max((item.level for item in _imports_of(tree)), default=0)
        self.siblings = Siblings(path, root, levels)
        self.queue = deque([_Importer(tree, self.siblings.package)])
        self.allow = tuple(allow)
        self.lines = lines
        self.preload: dict[str, None] = {}
        self.problems: dict[tuple[str, str], Finding] = {}

    def resolve(self) -> Imports:
        while self.queue:
            importer = self.queue.popleft()
            for item in _imports_of(importer.tree):
                span = importer.span or span_of(item.node, self.lines)
                self._resolve(item, importer, span)
                self._take_siblings(span)
            self._preload_attributes(importer.tree)
        return Imports(
            preload=tuple(name for name in self.preload if name not in PRELOADED),
            siblings=self.siblings.sources,
            problems=tuple(self.problems.values()),
            package=self.siblings.package,
            files=tuple(self.siblings.files.values()),
        )

    def _resolve(self, item: _Import, importer: _Importer, span: Span) -> None:
        try:
            if item.level:
                self.siblings.find_relative(importer.package, item.level, item.module, item.names)
            elif item.top in ALLOWED_MODULES and is_installed(item.top):
                self._preload(item)
            elif self.siblings.find(item.module, item.names):
                return
            elif self._is_listed(item) and is_installed(item.top):
                self._preload(item)
            elif is_installed(item.top):
                reason, advice = reason_if_not_allowed(item.top)
                self._problem("CWM106", item, importer, span, f"the module `{item.module}` {reason}", advice)
            else:
                advice = advice_if_missing(item.top, listed=self._is_listed(item))
                raise MissingError(f"the module `{item.module}` is not installed", advice)
        except MissingError as error:
            self._problem("CWM105", item, importer, span, error.reason, error.advice)

    def _preload(self, item: _Import) -> None:
        top, *rest = item.module.split(".")
        if rest and not has_submodule(top, rest):
            raise MissingError(f"`{item.module}` does not exist, though `{top}` is installed", "Correct the name.")
        self.preload[item.module] = None
        for name in item.names:
            if has_submodule(top, [*rest, name]):
                self.preload[f"{item.module}.{name}"] = None

    def _is_listed(self, item: _Import) -> bool:
        wanted = [item.module, *(f"{item.module}.{name}" for name in item.names)]
        return any(name == entry or name.startswith(f"{entry}.") for name in wanted for entry in self.allow)

    def _take_siblings(self, span: Span) -> None:
        for sibling in self.siblings.fresh:
            if sibling.tree is not None:
                self.queue.append(_Importer(sibling.tree, sibling.package, sibling.label, span))
                continue
            problem = sibling.problem
            if isinstance(problem, Finding):
                code, note = problem.code, problem.note
                message = f"line {problem.span.line}: {problem.message[0].lower()}{problem.message[1:]}"
            else:
                code, note = "CWM105", problem.hint if problem else None
                message = f"{problem.message if problem else 'cannot be read'}."
            message = f"{sibling.label}, imported here, {message}"
            self._add(code, sibling.label, message, span, note)
        self.siblings.fresh.clear()

    def _preload_attributes(self, tree: ast.Module) -> None:
        """Preload `scipy.integrate` where a program says `import scipy` and uses it as an attribute.

        Packages load such submodules on first use, which a closed sandbox cannot do.
        """
        bound = {
            item.node.asname or item.top: item.module if item.node.asname else item.top
            for item in _imports_of(tree)
            if isinstance(item.node, ast.alias)
            and item.module in self.preload
            and item.top not in sys.stdlib_module_names
        }
        if not bound:
            return
        used = {dotted_name(node) for node in all_nodes(tree) if node.__class__ is ast.Attribute}
        for name in sorted(used):
            first, *rest = name.split(".")
            if first in bound:
                top, *parts = (*bound[first].split("."), *rest)
                if has_submodule(top, parts):
                    self.preload[".".join((top, *parts))] = None

    def _problem(self, code: str, item: _Import, importer: _Importer, span: Span, reason: str, note: str) -> None:  # noqa: PLR0917
        if not item.optional:
            message = f"{reason[0].upper()}{reason[1:]}."
            if importer.label:
                message = f"{importer.label}, imported here: {reason}."
            self._add(code, "." * item.level + item.module, message, span, note)

    def _add(self, code: str, about: str, message: str, span: Span, note: str | None) -> None:
        finding = Finding(code=code, severity=Severity.ERROR, message=message, span=span, note=note)
        self.problems.setdefault((code, about), finding)


def _imports_of(tree: ast.Module) -> Iterator[_Import]:
    """All imports that may run, in the order of the text."""
    stack: list[tuple[ast.AST, bool]] = [(tree, False)]
    while stack:
        node, optional = stack.pop()
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield _Import(alias.name, 0, (), alias, optional)
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names if alias.name != "*")
            yield _Import(node.module or "", node.level, names, node, optional)
        else:
            stack += reversed(list(_suites(node, optional)))


def _suites(node: ast.AST, optional: bool) -> Iterator[tuple[ast.AST, bool]]:
    for name in ("body", "handlers", "orelse", "finalbody", "cases"):
        suite = getattr(node, name, None)
        if not isinstance(suite, list) or (name == "body" and isinstance(node, ast.If) and _never_true(node.test)):
            continue
        guarded = name == "body" and isinstance(node, ast.Try) and any(map(_catches_import_error, node.handlers))
        for child in suite:
            yield child, optional or guarded


def _never_true(test: ast.expr) -> bool:
    """Whether a condition is false in a checked model: type checking, or being the main program."""
    if isinstance(test, ast.Compare):
        names = [side.id for side in (test.left, *test.comparators) if isinstance(side, ast.Name)]
        return "__name__" in names and isinstance(test.ops[0], ast.Eq)
    return "TYPE_CHECKING" in {getattr(test, "id", None), getattr(test, "attr", None)}


def _catches_import_error(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = {kind.id for kind in kinds if isinstance(kind, ast.Name)}
    return handler.type is None or bool(names & {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
