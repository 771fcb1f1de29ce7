"""Search/replace edits: the part of a program that a reply changes, found in the program and nothing else touched."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """Lines to look for and the lines to put in their place, without newlines."""

    search: tuple[str, ...]
    replace: tuple[str, ...]


class EditError(Exception):
    """Edits cannot be read or applied; the message says why, as a sentence."""


def read_edits(reply: str) -> tuple[Edit, ...]:
    """The edit blocks of a reply, in order.

    A block is a line `<<<<<<< SEARCH`, lines of the program, a line `=======`, new lines, a line `>>>>>>> REPLACE`; it
    may stand in a fence or not.

    Raises:
        EditError: A block has no end or no middle.
    """
    edits: list[Edit] = []
    search: list[str] = []
    replace: list[str] = []
    part = ""
    for line in _NEWLINE.split(reply):
        if _SEARCH.match(line):
            if part:
                raise EditError(f"Edit {len(edits) + 1} of the reply has no `>>>>>>> REPLACE` line.")
            part, search, replace = "search", [], []
        elif part == "search" and _MIDDLE.match(line):
            part = "replace"
        elif part and _REPLACE.match(line):
            if part == "search":
                raise EditError(f"Edit {len(edits) + 1} of the reply has no `=======` line.")
            edits.append(Edit(tuple(search), tuple(replace)))
            part = ""
        elif part == "search":
            search.append(line)
        elif part == "replace":
            replace.append(line)
    if part:
        raise EditError(f"Edit {len(edits) + 1} of the reply is cut off: it has no `>>>>>>> REPLACE` line.")
    return tuple(edits)


def apply_edits(program: str, edits: Sequence[Edit]) -> str:
    """The program with every edit made; all other lines stay as they are, their newlines included.

    Every edit is looked for in the program as it was, first exactly, then with other white space at the ends of lines,
    then with another indentation of the whole block, which the new lines then get too.

    Raises:
        EditError: The lines of an edit are not in the program, are in it several times, or belong to two edits.
    """
    lines = _LINE.findall(program)
    bare = [line.rstrip("\r\n") for line in lines]
    places = sorted(
        ((*_find(bare, edit, number), number) for number, edit in enumerate(edits, 1)), key=lambda place: place[:2]
    )
    for (_, stop, _, one), (start, _, _, other) in itertools.pairwise(places):
        if start < stop:
            raise EditError(f"Edits {min(one, other)} and {max(one, other)} of the reply change the same lines.")
    usual = _newline_of(lines[0]) if lines else "\n"
    for start, stop, new, _ in reversed(places):
        newline = (_newline_of(lines[start]) if lines else "") or usual or "\n"
        fresh = [line + newline for line in new]
        if fresh and lines and stop == len(lines) and not _newline_of(lines[-1]):
            fresh[-1] = new[-1]
        lines[start:stop] = fresh
    return "".join(lines)


_SEARCH = re.compile(r"^\s*<{5,9} ?SEARCH\s*$")
_MIDDLE = re.compile(r"^\s*={5,9}\s*$")
_REPLACE = re.compile(r"^\s*>{5,9} ?REPLACE\s*$")
_NEWLINE = re.compile(r"\r\n|\n|\r")
# Lines as Python counts them: `str.splitlines` would also cut at form feeds and characters such as U+2028.
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z")


def _newline_of(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]


def _find(lines: Sequence[str], edit: Edit, number: int) -> tuple[int, int, tuple[str, ...]]:
    """First line and line past the end of the place an edit is for, and its new lines as they fit there."""
    if not any(line.strip() for line in edit.search):
        if any(line.strip() for line in lines):
            raise EditError(f"Edit {number} of the reply says nothing to look for.")
        return 0, len(lines), edit.replace
    without_margins = _without_margins(edit)
    attempts: tuple[tuple[Edit, Callable[[str], str]], ...] = (
        (edit, str),
        (edit, str.rstrip),
        (without_margins, str.rstrip),
    )
    for attempt, key in attempts:
        found = _occurrences(lines, attempt.search, key)
        if found:
            start = _only(found, number)
            return start, start + len(attempt.search), attempt.replace
    shifted = _shifted(lines, without_margins)
    if not shifted:
        first = next(line.strip() for line in edit.search if line.strip())
        raise EditError(f"Edit {number} of the reply looks for lines that the program does not have: `{first[:80]}`.")
    start = _only([start for start, _ in shifted], number)
    return start, start + len(without_margins.search), shifted[0][1]


def _only(found: Sequence[int], number: int) -> int:
    if len(found) > 1:
        places = ", ".join(str(start + 1) for start in found[:5])
        raise EditError(
            f"Edit {number} of the reply fits {len(found)} places of the program (lines {places}); "
            "it must show more lines."
        )
    return found[0]


def _occurrences(lines: Sequence[str], search: Sequence[str], key: Callable[[str], str]) -> list[int]:
    haystack, needle = [key(line) for line in lines], [key(line) for line in search]
    width = len(needle)
    return [
        start
        for start in range(len(haystack) - width + 1)
        if haystack[start] == needle[0] and haystack[start : start + width] == needle
    ]


def _without_margins(edit: Edit) -> Edit:
    """The edit without the empty lines that both of its parts start and end with, or that only the first part has."""
    search, replace = list(edit.search), list(edit.replace)
    while search and not search[0].strip():
        del search[0]
        if replace and not replace[0].strip():
            del replace[0]
    while search and not search[-1].strip():
        del search[-1]
        if replace and not replace[-1].strip():
            del replace[-1]
    return Edit(tuple(search), tuple(replace))


def _shifted(lines: Sequence[str], edit: Edit) -> list[tuple[int, tuple[str, ...]]]:
    """Places where the lines stand with another indentation, and the new lines with that indentation."""
    stripped = [line.strip() for line in lines]
    places = []
    for start in _occurrences(stripped, [line.strip() for line in edit.search], str):
        pairs = [
            (_indentation(lines[start + offset]), _indentation(line))
            for offset, line in enumerate(edit.search)
            if line.strip()
        ]
        margin = _margin(pairs)
        if margin is not None:
            added, removed = margin
            places.append((start, tuple(_shift(line, added, removed) for line in edit.replace)))
    return places


def _margin(pairs: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
    """What to put before and what to take from the lines of an edit, if all of them are off by the same; else None."""
    margins = set()
    for there, here in pairs:
        if there.endswith(here):
            margins.add((there[: len(there) - len(here)], ""))
        elif here.endswith(there):
            margins.add(("", here[: len(here) - len(there)]))
        else:
            return None
    return margins.pop() if len(margins) == 1 else None


def _shift(line: str, added: str, removed: str) -> str:
    if not line.strip():
        return line
    return added + line.removeprefix(removed)


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
