"""Findings about rules that nothing tests: the surviving mutants of each line, told on the line."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from cwm_engine.findings import CODES, Finding, Span
from cwm_engine.properties.adequacy.score import Adequacy, Fate, Verdict

UNTESTED = "CWM604"

_SHOWN = 70


def untested(result: Adequacy, told: Sequence[Span] = ()) -> list[Finding]:
    """A finding for each line that can be changed without any recorded transition or property showing it.

    Args:
        result: The fates of the mutants.
        told: Code of which it is told already that no transition executes it.
    """
    lines: dict[int, list[Verdict]] = defaultdict(list)
    for verdict in result.survivors:
        if not any(span.line <= verdict.mutant.line <= span.end_line for span in told):
            lines[verdict.mutant.line].append(verdict)
    tried: dict[int, int] = defaultdict(int)
    for verdict in result.verdicts:
        if verdict.fate not in (Fate.EQUIVALENT, Fate.UNTRIED):
            tried[verdict.mutant.line] += 1
    return [_finding(several, tried[line], result) for line, several in sorted(lines.items())]


def _finding(several: Sequence[Verdict], tried: int, result: Adequacy) -> Finding:
    first = several[0].mutant
    others = f", and with {len(several) - 1} of the other {tried - 1} changes of this line" if len(several) > 1 else ""
    what = "transition" if not result.properties else "transition or property"
    code = CODES[UNTESTED]
    return Finding(
        code=code.code,
        severity=code.severity,
        message=f"No {what} tests this: all is as before with `{shown(first.was)}` -> `{shown(first.now)}`{others}.",
        span=first.span,
        count=len(several),
        note=_advice(several[0]) or code.fix,
    )


def shown(text: str) -> str:
    """A piece of code, cut off where it is long."""
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _advice(verdict: Verdict) -> str | None:
    """A state in which the change would show, and how."""
    place = verdict.place
    if place is None:
        return None
    return (
        f"Record what happens in a state like {_json(place.state)} with action {_json(place.action)}: the model "
        f"predicts {_prediction(place.model)}, with the change {_prediction(place.mutant)}."
    )


def _prediction(value: Any) -> str:
    if value is None:
        return "nothing"
    end = "the end" if value["terminated"] else "no end"
    return f"{_json(value['observation'])}, reward {_json(value['reward'])}, {end}"


def _json(value: Any) -> str:
    return shown(json.dumps(_rounded(value)))


def _rounded(value: Any) -> Any:
    match value:
        case float():
            return float(f"{value:.4g}")
        case list():
            return [_rounded(item) for item in value]
        case dict():
            return {name: _rounded(item) for name, item in value.items()}
        case _:
            return value
