"""What a language model is shown, and what it is asked for.

The default style tells more than the paper's prompts do: an example for every finding, the localized lines with their
code, the accuracy of every field, spaces, what was tried before. A prompt holds nothing but what is in the request: no
paths, no environment variables, no keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from cwm_engine.checking.show import crop, show_share
from cwm_engine.findings import CODES, Example, Finding, Severity
from cwm_engine.synthesis import prompt_paper
from cwm_engine.synthesis.interfaces import Attempt, Request, SearchAction
from cwm_engine.synthesis.reply import storable
from cwm_engine.synthesis.wording import (
    DETAILS,
    Detail,
    mismatch_in_words,
    observed_in_words,
    space_in_words,
    suspects_in_words,
)
from cwm_engine.world_model.source import split_lines

MAX_CHARACTERS = 40_000
"""How long a prompt may be unless the program alone is longer: about 10,000 tokens."""


class PromptStyle(StrEnum):
    """What the language model is told."""

    DEFAULT = "default"
    """Everything that is known about what is wrong."""
    PAPER = "paper"
    """The pieces of information of GIF-MCTS (Dainese et al. 2024, appendix): one failing transition, or the error."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat; one of the assistant at the end is the beginning of its reply."""

    role: Literal["system", "user", "assistant"]
    content: str


def build_messages(
    request: Request, style: PromptStyle = PromptStyle.DEFAULT, *, max_characters: int = MAX_CHARACTERS
) -> tuple[Message, ...]:
    """The messages for a request; the same request gives the same messages.

    Args:
        request: What is asked for.
        style: What is told.
        max_characters: How long all messages may be. Examples, attempts and the description are shortened to fit; the
            program, the contract and the task never are.
    """
    messages: tuple[Message, ...] = ()
    for detail in DETAILS:
        parts = prompt_paper.parts(request, detail) if style is PromptStyle.PAPER else _parts(request, detail)
        messages = tuple(Message(role, storable(text)) for role, text in parts)
        if sum(len(message.content) for message in messages) <= max_characters:
            break
    return messages


def show_messages(messages: Sequence[Message]) -> str:
    """The messages as one text, to be kept and shown beside the reply."""
    return "\n\n".join(f"[{message.role}]\n{message.content}" for message in messages)


def as_user_message(messages: Sequence[Message]) -> tuple[Message]:
    """All messages as one of the user, for models that know no other role and begin their replies themselves."""
    *others, last = messages
    asked = "\n\n".join(message.content for message in (others if last.role == "assistant" else messages))
    if last.role == "assistant":
        asked += f"\n\nBegin your reply with:\n\n{last.content}"
    return (Message("user", asked),)


def fenced(code: str) -> str:
    """Python code in a fence that nothing in it can close."""
    longest = max((len(run) for run in re.findall(r"`{3,}", code)), default=2)
    mark = "`" * (longest + 1)
    return f"{mark}python\n{code.rstrip()}\n{mark}"


_SYSTEM = """\
You are an expert in writing world models: Python programs that predict exactly how an environment behaves. \
Your program is run on many recorded transitions; each prediction (next observation, reward, termination) is compared \
with what was observed, floating point numbers to a relative tolerance of about 1e-5. Only a program that is right on \
every transition, also on recorded transitions that you are not shown, is a success. \
So look for the rule behind the data and never make special cases of the examples."""

_TASKS = {
    SearchAction.GENERATE: """\
Write the program. Work out from the description and the transitions, before you write, what every number of the \
observation means, how each changes, in which order the updates happen (is the old or the new value used?), what is \
paid, and when the episode terminates. Where you know the environment, use its true constants.""",
    SearchAction.IMPROVE: """\
The program runs but is wrong. Find out why and correct it. First, in a few sentences: explain the difference between \
what was observed and what was predicted, check it by calculating one example by hand, and say which lines are at \
fault. The suspected lines are evidence, not proof. Then give the correction. Keep what is right.""",
    SearchAction.FIX: """\
The program does not run as it should: see the error. First, in a few sentences: explain its cause and how to remove \
it. Then give the correction. Do not hide the error (no bare `except`, no default result): make the program right.""",
}

_WHOLE = """\
Answer with the whole program in one fence:

```python
...
```"""

_EDITS = """\
Answer either with edits, each of which replaces lines of the program shown above:

<<<<<<< SEARCH
lines exactly as they are in the program, enough of them to be found only once
=======
the lines to put in their place
>>>>>>> REPLACE

or, if much has to change, with the whole corrected program in one fence:

```python
...
```"""


def _parts(request: Request, detail: Detail) -> prompt_paper.Parts:
    return ("system", _SYSTEM), ("user", "\n\n".join(filter(None, _sections(request, detail))))


def _sections(request: Request, detail: Detail) -> Iterator[str]:
    yield "# Environment"
    yield crop(request.description.strip(), detail.description)
    yield "\n".join(_spaces(request))
    if request.contract:
        yield f"# What the program must define\n\n{request.contract.strip()}"
    if request.program is not None:
        yield f"# The program\n\n{fenced(request.program)}"
        yield from _accuracies(request, detail)
        yield from _findings(request, detail)
    if request.examples and not any(finding.examples for finding in request.findings):
        shown = request.examples[: max(detail.examples, 1) * 2]
        yield "# Recorded transitions"
        yield "\n".join(observed_in_words(example, detail) for example in shown)
    yield from _attempts(request, detail)
    if request.note:
        yield f"# Also known\n\n{request.note.strip()}"
    yield f"# Task\n\n{_task(request)}"


def _task(request: Request) -> str:
    if request.program is not None:
        return f"{_TASKS.get(request.action, _TASKS[SearchAction.IMPROVE])}\n\n{_EDITS}"
    if request.prefix:
        return (
            f"{_TASKS[SearchAction.GENERATE]}\n\nThe program begins with the lines\n\n{fenced(request.prefix)}\n\n"
            f"Keep these lines and go on from them. {_WHOLE}"
        )
    return f"{_TASKS[SearchAction.GENERATE]}\n\n{_WHOLE}"


def _spaces(request: Request) -> Iterator[str]:
    for label, space in (("Observation (state)", request.spaces.observation), ("Action", request.spaces.action)):
        words = space_in_words(space)
        if words:
            yield f"{label}: {words}"


def _accuracies(request: Request, detail: Detail) -> Iterator[str]:
    if request.accuracy is None:
        return
    lines = [f"{show_share(request.accuracy)} of the recorded transitions are predicted right in every field."]
    wrong = sorted((share, name) for name, share in request.fields.items() if share < 1)
    lines += [f"- {name}: right in {show_share(share)}" for share, name in wrong[: detail.fields]]
    if len(wrong) > detail.fields:
        lines.append(f"- ... and {len(wrong) - detail.fields} more fields that are not always right")
    right = [name for name, share in request.fields.items() if share >= 1]
    if right:
        lines.append(f"- always right: {crop(', '.join(right), 300)}")
    yield "# How right it is\n\n" + "\n".join(lines)


def _findings(request: Request, detail: Detail) -> Iterator[str]:
    lines = split_lines(request.program or "")
    serious = [finding for finding in request.findings if finding.severity.at_least(Severity.WARNING)]
    others = [finding for finding in request.findings if finding not in serious]
    if not serious and not others:
        return
    yield "# What is wrong"
    shown = serious[: detail.findings]
    for number, (finding, examples) in enumerate(zip(shown, _shares(shown, detail.examples), strict=True), 1):
        yield _finding(number, finding, lines, examples, detail)
    remarks = [f"- {finding.message} (line {finding.span.line})" for finding in (*serious[len(shown) :], *others)]
    if remarks:
        yield "\n".join(remarks[: detail.findings])


def _finding(number: int, finding: Finding, lines: Sequence[str], examples: int, detail: Detail) -> str:
    parts = [f"## {number}. {crop(finding.message.strip(), 1000)}", suspects_in_words(finding, lines)]
    if finding.note and finding.note != CODES[finding.code].fix:
        parts.append(f"Hint: {crop(finding.note.strip(), 500)}")
    parts += [
        f"Example (step {example.step} of episode {example.episode}):\n{mismatch_in_words(example, detail)}"
        for example in _unlike(finding.examples)[:examples]
    ]
    return "\n\n".join(filter(None, parts))


def _unlike(examples: Sequence[Example]) -> list[Example]:
    """The examples with those first whose action no earlier one has: they tell more than the same thing again."""
    seen: set[str] = set()
    fresh: list[Example] = []
    rest: list[Example] = []
    for example in examples:
        action = repr(example.action)
        (rest if action in seen else fresh).append(example)
        seen.add(action)
    return fresh + rest


def _shares(findings: Sequence[Finding], examples: int) -> list[int]:
    """How many examples each finding gets: one each, then more in turns while there are few findings.

    An error is the same in all of its examples; only wrong numbers tell more the more of them there are.
    """
    shares = [min(1, len(finding.examples)) for finding in findings]
    for most in range(2, examples + 1):
        for index, finding in enumerate(findings):
            enough = sum(shares) >= examples or len(finding.examples) < most or not finding.fields
            if not enough and shares[index] < most:
                shares[index] += 1
    return shares


def _attempts(request: Request, detail: Detail) -> Iterator[str]:
    siblings = request.siblings
    latest = siblings[len(siblings) - min(len(siblings), detail.siblings) :]
    if not latest:
        return
    beginning = "From the same program" if request.program is not None else "For the same task"
    yield f"# What was tried before\n\n{beginning}; none of it was the solution, so do something else."
    for number, attempt in enumerate(latest, len(siblings) - len(latest) + 1):
        result = _result(attempt)
        diff = f"\n\n{_diff(crop(attempt.diff.strip(), detail.diff))}" if attempt.diff.strip() and detail.diff else ""
        yield f"Attempt {number} ({attempt.action}): {result}{diff}"


def _result(attempt: Attempt) -> str:
    if attempt.accuracy is not None:
        return f"right in {show_share(attempt.accuracy)} of the transitions"
    reason = crop(attempt.reason or "it does not run", 300)
    return reason if attempt.action is SearchAction.FIT else f"failed: {reason}"


def _diff(text: str) -> str:
    return fenced(text).replace("python", "diff", 1)
