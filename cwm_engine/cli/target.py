"""The model that a command is about, and its text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cwm_engine.errors import CwmError
from cwm_engine.findings import Finding
from cwm_engine.project import ModelTarget, Project, find_project, one_target
from cwm_engine.world_model.source import ModelSource, read_source


def existing_model(
    spec: str, trajectories: Sequence[str], *, hint: str = "name a model that is there"
) -> tuple[Project, ModelTarget, ModelSource]:
    """The one model that a name means, in a file that is there: its project, what is configured for it, its text.

    Args:
        spec: `file.py` or `file.py::Class`.
        trajectories: The data, where not the configuration's.
        hint: What to do where the file is missing.

    Raises:
        CwmError: There is no such file or no data for it, several models are meant, or it cannot be read.
    """
    project = find_project(spec.partition("::")[0])
    target = one_target(spec, project, trajectories)
    source = source_of(target.path)
    if source is None:
        raise CwmError("no such file", path=target.path, hint=hint)
    return project, target, source


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
