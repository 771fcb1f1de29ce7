"""Marked regions: what of a generated file is still as it was written, and what a person has made their own.

A region begins with a marker, `# cwm: mined 1f2e3d4c obs[0], reward`: what it holds, the digest of what was written
below it, and the fields it is about. The digest is of the syntax tree and of the comments: a formatter changes neither.
What follows in a region after the statements of the digest was added by a person; a region with another digest was
edited.
"""

from __future__ import annotations

import ast
import hashlib
import io
import re
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass, field

from cwm_engine.errors import CwmError

_MARKER = re.compile(r"^# cwm: (?P<kind>[a-z]+) (?P<digest>[0-9a-f]{8})(?: .*)?\n", re.MULTILINE)
_HEADER = re.compile("# cwm: header ")
_WITHOUT = re.compile(r"^# cwm: without (?P<name>\w+)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a generated file.

    Attributes:
        kind: What it holds, e.g. `interface`, `mined`; one word.
        name: What it defines, unique in the file.
        text: Its statements, without the marker and without blank lines at either end.
        fields: The fields of a prediction that it is about, which the marker names.
    """

    kind: str
    name: str
    text: str
    fields: tuple[str, ...] = ()

    @property
    def marked(self) -> str:
        """The region as it stands in a file."""
        return f"{self.marker}{self.text}\n"

    @property
    def marker(self) -> str:
        """The line that begins it."""
        words = [f"# cwm: {self.kind} {digest_of(self.text)}", *([", ".join(self.fields)] if self.fields else [])]
        return " ".join(words) + "\n"


@dataclass(frozen=True, slots=True)
class Merged:
    """A file made anew.

    Attributes:
        text: Everything it holds now.
        added: Names of the regions that were not there before.
        updated: Those that say something else now.
        kept: Those that a person has edited; they are as they were.
        removed: Those that were there, untouched, and do not come up any more.
        left: Those that do not come up any more, but were edited and stay for this reason.
    """

    text: str
    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def written(regions: Sequence[Region]) -> str:
    """A whole file of regions."""
    return _joined([region.marked for region in regions])


def merge(existing: str, regions: Sequence[Region]) -> Merged:
    """Bring a file up to date and keep what a person has written in it.

    Regions that nobody has touched are replaced, or removed where they do not come up any more; edited ones stay, and
    so does everything between them. A line `# cwm: without NAME` keeps a region from coming back.

    Args:
        existing: What is in the file.
        regions: What should be.

    Raises:
        CwmError: There is no region in the file: somebody else wrote it.
    """
    if not existing.strip():
        return Merged(written(regions), added=tuple(region.name for region in regions))
    head, chunks = _chunks(existing)
    if not chunks:
        raise CwmError("was not written by `cwm properties`", hint="name another file with --output")
    unwanted = {found["name"] for found in _WITHOUT.finditer(existing)}
    wanted = [region for region in regions if region.name not in unwanted]
    return _Merge(head, chunks, wanted).result()


def digest_of(text: str) -> str:
    """What tells statements and comments from others, however they are formatted.

    Raises:
        SyntaxError: They are no Python.
    """
    comments = [token.string for token in _tokens(text) if token.type == tokenize.COMMENT]
    content = "\n".join([ast.unparse(ast.parse(text)), *comments])
    return hashlib.blake2b(content.encode(), digest_size=4).hexdigest()


@dataclass
class _Chunk:
    """A region as it was found, with what a person has added after it."""

    digest: str
    marker: str
    body: str
    rest: str
    touched: bool
    names: frozenset[str]


def _chunks(text: str) -> tuple[str, list[_Chunk]]:
    """What stands before the first marker, and everything from there on."""
    markers = list(_MARKER.finditer(text))
    ends = [marker.start() for marker in markers[1:]] + [len(text)]
    if not markers:
        return text, []
    head = text[: markers[0].start()]
    return head, [_chunk(marker, text[marker.end() : end]) for marker, end in zip(markers, ends, strict=True)]


def _chunk(marker: re.Match[str], content: str) -> _Chunk:
    try:
        statements = ast.parse(content).body
    except SyntaxError:
        statements = []
    lines = content.splitlines(keepends=True)
    for statement in statements:
        body = "".join(lines[: statement.end_lineno])
        if digest_of(body) == marker["digest"]:
            rest = "".join(lines[statement.end_lineno :])
            return _Chunk(marker["digest"], marker[0], body, rest, touched=False, names=_names(body))
    return _Chunk(marker["digest"], marker[0], content.rstrip() + "\n", "", touched=True, names=_names(content))


@dataclass
class _Merge:
    head: str
    chunks: list[_Chunk]
    regions: Sequence[Region]
    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def result(self) -> Merged:
        places = {region.name: self._chunk_of(region) for region in self.regions}
        fresh: dict[int, list[Region]] = {}
        last = -1
        for region in self.regions:
            place = places[region.name]
            if place is None:
                fresh.setdefault(last, []).append(region)
                self.added.append(region.name)
            else:
                last = place
        by_place = {place: region for region in self.regions if (place := places[region.name]) is not None}
        parts = [region.marked for region in fresh.get(-1, ())]
        for place, chunk in enumerate(self.chunks):
            parts.append(self._body(chunk, by_place.get(place)))
            parts.append(chunk.rest)
            parts += [region.marked for region in fresh.get(place, ())]
        return Merged(
            self.head + _joined(parts), *map(tuple, (self.added, self.updated, self.kept, self.removed, self.left))
        )

    def _chunk_of(self, region: Region) -> int | None:
        """Where a region stands: the chunk of its name, or the one that was written with the same text."""
        for place, chunk in enumerate(self.chunks):
            if region.name in chunk.names:
                return place
        digest = digest_of(region.text)
        return next((place for place, chunk in enumerate(self.chunks) if chunk.digest == digest), None)

    def _body(self, chunk: _Chunk, region: Region | None) -> str:
        name = region.name if region is not None else min(chunk.names, default="a region without a name")
        if chunk.touched:
            (self.left if region is None else self.kept).append(name)
            return chunk.marker + chunk.body
        if region is None:
            self.removed.append(name)
            return ""
        if digest_of(region.text) != chunk.digest:
            self.updated.append(name)
            return region.marked
        return region.marker + chunk.body


def _joined(parts: Sequence[str]) -> str:
    """Parts with blank lines between them: two, and one after imports."""
    texts = [part.strip("\n") for part in parts if part.strip()]
    text = "".join(f"{one}\n\n" if _HEADER.match(one) else f"{one}\n\n\n" for one in texts)
    return f"{text.rstrip()}\n"


def _names(text: str) -> frozenset[str]:
    """What a text defines at the top, by name; for an unfinished text, its functions as far as they can be seen."""
    try:
        statements = ast.parse(text).body
    except SyntaxError:
        return frozenset(re.findall(r"^def (\w+)", text, re.MULTILINE))
    names = set()
    for statement in statements:
        match statement:
            case ast.FunctionDef(name=name):
                names.add(name)
            case ast.Assign(targets=[ast.Name(id=name)]):
                names.add(name)
            case ast.Expr(value=ast.Constant(value=str())) if statement is statements[0]:
                names.add("__doc__")
            case _:
                pass
    return frozenset(names)


def _tokens(text: str) -> list[tokenize.TokenInfo]:
    return list(tokenize.generate_tokens(io.StringIO(text).readline))
