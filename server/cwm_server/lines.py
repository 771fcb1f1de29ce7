"""Which lines of its file the last check has executed, as a worker answers it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cwm_engine.diagnosis.executions import line_executions
from cwm_engine.world_model.source import split_lines
from cwm_server.carry import Lines
from cwm_server.checker import Checker


def executed(checker: Checker, params: Mapping[str, Any]) -> list[list[int]]:
    """How often the lines of all models were executed.

    Args:
        checker: The file, as far as it has been checked.
        params: `text`, the text whose lines are meant: what ran may differ from it in comments and empty lines.

    Returns:
        Line, transitions that execute it, and how many of those are predicted wrongly; in the order of the lines.
    """
    lines = split_lines(params["text"])
    found: dict[int, list[int]] = {}
    for opened in checker.opened:
        for name in opened.session.evidence:
            seen = opened.session.seen(name)
            if seen is None:
                continue
            now = Lines(split_lines(seen[0].program.source), lines).now
            failing = line_executions(*seen, failing=True)
            for line, count in line_executions(*seen).items():
                # Code that several models share was executed if one of them did.
                before = found.get(now(line), [now(line), 0, 0])
                found[now(line)] = [now(line), max(before[1], count), max(before[2], failing.get(line, 0))]
    return [found[line] for line in sorted(found)]
