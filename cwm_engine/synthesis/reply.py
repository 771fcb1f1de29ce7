"""Replies of a language model: the program in them, or why there is none.

Models answer in fenced code, in search/replace edits, or by going on from where the program stopped; they think aloud
before, explain after, forget to close fences and quote the old program. Whatever the text is, reading it never fails.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cwm_engine.findings import Finding
from cwm_engine.synthesis.edits import EditError, apply_edits, read_edits
from cwm_engine.synthesis.interfaces import Request, SearchAction
from cwm_engine.world_model.discovery import discover
from cwm_engine.world_model.source import parse, split_lines


@dataclass(frozen=True, slots=True)
class Reply:
    """What a reply holds: a program, or the reason why it holds none, as a sentence. One of them is None."""

    program: str | None
    reason: str | None = None


def read_reply(text: str, request: Request) -> Reply:
    """Find the program in a reply.

    Edits are applied to the program that was shown. Otherwise the longest Python fence counts that is not just the old
    program quoted; a fence that is never closed goes to the end. For `generate` the code may go on from the prefix or
    repeat it.

    Args:
        text: The reply as it came.
        request: What was asked.
    """
    answer = _without_thoughts(storable(text))
    if answer is None:
        return Reply(None, "The reply ends before the answer: all of it is thought.")
    if not answer.strip():
        return Reply(None, "The reply is empty.")
    try:
        edits = read_edits(answer)
        if edits:
            if request.program is None:
                raise EditError("The reply holds edits, but there was no program to edit.")
            return _as_reply(apply_edits(request.program, edits))
        problem = None
    except EditError as error:
        problem = str(error)
    code = _code_of(answer, request)
    if code is None or (problem is not None and not _is_model(code)):
        return Reply(None, problem or _no_code(answer))
    if request.action is SearchAction.GENERATE and request.prefix:
        code = _with_prefix(code, request.prefix)
    return _as_reply(code)


def storable(text: str) -> str:
    """The text with what UTF-8 cannot write (halves of surrogate pairs) replaced, and null characters removed."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")


_FENCE = re.compile(r"^(?P<margin>[ \t]*)(?P<mark>`{3,}|~{3,})[ \t]*(?P<info>[^`]*)$")
_BARE_FENCE = re.compile(r"^(?:```|~~~)", re.MULTILINE)
_PYTHON = frozenset({"", "python", "python3", "py", "py3", "python2", "ipython", "tool_code"})
_LOOKS_LIKE_CODE = re.compile(r"^(?:import |from \w[\w.]* import |class \w|def \w|@\w|#|\w+ *(?::[^=]+)?= *\S)")
_CLOSINGS_TRIED = 12


def _without_thoughts(text: str) -> str | None:
    """The reply without the thoughts that reasoning models put first; None if it ends in them."""
    opened = text.lstrip().startswith("<think>")
    before, mark, after = text.partition("</think>")
    if mark and (opened or "<think>" not in before):
        return after
    return None if opened else text


def _as_reply(program: str) -> Reply:
    if not program.strip():
        return Reply(None, "The program in the reply is empty.")
    return Reply(program if program.endswith(("\n", "\r")) else program + "\n")


def _no_code(answer: str) -> str:
    shown = " ".join(answer.split())
    shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
    return f"The reply holds neither Python code in a fence nor search/replace edits: {shown}"


def _code_of(answer: str, request: Request) -> str | None:
    """The code of a reply without edits; None where there is none."""
    if request.action is SearchAction.GENERATE and request.prefix:
        continuation = _BARE_FENCE.split(answer, maxsplit=1)[0]
        if _goes_on(continuation, request.prefix):
            return continuation
    blocks = [_dedented(block) for block in _blocks(answer)]
    blocks = [block for block in blocks if block.strip()]
    old = _normal(request.program or "")
    new = [block for block in blocks if _normal(block) != old] or blocks
    if new:
        whole = [block for block in new if _is_model(block)]
        return max(whole or new, key=len)
    return _bare_code(answer)


def _blocks(answer: str) -> Iterator[str]:
    """The Python fences of a reply; fences in another language are passed over."""
    lines = re.split(r"\r\n|\n|\r", answer)
    at = 0
    while at < len(lines):
        opening = _FENCE.match(lines[at])
        at += 1
        if opening is None:
            continue
        ends = _closings(lines, at, opening["mark"])
        language = re.split(r"[\s,{]", opening["info"].strip(), maxsplit=1)[0].lower()
        if language in _PYTHON:
            end = _end(lines, at, ends)
            yield "\n".join(lines[at:end])
        else:
            end = ends[0] if ends else len(lines)
        at = end + 1


def _closings(lines: Sequence[str], start: int, mark: str) -> list[int]:
    """Lines that may close the fence: bare fences of its kind, up to the next one that opens with a language."""
    found = []
    for index in range(start, len(lines)):
        fence = _FENCE.match(lines[index])
        if fence is None or fence["mark"][0] != mark[0] or len(fence["mark"]) < len(mark):
            continue
        if fence["info"].strip():
            break
        found.append(index)
    return found


def _end(lines: Sequence[str], start: int, ends: Sequence[int]) -> int:
    """The line that closes a Python fence: the first up to which the code is whole, for programs hold fences too."""
    if not ends:
        return len(lines)
    for end in ends[:_CLOSINGS_TRIED]:
        if _is_python("\n".join(lines[start:end])):
            return end
    return ends[0]


def _bare_code(answer: str) -> str | None:
    """Code without a fence: the text from the first line that looks like code on, if it is a whole program."""
    lines = re.split(r"\r\n|\n|\r", answer)
    for start, line in enumerate(lines):
        if _LOOKS_LIKE_CODE.match(line):
            code = "\n".join(lines[start:])
            return code if _is_model(code) else None
    return None


def _goes_on(text: str, prefix: str) -> bool:
    """Whether a text without fences goes on from the prefix, as replies of endpoints with prefill do."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return first[:1] in {" ", "\t"} or (not _is_model(text) and _is_model(_glued(prefix, text)) and bool(first))


def _with_prefix(code: str, prefix: str) -> str:
    """The whole program, whether the reply repeats the prefix, starts anew or goes on from it."""
    if _starts_with(code, prefix):
        return code
    glued = _glued(prefix, code)
    goes_on = code[:1] in {" ", "\t"} or not _is_model(code)
    return glued if goes_on or not _is_python(code) else code


def _glued(prefix: str, code: str) -> str:
    return prefix.rstrip("\r\n") + "\n" + code.rstrip("\r\n")


def _starts_with(code: str, prefix: str) -> bool:
    wanted = [line.rstrip() for line in prefix.splitlines() if line.strip()]
    there = [line.rstrip() for line in code.splitlines() if line.strip()]
    return there[: len(wanted)] == wanted


def _dedented(code: str) -> str:
    """Code without the indentation of a fence in a list; a continuation, which does not parse alone, keeps its own."""
    dedented = textwrap.dedent(code)
    return dedented if dedented != code and _is_python(dedented) and _is_model(dedented) else code


def _normal(code: str) -> str:
    return "\n".join(line.rstrip() for line in code.splitlines()).strip()


def _is_python(code: str) -> bool:
    return not isinstance(parse(code), Finding)


def _is_model(code: str) -> bool:
    """Whether the code is a program that holds a world model, right or wrong."""
    tree = parse(code)
    return not isinstance(tree, Finding) and bool(discover(tree, split_lines(code)).models)
