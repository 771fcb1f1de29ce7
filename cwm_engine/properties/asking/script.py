"""The questions as a script of the user's own that asks them of the real environment and records the answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cwm_engine.properties.adequacy.mutants import Mutant
from cwm_engine.properties.asking.search import Question

_WIDTH = 100
_HEAD = '''"""Records what nothing tests yet in {model}: run it, then `cwm check` and `cwm properties --adequacy` again.

Each sequence of actions was found in the model. What the environment really does after it is what is recorded, in
{path} beside this file.
"""

from pathlib import Path

from cwm_engine.trajectories.record import record_actions

ENVIRONMENT = {environment}
ARGUMENTS = {arguments}
PATH = Path(__file__).parent / {path_text}

# Seeds of the reset, and the actions that follow it.
SEQUENCES = [
'''
_TAIL = """]

if __name__ == "__main__":
    recording = record_actions(ENVIRONMENT, SEQUENCES, path=PATH, env_kwargs=ARGUMENTS, append=True)
    print(f"{recording.path}: {recording.episodes} episodes, {recording.transitions} transitions")
"""


def recording_script(
    questions: Sequence[Question],
    *,
    model: str,
    environment: str,
    kwargs: Mapping[str, Any] | None = None,
    path: str,
) -> str:
    """The text of a script that records the answers; it needs nothing but this package.

    Args:
        questions: What to ask; those that do not begin at a reset of a known seed are left out.
        model: The model's file, as the user names it.
        environment: The Gymnasium id of the real environment.
        kwargs: Its arguments.
        path: Where the script writes to, from the folder it is in.
    """
    sequences: dict[tuple[int, str], list[Question]] = {}
    for question in questions:
        if question.start.seed is not None:
            sequences.setdefault((question.start.seed, json.dumps(question.actions)), []).append(question)
    head = _HEAD.format(
        model=model,
        environment=_literal(environment),
        arguments=_literal(dict(kwargs or {})),
        path=path,
        path_text=_literal(path),
    )
    body = [line for (seed, _), several in sequences.items() for line in _sequence(seed, several)]
    return head + "".join(f"    {line}\n" for line in body) + _TAIL


def reason(question: Question) -> str:
    """What a question is about, in a few words."""
    if isinstance(question.target, Mutant):
        return f"line {question.line}: `{_short(question.target.was)}` or `{_short(question.target.now)}`"
    return f"line {question.line}: code that no transition executes"


def _sequence(seed: int, several: Sequence[Question]) -> list[str]:
    lines = [f"# {text}" for text in dict.fromkeys(map(reason, several))]
    actions = [_literal(action) for action in several[0].actions]
    whole = f"({seed}, [{', '.join(actions)}]),"
    if len(whole) <= _WIDTH:
        return [*lines, whole]
    lines.append(f"({seed}, [")
    row = ""
    for action in actions:
        if row and len(row) + len(action) + 2 > _WIDTH - 8:
            lines.append(f"    {row.rstrip()}")
            row = ""
        row += f"{action}, "
    return [*lines, f"    {row.rstrip()}", "]),"]


def _literal(value: Any) -> str:
    """A JSON value as Python writes it, texts in double quotes."""
    match value:
        case str():
            return json.dumps(value)
        case list() | tuple():
            return f"[{', '.join(map(_literal, value))}]"
        case dict():
            return "{" + ", ".join(f"{json.dumps(str(name))}: {_literal(item)}" for name, item in value.items()) + "}"
        case _:
            return repr(value)


def _short(text: str) -> str:
    return text if len(text) <= 50 else f"{text[:47]}..."
