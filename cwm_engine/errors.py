"""What could not be done, said so that the reader knows what to do next."""

from __future__ import annotations

from pathlib import Path


class CwmError(Exception):
    """Something the user asked for could not be done.

    Args:
        message: What happened, as one sentence without the file name.
        path: The file it happened in, if there is one.
        hint: What to do about it, as one sentence.
    """

    def __init__(self, message: str, *, path: Path | str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.path}: " if self.path is not None else ""
        advice = f" ({self.hint})" if self.hint else ""
        return f"{place}{self.message}{advice}"
