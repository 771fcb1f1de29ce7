"""Code lenses on each model: how right it is by field and by which data, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Any

from lsprotocol import types

from cwm_engine.checking.report import ModelReport
from cwm_engine.checking.show import show_count, show_share
from cwm_server.app import CwmServer
from cwm_server.convert import line_range
from cwm_server.documents import Checked
from cwm_server.features.checking import COMMAND as CHECK
from cwm_server.outlines import ModelOutline, Outline

SYNTHESIZE, FIT = "cwm.synthesize", "cwm.fit"
PROPERTIES, DEBUG = "cwm.properties", "cwm.debugMismatch"

_FIELDS = 3


def register(server: CwmServer) -> None:
    """Add the handler, and have clients ask again when there is something new."""
    told: dict[str, list[types.CodeLens]] = {}

    def has(command: str) -> bool:
        return command in server.protocol.fm.commands or command in server.client_commands

    def current(uri: str) -> list[types.CodeLens]:
        checked, snapshot = server.documents.current(uri), server.documents.snapshot(uri)
        if checked is None or snapshot is None:
            return []
        return [
            types.CodeLens(line_range(model.line, snapshot.lines, server.documents.encoding), command)
            for model, command in lenses(checked, server.outlines.of(uri), has)
        ]

    def refresh(uri: str) -> None:
        workspace = server.client_capabilities.workspace
        found = current(uri)
        if found != told.get(uri, []) and workspace and workspace.code_lens and workspace.code_lens.refresh_support:
            told[uri] = found
            server.spawn(server.ask_client(server.workspace_code_lens_refresh_async(None)))

    @server.feature(types.TEXT_DOCUMENT_CODE_LENS)
    async def code_lens(params: types.CodeLensParams) -> list[types.CodeLens]:
        uri = params.text_document.uri
        told[uri] = current(uri)
        return told[uri]

    server.outlines.observe(refresh)
    server.documents.on_close(lambda uri: told.pop(uri, None))


def lenses(
    checked: Checked, outline: Outline, has: Callable[[str], bool]
) -> Iterator[tuple[ModelOutline, types.Command]]:
    """The lenses of a file, those of a model from left to right.

    Args:
        checked: What is known about the file.
        outline: Its models.
        has: Whether there is a command of this name: what cannot be done is not offered.
    """
    uri = checked.snapshot.uri
    for model in outline:
        # Several where a model is configured to be checked by several data sets.
        reports = [report for report in checked.reports if report.model == model.name]
        arguments = {"uri": uri, "model": model.name}
        titles = [_result(report) for report in reports if report.transitions.checked] or [_reason(checked)]
        yield from ((model, types.Command(title, "")) for title in titles)
        if checked.outcome == "blocked":
            yield model, types.Command("Run anyway", CHECK, arguments=[{"uri": uri, "anyway": True}])
            continue
        yield model, types.Command("Check", CHECK, arguments=[{"uri": uri}])
        report = min(reports, key=lambda report: report.accuracy or 0.0, default=None)
        if report is None or report.trajectories is None:
            continue  # nothing to search or fit by
        wrong = report.accuracy != 1.0
        offers = (
            ("Repair" if report.accuracy else "Synthesize", SYNTHESIZE, arguments if wrong else None),
            ("Fit constants", FIT, arguments if wrong else None),
            ("Generate properties", PROPERTIES, arguments),
            ("Debug first mismatch", DEBUG, _mismatch(uri, report)),
        )
        for title, command, argument in offers:
            if argument is not None and has(command):
                yield model, types.Command(title, command, arguments=[argument])


def _mismatch(uri: str, report: ModelReport) -> dict[str, Any] | None:
    """The first transition that shows what is wrong with a model."""
    for finding in report.findings:
        for example in finding.examples:
            if example.predicted is not None:
                return {"uri": uri, "model": report.model, "episode": example.episode, "step": example.step}
    return None


def _result(report: ModelReport) -> str:
    """How right a model is, in one line."""
    transitions = report.transitions
    parts = [f"{show_share(report.accuracy)} of {show_count(transitions.checked, 'transition')}"]
    if transitions.checked < transitions.total:
        parts[0] += f" (of {transitions.total:,})"
    wrong = sorted((share, name) for name, share in report.fields.items() if share < 1.0)
    parts += [f"{name} {show_share(share)}" for share, name in wrong[:_FIELDS]]
    if len(wrong) > _FIELDS:
        parts.append(f"and {len(wrong) - _FIELDS} more")
    if report.trajectories:
        parts.append(PurePath(report.trajectories).name)
    return " · ".join(parts)


def _reason(checked: Checked) -> str:
    """Why nothing is known of a model."""
    match checked.outcome:
        case "blocked":
            return f"not run: the sandbox is only at the level `{checked.isolation}`"
        case "noData":
            return "not checked: no trajectories"
        case "notRun" | "stopped":
            return "not checked"
        case _ if not checked.complete:
            return "not checked yet"
        case _:
            return "could not be checked"
