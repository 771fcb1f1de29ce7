"""Links in the configuration: from the files it names, such as `trajectories = "..."`, to these files."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from lsprotocol import types
from pygls.uris import to_fs_path

from cwm_engine.errors import CwmError
from cwm_engine.findings import Span
from cwm_engine.world_model.source import split_lines
from cwm_server.app import CwmServer
from cwm_server.convert import range_of

_TABLE = re.compile(r"\s*\[\[?\s*([\w.\-]+)\s*\]")
_KEY = re.compile(r"\s*(?:file|trajectories|pinned|description)\s*=\s*(?=[\['\"])")
_TOKEN = re.compile(r"\"(?P<basic>(?:[^\"\\]|\\.)*)\"|'(?P<literal>[^']*)'|(?P<comment>#.*)|(?P<end>\])")
_MODELS = {"cwm.toml": "models", "pyproject.toml": "tool.cwm.models"}
_PATTERN = re.compile(r"[*?\[]")
_MOST_FILES = 1000


@dataclass(frozen=True)
class Link:
    """A file that is named in a configuration.

    Attributes:
        span: The name, without its quotes.
        target: The file.
        note: What else there is to say, for names of several files.
    """

    span: Span
    target: Path
    note: str | None = None


def register(server: CwmServer) -> None:
    """Add the handler."""

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_LINK, types.DocumentLinkOptions(resolve_provider=False))
    async def document_link(params: types.DocumentLinkParams) -> list[types.DocumentLink]:
        uri = params.text_document.uri
        path = to_fs_path(uri) if uri.startswith("file:") else None
        if path is None or Path(path).name not in _MODELS:
            return []
        try:
            lines = split_lines(server.workspace.get_text_document(uri).source)
        except (OSError, UnicodeDecodeError):  # neither open nor a file that can be read
            return []
        return [
            types.DocumentLink(
                range_of(link.span, lines, server.documents.encoding), link.target.as_uri(), tooltip=link.note
            )
            for link in await asyncio.to_thread(lambda: list(links(lines, Path(path))))  # may look at many files
        ]


def links(lines: Sequence[str], config: Path) -> Iterator[Link]:
    """The files that the models in a configuration name.

    Args:
        lines: Its text; it may be half written.
        config: Where it is; names are relative to its folder.
    """
    for name, span in _names(lines, _MODELS.get(config.name, "")):
        files = _files(name, config.parent) if name else []
        if files:
            yield Link(span, files[0], f"The first of {len(files)} files." if len(files) > 1 else None)


def _names(lines: Sequence[str], wanted: str) -> Iterator[tuple[str, Span]]:
    """The texts in the keys that name files, each with its place."""
    table, inside = "", False
    for number, line in enumerate(lines, 1):
        start = 0
        if not inside:
            heading, key = _TABLE.match(line), _KEY.match(line)
            if heading is not None:
                table = heading[1]
            if key is None or table != wanted:
                continue
            inside = line.startswith("[", key.end())
            start = key.end() + inside
        for token in _TOKEN.finditer(line, start):
            if token["end"] or token["comment"]:
                inside = inside and not token["end"]
                break
            kind = "basic" if token["basic"] is not None else "literal"
            yield token[kind], Span(number, token.start(kind) + 1, number, token.end(kind) + 1)
            if not inside:
                break


def _files(name: str, folder: Path) -> list[Path]:
    """The files that a name means: itself, the model it is of, those in a folder, those that fit a pattern."""
    from cwm_engine.project import split_spec  # brings in what the server does not need to start

    try:
        path = folder / name
        if path.is_file():
            return [path]
        if path.is_dir():
            return _some(path.iterdir())
        if _PATTERN.search(name):
            return _some(folder.glob(name))
        file, _ = split_spec(name)
        return [folder / file] if (folder / file).is_file() else []
    except (OSError, ValueError, NotImplementedError, CwmError):  # no path at all, such as a description in words
        return []


def _some(paths: Iterable[Path]) -> list[Path]:
    return sorted(path for path in islice(paths, _MOST_FILES) if path.is_file())
