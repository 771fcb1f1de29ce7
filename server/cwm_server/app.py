"""The server object and its life: what it is made of, how it is started, and that it ends with its editor."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.io_ import run_async
from pygls.lsp.server import LanguageServer

from cwm_engine import __version__
from cwm_server import features, lifeline
from cwm_server.broken import BrokenProperties
from cwm_server.checks import Checks
from cwm_server.configuration import Configuration, read_configuration
from cwm_server.documents import Documents
from cwm_server.outlines import Outlines
from cwm_server.protocol import Protocol, until_done
from cwm_server.workers import Workers

CONFIGURATION_SECONDS = 2.0
"""How long the client may take to say what is configured before files are checked with what is usual."""

logger = logging.getLogger(__name__)


class CwmServer(LanguageServer):
    """A language server for world models.

    Attributes:
        documents: The open files and what is known about them.
        checks: Checks them.
        outlines: Where things are in them, and what the last run says of them.
        broken: What their property tests have shown.
        workers: Gives processes for whatever takes long.
        configured: Whether the client has said what is configured; nothing is checked before.
        has_shut_down: Whether the client has asked for the end as the protocol wants it.
        editor: Process id of the editor, if it was named on the command line.
        client_commands: Commands that the client has of its own, as it said in its `initializationOptions`.
    """

    def __init__(self) -> None:
        super().__init__(
            "cwm",
            __version__,
            text_document_sync_kind=types.TextDocumentSyncKind.Incremental,
            protocol_cls=Protocol,
            max_workers=2,  # one reads; nothing else runs in pygls' threads
        )
        self.documents = Documents(self.settings_for)
        self.workers = Workers()
        self.checks = Checks(self.documents, self.workers)
        self.outlines = Outlines(self.documents, self.checks)
        self.broken = BrokenProperties(self.documents)
        self.configured = False
        self.has_shut_down = False
        self.editor: int | None = None
        self.client_commands: frozenset[str] = frozenset()
        self._global = Configuration()
        self._of_folder: dict[str, Configuration] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._when_ready: list[Callable[[], Awaitable[None]]] = []
        features.register(self)

    def settings_for(self, uri: str) -> Configuration:
        """What is configured in the editor for a file: by the folder it is in, if the client knows folders."""
        inside = [folder for folder in self._of_folder if unquote(uri).startswith(f"{unquote(folder).rstrip('/')}/")]
        return self._of_folder[max(inside, key=len)] if inside else self._global

    def spawn(self, work: Any) -> asyncio.Task[Any]:
        """Do something on the event loop without waiting for it."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_complain)
        return task

    def when_ready(self, start: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """Have a feature do something once the client is ready for requests; a decorator."""
        self._when_ready.append(start)
        return start

    async def begin(self) -> None:
        """The client is ready: start what it takes to serve it."""
        for pid in (self.process_id, self.editor):
            if pid is not None:
                self.live_and_die_with(pid)
        self.workers.warm()
        await self.pull_configuration()
        for start in self._when_ready:
            await start()

    async def register_capability(self, registration: types.Registration) -> None:
        """Ask the client for something; one that declines does without."""
        await self.ask_client(self.client_register_capability_async(types.RegistrationParams([registration])))

    async def ask_client(self, request: Any) -> None:
        """Wait until the client has done what it was asked for; one that declines does without."""
        try:
            await until_done(asyncio.ensure_future(request))
        except JsonRpcException as error:
            logger.warning("the client declines: %s", error.message)

    async def pull_configuration(self) -> None:
        """Ask the client what is configured, and check every open file under it."""
        folders = [folder.uri for folder in self.workspace.folders.values()]
        capabilities = self.client_capabilities.workspace
        if capabilities is not None and capabilities.configuration:
            items = [types.ConfigurationItem(scope_uri=uri, section="cwm") for uri in (None, *folders)]
            request = self.workspace_configuration_async(types.ConfigurationParams(items))
            try:
                sections = list(
                    await asyncio.wait_for(until_done(asyncio.ensure_future(request)), CONFIGURATION_SECONDS)
                )
            except Exception as error:  # noqa: BLE001 - a client that does not answer is checked for all the same
                logger.warning("the client does not say what is configured: %s", type(error).__name__)
                sections = []
        else:
            sections = []
        if sections:
            self.configure(sections[0], dict(zip(folders, sections[1:], strict=False)))
        else:
            self.configure(None, {})

    def configure(self, section: Any, of_folder: dict[str, Any] | None = None) -> None:
        """Take over what is configured; `None` leaves everything as it is."""
        first, self.configured = not self.configured, True
        if section is not None:
            self._global = self._read(section)
            self._of_folder = {uri: self._read(found) for uri, found in (of_folder or {}).items()}
            # What an untrusted workspace configures is not run either.
            if self.checks.trusted and self.workers.use(_interpreter(self._global.interpreter)):
                self.checks.restart()
                first = True
        for snapshot in self.documents:
            now = self.documents.reconfigure(snapshot.uri)
            if now is not None and (first or now.settings != snapshot.settings):
                self.checks.reload(now)

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Write an error of our own to the log; nobody is helped by a message box."""
        del source
        logger.error("%s: %s", type(error).__name__, str(error).splitlines()[0] if str(error) else "")

    def live_and_die_with(self, pid: int) -> None:
        """End this process when another has ended."""
        self._tasks.add(lifeline.watch(pid, self._die))

    def _die(self) -> None:
        logger.info("the editor is gone")
        self.stop_everything()
        os._exit(1)

    def stop_everything(self) -> None:
        """End all workers."""
        self.checks.close_all()
        self.workers.close()

    def _read(self, section: Any) -> Configuration:
        configuration, problems = read_configuration(section)
        for problem in problems:
            message = f"Settings: {problem}; what is usual is used instead."
            self.window_log_message(types.LogMessageParams(type=types.MessageType.Warning, message=message))
        return configuration


def serve(*, tcp: bool = False, host: str = "127.0.0.1", port: int = 0, client: int | None = None) -> int:
    """Run a server until its client ends it or is gone.

    Args:
        tcp: Wait for one connection instead of using the standard streams.
        host: Where to listen.
        port: Where to listen; 0 takes any port and says which on standard error.
        client: Process id of the editor.

    Returns:
        The exit code: 0 after an orderly end, 1 otherwise.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("pygls").setLevel(logging.CRITICAL)  # it logs whole messages: programs, and what is in them
    server = CwmServer()
    server.editor = client
    try:
        if tcp:
            asyncio.run(_serve_tcp(server, host, port))
        else:
            server.start_io(*_private_streams())
    except SystemExit:
        pass
    finally:
        server.stop_everything()
    return 0 if server.has_shut_down else 1


async def _serve_tcp(server: CwmServer, host: str, port: int) -> None:
    over = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listener.close()  # one client is all there is
        server.protocol.set_writer(_TcpWriter(writer))
        try:
            await run_async(stop_event=threading.Event(), reader=reader, protocol=server.protocol)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            over.set()

    listener = await asyncio.start_server(talk, host, port)
    address = listener.sockets[0].getsockname()
    sys.stderr.write(f"cwm serve: listening on {address[0]}:{address[1]}\n")
    sys.stderr.flush()
    if server.editor is not None:
        server.live_and_die_with(server.editor)
    await over.wait()


class _TcpWriter:
    """A stream as pygls writes to it."""

    def __init__(self, stream: asyncio.StreamWriter) -> None:
        self._stream = stream

    def write(self, data: bytes) -> None:
        self._stream.write(data)

    def close(self) -> None:
        self._stream.close()


def _private_streams() -> tuple[BinaryIO, BinaryIO]:
    """Take the standard streams away from everything else: a stray print would be read as a message."""
    stdin, stdout = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    os.dup2(2, 1)
    return stdin, stdout


def _interpreter(chosen: str | None) -> str | None:
    """A Python as the user has written it, as a path."""
    return os.path.expandvars(str(Path(chosen).expanduser())) if chosen else None


def _complain(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and task.exception() is not None:
        logger.error("%s", task.exception(), exc_info=task.exception())
