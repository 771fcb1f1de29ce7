"""How well a child is shut in here: every layer is tried in a throw-away process, none is assumed.

- `full`: the system call filter and Landlock, or bubblewrap and Landlock: none of the known attacks has an effect.
- `partial`: one of them; some attacks get through, see `Isolation.layers`.
- `process`: a separate process with a clean environment and, where there are any, resource limits. These keep it
  from opening files where they work, but not from deleting them or running programs.
"""

from __future__ import annotations

import functools
import json
import mmap
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from cwm_engine.sandbox.hardening import Hardening
from cwm_engine.sandbox.limits import Limits

Level = Literal["full", "partial", "process"]
Answer = tuple[bool, str]


@dataclass(frozen=True, slots=True)
class Layer:
    """One measure: whether it holds here, and in a few words how that was found out or why it does not."""

    name: str
    active: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Isolation:
    """What keeps a program from the rest of the machine."""

    level: Level
    layers: tuple[Layer, ...]

    @classmethod
    def of(cls, layers: Sequence[Layer]) -> Isolation:
        """The level that a set of layers makes."""
        active = {layer.name for layer in layers if layer.active}
        barriers = active & {"system calls", "landlock", "bubblewrap"}
        strong = "landlock" in barriers and len(barriers) > 1 and "limits" in active
        return cls("full" if strong else "partial" if barriers else "process", tuple(layers))

    def to_json(self) -> list[dict[str, Any]]:
        """The layers as JSON values; `from_json` reads them."""
        return [asdict(layer) for layer in self.layers]

    @classmethod
    def from_json(cls, layers: Sequence[dict[str, Any]]) -> Isolation:
        """What `to_json` wrote."""
        return cls.of([Layer(**layer) for layer in layers])


@functools.cache
def probe_isolation() -> Isolation:
    """Try every layer in a process started like a zygote, and throw it away. Takes some 50 ms, once per process.

    Raises:
        CwmError: No worker process can be started at all.
    """
    from cwm_engine.sandbox.spawn import run_isolated

    return Isolation.from_json(json.loads(run_isolated("cwm_engine.sandbox.isolation:report")))


def report(wrapped: str) -> None:
    """Print what `usable_hardening` finds; runs in the process that `probe_isolation` starts."""
    _, layers = usable_hardening(bool(wrapped))
    print(json.dumps(Isolation.of(layers).to_json()))  # noqa: T201 - the answer to the process that asked


def usable_hardening(wrapped: bool) -> tuple[Hardening, tuple[Layer, ...]]:
    """The layers that hold on this machine, each tried in a forked child; call it in a single-threaded process.

    Args:
        wrapped: Whether this process was started inside bubblewrap, which was tried before.

    Returns:
        What children are to put on, and the account of all layers for the user.
    """
    bubblewrap = Layer(
        "bubblewrap",
        wrapped,
        "own namespaces, few files, read-only" if wrapped else "not installed, or not usable here",
    )
    separate = Layer("process", True, "started by exec with a clean environment and no open files")
    if not hasattr(os, "fork"):  # untested
        return Hardening(), (separate, Layer("limits", False, f"{sys.platform} has no resource limits"), bubblewrap)
    everything = Hardening.prepare()
    limits = _try(Hardening(), _memory_is_bounded, Limits(memory_bytes=64 << 20))
    filtered = _try(Hardening(filter_program=everything.filter_program), _calls_are_filtered)
    landlocked = _try(Hardening(ruleset=everything.ruleset), _files_are_out_of_reach)
    dropped = _try(Hardening(drop_user=everything.drop_user), _has_no_privileges)
    usable = Hardening(
        ruleset=everything.ruleset if landlocked[0] else None,
        filter_program=everything.filter_program if filtered[0] else None,
        drop_user=everything.drop_user and dropped[0],
    )
    if not dropped[0]:
        dropped = _try(Hardening(), _has_no_privileges)
    layers = (
        separate,
        Layer("limits", *limits),
        Layer("no privileges", *dropped),
        Layer("landlock", *landlocked),
        Layer("system calls", *filtered),
        bubblewrap,
    )
    return usable, layers


def _try(hardening: Hardening, check: Callable[[], Answer], limits: Limits | None = None) -> Answer:
    """Put one layer on in a forked child and see there whether it holds."""
    reader, writer = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            hardening.enter(limits, keep={writer}, parent=parent)
            answer = check()
        except OSError as error:
            answer = (False, f"refused here: {error}")
        except BaseException as error:  # noqa: BLE001 - the answer is that it does not work
            answer = (False, f"{type(error).__name__}: {error}")
        os.write(writer, json.dumps(answer).encode())
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:  # noqa: PTH123 - a descriptor
        content = pipe.read()
    os.waitpid(child, 0)
    if not content:
        return False, "the process that tried it died"
    active, detail = json.loads(content)
    return bool(active), str(detail)


def _memory_is_bounded() -> Answer:
    try:
        mmap.mmap(-1, 256 << 20)
    except OSError:
        return True, "memory, processor time, files, processes"
    return False, "memory cannot be bounded here"


def _files_are_out_of_reach() -> Answer:
    try:
        os.close(os.open("/", os.O_RDONLY))
    except PermissionError:
        return True, "no file can be opened"
    return False, "this kernel has no Landlock, or it is switched off"


def _calls_are_filtered() -> Answer:
    try:
        os.stat("/")  # noqa: PTH116 - only the system call matters
    except PermissionError:
        pass
    else:
        return False, "no table for this processor, or no seccomp"
    try:
        mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_EXEC)
    except PermissionError:
        return True, "allow-list of system calls, no executable memory"
    return False, "memory can be made executable"


def _has_no_privileges() -> Answer:
    try:
        status = Path("/proc/self/status").read_bytes()
    except OSError:  # untested: not Linux
        return os.geteuid() != 0, "judged by the user alone"
    capable = any(int(line.split()[1], 16) for line in status.splitlines() if line.startswith(b"CapEff:"))
    return not capable, "runs as root and cannot change that" if capable else "no capabilities"
