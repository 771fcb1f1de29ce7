"""Run a module as an ordinary user, being root: `python -m tests.sandbox.as_nobody MODULE ARGUMENTS`.

An interpreter under `/root` is out of the ordinary user's sight. Then the folders that hide it are laid open in
a mount namespace of this process alone.
"""

import ctypes
import os
import stat
import sys
import tempfile
from pathlib import Path

NOBODY = 65534
CLONE_NEWNS = 0x20000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000


def main(arguments):
    needed = [Path(sys.base_prefix), Path(sys.prefix), Path(__file__).parents[2]]
    hiding = sorted({folder for path in needed for folder in path.parents if not folder.stat().st_mode & stat.S_IXOTH})
    if hiding:
        _own_mounts()
        for folder in hiding:
            _lay_open(folder, [path for path in needed if path.is_relative_to(folder)])
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    os.execv(sys.executable, [sys.executable, "-m", *arguments])


def _own_mounts():
    if _libc.unshare(CLONE_NEWNS) != 0:
        sys.exit(77)
    _mount(None, "/", MS_REC | MS_PRIVATE)


def _lay_open(folder, needed):
    """Put an open folder in the place of a closed one, with only what is needed in it."""
    aside = [Path(tempfile.mkdtemp(prefix="cwm-nobody-")) for _ in needed]
    for path, place in zip(needed, aside, strict=True):
        _mount(path, place, MS_BIND | MS_REC)
    _mount("tmpfs", folder, 0, b"tmpfs", b"mode=755")
    for path, place in zip(needed, aside, strict=True):
        path.mkdir(parents=True, exist_ok=True)
        _mount(place, path, MS_BIND | MS_REC)
        _libc.umount2(os.fsencode(place), 2)
        place.rmdir()


def _mount(source, target, flags, kind=None, options=None):
    if _libc.mount(os.fsencode(source) if source else None, os.fsencode(target), kind, flags, options) != 0:
        sys.exit(77)


_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]

if __name__ == "__main__":
    main(sys.argv[1:])
