"""Code actions: verified repairs as quick fixes, and what else can be done about a finding."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.uris import from_fs_path

from cwm_engine.checking.report import ModelReport, Repair
from cwm_engine.checking.show import show
from cwm_engine.world_model.suppressing import suppressing
from cwm_server.app import CwmServer
from cwm_server.convert import line_range, range_of
from cwm_server.documents import Checked, Snapshot
from cwm_server.messages import PIN, SCHEMA, PinParams, PinResult
from cwm_server.protocol import until_done
from cwm_server.rewriting import line_changes

_FIELDS = 3


def register(server: CwmServer) -> None:
    """Add the handlers, and the command that pins."""
    kinds = [types.CodeActionKind.QuickFix, types.CodeActionKind.RefactorRewrite]

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=kinds, resolve_provider=True)
    )
    async def code_action(params: types.CodeActionParams) -> list[types.CodeAction]:
        checked = server.documents.current(params.text_document.uri)
        if checked is None:
            return []
        found = list(actions(checked, params))
        only = params.context.only
        return [action for action in found if only is None or any(_is_of(action, kind) for kind in only)]

    @server.feature(types.CODE_ACTION_RESOLVE)
    async def resolve(action: types.CodeAction) -> types.CodeAction:
        data: Any = action.data
        checked = server.documents.current(data["uri"]) if isinstance(data, Mapping) else None
        if checked is not None and checked.snapshot.version == data["version"]:
            action.edit = await _edit(server, checked, data)
        return action

    @server.feature(PIN)
    @server.command("cwm.pin")
    async def pin(params: PinParams) -> PinResult:
        return await _pin(server, params)


def actions(checked: Checked, params: types.CodeActionParams) -> Iterator[types.CodeAction]:
    """What can be done at a place; edits are made when one of them is chosen.

    Args:
        checked: What is known about the file.
        params: The place, and the diagnostics there.
    """
    ours = [diagnostic for diagnostic in params.context.diagnostics if _said(diagnostic)]
    for report in checked.reports:
        its = [diagnostic for diagnostic in ours if _said(diagnostic).get("model") == report.model]
        if not checked.stale:
            yield from _repairs(checked, report, its, params.range)
        if its and report.accuracy not in {None, 1.0}:
            yield from _searches(checked, report, its)
    for diagnostic in ours:
        yield from _about(checked, diagnostic)


def _repairs(
    checked: Checked, report: ModelReport, diagnostics: Sequence[types.Diagnostic], place: types.Range
) -> Iterator[types.CodeAction]:
    """The single edits that make every transition right; the one that is preferred is the only one."""
    wrong = [one for one in diagnostics if one.severity in {types.DiagnosticSeverity.Error, _WARNING}]
    for number, repair in enumerate(report.repairs):
        if wrong or place.start.line + 1 <= repair.line <= place.end.line + 1:
            yield types.CodeAction(
                _title(repair),
                kind=types.CodeActionKind.QuickFix,
                diagnostics=wrong or None,
                is_preferred=len(report.repairs) == 1,
                data={**_data(checked), "do": "repair", "model": report.model, "repair": number},
            )


_WARNING = types.DiagnosticSeverity.Warning


def _title(repair: Repair) -> str:
    described = f"{repair.description[:1].upper()}{repair.description[1:]}"
    if repair.separated_by is None:
        return f"{described} (then every transition is right)"
    where = f"state {show(repair.separated_by['state'])}, action {show(repair.separated_by['action'])}"
    return f"{described} (every transition is right too; differs in {where})"


def _searches(
    checked: Checked, report: ModelReport, diagnostics: Sequence[types.Diagnostic]
) -> Iterator[types.CodeAction]:
    arguments = [{"uri": checked.snapshot.uri, "model": report.model}]
    for title, name in (("Repair with search...", "cwm.synthesize"), ("Fit constants", "cwm.fit")):
        yield types.CodeAction(
            title,
            kind=types.CodeActionKind.RefactorRewrite,
            diagnostics=list(diagnostics),
            command=types.Command(title, name, arguments=arguments),
        )


def _about(checked: Checked, diagnostic: types.Diagnostic) -> Iterator[types.CodeAction]:
    """What can be done about one finding instead of correcting the model."""
    data, uri = _said(diagnostic), checked.snapshot.uri
    for example in data.get("examples", ())[:1]:
        title = f"Pin this transition (episode {example['episode']}, step {example['step']})"
        arguments = {"uri": uri, "model": data.get("model"), "episode": example["episode"], "step": example["step"]}
        yield _quick(title, diagnostic, command=types.Command(title, "cwm.pin", arguments=[arguments]))
    if checked.snapshot.path is not None:
        for field in data.get("fields", ())[:_FIELDS]:
            yield _quick(
                f"Ignore the field {field}", diagnostic, data={**_data(checked), "do": "ignore", "field": field}
            )
    code, line = str(diagnostic.code), diagnostic.range.start.line + 1
    if suppressing(checked.snapshot.text, line, code) is not None:
        yield _quick(
            f"Suppress {code} on this line",
            diagnostic,
            data={**_data(checked), "do": "suppress", "line": line, "code": code},
        )


def _quick(title: str, diagnostic: types.Diagnostic, **what: Any) -> types.CodeAction:
    return types.CodeAction(title, kind=types.CodeActionKind.QuickFix, diagnostics=[diagnostic], **what)


def _said(diagnostic: types.Diagnostic) -> Mapping[str, Any]:
    """What `diagnostics` has put into a diagnostic; nothing in those of others."""
    return diagnostic.data if isinstance(diagnostic.data, Mapping) and diagnostic.source == "cwm" else {}


def _data(checked: Checked) -> dict[str, Any]:
    return {"uri": checked.snapshot.uri, "version": checked.snapshot.version}


def _is_of(action: types.CodeAction, kind: str) -> bool:
    """Whether an action is of a kind, or of a kind below it."""
    own = str(getattr(action.kind, "value", action.kind))
    return own == kind or own.startswith(f"{kind}.")


# Edits


async def _edit(server: CwmServer, checked: Checked, data: Mapping[str, Any]) -> types.WorkspaceEdit | None:
    snapshot, encoding = checked.snapshot, server.documents.encoding
    match data["do"]:
        case "repair":
            report = next((report for report in checked.reports if report.model == data["model"]), None)
            if checked.stale or report is None or data["repair"] >= len(report.repairs):
                return None
            repair = report.repairs[data["repair"]]
            place = range_of(repair.span, snapshot.lines, encoding)
            return _in(snapshot, [types.TextEdit(place, repair.replacement)])
        case "suppress":
            line = suppressing(snapshot.text, data["line"], data["code"])
            place = types.Range(
                types.Position(data["line"] - 1, 0), line_range(data["line"], snapshot.lines, encoding).end
            )
            return None if line is None else _in(snapshot, [types.TextEdit(place, line)])
        case "ignore" if snapshot.path is not None:
            config = await asyncio.to_thread(_configuration_of, snapshot.path)
            return await _configured(server, config, snapshot.path, "ignore", data["field"])
        case _:
            return None


def _in(snapshot: Snapshot, edits: Sequence[types.TextEdit]) -> types.WorkspaceEdit:
    identifier = types.OptionalVersionedTextDocumentIdentifier(snapshot.uri, snapshot.version)
    return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(identifier, list(edits))])


# Settings bring in what the server does not need to start; it is imported in a thread when it is first used.


def _configuration_of(model: Path) -> Path:
    """The file that configures a model, or would."""
    from cwm_engine.project import find_project

    project = find_project(model)
    return project.config or project.root / "cwm.toml"


def _with_value(before: str, config: Path, model: Path, key: Any, value: str) -> str:
    from cwm_engine.project_edits import with_value

    return with_value(before, config, model, key, value)


def _name_in(config: Path, file: Path) -> str:
    from cwm_engine.project_edits import name_in

    return name_in(config, file)


async def _configured(server: CwmServer, config: Path, model: Path, key: Any, value: str) -> types.WorkspaceEdit | None:
    """The edit that adds a value to a model's entry; None if it is there."""
    uri = str(from_fs_path(str(config)))
    exists = await asyncio.to_thread(config.exists)
    before = server.workspace.get_text_document(uri).source if exists else ""
    after = await asyncio.to_thread(_with_value, before, config, model, key, value)
    changes = line_changes(before, after, server.documents.encoding)
    if not changes:
        return None
    identifier = types.OptionalVersionedTextDocumentIdentifier(uri, None)
    edit = types.TextDocumentEdit(identifier, list(changes))
    return types.WorkspaceEdit(document_changes=[edit] if exists else [types.CreateFile(uri), edit])


async def _pin(server: CwmServer, params: PinParams) -> PinResult:
    wanted = {"model": params.model, "episode": params.episode, "step": params.step}
    pinned = await server.checks.ask(params.uri, "cwm_server.pinning:pin", wanted)
    file, config = Path(pinned["file"]), Path(pinned["config"])
    name = await asyncio.to_thread(_name_in, config, file)
    edit = await _configured(server, config, Path(pinned["model"]), "pinned", name)
    applied = edit is None
    if edit is not None:
        request = server.workspace_apply_edit_async(types.ApplyWorkspaceEditParams(edit, label="Pin a transition"))
        applied = (await until_done(asyncio.ensure_future(request))).applied
    return PinResult(schema=SCHEMA, file=pinned["file"], added=pinned["added"], applied=applied)
