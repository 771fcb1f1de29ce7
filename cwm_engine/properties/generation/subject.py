"""What a generated file is about: the model, how it is written, and how states and actions are handed to it."""

from __future__ import annotations

import ast
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cwm_engine.checking.compare import Tolerance
from cwm_engine.errors import CwmError
from cwm_engine.project import ModelTarget
from cwm_engine.trajectories.columns import DictOf, Kind, Leaf, Structure, TupleOf
from cwm_engine.world_model.discovery import Dialect, ModelSpec, discover
from cwm_engine.world_model.imports import resolve_imports


@dataclass(frozen=True)
class Subject:
    """A model as a file of tests needs it.

    Attributes:
        path: The model's file.
        test: The file of tests.
        spec: The model in it.
        tree: The model's text, parsed.
        sources: The directories that its imports of the project's own files start from.
        package: The package it belongs to, where it imports relatively; else empty.
        tolerance: How near a float must be.
        goal: Which reward counts, of several.
        stochastic: Whether it may answer differently each time.
        carries: Whether it keeps a state of its own from step to step that observations do not show.
        ignored: Fields that are left out.
    """

    path: Path
    test: Path
    spec: ModelSpec
    tree: ast.Module
    sources: tuple[Path, ...] = ()
    package: str = ""
    tolerance: Tolerance = Tolerance()
    goal: str | None = None
    stochastic: bool = False
    carries: bool = False
    ignored: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """The model's file in Python, seen from the tests."""
        return self.place(self.path)

    def place(self, path: Path) -> str:
        """A path in Python, seen from the tests."""
        here = self.test.absolute().parent
        parts = Path(os.path.relpath(path.absolute(), here)).parts
        above = 0
        while above < len(parts) and parts[above] == "..":
            above += 1
        down = "".join(f' / "{part}"' for part in parts[above:] if part != ".")
        return (f"HERE.parents[{above - 1}]" if above else "HERE") + down

    @property
    def is_functions(self) -> bool:
        """Whether the model is a pair of functions, which keep nothing."""
        return self.spec.dialect is Dialect.FUNCTIONS


def subject_of(target: ModelTarget, text: str, test: Path) -> Subject:
    """The model that a target means.

    Args:
        target: The model and what is configured for it.
        text: What is in its file.
        test: Where the tests will be.

    Raises:
        CwmError: The file holds no such model, or several.
    """
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise CwmError(f"is not valid Python: {error.msg} in line {error.lineno}", path=target.path) from None
    models = discover(tree, text.splitlines()).models
    if target.class_name is not None:
        models = tuple(model for model in models if model.name == target.class_name)
    if not models:
        raise CwmError("holds no model to write tests for", path=target.path, hint="`cwm check` says why")
    if len(models) > 1:
        names = ", ".join(f"{target.path}::{model.name}" for model in models)
        raise CwmError(f"holds several models: {names}", path=target.path, hint="name one of them")
    imports = resolve_imports(tree, target.path, target.allow_modules, root=target.root)
    fallback = Tolerance()
    return Subject(
        path=target.path,
        test=test,
        spec=models[0],
        tree=tree,
        sources=_sources(target.path, imports.package, imports.files, imports.siblings),
        package=imports.package,
        tolerance=Tolerance(
            fallback.atol if target.atol is None else target.atol,
            fallback.rtol if target.rtol is None else target.rtol,
        ),
        goal=target.goal,
        stochastic=target.stochastic,
        carries=target.mode == "episode",
        ignored=target.ignore_fields,
    )


def file_of_tests(target: ModelTarget) -> Path:
    """Where the tests of a model are by default: `tests/test_MODEL_properties.py` in the project's directory."""
    return target.root / "tests" / f"test_{target.path.stem}_properties.py"


def as_given(structure: Structure, name: str) -> str:
    """A plain value as the environment gives it, in Python: arrays of the stored dtype."""
    match structure:
        case Leaf(Kind.TEXT, _, shape) if shape:
            return f"np.array({name}, dtype=object)"
        case Leaf(Kind.FLOAT, _, shape) if shape:
            return f"np.array({name}, dtype=float)"  # numbers of a model's own are not rounded to those stored
        case Leaf(_, dtype, shape) if shape:
            return f"np.array({name}, dtype=np.{np.dtype(dtype).name.replace('bool', 'bool_')})"
        case Leaf(Kind.JSON):
            return f"copy.deepcopy({name})"
        case Leaf():
            return name
        case TupleOf(items):
            if all(as_given(item, "x") == "x" for item in items):
                return name
            inner = ", ".join(as_given(item, f"{name}[{index}]") for index, item in enumerate(items))
            return f"({inner},)" if len(items) == 1 else f"({inner})"
        case DictOf(items):
            return "{" + ", ".join(f"{key!r}: {as_given(item, f'{name}[{key!r}]')}" for key, item in items) + "}"


def returned_values(subject: Subject) -> int:
    """How many values a step of the model returns, as it is written."""
    if subject.spec.dialect is Dialect.GYMNASIUM:
        return 5
    first, last = subject.spec.step.line, subject.spec.body.end_line
    for node in ast.walk(subject.tree):
        if isinstance(node, ast.FunctionDef) and node.name == "step" and first <= node.lineno <= last:
            tuples = [one.value for one in ast.walk(node) if isinstance(one, ast.Return)]
            if any(isinstance(value, ast.Tuple) and len(value.elts) == 4 for value in tuples):
                return 4
    return 3


def takes_goal(subject: Subject) -> str:
    """The arguments of `reward` after the third, in Python."""
    return f", {subject.goal!r}" if "goal" in subject.spec.members else ""


def uses_sets(subject: Subject) -> bool:
    """Whether a result may depend on the order in which a set is gone through, which changes from run to run."""
    sets = (ast.Set, ast.SetComp)
    return any(
        isinstance(node, sets) or (isinstance(node, ast.Name) and node.id in {"set", "frozenset", "hash", "id"})
        for node in ast.walk(subject.tree)
    )


def _sources(path: Path, package: str, files: tuple[Path, ...], siblings: object) -> tuple[Path, ...]:
    if not siblings:
        return ()
    home = path.absolute().parent
    if package:
        return (home.parents[package.count(".")],)
    above = [home, *home.parents]
    roots = {next(parent for parent in above if file.absolute().is_relative_to(parent)) for file in files}
    return tuple(sorted(roots, key=above.index))
