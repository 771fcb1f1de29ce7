"""Open, edit, save, close: the texts that everything else is about."""

from __future__ import annotations

from lsprotocol import types

from cwm_server.app import CwmServer
from cwm_server.documents import Snapshot


def register(server: CwmServer) -> None:
    """Add the handlers."""

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def did_open(params: types.DidOpenTextDocumentParams) -> None:
        document = params.text_document
        if document.language_id == "python" or document.uri.endswith(".py"):
            _check(server, server.documents.open(document), saved=True)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def did_change(params: types.DidChangeTextDocumentParams) -> None:
        _check(server, server.documents.change(params.text_document, params.content_changes))

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def did_save(params: types.DidSaveTextDocumentParams) -> None:
        snapshot = server.documents.snapshot(params.text_document.uri)
        if snapshot is None or not server.configured:
            return
        known = server.documents.current(snapshot.uri)
        if known is not None and known.outcome in {"noData", "failed"}:
            server.checks.reload(snapshot)  # what was missing may be there now, and not every client watches files
        elif snapshot.settings.run == "onSave":
            server.checks.changed(snapshot, saved=True)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(params: types.DidCloseTextDocumentParams) -> None:
        server.checks.close(params.text_document.uri)
        server.documents.close(params.text_document.uri)


def _check(server: CwmServer, snapshot: Snapshot | None, *, saved: bool = False) -> None:
    # Until the client has said when models may run, none does.
    if snapshot is not None and server.configured:
        server.checks.changed(snapshot, saved=saved)
