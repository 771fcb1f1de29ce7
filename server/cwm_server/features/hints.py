"""Inlay hints, off unless asked for: how many transitions execute each branch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lsprotocol import types

from cwm_engine.checking.show import show_count
from cwm_server.app import CwmServer
from cwm_server.convert import Encoding, line_range
from cwm_server.outlines import Outline


def register(server: CwmServer) -> None:
    """Add the handler, and have clients ask again when there is something new."""
    told: dict[str, list[types.InlayHint]] = {}

    def current(uri: str) -> list[types.InlayHint]:
        snapshot = server.documents.snapshot(uri)
        if snapshot is None or not snapshot.settings.inlay_hints:
            return []
        return list(hints(server.outlines.of(uri), snapshot.lines, server.documents.encoding))

    def refresh(uri: str) -> None:
        workspace = server.client_capabilities.workspace
        found = current(uri)
        if found != told.get(uri, []) and workspace and workspace.inlay_hint and workspace.inlay_hint.refresh_support:
            told[uri] = found
            server.spawn(server.ask_client(server.workspace_inlay_hint_refresh_async(None)))

    @server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
    async def inlay_hint(params: types.InlayHintParams) -> list[types.InlayHint]:
        uri = params.text_document.uri
        told[uri] = current(uri)
        first, last = params.range.start.line, params.range.end.line
        return [hint for hint in told[uri] if first <= hint.position.line <= last]

    server.outlines.observe(refresh)
    server.documents.on_close(lambda uri: told.pop(uri, None))


def hints(outline: Outline, lines: Sequence[str], encoding: Encoding) -> Iterator[types.InlayHint]:
    """A hint at the end of the first line of each branch.

    Args:
        outline: Where the branches are.
        lines: The text.
        encoding: The client's units.
    """
    for model in outline:
        for line, count in sorted(model.branches.items()):
            yield types.InlayHint(
                position=line_range(line, lines, encoding).end,
                label=f"{count:,} of {model.checked:,}",
                padding_left=True,
                tooltip=f"{show_count(count, 'transition')} of {model.checked:,} execute this branch.",
            )
