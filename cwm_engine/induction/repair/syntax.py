"""Texts that Python cannot parse, mended: the slips of people and of language models, one line at a time."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

_MOST_MENDS = 4
"""How many slips of one text are mended, one after another."""

_BEAM = 6
_FAR = 12
_HEADER = re.compile(r"\s*(def|class|if|elif|else|for|while|try|except|finally|with)\b")
_FENCE = re.compile(r"\s*(```|~~~)")
_SPELLINGS = (
    (r"\belse if\b", "elif"), (r"&&", " and "), (r"\|\|", " or "), (r"!(?!=)", "not "), (r"=>", ">="), (r"=<", "<="),
    (r"\+\+", " += 1"), (r"--\s*$", " -= 1"), (r";\s*$", ""), (r"\{\s*$", ":"), (r"===", "=="), (r"\bthen\b", ""),
    (r"[\u2018\u2019]", "'"), (r"[\u201c\u201d]", '"'), (r"[\u2212\u2013]", "-"), (r"\u00d7", "*"),
)  # fmt: skip
_BRACKETS = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Mended:
    """A text that parses, and what was done to it."""

    text: str
    changes: tuple[str, ...]


def mended_syntax(text: str) -> list[Mended]:
    """Texts near one that does not parse, those with the fewest changes first; empty where none is found."""
    waiting = [Mended(text, ())]
    found: list[Mended] = []
    seen = {text}
    for _ in range(_MOST_MENDS):
        reached: list[tuple[int, Mended]] = []
        for one in waiting:
            place = _error(one.text)
            if place is None:
                continue
            for line, new in _mends(one.text, place):
                if new in seen:
                    continue
                seen.add(new)
                made = Mended(new, (*one.changes, _described(one.text, new, line)))
                after = _error(new)
                if after is None:
                    found.append(made)
                elif after.line > place.line:
                    reached.append((-after.line, made))
        if found:
            return found
        reached.sort(key=lambda entry: entry[0])
        waiting = [made for _, made in reached[:_BEAM]]
    return []


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a text stops making sense: line and column from 1, and what Python says of it."""

    line: int
    column: int
    message: str


def _error(text: str) -> _Place | None:
    try:
        ast.parse(text)
    except SyntaxError as error:
        return _Place(error.lineno or 1, error.offset or 1, error.msg)
    except (ValueError, RecursionError, MemoryError):
        return _Place(1, 1, "it cannot be read")
    return None


def _mends(text: str, place: _Place) -> Iterator[tuple[int, str]]:
    """Changes of the line that is complained of, of the ones before and of the one behind."""
    lines = text.splitlines(keepends=True)
    for number in (place.line, place.line - 1, place.line + 1, place.line - 2):
        if not 1 <= number <= len(lines):
            continue
        line = lines[number - 1]
        body = line.rstrip("\r\n")
        for new in _mended_lines(body, place.column if number == place.line else len(body) + 1):
            yield number, "".join([*lines[: number - 1], *([new + line[len(body) :]] if new is not None else []),
                                   *lines[number:]])  # fmt: skip
    yield from _far_brackets(lines, place)
    yield from _indentations(lines, place)


def _far_brackets(lines: list[str], place: _Place) -> Iterator[tuple[int, str]]:
    """A bracket put at the end of a line below the one that opens, or above the one that closes."""
    below = "never closed" in place.message
    if not below and "unmatched" not in place.message:
        return
    opening = next((bracket for bracket in _BRACKETS if f"'{bracket}'" in place.message), None)
    closing = next((bracket for bracket in _BRACKETS.values() if f"'{bracket}'" in place.message), None)
    near = range(place.line, place.line + _FAR) if below else range(place.line - 1, place.line - _FAR, -1)
    added = _BRACKETS.get(opening or "", "") if below else next((o for o, c in _BRACKETS.items() if c == closing), "")
    for number in near:
        if 1 <= number <= len(lines):
            code, rest = _without_comment(lines[number - 1])
            made = f"{code}{added}" if below else f"{code} {added}" if code.endswith("=") else f"{code}{added}"
            yield number, "".join([*lines[: number - 1], made + rest, *lines[number:]])


def _mended_lines(line: str, column: int) -> Iterator[str | None]:
    """A line with something added, left out or spelt otherwise; None for no line."""
    code, comment = _without_comment(line)
    if _FENCE.match(line):
        yield None
    if _HEADER.match(line) and not code.endswith(":"):
        yield f"{code}:{comment}"
    for opening, closing in _BRACKETS.items():
        missing = code.count(opening) - code.count(closing)
        if missing > 0:
            yield code + closing * missing + comment
            if code.endswith(":"):
                yield f"{code[:-1]}{closing * missing}:{comment}"
            yield f"{code}{closing * missing},{comment}"
        elif missing < 0:
            at = code.rindex(closing)
            yield code[:at] + code[at + 1 :] + comment
            at = len(code) - len(code.lstrip())
            yield code[:at] + opening + code[at:] + comment
            if "=" in code:
                at = code.index("=") + 1
                yield f"{code[:at]} {opening}{code[at:].lstrip()}{comment}"
    if (test := re.search(r"\b(if|elif|while)\b", code)) is not None:
        yield code[: test.end()] + re.sub(r"(?<![=!<>+\-*/%])=(?!=)", "==", code[test.end() :]) + comment
    for pattern, new in _SPELLINGS:
        if (changed := re.sub(pattern, new, code)) != code:
            yield changed + comment
    for quote in "\"'":
        if code.count(quote) % 2:
            yield code + quote + comment
            if code.endswith((")", "]", ":", ",")):
                yield code[:-1] + quote + code[-1] + comment
    at = min(max(column - 1, 0), len(code))
    yield f"{code[:at].rstrip()}, {code[at:].lstrip()}{comment}"
    if at < len(code) and not code[at].isspace():
        yield code[:at] + code[at + 1 :] + comment
    if column > 1 and code.strip() and not _HEADER.match(code):
        yield f"{code[: len(code) - len(code.lstrip())]}# {code.lstrip()}{comment}"


def _indentations(lines: list[str], place: _Place) -> Iterator[tuple[int, str]]:
    """A line, or all from it to the end of its block, moved to where a line near it begins."""
    number = min(place.line, len(lines))
    line = lines[number - 1].expandtabs(4)
    depth = len(line) - len(line.lstrip())
    above = next((other.expandtabs(4) for other in reversed(lines[: number - 1]) if other.strip()), "")
    base = len(above) - len(above.lstrip())
    near = {base, base + 4, base - 4, base - 8, depth + 4, depth - 4}
    for new in sorted(near, key=lambda width: abs(width - depth)):
        if new < 0 or new == depth:
            continue
        single = [*lines]
        single[number - 1] = " " * new + line.lstrip()
        yield number, "".join(single)
        block = [*lines]
        for index in range(number - 1, len(lines)):
            inner = lines[index].expandtabs(4)
            width = len(inner) - len(inner.lstrip())
            if inner.strip() and width < depth:
                break
            block[index] = " " * max(width + new - depth, 0) + inner.lstrip() if inner.strip() else inner
        yield number, "".join(block)
    if above.rstrip().endswith(":"):
        yield number, "".join([*lines[: number - 1], f"{' ' * (base + 4)}pass\n", *lines[number - 1 :]])
    if any("\t" in other for other in lines):
        yield number, "".join(other.expandtabs(4) for other in lines)


def _without_comment(line: str) -> tuple[str, str]:
    """A line before its comment, and the comment with the blanks before it."""
    quote = ""
    for index, character in enumerate(line):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character == "#":
            code = line[:index].rstrip()
            return code, line[len(code) :]
    code = line.rstrip()
    return code, line[len(code) :]


def _described(before: str, after: str, line: int) -> str:
    old, new = before.splitlines(), after.splitlines()
    was = old[line - 1].strip() if line <= len(old) else ""
    now = new[line - 1].strip() if line <= len(new) else ""
    if len(new) < len(old):
        return f"line {line}: remove `{was[:60]}`"
    if was == now:
        return f"line {line}: indent `{was[:60]}` differently"
    return f"line {line}: replace `{was[:60]}` by `{now[:60]}`"
