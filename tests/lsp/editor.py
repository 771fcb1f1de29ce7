"""An editor as the tests need one: it opens, edits, saves, and remembers what it was told."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

from lsprotocol import types
from pygls.protocol import default_converter
from pytest_lsp import LanguageClient

SERVER = [sys.executable, "-P", "-m", "cwm_engine.cli.main", "serve", "--stdio"]
PATIENCE = 60.0
"""Seconds after which something that was waited for is taken not to come; machines are busy."""


@dataclass(frozen=True)
class Project:
    """A folder with a model in it.

    Attributes:
        folder: The folder.
        model: The model's file.
        text: What stands in it: right by the data.
    """

    folder: Path
    model: Path
    text: str

    @property
    def uri(self) -> str:
        """The model as the editor names it."""
        return self.model.as_uri()

    @property
    def wrong(self) -> str:
        """A text that is wrong in one place, which a single edit corrects."""
        return self.text.replace("+ action", "- action")


class Editor(LanguageClient):
    """A client of the server.

    Attributes:
        published: All diagnostics in the order they came, with their versions.
        statuses: All `cwm/status` in the order they came.
        settings: The section `cwm` by scope; `""` is everywhere.
        registered: What the server has asked the client to register.
        refreshes: How often it has asked for `lenses` and `hints` to be asked for again.
        versions: The version of each open file.
        texts: The text of each open file.
        search_events: All `cwm/searchEvent` in the order they came.
        prompts: What the editor's language model was asked.
        answers: What it says.
        offered: The edits it was asked to apply.
        agrees: Whether the user wants them.
        progress: What was reported, by token.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(converter_factory=_converter, **kwargs)
        self.published: list[types.PublishDiagnosticsParams] = []
        self.statuses: list[Any] = []
        self.settings: dict[str, Any] = {"": {}}
        self.registered: list[types.Registration] = []
        self.versions: dict[str, int] = {}
        self.texts: dict[str, str] = {}
        self.refreshes: Counter[str] = Counter()
        self.search_events: list[Any] = []
        self.prompts: list[Any] = []
        self.answers: Callable[[Any], Awaitable[str]] = _silence
        self.offered: list[types.ApplyWorkspaceEditParams] = []
        self.agrees = True
        self.progress: dict[types.ProgressToken, list[Any]] = {}
        self._news = asyncio.Event()
        self._add_features()

    def _add_features(self) -> None:
        @self.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def publish(params: types.PublishDiagnosticsParams) -> None:
            self.published.append(params)
            self._news.set()

        @self.feature("cwm/status")
        def status(params: Any) -> None:
            self.statuses.append(params)
            self._news.set()

        @self.feature(types.CLIENT_REGISTER_CAPABILITY)
        def register(params: types.RegistrationParams) -> None:
            self.registered += params.registrations

        @self.feature(types.WORKSPACE_CONFIGURATION)
        def configuration(params: types.ConfigurationParams) -> list[Any]:
            return [self.settings.get(item.scope_uri or "", self.settings[""]) for item in params.items]

        @self.feature(types.WORKSPACE_CODE_LENS_REFRESH)
        def refresh_lenses(_: None) -> None:
            self.refreshes["lenses"] += 1
            self._news.set()

        @self.feature(types.WORKSPACE_INLAY_HINT_REFRESH)
        def refresh_hints(_: None) -> None:
            self.refreshes["hints"] += 1
            self._news.set()

        @self.feature("cwm/searchEvent")
        def search_event(params: Any) -> None:
            self.search_events.append(params)
            self._news.set()

        @self.feature("cwm/lm/complete")
        async def complete(params: Any) -> Any:
            self.prompts.append(params)
            return {"text": await self.answers(params)}

        @self.feature(types.WORKSPACE_APPLY_EDIT)
        def apply_edit(params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
            self.offered.append(params)
            return types.ApplyWorkspaceEditResult(applied=self.agrees)

        @self.feature(types.WINDOW_WORK_DONE_PROGRESS_CREATE)
        def create_progress(params: types.WorkDoneProgressCreateParams) -> None:
            self.progress[params.token] = []

        @self.feature(types.PROGRESS)
        def progress(params: types.ProgressParams) -> None:
            self.progress.setdefault(params.token, []).append(params.value)
            self._news.set()

        @self.feature(types.WINDOW_LOG_MESSAGE)
        def log(params: types.LogMessageParams) -> None:
            self.log_messages.append(params)

    async def enter(
        self,
        *,
        folders: Sequence[Path] = (),
        trusted: bool = True,
        encodings: Sequence[types.PositionEncodingKind] = (),
        capabilities: types.ClientCapabilities | None = None,
        process_id: int | None = None,
        commands: Sequence[str] = (),
    ) -> types.InitializeResult:
        """Initialize the server."""
        self.capabilities = capabilities or _capabilities(encodings)
        result = await self.initialize_async(
            types.InitializeParams(
                capabilities=self.capabilities,
                process_id=process_id,
                workspace_folders=[types.WorkspaceFolder(folder.as_uri(), folder.name) for folder in folders],
                initialization_options={"trusted": trusted, "commands": list(commands)},
            )
        )
        self.initialized(types.InitializedParams())
        return result

    async def leave(self) -> None:
        """End the server, if the test has not."""
        if self._server is not None and self._server.returncode is None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self.shutdown_async(None), PATIENCE)
                self.exit(None)
                await asyncio.wait_for(self._server.wait(), PATIENCE)

    @property
    def pid(self) -> int:
        """The server's process id."""
        assert self._server is not None
        return self._server.pid

    # What a user does

    def open(self, uri: str, text: str, version: int = 1) -> int:
        """Open a file; its version."""
        self.versions[uri], self.texts[uri] = version, text
        document = types.TextDocumentItem(uri, "python", version, text)
        self.text_document_did_open(types.DidOpenTextDocumentParams(document))
        return version

    def edit(self, uri: str, text: str) -> int:
        """Replace the whole text; the new version."""
        return self.change(uri, [types.TextDocumentContentChangeWholeDocument(text)], text)

    def change(self, uri: str, changes: Sequence[types.TextDocumentContentChangeEvent], text: str) -> int:
        """Send edits that make this text of the one before; the new version."""
        self.versions[uri] += 1
        self.texts[uri] = text
        document = types.VersionedTextDocumentIdentifier(self.versions[uri], uri)
        self.text_document_did_change(types.DidChangeTextDocumentParams(document, changes))
        return self.versions[uri]

    def save(self, uri: str) -> None:
        """Say that a file was saved."""
        self.text_document_did_save(types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(uri)))

    def close(self, uri: str) -> None:
        """Close a file."""
        del self.versions[uri], self.texts[uri]
        self.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))

    def set(self, section: dict[str, Any], scope: str = "") -> None:
        """Change the settings and say so."""
        self.settings[scope] = section
        self.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings=None))

    def changed_on_disk(self, *paths: Path, kind: types.FileChangeType = types.FileChangeType.Changed) -> None:
        """Say that files have changed."""
        events = [types.FileEvent(path.as_uri(), kind) for path in paths]
        self.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams(events))

    async def request(self, method: str, params: Any = None) -> Any:
        """Send a request of our own and wait for the answer."""
        return await asyncio.wait_for(self.protocol.send_request_async(method, params), PATIENCE)

    # What a user sees

    def shown(self, uri: str) -> Sequence[types.Diagnostic]:
        """The diagnostics of a file as they are now."""
        return next((params.diagnostics for params in reversed(self.published) if params.uri == uri), [])

    def codes(self, uri: str) -> list[Any]:
        """The codes of the diagnostics of a file as they are now."""
        return [diagnostic.code for diagnostic in self.shown(uri)]

    def status(self, uri: str) -> Any:
        """The newest status of a file, None before the first."""
        return next((status for status in reversed(self.statuses) if status.uri == uri), None)

    async def until(self, condition: Callable[[], Any]) -> Any:
        """Wait until something holds; what it then is."""
        deadline = time.monotonic() + PATIENCE
        while not (result := condition()):
            self._news.clear()
            left = deadline - time.monotonic()
            assert left > 0, f"waited in vain; the last status is {self.statuses[-1:]}"
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._news.wait(), min(left, 0.2))
        return result

    async def settled(self, uri: str) -> Any:
        """Wait until the newest version of a file is checked to the end; its status."""
        version = self.versions[uri]
        return await self.until(lambda: self._settled(uri, version))

    async def opened(self, uri: str, text: str) -> Any:
        """Open a file and wait until it is checked; its status."""
        self.open(uri, text)
        return await self.settled(uri)

    async def outlined(self, uri: str, text: str) -> Any:
        """Open a file and wait until it is checked and the server knows where things are in it; its lenses."""
        before = self.refreshes["lenses"]
        await self.opened(uri, text)
        await self.until(lambda: self.refreshes["lenses"] > before)
        return await self.lenses(uri)

    async def lenses(self, uri: str) -> Sequence[types.CodeLens]:
        """The lenses of a file as they are now."""
        return await self.text_document_code_lens_async(types.CodeLensParams(types.TextDocumentIdentifier(uri))) or ()

    def _settled(self, uri: str, version: int) -> Any:
        status = self.status(uri)
        return status if status is not None and status.version == version and status.state != "checking" else None


def _converter() -> Any:
    """The usual converter; the usual one takes a code action with a command for a command."""
    converter = default_converter()

    def action(data: Any, _: Any) -> types.Command | types.CodeAction:
        return converter.structure(data, types.Command if isinstance(data.get("command"), str) else types.CodeAction)

    converter.register_structure_hook(Union[types.Command, types.CodeAction], action)  # noqa: UP007 - their key
    return converter


def apply_to(text: str, edits: Sequence[Any]) -> str:
    """A text of plain characters after edits, as any client applies them: from the last one to the first."""
    lines = text.splitlines(keepends=True)
    starts = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]
    for edit in sorted(edits, key=lambda one: -one.range.start.line):
        start = starts[edit.range.start.line] + edit.range.start.character
        end = starts[edit.range.end.line] + edit.range.end.character
        text = text[:start] + (edit.new_text if hasattr(edit, "new_text") else edit.newText) + text[end:]
    return text


async def _silence(_: Any) -> str:
    """A language model with nothing to say."""
    return ""


def _capabilities(encodings: Sequence[types.PositionEncodingKind]) -> types.ClientCapabilities:
    """What VS Code can do, as far as it matters here."""
    return types.ClientCapabilities(
        general=types.GeneralClientCapabilities(position_encodings=list(encodings) or None),
        window=types.WindowClientCapabilities(work_done_progress=True),
        workspace=types.WorkspaceClientCapabilities(
            configuration=True,
            apply_edit=True,
            workspace_folders=True,
            workspace_edit=types.WorkspaceEditClientCapabilities(
                document_changes=True, change_annotation_support=types.ChangeAnnotationsSupportOptions()
            ),
            did_change_configuration=types.DidChangeConfigurationClientCapabilities(dynamic_registration=True),
            did_change_watched_files=types.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True),
            code_lens=types.CodeLensWorkspaceClientCapabilities(refresh_support=True),
            inlay_hint=types.InlayHintWorkspaceClientCapabilities(refresh_support=True),
        ),
        text_document=types.TextDocumentClientCapabilities(
            synchronization=types.TextDocumentSyncClientCapabilities(did_save=True),
            publish_diagnostics=types.PublishDiagnosticsClientCapabilities(
                related_information=True, version_support=False, code_description_support=True, data_support=True
            ),
            hover=types.HoverClientCapabilities(content_format=[types.MarkupKind.Markdown]),
            code_action=types.CodeActionClientCapabilities(
                code_action_literal_support=types.ClientCodeActionLiteralOptions(
                    types.ClientCodeActionKindOptions([types.CodeActionKind.QuickFix])
                ),
                is_preferred_support=True,
                data_support=True,
                resolve_support=types.ClientCodeActionResolveOptions(["edit"]),
            ),
            code_lens=types.CodeLensClientCapabilities(),
            inlay_hint=types.InlayHintClientCapabilities(),
            document_link=types.DocumentLinkClientCapabilities(),
        ),
    )
