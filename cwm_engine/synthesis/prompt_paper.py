"""The prompts of the paper (Dainese et al. 2024): which information each action gets, in words of our own.

Generate is given the environment and the first lines as the beginning of the reply; improve the program and the first
transition (of those known) that it gets wrong; fix the program and the error. Nothing else is told.
"""

from __future__ import annotations

from typing import Literal

from cwm_engine.checking.show import crop, show
from cwm_engine.findings import Finding
from cwm_engine.synthesis.interfaces import Request, SearchAction
from cwm_engine.synthesis.wording import DIGITS, Detail
from cwm_engine.world_model.source import split_lines

Parts = tuple[tuple[Literal["system", "user", "assistant"], str], ...]


def parts(request: Request, detail: Detail) -> Parts:
    """Roles and texts of the messages for a request; an assistant's text at the end is the beginning of its reply."""
    environment = "\n\n".join(
        filter(None, (crop(request.description.strip(), detail.description), request.contract.strip(), _NOTES))
    )
    match request.action:
        case SearchAction.GENERATE:
            prefix = f"{request.prefix.rstrip()}\n" if request.prefix else ""
            return (
                ("system", _persona("incomplete")),
                ("user", environment),
                ("assistant", f"Here is the complete class:\n\n```python\n{prefix}"),
            )
        case SearchAction.FIX:
            return (
                ("system", _persona("incorrect")),
                ("user", "\n\n".join((environment, _FIX, _program(request), _error(request)))),
                ("assistant", "## Error explanation\n"),
            )
        case _:
            return (
                ("system", _persona("incorrect")),
                (
                    "user",
                    "\n\n".join(filter(None, (environment, _IMPROVE, _program(request), _failure(request, detail)))),
                ),
            )


_NOTES = """\
Notes: write the class only, without an example of its use. Mind the edge cases. Use exactly the names given. Leave \
nothing undefined."""

_IMPROVE = """\
The program below runs, but it predicts a transition wrongly. Answer under these headings:
## Difference explanation
Explain how what the program predicts differs from the truth.
## Faulty logic
Say which part of the program causes the difference.
## Proposed fix
Say concretely how to change it.
## Correct code
The whole program anew, in a python fence."""

_FIX = """\
The program below raises an error. Answer under these headings:
## Error explanation
Explain where the error comes from.
## Proposed fix
Say concretely how to remove it.
## Correct code
The whole program anew, in a python fence."""


def _persona(state: str) -> str:
    return (
        "You are an experienced Python developer. You are given a code snippet that is "
        f"{state}. Your reward depends on how many tests your complete, correct program passes."
    )


def _program(request: Request) -> str:
    return f"```python\n{(request.program or '').rstrip()}\n```"


def _failure(request: Request, detail: Detail) -> str:
    examples = [example for finding in request.findings for example in finding.examples]
    if not examples:
        return ""
    example = min(examples, key=lambda example: (example.episode, example.step))
    return "\n\n".join(
        (
            f"Input:\nstate: {_shown(example.state, detail)}\naction: {_shown(example.action, detail)}",
            f"True outcome:\n{_outcome(example.expected, detail)}",
            f"Outcome of the program:\n{_outcome(example.predicted, detail)}",
        )
    )


def _outcome(outcome: object, detail: Detail) -> str:
    match outcome:
        case {"observation": observation, "reward": reward, "terminated": terminated}:
            return (
                f"next state: {_shown(observation, detail)}\nreward: {_shown(reward, detail)}\n"
                f"done: {_shown(terminated, detail)}"
            )
        case {"error": error}:
            return f"error: {crop(str(error), detail.width)}"
        case _:
            return "none"


def _shown(value: object, detail: Detail) -> str:
    return str(value) if isinstance(value, bool) else show(value, width=detail.width, digits=DIGITS)


def _error(request: Request) -> str:
    error = request.findings[0] if request.findings else None
    if error is None:
        return "The program raises an error. Fix the code or avoid what raises it."
    return f"The program raises an error:\n{_place(error, request)}\nFix the code or avoid what raises it."


def _place(error: Finding, request: Request) -> str:
    lines = split_lines(request.program or "")
    code = lines[error.span.line - 1].strip() if 1 <= error.span.line <= len(lines) else ""
    return f"Error on line {error.span.line}: {crop(error.message, 1000)}" + (f"\n{code}" if code else "")
