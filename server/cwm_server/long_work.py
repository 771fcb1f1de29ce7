"""Long work for the user: a job in a process of its own, with progress that can be cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable

from lsprotocol import types

from cwm_engine.errors import CwmError
from cwm_server.app import CwmServer
from cwm_server.documents import Snapshot
from cwm_server.protocol import until_done
from cwm_server.workers import Job, Message

STOP_SECONDS = 0.7
"""How long a job that was told to stop may take to say what it has; then it is ended."""


class LongWork:
    """One job that the user waits for.

    Args:
        server: The server.
        title: What the user sees.
        token: Where progress is reported; one is made if the client can show it and has given none.
        quiet: Whether the user did not ask for it, and hears nothing of it.
    """

    def __init__(self, server: CwmServer, title: str, token: int | str | None, *, quiet: bool = False) -> None:
        self._server = server
        self._title = title
        self._token = token
        self._quiet = quiet
        self._told: str | None = None

    async def result(
        self, job: str, params: Message, on_message: Callable[[Message, Job], None] | None = None
    ) -> Message:
        """Do the job, and end it at once when the request is cancelled.

        The job is told `{"stop": true}` when the progress is cancelled, and ended if that does not help.

        Args:
            job: `module:function`, see `worker.main`.
            params: What it is told.
            on_message: Called with what it says besides `result` and `error`.

        Returns:
            What it says in `result`.

        Raises:
            CwmError: What it says in `error`, or that it has ended without a word.
        """
        token = await self._begin()
        done: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

        def take(message: Message) -> None:
            if "result" in message or "error" in message:
                if not done.done():
                    done.set_result(message)
            elif on_message is not None:
                on_message(message, running)

        def end(reason: str | None) -> None:
            if not done.done():
                done.set_result({"error": f"it ended unexpectedly: {reason or 'its process is gone'}"})

        running = await self._server.workers.start(job, params, take, end)
        stopping = asyncio.ensure_future(self._stop_when_asked(token, running, done))
        try:
            message = await done
        finally:
            stopping.cancel()
            running.kill()
            self._end(token)
        if "error" in message:
            raise CwmError(message["error"])
        return dict(message["result"])

    def report(self, message: str, share: float | None = None) -> None:
        """Say how far it is.

        Args:
            message: In words.
            share: 0..1, if that is known.
        """
        if self._told is not None and self._token is not None:
            percentage = None if share is None else min(100, round(100 * share))
            value = types.WorkDoneProgressReport(message=message, percentage=percentage)
            self._server.work_done_progress.report(self._token, value)

    async def _begin(self) -> int | str | None:
        window = self._server.client_capabilities.window
        if self._token is None and not self._quiet and window is not None and window.work_done_progress:
            token = f"cwm-{secrets.token_hex(8)}"
            with contextlib.suppress(Exception):  # a client that declines does without
                await until_done(asyncio.ensure_future(self._server.work_done_progress.create_async(token)))
                self._token = token
        if self._token is not None:
            begin = types.WorkDoneProgressBegin(self._title, cancellable=True)
            self._server.work_done_progress.begin(self._token, begin)
            self._told = self._title
        return self._token

    def _end(self, token: int | str | None) -> None:
        self._told = None
        if token is not None:
            self._server.work_done_progress.end(token, types.WorkDoneProgressEnd())
            self._server.work_done_progress.tokens.pop(token, None)

    async def _stop_when_asked(self, token: int | str | None, job: Job, done: asyncio.Future[Message]) -> None:
        """When the user presses the button of the progress, give the job a moment to say what it has."""
        pressed = asyncio.Event()
        if token is not None:
            self._server.work_done_progress.tokens[token].add_done_callback(lambda _: pressed.set())
        await pressed.wait()
        job.send({"stop": True})
        await asyncio.wait([done], timeout=STOP_SECONDS)
        if not done.done():
            done.set_result({"error": "it was stopped; what it has found so far is kept"})


def runnable(server: CwmServer, uri: str) -> tuple[Snapshot, str]:
    """The newest text of a file that may be run, and its path.

    Raises:
        CwmError: It may not, or is not on disk, so that nothing says what its data is.
    """
    snapshot = server.documents.snapshot(uri)
    if snapshot is None:
        raise CwmError("is not open", path=uri, hint="open it first")
    if not server.checks.trusted:
        raise CwmError("the workspace is not trusted, so nothing in it is run", hint="trust it in the editor first")
    if snapshot.path is None:
        raise CwmError("the file was never saved, so no data belongs to it", hint="save it first")
    if server.checks.level not in {None, "full"} and not server.checks.may_run(snapshot):
        raise CwmError(
            f"the sandbox is only at the level `{server.checks.level}`",
            path=snapshot.path,
            hint="review the model, then use *Run anyway*",
        )
    return snapshot, str(snapshot.path)
