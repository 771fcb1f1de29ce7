"""Calls into the C library that Python has no function for."""

from __future__ import annotations

import ctypes
import os
import sys

# `CDLL(None)` does not exist on Windows, and the calls made here only on Linux.
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_SET_NO_NEW_PRIVS = 38


def prctl(option: int, *arguments: int | ctypes.c_void_p) -> None:
    """Change an attribute of this process.

    Raises:
        OSError: The kernel refuses, or this is not Linux.
    """
    padded = [*arguments, *[0] * (4 - len(arguments))]
    values = [value if isinstance(value, ctypes.c_void_p) else ctypes.c_ulong(value) for value in padded]
    _checked("prctl", _libc().prctl(ctypes.c_int(option), *values))


def syscall(name: str, number: int, *arguments: object) -> int:
    """Make a system call by number.

    Raises:
        OSError: The kernel refuses it or does not know it, or this is not Linux.
    """
    return _checked(name, _libc().syscall(ctypes.c_long(number), *arguments))


def _libc() -> ctypes.CDLL:
    if _LIBC is None:
        raise OSError("this needs Linux")
    return _LIBC


def _checked(name: str, result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result
