"""`# cwm: ignore[CWM201]`: comments that silence findings on their line."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator, Mapping

from cwm_engine.world_model.source import split_lines

Suppressions = Mapping[int, frozenset[str] | None]


def suppressions(text: str) -> Suppressions:
    """The ignore comments of a program by line, counted from 1.

    Only comments count, not strings that look like one. A file that is not valid Python keeps those before the place
    where its tokens end.

    Returns:
        For each line with such a comment the codes it names in capitals, None for a bare `# cwm: ignore`.
    """
    found: dict[int, frozenset[str] | None] = {}
    if not _COMMENT.search(text):  # nearly every file; tokenizing is slow
        return found
    for line, comment in _comments(text):
        match = _COMMENT.search(comment)
        if match is None:
            continue
        codes = match["codes"]
        if codes is None and not match["open"]:
            found[line] = None
        elif codes is not None and found.get(line, frozenset()) is not None:
            named = frozenset(code.strip().upper() for code in codes.split(",") if code.strip())
            found[line] = named | (found.get(line) or frozenset())
    return found


def is_suppressed(suppressed: Suppressions, line: int, code: str) -> bool:
    """Whether a finding with this code on this line is silenced; `CWM2` silences all of CWM2xx, as in ruff."""
    if line not in suppressed:
        return False
    codes = suppressed[line]
    return codes is None or any(code.startswith(prefix) for prefix in codes)


_COMMENT = re.compile(r"#\s*cwm:\s*ignore\b(?:(?P<open>\[)(?:(?P<codes>[^\]#]*)\])?)?", re.IGNORECASE)


def _comments(text: str) -> Iterator[tuple[int, str]]:
    try:
        for token in tokenize.generate_tokens(io.StringIO("\n".join(split_lines(text))).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string
    except (tokenize.TokenError, SyntaxError):
        return
