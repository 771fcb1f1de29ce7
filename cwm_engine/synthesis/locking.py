"""A lock between processes that ends with the process that holds it, however it ends."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Lock:
    """A file held by this process. The file itself stays: removing it would let two hold one each."""

    path: Path
    _descriptor: int

    @classmethod
    def take(cls, path: Path) -> Lock | None:
        """Hold a file.

        Returns:
            None if another holds it.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if _try(descriptor):
            return cls(path, descriptor)
        os.close(descriptor)
        return None

    def release(self) -> None:
        """Let others hold it."""
        with suppress(OSError):
            os.close(self._descriptor)


def _try(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:
        return _try_windows(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _try_windows(descriptor: int) -> bool:
    # Untested: the project is tested on Linux.
    import importlib

    msvcrt = importlib.import_module("msvcrt")
    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    return True
