"""Writing an ignore comment: where it goes on a line, if the line can have one."""

from __future__ import annotations

import ast
import re

from cwm_engine.findings import Finding
from cwm_engine.world_model.source import parse, split_lines
from cwm_engine.world_model.suppress import is_suppressed, suppressions

_CODES = re.compile(r"#\s*cwm:\s*ignore\[[^\]#]*(?=\])", re.IGNORECASE)


def suppressing(text: str, line: int, code: str) -> str | None:
    """What a line becomes when a finding on it is to be silenced.

    Args:
        text: The program.
        line: The line, counted from 1.
        code: The finding's code.

    Returns:
        The line with the comment; None where there is no place for one: inside a string that goes on over several
        lines, before a backslash at the end, or in a program that does not parse.
    """
    lines = list(split_lines(text))
    before = lines[line - 1]
    listed = _CODES.search(before)
    after = (
        f"{before[: listed.end()]}, {code}{before[listed.end() :]}" if listed else f"{before}  # cwm: ignore[{code}]"
    )
    lines[line - 1] = after
    changed = "\n".join(lines)
    old, new = parse(text), parse(changed)
    if isinstance(old, Finding) or isinstance(new, Finding) or ast.dump(old) != ast.dump(new):
        return None
    return after if is_suppressed(suppressions(changed), line, code) else None
