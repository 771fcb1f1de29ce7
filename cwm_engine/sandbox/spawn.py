"""Starting a Python process that knows nothing of this one: no environment, no open files, no current folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np

from cwm_engine.errors import CwmError
from cwm_engine.sandbox import bubblewrap

_KEPT = ("DYLD_LIBRARY_PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "SYSTEMROOT")
# No site folders, nothing unsafe in front of the path; unlike `-I`, the variables set below are heeded.
_PYTHON = ("-s", "-S", "-P", "-c")
_START = (
    "import sys; sys.path += sys.argv[3:]; from importlib import import_module; "
    "module, _, function = sys.argv[1].partition(':'); getattr(import_module(module), function)(sys.argv[2])"
)
_PROBE_SECONDS = 60.0


def clean_environment() -> dict[str, str]:
    """The whole environment of a worker: what makes it run at all, and what makes it run the same everywhere.

    String hashing is fixed, so that a model that walks over a set of strings gives one report in the editor
    and in CI. One thread for linear algebra: a worker must be single-threaded to fork, and small arrays gain
    nothing from more.
    """
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }


def import_path() -> list[str]:
    """Folders a worker imports from after the standard library: this package, NumPy, then what this process uses.

    The current folder, where a stray `random.py` may lie, is left out unless it is named.
    """
    own = Path(__file__).parents[2]
    first = [str(own), str(Path(np.__file__).parents[1])]
    others = [entry for entry in sys.path if Path(entry).is_absolute() and Path(entry).exists()]
    return list(dict.fromkeys([*first, *others]))


def can_wrap() -> bool:
    """Whether a worker can be started inside bubblewrap here."""
    return bubblewrap.works((sys.executable, *_PYTHON, "pass"), tuple(_visible_folders()))


class Worker:
    """A process running `module:function(argument)` in an empty folder.

    Args:
        entry: `module:function`; the function takes one string.
        argument: That string.
        descriptors: Open in the process under the numbers they have here.
        wrapped: Start it inside bubblewrap.
        output: Where its standard output goes.
        errors: Where its standard error goes.

    Raises:
        CwmError: The process cannot be started.
    """

    def __init__(
        self,
        entry: str,
        argument: str,
        *,
        descriptors: Sequence[int] = (),
        wrapped: bool = False,
        output: IO[bytes] | int = subprocess.DEVNULL,
        errors: IO[bytes] | int = subprocess.DEVNULL,
    ) -> None:
        command = [sys.executable, *_PYTHON, _START, entry, argument, *import_path()]
        if wrapped:
            command = [*bubblewrap.prefix(_visible_folders()), *command]
        # Bubblewrap has an empty folder of its own.
        self._scratch = None if wrapped else tempfile.mkdtemp(prefix="cwm-")
        try:
            self.process = subprocess.Popen(  # noqa: S603 - our own interpreter
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                pass_fds=tuple(descriptors),
                cwd=self._scratch,
                env=clean_environment(),
                start_new_session=True,  # Ctrl-C in the terminal is for the host to handle
            )
        except OSError as error:
            self._remove_scratch()
            raise CwmError(f"no worker process can be started: {error}") from error

    def stop(self, patience: float) -> None:
        """Wait for the process to end by itself, and kill it if it does not; leaves no folder behind."""
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._remove_scratch()

    def _remove_scratch(self) -> None:
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)


def run_isolated(entry: str) -> bytes:
    """What `module:function` prints when a worker runs it; it is told whether it is inside bubblewrap.

    Raises:
        CwmError: It prints nothing, or does not end.
    """
    wrapped = can_wrap()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        worker = Worker(entry, "wrapped" if wrapped else "", wrapped=wrapped, output=output, errors=errors)
        worker.stop(_PROBE_SECONDS)
        output.seek(0)
        errors.seek(0)
        answer = output.read()
        if not answer:
            raise CwmError(f"a worker process failed: {last_line(errors.read())}")
        return answer


def last_line(output: bytes) -> str:
    """The last line a process wrote before it ended: of a traceback, the exception."""
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _visible_folders() -> list[str]:
    """What a worker has to read to start: the interpreter, the virtual environment, the packages."""
    executable = Path(sys.executable)
    interpreter = [sys.base_prefix, sys.base_exec_prefix, sys.prefix, executable.parent, executable.resolve().parent]
    return [*map(str, interpreter), *import_path()]
