"""Programs that try to get out, at other people's things, at the answers, or at the host; see `attacks.txt`.

Each sets `effect` when it believes it got what it came for. They find everything loaded that the standard library
has to get out with, and no import guard in the way: what has to stop them is the kernel.
"""

import ctypes
import os
import platform
import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Expect(Enum):
    """What must become of an attack; in no case may it have an effect."""

    REFUSED = "an exception that is known to be the sandbox's"
    RAISES = "an exception"
    KILLED = "the wall clock ends it"
    DIES = "the process dies, or is ended for what it sent"
    CLAIMS = "the host gets an answer that means nothing"
    NOTHING = "it runs to its end and has got nothing"
    WORKS = "it is no attack and must work"


@dataclass(frozen=True)
class Attack:
    """One program and what may become of it, which is more than one thing where versions of Python differ.

    `bites` says that, run without a sandbox, it does have an effect and harms nobody, which a test makes sure of.
    """

    name: str
    expect: frozenset[Expect]
    bites: bool
    source: str


TOOLS = [
    *(
        "ctypes",
        "encodings.idna",
        "fcntl",
        "importlib.util",
        "mmap",
        "multiprocessing.context",
        "multiprocessing.popen_fork",
        "os",
    ),
    *("pathlib", "pickle", "resource", "signal", "socket", "subprocess", "tempfile", "threading", "urllib.request"),
]
"""Modules attackers find loaded."""


def read_attacks():
    """The attacks of `attacks.txt` that are meant for this machine."""
    text = Path(__file__).with_name("attacks.txt").read_text(encoding="utf-8")
    text = re.sub(r"^-- .*$", "", text, flags=re.MULTILINE)
    attacks = []
    for block in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        header, _, source = block.partition("\n")
        words, _, name = header.partition(": ")
        expect, *marks = words.split()
        if "x86-64" not in marks or platform.machine() == "x86_64":
            outcomes = frozenset(Expect[outcome] for outcome in expect.split("/"))
            attacks.append(Attack(name, outcomes, "bites" in marks, source.strip() + "\n"))
    return attacks


ATTACKS = read_attacks()


def native_names():
    """The C library for programs that go around Python, and `call`, which turns its refusals into exceptions."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    libc.pkey_mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int]

    def call(result):
        if result < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return True

    return {"libc": libc, "call": call, "ctypes": ctypes}
