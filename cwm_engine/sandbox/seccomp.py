"""The system call filter: everything not on a short list is refused, and nothing can be made executable."""

from __future__ import annotations

import ctypes
import errno
import struct

from cwm_engine.sandbox import kernel
from cwm_engine.sandbox.syscalls import Architecture

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW = 0x7FFF_0000
_KILL_PROCESS = 0x8000_0000
_ERRNO = 0x0005_0000
_NUMBER, _ARCHITECTURE, _THIRD_ARGUMENT = 0, 4, 32  # offsets in struct seccomp_data, low halves
_PROT_EXEC = 4
_MODE_FILTER = 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def build_filter(machine: Architecture) -> bytes:
    """The BPF program of the strict allow-list.

    A call made in a foreign convention (i386, x32) ends the process: only somebody trying to slip past
    the numbers makes one. A call that is not allowed fails with EPERM, which Python shows as a
    `PermissionError` on the line that tried.
    """
    refuse = _ERRNO | errno.EPERM
    program = [_op(_LOAD, _ARCHITECTURE), _op(_EQUAL, machine.audit, 1, 0), _op(_RETURN, _KILL_PROCESS)]
    program.append(_op(_LOAD, _NUMBER))
    if machine.foreign_from is not None:
        program += [_op(_AT_LEAST, machine.foreign_from, 0, 1), _op(_RETURN, _KILL_PROCESS)]
    for number in machine.mappings:
        program += [
            _op(_EQUAL, number, 0, 4),
            _op(_LOAD, _THIRD_ARGUMENT),
            _op(_ANY_BIT, _PROT_EXEC, 0, 1),
            _op(_RETURN, refuse),
            _op(_RETURN, _ALLOW),
        ]
    for number in machine.allowed:
        program += [_op(_EQUAL, number, 0, 1), _op(_RETURN, _ALLOW)]
    for number in machine.absent:
        program += [_op(_EQUAL, number, 0, 1), _op(_RETURN, _ERRNO | errno.ENOSYS)]
    program.append(_op(_RETURN, refuse))
    return b"".join(program)


def install_filter(program: bytes) -> None:
    """Put the filter on this thread for good; needs no_new_privs to be set.

    Raises:
        OSError: The kernel has no seccomp filters, or forbids them here.
    """
    buffer = ctypes.create_string_buffer(program, len(program))
    header = _Program(len(program) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    kernel.prctl(kernel.PR_SET_SECCOMP, _MODE_FILTER, ctypes.cast(ctypes.byref(header), ctypes.c_void_p))


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)
