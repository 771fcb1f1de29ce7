"""The jobs around property tests: writing them, and running them; each runs in a worker process."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cwm_engine.checking.report import ModelReport, Status
from cwm_engine.diagnosis.opening import load_data, sandbox_limits
from cwm_engine.errors import CwmError
from cwm_engine.project import ModelTarget, find_project
from cwm_engine.properties.generation import file_of_tests
from cwm_engine.properties.running import DEADLINE_SECONDS, Outcome, Run, findings_of, run_tests, written_tests
from cwm_engine.properties.updating import updated_tests
from cwm_server.checker import Checker
from cwm_server.searching import target_of
from cwm_server.worker import Channel, Message


def place(checker: Checker, params: Mapping[str, Any]) -> str:
    """Where the tests of a model are, or would be; asked of a file's worker.

    Args:
        checker: The file.
        params: `model`.

    Raises:
        CwmError: The file was never saved, or has no data.
    """
    if checker.path is None:
        raise CwmError("the file was never saved, so no tests belong to it", hint="save it first")
    return str(file_of_tests(_target({"path": str(checker.path), **params})).absolute())


def names(_checker: Checker, params: Mapping[str, Any]) -> list[Message]:
    """The tests in a text, with their lines; none where it is no Python.

    Args:
        params: `text`.
    """
    return _names(params["text"])


def _names(text: str) -> list[Message]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return []
    bodies = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef))]
    return [
        {"name": node.name, "line": node.lineno}
        for body in bodies
        for node in body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


def write(channel: Channel, params: Message) -> None:
    """The job of writing; see `worker.main`.

    The params are `path`, `model`, `text`, `tests` (their file) and `before` (what is in it). One message, `result` or
    `error`.
    """
    channel.listen()
    try:
        channel.send({"result": _written(params)})
    except CwmError as error:
        channel.send({"error": str(error)})


def _written(params: Message) -> Message:
    target = _target(params)
    updated = updated_tests(
        target, params["text"], load_data(target), Path(params["tests"]), params["before"], target.env
    )
    suite, merged = updated.suite, updated.merged
    return {
        "text": merged.text,
        "count": len(_names(merged.text)),
        "rules": len(suite.invariants),
        "dropped": [one.statement for one in suite.dropped],
        "environment": suite.environment,
        **{name: list(getattr(merged, name)) for name in ("added", "updated", "kept", "removed", "left")},
    }


def run(channel: Channel, params: Message) -> None:
    """The job of running; see `worker.main`.

    The params are `path`, `model`, `text`, `tests` (their file), `source` (what is in it), `only`, and `seconds`, as
    long as usual when None. Messages: `ended` with the name of a test and how it ended, for each; then `result` or
    `error`.
    """
    channel.listen()
    try:
        channel.send({"result": _run(channel, params)})
    except CwmError as error:
        channel.send({"error": str(error)})


def _run(channel: Channel, params: Message) -> Message:
    target, path = _target(params), Path(params["tests"])
    tests = written_tests(target, params["text"], path, only=params["only"], text=params["source"])

    def tell(outcome: Outcome) -> None:
        channel.send({"ended": outcome.test, "status": outcome.status})

    limits = sandbox_limits(find_project(target.path).settings)
    found = run_tests(tests, limits, seconds=params["seconds"] or DEADLINE_SECONDS, on_outcome=tell)
    findings = findings_of(found, params["text"], params["source"], path, target.class_name)
    report = ModelReport(file=str(target.path), model=target.class_name, status=Status.COMPLETE, findings=findings)
    return {"report": report.to_json(), **_document(found)}


def _document(found: Run) -> Message:
    document = found.to_json()
    return {name: document[name] for name in ("status", "problem", "seconds", "tests")}


def _target(params: Mapping[str, Any]) -> ModelTarget:
    return target_of(dict(params), find_project(params["path"]))
