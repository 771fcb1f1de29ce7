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

    @server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
    async def inlay_hint(params: types.InlayHintParams) -> list[types.InlayHint]:
        uri = params.text_document.uri
        snapshot = server.documents.snapshot(uri)
        if snapshot is None or not snapshot.settings.inlay_hints:
            return []
        first, last = params.range.start.line + 1, params.range.end.line + 1
        found = hints(server.outlines.of(uri), snapshot.lines, server.documents.encoding)
        return [hint for hint in found if first <= hint.position.line + 1 <= last]

    def refresh(_: str) -> None:
        workspace = server.client_capabilities.workspace
        if workspace is not None and workspace.inlay_hint is not None and workspace.inlay_hint.refresh_support:
            server.workspace_inlay_hint_refresh(None)

    server.outlines.observe(refresh)


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
