"""`cwm/properties` and what goes with it: tests that hold a model in place are written, listed and run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pygls.uris import from_fs_path

from cwm_engine.checking.show import show_count
from cwm_engine.errors import CwmError
from cwm_server.app import CwmServer
from cwm_server.broken import Broken
from cwm_server.documents import Checked, Snapshot
from cwm_server.long_work import LongWork, runnable
from cwm_server.messages import (
    PROPERTIES,
    PROPERTY_TESTS,
    RUN_PROPERTIES,
    SCHEMA,
    PropertiesParams,
    PropertiesResult,
    PropertyFailure,
    PropertyOutcome,
    PropertyTest,
    PropertyTestsParams,
    PropertyTestsResult,
    RunPropertiesParams,
    RunPropertiesResult,
)
from cwm_server.reports import report_of
from cwm_server.rewriting import FileChange, offer_change
from cwm_server.workers import Job, Message

AGAIN_SECONDS = 0.6
"""How long a model is left alone after a check before the tests that it broke are run again."""

AGAIN_DEADLINE_SECONDS = 15.0
"""How long these may take then: nobody has asked for them."""

AGAIN_TIMES = 3
"""How often they are run where a run ends without a verdict, each after and within twice the time of the one before."""

logger = logging.getLogger(__name__)


def register(server: CwmServer) -> None:
    """Add the requests, the command, and what runs broken tests again."""
    again: dict[str, asyncio.Task[Any]] = {}

    @server.feature(PROPERTIES)
    @server.command("cwm.properties")
    async def properties(params: PropertiesParams) -> PropertiesResult:
        return await _write(server, params)

    @server.feature(PROPERTY_TESTS)
    async def property_tests(params: PropertyTestsParams) -> PropertyTestsResult:
        path = await _place(server, params.uri, params.model)
        text = await _text_of(server, path)
        if text is None:
            return PropertyTestsResult(schema=SCHEMA, tests=None, items=[])
        found = await server.checks.ask(params.uri, "cwm_server.property_jobs:names", {"text": text})
        return PropertyTestsResult(schema=SCHEMA, tests=_uri(path), items=[PropertyTest(**item) for item in found])

    @server.feature(RUN_PROPERTIES)
    async def run_properties(params: RunPropertiesParams) -> RunPropertiesResult:
        _cancel(again, params.uri)
        snapshot, _ = runnable(server, params.uri)
        work = LongWork(server, f"Running the properties of {Path(snapshot.name).name}", params.work_done_token)
        return await _run(server, params, work)

    def run_again(checked: Checked) -> None:
        """A model that broke properties has changed and was checked: do they hold now?"""
        uri = checked.snapshot.uri
        if checked.complete and checked.outcome == "checked":
            _cancel(again, uri)
            stale = any(one.snapshot.text != checked.snapshot.text for one in server.broken.known(uri))
            if stale and server.broken.failing(uri):
                again[uri] = server.spawn(_run_again(server, uri))

    def closed(uri: str) -> None:
        _cancel(again, uri)

    server.checks.observe(run_again)
    server.documents.on_close(closed)


def _cancel(tasks: dict[str, asyncio.Task[Any]], uri: str) -> None:
    task = tasks.pop(uri, None)
    if task is not None:
        task.cancel()


# Writing


async def _write(server: CwmServer, params: PropertiesParams) -> PropertiesResult:
    snapshot, path = runnable(server, params.uri)
    tests = await _place(server, params.uri, params.model)
    before = await _text_of(server, tests)
    work = LongWork(server, f"Writing properties of {Path(snapshot.name).name}", params.work_done_token)
    asked = {
        "path": path,
        "model": params.model,
        "text": snapshot.text,
        "tests": str(tests),
        "before": before or "",
    }
    found = await work.result("cwm_server.property_jobs:write", asked)
    text = found["text"]
    edit, applied = None, False
    if text != before:
        change = FileChange(_uri(tests), before, text, "Write property tests", _described(found))
        encoding = server.documents.encoding
        applied = params.apply and await offer_change(server, change, encoding)
        edit = change.edit(encoding, annotated=False)
    return PropertiesResult(
        schema=SCHEMA, tests=_uri(tests), created=before is None, edit=edit, applied=applied, **found
    )


def _described(found: Message) -> str:
    """What changes, in a line."""
    parts = [show_count(found["count"], "test")]
    for name, word in (("added", "new"), ("updated", "changed"), ("removed", "gone")):
        if found[name]:
            parts.append(f"{len(found[name])} {word}")
    if found["kept"] or found["left"]:
        parts.append(f"{len(found['kept']) + len(found['left'])} as you have edited them")
    return ", ".join(parts)


# Running


async def _run(
    server: CwmServer, params: RunPropertiesParams, work: LongWork, seconds: float | None = None
) -> RunPropertiesResult:
    snapshot, path = runnable(server, params.uri)
    tests = await _place(server, params.uri, params.model)
    text = await _text_of(server, tests)
    if text is None:
        raise CwmError("there are no property tests of this model yet", path=tests, hint="generate them first")
    before = server.broken.failing(params.uri).get(params.model, ())
    only = None if params.only is None else sorted({*params.only, *before})  # what is shown is about all of them
    ended = 0

    def hear(message: Message, _job: Job) -> None:
        nonlocal ended
        ended += 1
        work.report(f"{message['ended']} {message['status']}, {show_count(ended, 'test')} so far")

    asked = {
        "path": path,
        "model": params.model,
        "text": snapshot.text,
        "tests": str(tests),
        "source": text,
        "only": only,
        "seconds": seconds,
    }
    found = await work.result("cwm_server.property_jobs:run", asked, hear)
    if found["status"] != "error":  # what cannot be loaded breaks nothing, and nothing holds either
        _learn(server, snapshot, params.model, found)
    outcomes = [_outcome(test) for test in found["tests"] if params.only is None or _is_one_of(test, params.only)]
    return RunPropertiesResult(
        schema=SCHEMA,
        version=snapshot.version,
        tests=_uri(tests),
        status=found["status"],
        problem=found["problem"],
        seconds=found["seconds"],
        outcomes=outcomes,
    )


def _learn(server: CwmServer, snapshot: Snapshot, model: str | None, found: Message) -> None:
    failing = tuple(test["test"] for test in found["tests"] if test["status"] in {"failed", "unfinished"})
    server.broken.learn(model, Broken(snapshot, report_of(found["report"]), failing))


async def _run_again(server: CwmServer, uri: str) -> None:
    """Run the broken tests of a file again; what was known of them stays where they come to no verdict."""
    left = server.broken.failing(uri)
    for scale in (2**time for time in range(AGAIN_TIMES)):
        await asyncio.sleep(scale * AGAIN_SECONDS)
        for model, failing in list(left.items()):
            params = RunPropertiesParams(uri=uri, model=model, only=list(failing))
            work = LongWork(server, "", None, quiet=True)
            try:
                found = await _run(server, params, work, scale * AGAIN_DEADLINE_SECONDS)
            except CwmError as error:
                logger.warning("broken properties could not be run again: %s", error)
                continue
            if found.status == "complete":
                del left[model]
            else:
                logger.warning("broken properties came to no verdict: %s", found.problem or "they take too long")
        if not left:
            return


def _is_one_of(test: Message, names: Sequence[str]) -> bool:
    return test["test"] in names or test["test"].partition("[")[0] in names


def _outcome(test: Message) -> PropertyOutcome:
    failures = [
        PropertyFailure(
            message=_told(test["test"], failure),
            line=failure["line"],
            counterexample=failure["counterexample"],
            seen=failure["seen"],
        )
        for failure in test["failures"]
    ]
    return PropertyOutcome(**{**test, "failures": failures})


def _told(name: str, failure: Message) -> str:
    """How a test fails, in words."""
    case = ", ".join(f"{key}={value}" for key, value in failure["counterexample"].items())
    seen = ", ".join(f"{key} is {value}" for key, value in failure["seen"].items())
    reason = f"{failure['type']}: {failure['message']}" if failure["message"] else failure["type"]
    lines = [f"{name} fails" + (f" for {case}" if case else "")]
    return "\n".join([*lines, *([f"where {seen}"] if seen else []), reason.removeprefix(": ")])


# The file of tests


async def _place(server: CwmServer, uri: str, model: str | None) -> Path:
    snapshot = server.documents.snapshot(uri)
    if snapshot is None:
        raise CwmError("is not open", path=uri, hint="open it first")
    return Path(await server.checks.ask(uri, "cwm_server.property_jobs:place", {"model": model}))


async def _text_of(server: CwmServer, path: Path) -> str | None:
    """What the editor shows of a file, or what is on the disk; None where there is none."""
    uri = _uri(path)
    if uri in server.workspace.text_documents:
        return str(server.workspace.text_documents[uri].source)

    def read() -> str | None:
        try:
            return path.read_text(encoding="utf-8") if path.exists() else None
        except (OSError, UnicodeDecodeError) as error:
            raise CwmError(f"cannot be read: {error}", path=path) from None

    return await asyncio.to_thread(read)


def _uri(path: Path) -> str:
    return str(from_fs_path(str(path)))
