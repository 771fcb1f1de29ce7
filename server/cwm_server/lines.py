"""Which lines of its file the last check has executed, as a worker answers it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cwm_engine.diagnosis.executions import line_executions, lines_before
from cwm_engine.world_model.source import split_lines
from cwm_server.carry import Lines
from cwm_server.checker import Checker


def executed(checker: Checker, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """How often the lines of all models were executed.

    Args:
        checker: The file, as far as it has been checked.
        params: `text`, the text whose lines are meant: what ran may differ from it in comments and empty lines.

    Returns:
        What `messages.LineExecutions` says of each, in the order of the lines.
    """
    lines = split_lines(params["text"])
    found: dict[int, dict[str, Any]] = {}
    for opened in checker.opened:
        for name in opened.session.evidence:
            seen = opened.session.seen(name)
            if seen is None:
                continue
            now = Lines(split_lines(seen[0].program.source), lines).now
            failing, before = line_executions(*seen, failing=True), lines_before(*seen)
            for line, count in line_executions(*seen).items():
                # Code that several models share was executed if one of them did.
                other = found.get(now(line), {"transitions": 0, "failing": 0, "before": True})
                found[now(line)] = {
                    "line": now(line),
                    "transitions": max(other["transitions"], count),
                    "failing": max(other["failing"], failing.get(line, 0)),
                    "before": other["before"] and line in before,
                }
    return [found[line] for line in sorted(found)]
