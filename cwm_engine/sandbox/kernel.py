"""Calls into the C library that Python has no function for."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import sys

from cwm_engine.sandbox.syscalls import MEMFD_CREATE

# `CDLL(None)` does not exist on Windows, and the calls made here only on Linux.
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_SET_NO_NEW_PRIVS = 38
_MFD_CLOEXEC, _MFD_ALLOW_SEALING, _MFD_NOEXEC_SEAL = 1, 2, 8


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


def memfd_create(name: str) -> int:
    """A descriptor of anonymous memory that can be sealed, and never be executed where the kernel has that.

    Python's own function is missing from builds for old C libraries, and knows no flag against execution, which
    hardened kernels insist on.

    Raises:
        OSError: The kernel refuses, or this is not Linux.
    """
    number = MEMFD_CREATE.get(platform.machine())
    if number is None:
        return os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    for flags in (_MFD_CLOEXEC | _MFD_NOEXEC_SEAL, _MFD_CLOEXEC | _MFD_ALLOW_SEALING):
        try:
            return syscall("memfd_create", number, name.encode(), ctypes.c_uint(flags))
        except OSError as error:
            if error.errno != errno.EINVAL:  # a kernel before 6.3 does not know the flag
                raise
    raise OSError(errno.EINVAL, "memfd_create: no anonymous memory that can be sealed")


def _libc() -> ctypes.CDLL:
    if _LIBC is None:
        raise OSError("this needs Linux")
    return _LIBC


def _checked(name: str, result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result
