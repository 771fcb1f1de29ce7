"""System calls by number: what a child may still call, on x86-64 and (untested) on aarch64.

The list is what CPython, NumPy and glibc need to compute, allocate, tell the time, be interrupted and
read and write descriptors that are already open. Nothing on it opens, names or creates anything.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass

_X86_64 = {
    "read": 0,
    "write": 1,
    "close": 3,
    "fstat": 5,
    "lseek": 8,
    "munmap": 11,
    "brk": 12,
    "rt_sigaction": 13,
    "rt_sigprocmask": 14,
    "rt_sigreturn": 15,
    "sched_yield": 24,
    "mremap": 25,
    "madvise": 28,
    "nanosleep": 35,
    "getpid": 39,
    "exit": 60,
    "gettimeofday": 96,
    "getrusage": 98,
    "times": 100,
    "getuid": 102,
    "getgid": 104,
    "geteuid": 107,
    "getegid": 108,
    "getppid": 110,
    "sigaltstack": 131,
    "gettid": 186,
    "time": 201,
    "futex": 202,
    "sched_getaffinity": 204,
    "restart_syscall": 219,
    "clock_gettime": 228,
    "clock_getres": 229,
    "clock_nanosleep": 230,
    "exit_group": 231,
    "getrandom": 318,
}

_AARCH64 = {
    "read": 63,
    "write": 64,
    "close": 57,
    "fstat": 80,
    "lseek": 62,
    "munmap": 215,
    "brk": 214,
    "rt_sigaction": 134,
    "rt_sigprocmask": 135,
    "rt_sigreturn": 139,
    "sched_yield": 124,
    "mremap": 216,
    "madvise": 233,
    "nanosleep": 101,
    "getpid": 172,
    "exit": 93,
    "gettimeofday": 169,
    "getrusage": 165,
    "times": 153,
    "getuid": 174,
    "getgid": 176,
    "geteuid": 175,
    "getegid": 177,
    "getppid": 173,
    "sigaltstack": 132,
    "gettid": 178,
    "futex": 98,
    "sched_getaffinity": 123,
    "restart_syscall": 128,
    "clock_gettime": 113,
    "clock_getres": 114,
    "clock_nanosleep": 115,
    "exit_group": 94,
    "getrandom": 278,
}


@dataclass(frozen=True, slots=True)
class Architecture:
    """How the kernel numbers system calls for one kind of processor.

    Attributes:
        audit: The `AUDIT_ARCH_*` value a seccomp filter sees.
        allowed: Numbers that pass whatever their arguments.
        mappings: Numbers that pass unless their third argument asks for executable memory.
        absent: Numbers answered with "no such call", so that glibc tries the older call and sees that one refused.
        foreign_from: Numbers from here on belong to another calling convention (x32); None where there is none.
    """

    audit: int
    allowed: tuple[int, ...]
    mappings: tuple[int, ...]
    absent: tuple[int, ...]
    foreign_from: int | None


ARCHITECTURES = {
    "x86_64": Architecture(
        audit=0xC000003E,
        allowed=tuple(_X86_64.values()),
        mappings=(9, 10),  # mmap, mprotect; pkey_mprotect is refused altogether
        absent=(435,),  # clone3
        foreign_from=0x4000_0000,
    ),
    "aarch64": Architecture(
        audit=0xC00000B7,
        allowed=tuple(_AARCH64.values()),
        mappings=(222, 226),
        absent=(435,),
        foreign_from=None,
    ),
}

# Calls made by number because not every C library has a function for them; newer calls have one number everywhere.
MEMFD_CREATE = {"x86_64": 319, "aarch64": 279}
LANDLOCK_CREATE_RULESET = 444
LANDLOCK_RESTRICT_SELF = 446


def architecture() -> Architecture | None:
    """The table of this machine, or None where there is none: a 32-bit Python, another processor."""
    return ARCHITECTURES.get(platform.machine()) if platform.architecture()[0] == "64bit" else None
