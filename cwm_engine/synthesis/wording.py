"""Transitions, spaces and findings in the words of a prompt: exact where it matters, never longer than asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cwm_engine.checking.show import crop, show, value_at
from cwm_engine.findings import Example, Finding, Suspect

DIGITS = 9
"""Enough to tell any two float32 apart, which most observations are."""


@dataclass(frozen=True, slots=True)
class Detail:
    """How much a prompt tells.

    Attributes:
        description: Characters of the environment's description.
        findings: Findings told with lines and examples.
        examples: Examples over all findings, or observed transitions where there is no program yet.
        width: Characters of one state or observation.
        differing: Fields of an example that are compared one by one.
        fields: Fields whose accuracy is listed.
        siblings: Earlier attempts.
        diff: Characters of the diff of an earlier attempt.
    """

    description: int
    findings: int
    examples: int
    width: int
    differing: int
    fields: int
    siblings: int
    diff: int


DETAILS = (
    Detail(12_000, 8, 8, 1500, 8, 40, 6, 1200),
    Detail(8_000, 6, 6, 800, 6, 24, 4, 800),
    Detail(5_000, 4, 4, 500, 5, 16, 3, 500),
    Detail(3_000, 3, 3, 300, 4, 10, 2, 300),
    Detail(1_500, 2, 2, 160, 3, 6, 1, 200),
    Detail(600, 1, 1, 100, 2, 4, 0, 0),
)
"""From telling all to telling the least."""


def space_in_words(space: Mapping[str, Any] | None, *, width: int = 800) -> str:
    """A described space as one line, or several for the parts of a dictionary or tuple; empty where unknown."""
    return crop("\n".join(_space(space)), width) if space else ""


def observed_in_words(example: Example, detail: Detail) -> str:
    """An observed transition on one line for each of its ends."""
    state = show(example.state, width=detail.width, digits=DIGITS)
    action = show(example.action, width=detail.width, digits=DIGITS)
    return f"state {state}, action {action}\n  -> {outcome_in_words(example.expected, detail)}"


def mismatch_in_words(example: Example, detail: Detail) -> str:
    """A transition that the program gets wrong: before, observed after, predicted after, and field by field."""
    lines = [
        f"state:     {show(example.state, width=detail.width, digits=DIGITS)}",
        f"action:    {show(example.action, width=detail.width, digits=DIGITS)}",
        f"observed:  {outcome_in_words(example.expected, detail)}",
        f"predicted: {outcome_in_words(example.predicted, detail)}",
    ]
    shown = example.differs[: detail.differing]
    lines += [f"  {_field(name, example)}" for name in shown]
    if len(example.differs) > len(shown):
        lines.append(f"  ... and {len(example.differs) - len(shown)} more fields")
    return "\n".join(lines)


def outcome_in_words(outcome: Any, detail: Detail) -> str:
    """Next observation, reward and end on one line; or the error that was raised in their place."""
    match outcome:
        case {"error": error}:
            return f"raised an error: {crop(str(error), detail.width)}"
        case Mapping():
            return ", ".join(
                f"{name} {show(value, width=detail.width, digits=DIGITS)}" for name, value in outcome.items()
            )
        case _:
            return show(outcome, width=detail.width, digits=DIGITS, empty="nothing")


def suspects_in_words(finding: Finding, lines: Sequence[str], *, most: int = 5) -> str:
    """The lines that may be the cause with their code, most suspicious first; else the place of the finding."""
    suspects = [suspect for suspect in finding.suspects if 1 <= suspect.line <= len(lines)][:most]
    if not suspects:
        line = finding.span.line
        code = lines[line - 1].strip() if 1 <= line <= len(lines) else ""
        return f"At line {line}: `{crop(code, 200)}`" if code else ""
    return "\n".join(("Suspected lines, the most suspicious first:", *(_suspect(one, lines) for one in suspects)))


def _suspect(suspect: Suspect, lines: Sequence[str]) -> str:
    return f"- line {suspect.line} ({suspect.score:.2f}): `{crop(lines[suspect.line - 1].strip(), 200)}`"


def _field(name: str, example: Example) -> str:
    expected, predicted = value_at(example.expected, name), value_at(example.predicted, name)
    before = value_at({"observation": example.state}, name) if name.startswith("obs") else None
    parts = []
    if before is not None:
        parts.append(f"before {show(before, digits=DIGITS)}")
    change = _difference(before, expected)
    parts.append(f"observed {show(expected, digits=DIGITS)}{f' (change {change})' if change else ''}")
    off = _difference(expected, predicted)
    parts.append(f"predicted {show(predicted, digits=DIGITS)}{f' (off by {off})' if off else ''}")
    return f"{name}: {', '.join(parts)}"


def _difference(one: Any, other: Any) -> str:
    """What has to be added to the first number, precisely enough to calculate with; empty for what is no number."""
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in (one, other)):
        return ""
    return f"{other - one:+.6g}"


def _space(space: Mapping[str, Any], name: str = "") -> Iterator[str]:
    label = f"{name}: " if name else ""
    match space:
        case {"type": "Box", "shape": shape, "low": low, "high": high, "dtype": dtype}:
            yield f"{label}{_box(shape, low, high, str(dtype))}"
        case {"type": "Discrete", "n": n, **rest}:
            start = rest.get("start", 0)
            yield f"{label}an integer from {start} to {start + n - 1}"
        case {"type": "MultiDiscrete", "nvec": nvec, **rest}:
            start = show(rest.get("start", 0))
            yield f"{label}an array of integers that count from {start}, with {show(nvec)} values each"
        case {"type": "MultiBinary", "shape": shape}:
            yield f"{label}an array of shape {show(shape)} of 0 and 1"
        case {"type": "Text"}:
            yield f"{label}a string"
        case {"type": "Sequence", "space": Mapping() as part}:
            yield f"{label}a sequence of any length; each item:"
            yield from (f"  {line}" for line in _space(part))
        case {"type": "Tuple", "spaces": list(parts)}:
            yield f"{label}a tuple of {len(parts)}:"
            for index, part in enumerate(parts):
                yield from (f"  {line}" for line in _space(part, f"[{index}]"))
        case {"type": "Dict", "spaces": Mapping() as parts}:
            yield f"{label}a dictionary:"
            for key, part in parts.items():
                yield from (f"  {line}" for line in _space(part, repr(key)))
        case _:
            yield f"{label}{show(space, width=300)}"


def _box(shape: Any, low: Any, high: Any, dtype: str) -> str:
    kind = "number" if dtype.startswith("float") else "integer"
    if list(shape) == []:
        return f"a {kind} ({dtype}) from {show(low)} to {show(high)}"
    head = f"an array of shape {show(list(shape))} of {kind}s ({dtype})"
    if isinstance(low, list) and len(shape) == 1 and shape[0] <= 24:
        highs = high if isinstance(high, list) else [high] * len(low)
        return f"{head}; from, to: " + ", ".join(
            f"[{i}] {_bound(one)}..{_bound(two)}" for i, (one, two) in enumerate(zip(low, highs, strict=False))
        )
    if isinstance(low, list) or isinstance(high, list):
        return head
    return f"{head}, each from {_bound(low)} to {_bound(high)}"


def _bound(value: Any) -> str:
    return show(value).strip('"')
