"""Bubblewrap around the zygote, where it is installed and works: own namespaces, and a file system of almost nothing.

One more wall, not a needed one. It is tried before it is used, because containers and hardened
distributions often forbid the user namespaces it needs.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections.abc import Sequence

_SYSTEM = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/nix/store")


def prefix(folders: Sequence[str]) -> list[str]:
    """What goes in front of a command to run it with only `folders` and the system's libraries, read-only.

    `--die-with-parent` is left out on purpose: it would end the zygote with the *thread* that started it.
    The zygote ends when its control socket closes, and takes the namespaces with it.
    """
    command = [shutil.which("bwrap") or "bwrap", "--unshare-all", "--new-session", "--cap-drop", "ALL"]
    command += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]  # noqa: S108 - inside the namespace
    for folder in dict.fromkeys([*_SYSTEM, *folders]):
        command += ["--ro-bind-try", folder, folder]
    return [*command, "--dir", "/tmp/scratch", "--chdir", "/tmp/scratch", "--"]  # noqa: S108


@functools.cache
def works(interpreter: tuple[str, ...], folders: tuple[str, ...]) -> bool:
    """Whether a command, such as a Python that does nothing, runs to its end inside bubblewrap."""
    if shutil.which("bwrap") is None:
        return False
    try:
        command = [*prefix(folders), *interpreter]
        return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False
