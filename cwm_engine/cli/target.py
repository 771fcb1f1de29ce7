"""The one model that a command is about: its file, its data, its text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cwm_engine.errors import CwmError
from cwm_engine.findings import Finding
from cwm_engine.project import ModelTarget, Project, resolve_model, split_spec
from cwm_engine.world_model.source import ModelSource, read_source


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


def source_of(path: Path) -> ModelSource | None:
    """The text of a model file; None where there is no file yet.

    Raises:
        CwmError: It cannot be read as Python source.
    """
    if not path.exists():
        return None
    read = read_source(path)
    if isinstance(read, Finding):
        raise CwmError(f"{read.message[0].lower()}{read.message[1:].rstrip('.')}", path=path, hint=_half(read.note))
    return read


def _half(sentence: str | None) -> str | None:
    """A sentence as it stands in brackets."""
    return f"{sentence[0].lower()}{sentence[1:].rstrip('.')}" if sentence else None
