"""What a process does to itself before it runs code nobody has reviewed; nothing of it can be undone.

Prepared once in the zygote, entered by every child after the fork in about a third of a millisecond.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Collection
from dataclasses import dataclass

from cwm_engine.sandbox import kernel
from cwm_engine.sandbox.landlock import create_ruleset, restrict_self
from cwm_engine.sandbox.limits import Limits
from cwm_engine.sandbox.seccomp import build_filter, install_filter
from cwm_engine.sandbox.syscalls import architecture

_NOBODY = 65534


@dataclass(frozen=True, slots=True)
class Hardening:
    """The layers a child puts on itself.

    Attributes:
        ruleset: Descriptor of a Landlock ruleset that grants nothing; None leaves Landlock out.
        filter_program: The seccomp program; None leaves it out.
        drop_user: Become nobody. Only root can, and only root has to.
    """

    ruleset: int | None = None
    filter_program: bytes | None = None
    drop_user: bool = False

    @classmethod
    def prepare(cls) -> Hardening:
        """Everything this platform may have. Whether it works here is for `isolation` to try."""
        machine = architecture()
        try:
            ruleset = create_ruleset()
        except OSError:
            ruleset = None
        filter_program = build_filter(machine) if machine is not None and sys.platform == "linux" else None
        return cls(ruleset, filter_program, drop_user=hasattr(os, "geteuid") and os.geteuid() == 0)

    def enter(self, limits: Limits | None, *, keep: Collection[int], parent: int | None) -> None:
        """Put every layer on, in the order that lets each one still be put on.

        Args:
            limits: Memory and processor time; memory counts from what is mapped now. None leaves them out.
            keep: Descriptors that stay open besides 0, 1 and 2.
            parent: The single-threaded process to die with; None when there is no such process.

        Raises:
            OSError: A layer that was prepared cannot be put on. The caller must not go on.
        """
        close_descriptors(keep if self.ruleset is None else {*keep, self.ruleset})
        if hasattr(os, "setsid"):
            with contextlib.suppress(PermissionError):  # leads its session already
                os.setsid()
        if limits is not None:
            set_resource_limits(limits)
        if self.drop_user:
            drop_user()
        if sys.platform == "linux":
            if parent is not None:
                die_with_parent(parent)
            kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
            kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        if self.ruleset is not None:
            restrict_self(self.ruleset)
            os.close(self.ruleset)
        if self.filter_program is not None:
            install_filter(self.filter_program)


def set_resource_limits(limits: Limits) -> None:
    """Bound memory, processor time, files and processes of this process. Nothing where there are no rlimits.

    Raises:
        OSError: A limit is refused on Linux. Elsewhere the memory limit may not exist (macOS, untested).
    """
    if sys.platform == "win32":
        return
    import resource

    memory = mapped_bytes() + limits.memory_bytes  # asked before no file can be opened any more
    seconds = max(1, int(limits.cpu_seconds))
    bounds = {
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_CPU: (seconds, seconds + 1),
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_NOFILE: (0, 0),
        resource.RLIMIT_NPROC: (0, 0),
    }
    for kind, bound in bounds.items():
        resource.setrlimit(kind, bound)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    except (OSError, ValueError):
        if sys.platform == "linux":
            raise


def drop_user() -> None:
    """Become nobody, which also gives up every capability.

    Raises:
        OSError: This is a root that may not change its user, as in some containers.
    """
    os.setgroups([])
    os.setresgid(_NOBODY, _NOBODY, _NOBODY)
    os.setresuid(_NOBODY, _NOBODY, _NOBODY)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, or at once if the parent has ended already."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def close_descriptors(keep: Collection[int]) -> None:
    """Close everything but 0, 1, 2 and `keep`."""
    try:
        candidates = [int(name) for name in os.listdir("/proc/self/fd")]  # noqa: PTH208
    except OSError:  # untested: not Linux
        candidates = list(range(os.sysconf("SC_OPEN_MAX") if hasattr(os, "sysconf") else 1 << 12))
    for descriptor in candidates:
        if descriptor > 2 and descriptor not in keep:
            with contextlib.suppress(OSError):
                os.close(descriptor)


def mapped_bytes() -> int:
    """The address space this process has mapped; 0 where that cannot be asked."""
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - on the way of every fork
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
