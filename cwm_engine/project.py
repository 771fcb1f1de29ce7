"""The configuration of a project, and which trajectories check which model.

Settings are in `cwm.toml`, or in the table `[tool.cwm]` of `pyproject.toml`, in the nearest directory upwards that has
either; beside each other, `cwm.toml` counts. Everything that reads configuration reads it here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from cwm_engine.errors import CwmError
from cwm_engine.settings import CONFIG_NAMES, ModelEntry, Settings, read_settings

__all__ = ["ModelEntry", "ModelTarget", "Project", "Settings", "find_project", "find_trajectories", "models_in"]
__all__ += ["one_target", "resolve_model", "split_spec"]


@dataclass(frozen=True, slots=True)
class Project:
    """A project: its root directory, its settings, and the file they are in, if there is one."""

    root: Path
    settings: Settings = field(default_factory=Settings)
    config: Path | None = None

    @property
    def models(self) -> tuple[ModelEntry, ...]:
        """The configured models."""
        return self.settings.models


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTarget:
    """A model to check and everything that is configured for it.

    Attributes:
        path: The model's file.
        class_name: Which model of the file, None for all of them.
        trajectories: What `load_dataset` takes; empty only if that was allowed.
        origin: Where that is from: given by the caller, configured, or found by its name.
        root: The project's directory.
        atol, rtol: None where nothing is configured.
    """

    path: Path
    trajectories: tuple[str, ...]
    origin: Literal["given", "configured", "found", "none"]
    root: Path
    class_name: str | None = None
    env: str | None = None
    description: str | None = None
    atol: float | None = None
    rtol: float | None = None
    mode: Literal["transition", "episode"] = "transition"
    goal: str | None = None
    stochastic: bool = False
    ignore_fields: tuple[str, ...] = ()
    pinned: tuple[str, ...] = ()
    allow_modules: tuple[str, ...] = ()

    @property
    def spec(self) -> str:
        """The target as it is written on the command line."""
        return f"{self.path}::{self.class_name}" if self.class_name else str(self.path)


def find_project(start: Path | str | None = None) -> Project:
    """The project that a file or directory belongs to.

    Without configuration the root is the nearest directory upwards with a `pyproject.toml` or `.git`, else the working
    directory if `start` is in it, else `start`.

    Args:
        start: A file or directory; None for the working directory.

    Raises:
        CwmError: The configuration is not valid; the message names the file, the key and the reason.
    """
    here = Path(start or Path.cwd()).resolve()
    if not here.is_dir():
        here = here.parent
    for directory in (here, *here.parents):
        for name in CONFIG_NAMES:
            config = directory / name
            settings = read_settings(config) if config.is_file() else None
            if settings is not None:
                return Project(directory, settings, config)
    marked = (d for d in (here, *here.parents) if (d / "pyproject.toml").is_file() or (d / ".git").exists())
    working = Path.cwd()
    return Project(next(marked, working if here.is_relative_to(working) else here))


def split_spec(spec: str | Path) -> tuple[Path, str | None]:
    """`file.py::Class` in its two parts."""
    file, separator, name = str(spec).rpartition("::")
    if not separator:
        return Path(spec), None
    if not file or not name:
        raise CwmError("names no model", path=str(spec), hint="write file.py::Class")
    return Path(file), name


def resolve_model(
    spec: str | Path, project: Project, trajectories: Sequence[str] | None = None, *, required: bool = True
) -> tuple[ModelTarget, ...]:
    """The model that a file name means, and the data that checks it.

    The first of these that gives data wins: `trajectories`, the configured entries for the file, and files in a folder
    `trajectories` beside the model or in a directory above it up to the project's root, whose names start like the
    model's. The other settings are the entry's in any case.

    Args:
        spec: `file.py` or `file.py::Class`, relative to the working directory.
        project: The project it is in.
        trajectories: What the user gives, relative to the working directory.
        required: Whether a model without data is an error.

    Returns:
        One target, or several if the file has several entries.

    Raises:
        CwmError: No data is found and `required` is set.
    """
    path, class_name = split_spec(spec)
    entries = [
        (entry, name)
        for entry in project.models
        for file, name in [split_spec(entry.file)]
        if (project.root / file).resolve() == path.resolve() and (class_name is None or name in {None, class_name})
    ]
    if class_name is not None and any(name == class_name for _, name in entries):
        entries = [(entry, name) for entry, name in entries if name == class_name]
    targets = []
    for entry, name in entries or [(ModelEntry(file=str(path)), None)]:
        target = _target(path, class_name or name, entry, project)
        if trajectories:
            target = _with_data(target, trajectories, "given")
        elif not target.trajectories:
            target = _with_data(target, find_trajectories(path, project.root), "found")
        if not target.trajectories and required:
            raise _no_data(path, project)
        targets.append(target)
    return tuple(targets)


def one_target(spec: str, project: Project, trajectories: Sequence[str] = ()) -> ModelTarget:
    """The model that a name means.

    Args:
        spec: `file.py` or `file.py::Class`; the file need not exist.
        project: The project it is in.
        trajectories: The data, where not the configuration's.

    Raises:
        CwmError: There is no data for it, it is a directory, or several models are configured for the file.
    """
    path, _ = split_spec(spec)
    if path.is_dir():
        raise CwmError("is a directory", path=path, hint="name the file of one model")
    targets = resolve_model(spec, project, list(trajectories) or None)
    if len(targets) > 1:
        names = ", ".join(target.spec for target in targets)
        raise CwmError(f"is configured for several models: {names}", path=spec, hint="name one of them")
    return targets[0]


def models_in(
    directory: Path | str, project: Project, trajectories: Sequence[str] | None = None
) -> tuple[ModelTarget, ...]:
    """The models in a directory: those configured, and files for which there is data by their name."""
    directory = Path(directory)
    specs: dict[str, None] = {}
    for entry in project.models:
        file, _ = split_spec(entry.file)
        full = (project.root / file).resolve()
        if full.is_relative_to(directory.resolve()):
            specs[str(directory / full.relative_to(directory.resolve()))] = None
    for file in sorted(_python_files(directory)):
        if str(file) not in specs and find_trajectories(file, project.root):
            specs[str(file)] = None
    return tuple(target for spec in specs for target in resolve_model(spec, project, trajectories))


def find_trajectories(model: Path, root: Path) -> tuple[str, ...]:
    """The data that belongs to a model by its name: `foo.py` and `trajectories/foo*`.

    Data of a model whose longer name starts the same (`foo_2.py`) is not taken for it.
    """
    home = model.resolve().parent
    root = root.resolve()
    above = [home, *(parent for parent in home.parents if parent.is_relative_to(root))]
    longer = {other.stem for other in home.glob(f"{_escape(model.stem)}?*.py")}
    for directory in above:
        folder = directory / "trajectories"
        if not folder.is_dir():
            continue
        found = [file for file in sorted(folder.glob(f"{_escape(model.stem)}*")) if _is_data(file)]
        found = [file for file in found if not any(_starts_with(file.name, stem) for stem in longer)]
        exact = [file for file in found if _starts_with(file.name, model.stem)]
        if found:
            return tuple(str(file) for file in exact or found)
    return ()


def _target(path: Path, class_name: str | None, entry: ModelEntry, project: Project) -> ModelTarget:
    settings = project.settings
    atol, rtol = (
        getattr(entry.tolerance, name)
        if getattr(entry.tolerance, name) is not None
        else getattr(settings.tolerance, name)
        for name in ("atol", "rtol")
    )
    data = tuple(_place(name, project.root) for name in entry.trajectories)
    return ModelTarget(
        path=path,
        trajectories=data,
        origin="configured" if data else "none",
        root=project.root,
        class_name=class_name,
        env=entry.env,
        description=entry.description,
        atol=atol,
        rtol=rtol,
        mode=entry.mode,
        goal=entry.goal,
        stochastic=entry.stochastic,
        ignore_fields=entry.ignore,
        pinned=tuple(str(project.root / name) for name in entry.pinned),
        allow_modules=tuple(dict.fromkeys((*settings.allow_modules, *entry.allow_modules))),
    )


def _with_data(target: ModelTarget, data: Sequence[str], origin: Literal["given", "found"]) -> ModelTarget:
    return replace(target, trajectories=tuple(data), origin=origin if data else "none")


def _place(name: str, root: Path) -> str:
    """A configured source of data: a path from the configuration's directory, or a Minari id as it is."""
    if name.startswith("minari:"):
        return name
    path = root / name
    if _MINARI_ID.fullmatch(name) and not path.exists():
        return name
    return str(path)


_MINARI_ID = re.compile(r"(?:[-_\w]+/)*[-_\w]+-v\d+")


def _no_data(path: Path, project: Project) -> CwmError:
    stem = path.stem
    config = project.config.name if project.config else "cwm.toml"
    table = "[[tool.cwm.models]]" if config == "pyproject.toml" else "[[models]]"
    return CwmError(
        "there is no data to check this model against",
        path=path,
        hint=f"give it with `--trajectories FILE`; or name it in {config} under {table} as "
        f'`file = "{path.name}"` and `trajectories = "FILE"`; or save it as trajectories/{stem}.sqlite '
        f"beside the model or in {project.root}",
    )


def _python_files(directory: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(directory):
        names[:] = [name for name in names if not name.startswith(".") and name not in _NOT_MODELS]
        yield from (Path(folder) / file for file in files if file.endswith(".py"))


_NOT_MODELS = frozenset({"__pycache__", "node_modules", "venv", "site-packages", "trajectories"})


def _escape(text: str) -> str:
    """A text that stands for itself in a pattern."""
    return re.sub(r"([*?\[])", r"[\1]", text)


def _starts_with(name: str, stem: str) -> bool:
    """Whether a name is a stem with something after it that is no part of the same word."""
    return name.startswith(stem) and not name[len(stem) : len(stem) + 1].isalnum()


def _is_data(file: Path) -> bool:
    from cwm_engine.trajectories.load import SUFFIXES

    return file.name.endswith(SUFFIXES) if file.is_file() else file.is_dir()
