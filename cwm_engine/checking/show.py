"""How transitions and numbers are shown to people: the one place that puts them into words."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cwm_engine.findings import Example, Finding

_ROOTS = {"obs": "observation", "reward": "reward", "terminated": "terminated"}
_STEP = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>\d+(?:,\d+)*)\]")
_DIGITS = 6
_COMPARED = 4096  # characters of two values in which a difference is looked for


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field of a transition in which prediction and observation differ, as text."""

    field: str
    state: str
    expected: str
    predicted: str
    difference: str


def field_rows(example: Example) -> tuple[FieldRow, ...]:
    """The fields of an example that differ, in its order; what cannot be found is an empty text."""
    rows = []
    for name in example.differs:
        state = value_at({"observation": example.state}, name) if name.startswith("obs") else None
        expected, predicted = value_at(example.expected, name), value_at(example.predicted, name)
        left, right = show_pair(expected, predicted)
        rows.append(FieldRow(name, show(state, empty=""), left, right, show_difference(expected, predicted)))
    return tuple(rows)


def value_at(outcome: Any, field: str) -> Any:
    """The value of a field such as `obs.board[3,1]` or `reward` in an example's outcome; None where there is none."""
    root = next((name for name in _ROOTS if field == name or field.startswith((f"{name}.", f"{name}["))), None)
    if root is None or not isinstance(outcome, Mapping):
        return None
    value: Any = outcome.get(_ROOTS[root])
    for step in _STEP.finditer(field[len(root) :]):
        keys = [step["name"]] if step["name"] is not None else map(int, step["index"].split(","))
        try:
            for key in keys:
                value = value[key]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def show(value: Any, *, width: int = 72, empty: str = "none", digits: int = _DIGITS) -> str:
    """A JSON value on one line of at most `width` characters, floats with six digits unless told otherwise."""
    if value is None:
        return empty
    return crop(_show(value, digits, width), width)


def show_pair(expected: Any, predicted: Any, *, width: int = 32) -> tuple[str, str]:
    """Two values that differ, with as many digits as it takes to see that they do."""
    for digits in (_DIGITS, 9, 17):
        left, right = _show(expected, digits, _COMPARED), _show(predicted, digits, _COMPARED)
        if left != right:
            break
    return ("" if expected is None else crop(left, width)), ("" if predicted is None else crop(right, width))


def show_difference(expected: Any, predicted: Any) -> str:
    """Predicted minus expected where both are numbers, with a sign and three digits; else an empty text."""
    if not (_is_number(expected) and _is_number(predicted)):
        return ""
    difference = predicted - expected
    if not math.isfinite(difference):
        return ""
    return f"{difference:+d}" if isinstance(difference, int) else f"{difference:+.3g}"


def show_share(share: float | None) -> str:
    """A fraction in percent, cut and not rounded: only a flawless model has `100 %`."""
    if share is None:
        return "unknown"
    if share >= 1.0:
        return "100 %"
    if 0 < share < 0.001:
        return "< 0.1 %"
    return f"{math.floor(share * 1000 + 1e-9) / 10:.1f} %"


def message_with_count(finding: Finding, checked: int) -> str:
    """The message of a finding with the number of transitions it stands for, unless it names them itself.

    A finding that ended the check, such as a crash, may stand for a transition that was never compared; it has none.
    """
    if not 0 < finding.count <= checked or "transition" in finding.message:
        return finding.message
    return f"{finding.message.rstrip('.')} ({finding.count:,} of {show_count(checked, 'transition')})"


def show_count(count: int, noun: str) -> str:
    """A number with its noun: `1 model`, `10,000 transitions`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def printable(text: str) -> str:
    """The text with every character that could steer a terminal or turn its order replaced by a visible one.

    Model files and what they print are written by strangers; each character stays one character.
    """
    return "".join("\ufffd" if _steers(character) else character for character in text)


def crop(text: str, width: int) -> str:
    """The text in at most `width` characters, shortened in the middle where it is longer."""
    if len(text) <= width:
        return text
    head = (width - 3) * 2 // 3
    return f"{text[:head]}...{text[len(text) - (width - 3 - head) :]}"


def _show(value: Any, digits: int, width: int) -> str:
    """A value as text; of one that is longer than `width` on either side, only as much as is seen of it once cropped.

    An image has tens of thousands of numbers, of which a handful is shown.
    """
    start, whole = _taken(_pieces(value, digits), width)
    if whole:
        return "".join(start)
    end, _ = _taken(_pieces(value, digits, backwards=True), width)
    return "".join(start) + "".join(reversed(end))


def _taken(pieces: Iterator[str], width: int) -> tuple[list[str], bool]:
    """The first pieces, up to `width` characters and no less; and whether these are all."""
    taken: list[str] = []
    length = 0
    for piece in pieces:
        if length > width:
            return taken, False
        taken.append(piece)
        length += len(piece)
    return taken, True


def _pieces(value: Any, digits: int, *, backwards: bool = False) -> Iterator[str]:
    """A value as text in pieces, the first or the last of them first."""
    match value:
        case float():
            text = f"{value:.{digits}g}"
            yield f"{text}.0" if text.lstrip("-").isdigit() else text
        case bool() | None:
            yield json.dumps(value)
        case list() | tuple():
            yield from _enclosed("[", [("", item) for item in value], "]", digits, backwards)
        case {"__set__": list(items)} if len(value) == 1:
            yield from _enclosed("{", [("", item) for item in items], "}", digits, backwards)
        case Mapping():
            yield from _enclosed("{", [(f"{name}: ", item) for name, item in value.items()], "}", digits, backwards)
        case str():
            yield printable(json.dumps(value, ensure_ascii=False))
        case _:
            yield str(value)


def _enclosed(opening: str, items: list[tuple[str, Any]], closing: str, digits: int, backwards: bool) -> Iterator[str]:
    yield closing if backwards else opening
    for number, (name, item) in enumerate(reversed(items) if backwards else items):
        if number:
            yield ", "
        if name and not backwards:
            yield name
        yield from _pieces(item, digits, backwards=backwards)
        if name and backwards:
            yield name
    yield opening if backwards else closing


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _steers(character: str) -> bool:
    # Cc: control; Cf: format, among them the marks that turn the reading order; Cs: half of a pair, not encodable.
    return character not in "\n\t" and unicodedata.category(character) in {"Cc", "Cf", "Cs"}
