"""Python as it is written into generated files: lines that are not too long, numbers that are not too precise."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Sequence

WIDTH = 120
DIGITS = 4
LONGEST_NAME = 60


_SMALL = frozenset(
    {"a", "and", "as", "at", "in", "is", "of", "or", "out", "that", "the", "to", "when", "where", "while"}
)


def assignment(name: str, items: Sequence[str]) -> str:
    """A list under a name, as many items a line as fit."""
    line = f"{name} = [{', '.join(items)}]"
    if len(line) <= WIDTH:
        return line
    body = textwrap.fill(
        ", ".join(item.replace(" ", "\0") for item in items) + ",",
        WIDTH,
        initial_indent="    ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    ).replace("\0", " ")
    return f"{name} = [\n{body}\n]  # fmt: skip"


def assertion(expression: str, indent: int = 4) -> str:
    """An assertion, over several lines where one is too short."""
    return _over_lines("assert ", expression, "", indent)


def condition(expression: str, indent: int = 4) -> str:
    """The head of an `if`."""
    return _over_lines("if ", expression, ":", indent)


def docstring(first: str, *more: str, indent: int = 4) -> str:
    """A docstring: a sentence, and paragraphs."""
    pad = " " * indent
    sentence = _sentence(first)
    head = textwrap.wrap(f'"""{sentence}', WIDTH - indent)
    paragraphs = [textwrap.wrap(_sentence(text), WIDTH - indent) for text in more if text]
    if not paragraphs and len(head) == 1 and len(head[0]) + 3 <= WIDTH - indent:
        return f'{pad}{head[0]}"""'
    lines = [*head, *(line for paragraph in paragraphs for line in ["", *paragraph]), '"""']
    return "\n".join(f"{pad}{line}".rstrip() for line in lines)


def name_of(statement: str, taken: set[str]) -> str:
    """The name of a test, from its statement; unlike those that are taken, to which it is added."""
    words = statement.partition(":")[0].replace("//", "div").replace("%", "mod")
    words = re.sub(r"-(?=\d)", "minus_", words)
    words = re.sub(r"(\d)\.(\d)", r"\1_\2", words)
    words = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
    if len(words) > LONGEST_NAME:
        words = words[: LONGEST_NAME + 1].rpartition("_")[0]
        while words.rpartition("_")[2] in _SMALL:
            words = words.rpartition("_")[0]
    name, number = f"test_{words}", 2
    while name in taken:
        name, number = f"test_{words}_{number}", number + 1
    taken.add(name)
    return name


def inside(low: float, high: float) -> tuple[float, float]:
    """A range with few digits that does not reach beyond another."""
    if not low < high:
        return low, high
    digits = DIGITS
    while digits < 17:
        lower, upper = _rounded(low, digits, math.ceil), _rounded(high, digits, math.floor)
        if lower < upper and (upper - lower) > 0.99 * (high - low):
            return lower, upper
        digits += 1
    return low, high


def short(value: float, digits: int = DIGITS) -> str:
    """A number with few digits."""
    rounded = float(f"{value:.{digits}g}")
    return repr(rounded + 0.0)  # no negative zero


def _rounded(value: float, digits: int, to_whole: object) -> float:
    if value == 0 or not math.isfinite(value):
        return value
    near = float(f"{value:.{digits}g}")
    if math.isclose(near, value, rel_tol=1e-6):
        return near  # a limit, stored as float32
    scale = 10.0 ** (digits - 1 - math.floor(math.log10(abs(value))))
    whole = math.ceil(value * scale) if to_whole is math.ceil else math.floor(value * scale)
    return whole / scale


def _sentence(text: str) -> str:
    text = text[0].upper() + text[1:] if text[0].islower() else text
    return text if text.endswith((".", ":")) else f"{text}."


def _over_lines(head: str, expression: str, tail: str, indent: int) -> str:
    """A statement as formatters write it: on one line, or with what `and` and `or` join on a line each."""
    pad = " " * indent
    line = f"{pad}{head}{expression}{tail}"
    if len(line) <= WIDTH:
        return line
    parts = _joined(expression)
    if len(parts) > 1 and all(len(part) <= WIDTH - indent - 4 for part in parts):
        return "\n".join([f"{pad}{head}(", *(f"{pad}    {part}" for part in parts), f"{pad}){tail}"])
    inner = textwrap.fill(
        expression,
        WIDTH,
        initial_indent=f"{pad}    ",
        subsequent_indent=f"{pad}    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    if re.search(r"['\"][^'\"]*\n", inner):  # a line may end within a text
        return f"{line}  # fmt: skip"
    return f"{pad}{head}(\n{inner}\n{pad}){tail}  # fmt: skip"


def _joined(expression: str) -> list[str]:
    """The parts of an expression that `and` and `or` join, each but the first with its word."""
    parts, depth, start = [], 0, 0
    for found in re.finditer(r"[(\[{]|[)\]}]| (?=and |or )", expression):
        if found[0] == " ":
            if not depth:
                parts.append(expression[start : found.start()])
                start = found.end()
        else:
            depth += 1 if found[0] in "([{" else -1
    return [*parts, expression[start:]]
