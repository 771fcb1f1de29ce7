"""A new program for a buffer: an edit of exactly the version it was made from, and the question whether to apply it."""

from __future__ import annotations

import asyncio
import difflib
import re
from dataclasses import dataclass

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from cwm_server.convert import Encoding, units_of
from cwm_server.documents import Snapshot
from cwm_server.protocol import until_done

_ANNOTATION = "program"
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$")


@dataclass(frozen=True)
class Rewriting:
    """A program to be put into a buffer.

    Attributes:
        snapshot: The version it was made from.
        program: The whole new text.
        title: What the change is, in a few words.
        details: What is known about it.
    """

    snapshot: Snapshot
    program: str
    title: str
    details: str = ""

    def edit(self, encoding: Encoding, *, annotated: bool) -> types.WorkspaceEdit:
        """The edit, line by line where lines changed; it has to be confirmed where the client can ask (`annotated`)."""
        identifier = types.OptionalVersionedTextDocumentIdentifier(self.snapshot.uri, self.snapshot.version)
        changes = line_changes(self.snapshot.text, self.program, encoding)
        edits: list[types.TextEdit | types.AnnotatedTextEdit | types.SnippetTextEdit] = [
            _annotated(change) if annotated else change for change in changes
        ]
        annotation = types.ChangeAnnotation(self.title, needs_confirmation=True, description=self.details or None)
        return types.WorkspaceEdit(
            document_changes=[types.TextDocumentEdit(identifier, edits)],
            change_annotations={_ANNOTATION: annotation} if annotated else None,
        )


@dataclass(frozen=True)
class FileChange:
    """A text to be put into a file beside the buffer.

    Attributes:
        uri: The file.
        before: What is in it, in the editor or on the disk; None where there is none.
        text: What is to be in it.
        title: What the change is, in a few words.
        details: What is known about it.
    """

    uri: str
    before: str | None
    text: str
    title: str
    details: str = ""

    def edit(self, encoding: Encoding, *, annotated: bool) -> types.WorkspaceEdit:
        """The edit; where a file is changed, it has to be confirmed if the client can ask (`annotated`)."""
        identifier = types.OptionalVersionedTextDocumentIdentifier(self.uri, None)
        changes = line_changes(self.before or "", self.text, encoding)
        edits: list[types.TextEdit | types.AnnotatedTextEdit | types.SnippetTextEdit] = [
            _annotated(change) if annotated else change for change in changes
        ]
        new = types.CreateFile(
            self.uri,
            options=types.CreateFileOptions(ignore_if_exists=True),
            annotation_id=_ANNOTATION if annotated else None,
        )
        annotation = types.ChangeAnnotation(
            self.title, needs_confirmation=self.before is not None, description=self.details or None
        )
        change = types.TextDocumentEdit(identifier, edits)
        return types.WorkspaceEdit(
            document_changes=[change] if self.before is not None else [new, change],
            change_annotations={_ANNOTATION: annotation} if annotated else None,
        )


async def offer(server: LanguageServer, rewriting: Rewriting, encoding: Encoding) -> bool:
    """Have the client apply a rewriting if the user agrees; whether it did.

    A client that can show changes to be confirmed does so; any other shows a message with two buttons first.
    """
    return await _offered(server, rewriting, encoding, ask=True)


async def offer_change(server: LanguageServer, change: FileChange, encoding: Encoding) -> bool:
    """Have the client apply a change of a file, if the user agrees where there is one already; whether it did."""
    return await _offered(server, change, encoding, ask=change.before is not None)


async def _offered(server: LanguageServer, change: Rewriting | FileChange, encoding: Encoding, *, ask: bool) -> bool:
    workspace = server.client_capabilities.workspace
    edits = workspace.workspace_edit if workspace is not None else None
    if workspace is None or not workspace.apply_edit or edits is None or not edits.document_changes:
        return False
    annotated = edits.change_annotation_support is not None
    if ask and not annotated and not await _agreed(server, change):
        return False
    params = types.ApplyWorkspaceEditParams(change.edit(encoding, annotated=annotated), label=change.title)
    answer = await until_done(asyncio.ensure_future(server.workspace_apply_edit_async(params)))
    return bool(answer.applied)


async def _agreed(server: LanguageServer, rewriting: Rewriting | FileChange) -> bool:
    text = f"{rewriting.title}: {rewriting.details}" if rewriting.details else rewriting.title
    apply = types.MessageActionItem("Apply")
    params = types.ShowMessageRequestParams(types.MessageType.Info, text, [apply, types.MessageActionItem("Discard")])
    answer = await until_done(asyncio.ensure_future(server.window_show_message_request_async(params)))
    return answer is not None and answer.title == apply.title


def line_changes(before: str, after: str, encoding: Encoding) -> list[types.TextEdit]:
    """Replacements of whole lines that make one text the other."""
    old, new = _LINE.findall(before), _LINE.findall(after)
    changes = []
    for tag, start, stop, from_, to in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            place = types.Range(_start_of(old, start, encoding), _start_of(old, stop, encoding))
            changes.append(types.TextEdit(place, "".join(new[from_:to])))
    return changes


def _start_of(lines: list[str], number: int, encoding: Encoding) -> types.Position:
    """Where a line starts; past the last one, where the text ends."""
    if number < len(lines) or not lines or lines[-1].endswith(("\n", "\r")):
        return types.Position(number, 0)
    return types.Position(number - 1, units_of(lines[-1], encoding))


def _annotated(change: types.TextEdit) -> types.AnnotatedTextEdit:
    return types.AnnotatedTextEdit(_ANNOTATION, change.range, change.new_text)
