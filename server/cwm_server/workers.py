"""Worker processes as the server sees them: started ahead of time, talked to without waiting, killed at once.

Each has a thread that reads and one that writes, so that neither JSON nor a full pipe ever holds up the event loop.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import queue
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from cwm_engine.sandbox.messages import ProtocolError, encode, read_message

WARM_SECONDS = 1.0
"""How long after a worker was taken the next is started: the one that was taken needs the processor more."""

# `-P`: the folder the editor was started in may hold a stray `random.py`.
_START = (
    "import sys; sys.path += [entry for entry in sys.argv[1:] if entry not in sys.path]; "
    "from cwm_server.worker import main; main()"
)

logger = logging.getLogger(__name__)

Message = dict[str, Any]
OnMessage = Callable[[Message], None]
OnEnd = Callable[[str | None], None]


class Job:
    """A job in a process of its own; for use from the event loop."""

    def __init__(self, process: _Process, on_message: OnMessage, on_end: OnEnd) -> None:
        self._process = process
        self._on_message = on_message
        self._on_end = on_end
        self._killed = False
        process.listen(self._take, self._end)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def send(self, data: Message) -> None:
        """Tell the job something; what arrives after its end is lost."""
        self._process.send(data)

    def kill(self) -> None:
        """End the process at once, with all it has started; nothing more is heard of it."""
        self._killed = True
        self._process.kill()

    def _take(self, message: Message) -> None:
        if not self._killed:
            self._on_message(message)

    def _end(self, reason: str | None) -> None:
        if not self._killed:
            self._killed = True
            self._on_end(reason)


class Workers:
    """Starts processes for jobs and keeps a warm one ready.

    Attributes:
        interpreter: The Python that runs them; the server's own unless the user has chosen another.
    """

    def __init__(self) -> None:
        self.interpreter = sys.executable
        self._spare: asyncio.Future[_Process] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._all: weakref.WeakSet[_Process] = weakref.WeakSet()
        self._closed = False
        atexit.register(self.close)

    def warm(self) -> None:
        """Start a process ahead of time, if there is none waiting."""
        self._timer = None
        if self._spare is None and not self._closed:
            self._spare = asyncio.ensure_future(self._launch())
            self._spare.add_done_callback(_retrieve)

    def use(self, interpreter: str | None) -> bool:
        """Run workers with another Python from here on, None being the server's own; whether it is another."""
        chosen = interpreter or sys.executable
        if chosen == self.interpreter:
            return False
        self.interpreter = chosen
        spare, self._spare = self._spare, None
        if spare is not None:
            self._discard(spare)
        return True

    async def start(self, job: str, params: Message, on_message: OnMessage, on_end: OnEnd) -> Job:
        """Do a job in a process of its own.

        Args:
            job: `module:function`, see `worker.main`.
            params: What it is told.
            on_message: Called on the event loop with everything it says.
            on_end: Called on the event loop when it has ended without having been killed, with the reason if it was
                not by itself.

        Raises:
            OSError: No process can be started.
        """
        launch, self._spare = self._spare or asyncio.ensure_future(self._launch()), None
        try:
            process = await asyncio.shield(launch)
        except asyncio.CancelledError:
            self._discard(launch)  # nobody waits for it any more
            raise
        started = Job(process, on_message, on_end)
        started.send({"job": job, "params": params})
        if self._timer is None and not self._closed:
            self._timer = asyncio.get_running_loop().call_later(WARM_SECONDS, self.warm)
        return started

    def close(self) -> None:
        """End all processes."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for process in list(self._all):
            process.kill()

    @staticmethod
    def _discard(launch: asyncio.Future[_Process]) -> None:
        """End a process as soon as it has started."""

        def end(launched: asyncio.Future[_Process]) -> None:
            if launched.exception() is None:
                Job(launched.result(), lambda _: None, lambda _: None).kill()  # a job's threads close its pipes

        launch.add_done_callback(end)

    async def _launch(self) -> _Process:
        process = await asyncio.to_thread(_Process, self.interpreter)
        if self._closed:
            process.kill()
        self._all.add(process)
        return process


class _Process:
    """A process and the two threads that talk to it."""

    def __init__(self, interpreter: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, or the one the user has chosen
            [interpreter, "-P", "-c", _START, *_import_path()], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        assert self._process.stdout is not None  # noqa: S101
        self._stdin: IO[bytes] = self._process.stdin
        self._stdout: IO[bytes] = self._process.stdout
        self._outgoing: queue.SimpleQueue[Message | None] = queue.SimpleQueue()

    @property
    def pid(self) -> int:
        return self._process.pid

    def listen(self, on_message: OnMessage, on_end: OnEnd) -> None:
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, args=(loop, on_message, on_end), daemon=True).start()
        threading.Thread(target=self._write, daemon=True).start()

    def send(self, data: Message) -> None:
        self._outgoing.put(data)

    def kill(self) -> None:
        self._outgoing.put(None)
        with contextlib.suppress(OSError):
            self._process.kill()

    def _read(self, loop: asyncio.AbstractEventLoop, on_message: OnMessage, on_end: OnEnd) -> None:
        failed = None
        try:
            while (message := read_message(self._stdout.read)) is not None:
                failed = message.data.get("failed", failed)
                _call(loop, on_message, message.data)
        except ProtocolError as error:
            failed = f"it sent {error}"
            self._process.kill()
        except (OSError, ValueError):
            pass  # it was closed from this side
        self._outgoing.put(None)
        code = self._process.wait()
        self._stdout.close()
        _call(loop, on_end, failed or (f"it ended with exit code {code}" if code else None))

    def _write(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while (data := self._outgoing.get()) is not None:
                self._stdin.write(encode(data))
                self._stdin.flush()
        with contextlib.suppress(OSError):
            self._stdin.close()


def _call(loop: asyncio.AbstractEventLoop, function: Callable[[Any], None], argument: Any) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: the server is ending
        loop.call_soon_threadsafe(function, argument)


def _retrieve(future: asyncio.Future[_Process]) -> None:
    """Look at the exception of a spare that nobody may ever ask for."""
    if not future.cancelled() and future.exception() is not None:
        logger.warning("no worker process can be started: %s", future.exception())


def _import_path() -> list[str]:
    """Where a worker finds this package and what it needs, if its own Python does not know."""
    own = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]
    return list(dict.fromkeys([*own, *(entry for entry in sys.path if entry and Path(entry).is_absolute())]))
