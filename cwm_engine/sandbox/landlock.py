"""Landlock: no file, no network, no signal to anybody, whatever else is on this machine."""

from __future__ import annotations

import ctypes
import struct

from cwm_engine.sandbox import kernel
from cwm_engine.sandbox.syscalls import LANDLOCK_CREATE_RULESET, LANDLOCK_RESTRICT_SELF

_VERSION = 1  # the flag that asks for the ABI version instead of a ruleset


def landlock_abi() -> int:
    """The version of Landlock this kernel speaks; 0 where it has none or it is switched off."""
    try:
        return kernel.syscall(
            "landlock_create_ruleset", LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION)
        )
    except OSError:
        return 0


def create_ruleset() -> int:
    """A descriptor of a ruleset that handles every right this kernel knows, and grants none.

    Raises:
        OSError: The kernel has no Landlock.
    """
    attributes = _attributes(landlock_abi())
    return kernel.syscall(
        "landlock_create_ruleset",
        LANDLOCK_CREATE_RULESET,
        attributes,
        ctypes.c_size_t(len(attributes)),
        ctypes.c_uint32(0),
    )


def restrict_self(ruleset: int) -> None:
    """Put this thread under a ruleset for good; needs no_new_privs to be set.

    Raises:
        OSError: The kernel refuses.
    """
    kernel.syscall("landlock_restrict_self", LANDLOCK_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))


def _attributes(abi: int) -> bytes:
    """`struct landlock_ruleset_attr` with everything the ABI version defines; each version added rights."""
    files = (1 << 13) - 1
    if abi >= 2:
        files |= 1 << 13  # linking and renaming across directories
    if abi >= 3:
        files |= 1 << 14  # truncating
    if abi >= 5:
        files |= 1 << 15  # ioctl on devices
    fields = [files]
    if abi >= 4:
        fields.append(0b11)  # binding and connecting TCP
    if abi >= 6:
        fields.append(0b11)  # abstract unix sockets and signals outside the domain
    return struct.pack(f"<{len(fields)}Q", *fields)
