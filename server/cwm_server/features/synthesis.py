"""`cwm/synthesize` and `cwm/fit`, as requests and as commands: a better program, offered as an edit to be accepted."""

from __future__ import annotations

import asyncio
from typing import Any

import attrs
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from cwm_engine.checking.show import show_count, show_share
from cwm_server.app import CwmServer
from cwm_server.configuration import Configuration
from cwm_server.long_work import LongWork, runnable
from cwm_server.messages import (
    COMPLETE,
    FIT,
    SCHEMA,
    SEARCH_EVENT,
    SYNTHESIZE,
    ChatMessage,
    CompleteParams,
    CompleteResult,
    FitParams,
    FitResult,
    SearchEventParams,
    SynthesizeParams,
    SynthesizeResult,
)
from cwm_server.protocol import until_done
from cwm_server.rewriting import Rewriting, offer
from cwm_server.workers import Job, Message

_PLANNED = ("proposer", "strategy", "max_calls", "max_tokens", "max_cost", "max_seconds", "max_nodes")
"""What a request may say about the plan of its search."""


def register(server: CwmServer) -> None:
    """Add the requests and the commands."""

    @server.feature(SYNTHESIZE)
    @server.command("cwm.synthesize")
    async def synthesize(params: SynthesizeParams) -> SynthesizeResult:
        return await _synthesize(server, params)

    @server.feature(FIT)
    @server.command("cwm.fit")
    async def fit(params: FitParams) -> FitResult:
        return await _fit(server, params)


async def _synthesize(server: CwmServer, params: SynthesizeParams) -> SynthesizeResult:
    snapshot, path = runnable(server, params.uri)
    work = LongWork(server, f"Searching for {snapshot.name}", params.work_done_token)

    def hear(message: Message, job: Job) -> None:
        if "event" in message:
            event = SearchEventParams(schema=SCHEMA, uri=params.uri, **message["event"])
            work.report(_progress(event), _share(event))
            server.protocol.notify(SEARCH_EVENT, event)
        elif "ask" in message:
            server.spawn(_complete(server, params.llm, message, job))

    given = {name: getattr(params, name) for name in _PLANNED if getattr(params, name) is not None}
    asked = {
        "path": path,
        "model": params.model,
        "text": snapshot.text,
        "description": params.description,
        "resume": params.resume,
        "llm": params.llm,
        "given": given,
        "usual": _usual(snapshot.settings),
    }
    found = await work.result("cwm_server.searching:main", asked, hear)
    document, program = found["document"], found["program"]
    rewriting = None
    if program is not None and program != snapshot.text and document["diff"]:
        rewriting = Rewriting(snapshot, program, "Use the program that was found", _described(document))
    edit, applied = await _offered(server, rewriting, apply=params.apply)
    return SynthesizeResult(
        schema=SCHEMA, version=snapshot.version, result=document, program=program, edit=edit, applied=applied
    )


async def _fit(server: CwmServer, params: FitParams) -> FitResult:
    snapshot, path = runnable(server, params.uri)
    work = LongWork(server, f"Fitting the numbers of {snapshot.name}", params.work_done_token)
    asked = {"path": path, "model": params.model, "text": snapshot.text}
    found = await work.result("cwm_server.fitting:main", asked)
    document, program = found["document"], found["program"]
    rewriting = None
    if program != snapshot.text:
        accuracy = document["accuracy"]
        after, before = show_share(accuracy["after"]), show_share(accuracy["before"])
        details = f"{after} of the transitions are right, {before} before"
        rewriting = Rewriting(snapshot, program, "Use the fitted numbers", details)
    edit, applied = await _offered(server, rewriting, apply=params.apply)
    return FitResult(schema=SCHEMA, version=snapshot.version, fit=document, program=program, edit=edit, applied=applied)


async def _offered(
    server: CwmServer, rewriting: Rewriting | None, *, apply: bool
) -> tuple[types.WorkspaceEdit | None, bool]:
    if rewriting is None:
        return None, False
    encoding = server.documents.encoding
    applied = apply and await offer(server, rewriting, encoding)
    return rewriting.edit(encoding, annotated=False), applied


async def _complete(server: CwmServer, llm: str | None, message: Message, job: Job) -> None:
    """Ask the editor's language model for the search, and tell the search what it says."""
    messages = [ChatMessage(**one) for one in message["messages"]]
    params = CompleteParams(schema=SCHEMA, llm=llm, messages=messages, max_tokens=message["max_tokens"])
    answer: dict[str, Any] = {"answer": message["ask"], "text": "", "prompt_tokens": None, "completion_tokens": None}
    try:
        request = server.protocol.send_request_async(COMPLETE, params)
        said: CompleteResult = await until_done(asyncio.ensure_future(request))
        job.send({**answer, **attrs.asdict(said), "error": None})
    except JsonRpcException as error:
        job.send({**answer, "error": error.message})


def _usual(settings: Configuration) -> dict[str, Any]:
    """What the editor's settings say about searches, by attribute of `Plan`."""
    usual = {
        "proposer": settings.proposer,
        "max_calls": settings.budget_calls,
        "max_tokens": settings.budget_tokens,
        "max_cost": settings.budget_cost,
        "max_seconds": settings.budget_seconds,
    }
    return {name: value for name, value in usual.items() if value is not None}


def _progress(event: SearchEventParams) -> str:
    """Where a search stands, in a line."""
    nodes = f"node {event.nodes}" + (f"/{event.most_nodes}" if event.most_nodes is not None else "")
    parts = [nodes]
    if event.best is not None:
        parts.append(f"best {show_share(event.best)}")
    if event.calls or event.most_calls is not None:
        parts.append(show_count(event.calls, "call"))
    if event.cost:
        parts.append(f"${event.cost:.2f}")
    return ", ".join(parts)


def _share(event: SearchEventParams) -> float | None:
    """How much of its budget a search has used, by nodes or calls, if either has a limit."""
    if event.most_nodes:
        return event.nodes / event.most_nodes
    return event.calls / event.most_calls if event.most_calls else None


def _described(document: dict[str, Any]) -> str:
    """What is known about the program of a search, in a line."""
    accuracy = document["accuracy"]
    parts = [str(document["status"])]
    for name, words in (("search", "of the searched transitions are right"), ("heldout", "of those held out")):
        if accuracy[name] is not None:
            parts.append(f"{show_share(accuracy[name])} {words}")
    return ", ".join(parts)
