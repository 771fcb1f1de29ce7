"""Where things are in a model and what its last run says of them: what hover, lenses and hints are made of.

Runs in the worker of a file, which has the text, its syntax tree and the evidence; what goes to the server is JSON.
"""

from __future__ import annotations

import ast
from typing import Any

from cwm_engine.diagnosis.executions import executions
from cwm_engine.findings import Finding
from cwm_engine.world_model.discovery import ModelSpec, discover
from cwm_engine.world_model.outcomes import assigned_fields
from cwm_engine.world_model.source import parse, split_lines
from cwm_server.carry import Lines
from cwm_server.checker import Checker

Message = dict[str, Any]


def outline(checker: Checker, params: Message) -> Message:
    """The models of a text.

    Args:
        checker: The file, as far as it has been checked.
        params: `text`.

    Returns:
        `models`, None where the text is no Python; each with `name`; `line` of its name; `body`, its first and last
        line; `step`, the line of the function that predicts; `assigned`, fields by line (see `assigned_fields`);
        `branches`, transitions by line (see `executions`); `checked`, how many transitions were run.
    """
    tree = parse(params["text"])
    if isinstance(tree, Finding):
        return {"models": None}
    lines = split_lines(params["text"])
    return {"models": [_model(checker, spec, tree, lines) for spec in discover(tree, lines).models]}


def _model(checker: Checker, spec: ModelSpec, tree: ast.Module, lines: tuple[str, ...]) -> Message:
    branches: dict[int, int] = {}
    checked = 0
    for opened in checker.opened:
        seen = opened.session.seen(spec.name)
        if seen is not None:
            evidence, instrumented = seen
            # The version that ran may differ in comments and empty lines.
            now = Lines(split_lines(evidence.program.source), lines).now
            branches = {now(line): count for line, count in executions(evidence, instrumented).items()}
            checked = int(evidence.checked.sum())
    return {
        "name": spec.name,
        "line": spec.span.line,
        "body": [spec.body.line, spec.body.end_line],
        "step": spec.step.line,
        "assigned": [[line, list(fields)] for line, fields in assigned_fields(tree, spec).items()],
        "branches": [[line, count] for line, count in branches.items()],
        "checked": checked,
    }
