"""Ending with the editor: a server whose editor is gone ends at once, and its workers with it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable

POLL_SECONDS = 1.0


def watch(pid: int, on_death: Callable[[], None]) -> asyncio.Task[None]:
    """Call a function when a process has ended; for use on the event loop.

    Args:
        pid: The editor's process id.
        on_death: Called on the event loop, once.
    """
    return asyncio.ensure_future(_watch(pid, on_death))


async def _watch(pid: int, on_death: Callable[[], None]) -> None:
    if hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):  # gone already, or an old kernel
            await _ended(os.pidfd_open(pid))
    while _is_alive(pid):
        await asyncio.sleep(POLL_SECONDS)
    on_death()


async def _ended(descriptor: int) -> None:
    """Wait until the process of a descriptor has ended."""
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    loop.add_reader(descriptor, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _is_alive(pid: int) -> bool:
    if os.name == "nt":  # untested
        return _is_alive_on_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_alive_on_windows(pid: int) -> bool:
    import ctypes

    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 - only there on Windows
    handle = kernel.OpenProcess(0x00100000, False, pid)  # SYNCHRONIZE
    if not handle:
        return False
    try:
        return bool(kernel.WaitForSingleObject(handle, 0) == 0x102)  # WAIT_TIMEOUT: it has not ended
    finally:
        kernel.CloseHandle(handle)
