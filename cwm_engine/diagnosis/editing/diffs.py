"""What changed in a file, the same wherever it is shown."""

from __future__ import annotations

import difflib


def whole_diff(before: str | None, after: str | None, file: str) -> str:
    """What changed in a file, as a unified diff; empty where nothing did."""
    if after is None or after == before:
        return ""
    old, new = _lines(before or ""), _lines(after)
    name = file.removeprefix("/")
    return "".join(difflib.unified_diff(old, new, f"a/{name}" if before else "/dev/null", f"b/{name}"))


def _lines(text: str) -> list[str]:
    """Lines as a diff needs them, with the note of `diff` where the last one does not end."""
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop()
    return lines if last == "\n" else [*lines, f"{last}\\ No newline at end of file\n"]
