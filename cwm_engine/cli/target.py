"""The text of the model that a command is about."""

from __future__ import annotations

from pathlib import Path

from cwm_engine.errors import CwmError
from cwm_engine.findings import Finding
from cwm_engine.world_model.source import ModelSource, read_source


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
