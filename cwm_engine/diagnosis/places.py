"""Places in a model's file to which findings point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cwm_engine.findings import Span
from cwm_engine.world_model.discovery import ModelSpec


@dataclass(frozen=True)
class Places:
    """The lines of a file and the model in it.

    Attributes:
        lines: The file's lines without their ends.
        spec: The model the findings are about.
        others: Where the other models of the file are.
    """

    lines: Sequence[str]
    spec: ModelSpec
    others: Sequence[Span] = ()

    @property
    def model(self) -> Span:
        """The name of the model."""
        return self.spec.span

    @property
    def step(self) -> Span:
        """The name of the function that predicts."""
        return self.spec.step

    def line(self, number: int) -> Span:
        """The code on a line, without indentation and comment; the model's name when there is no such line."""
        if not 1 <= number <= len(self.lines):
            return self.model
        text = self.lines[number - 1]
        code = (text[: _comment_at(text)].rstrip() or text).rstrip()
        start = len(text) - len(text.lstrip())
        return Span(number, start + 1, number, max(len(code), start + 1) + 1)


def _comment_at(text: str) -> int:
    """Where the comment of a line starts, its end where there is none; a `#` in a string is none."""
    quote, escaped = "", False
    for position, character in enumerate(text):
        if quote:
            closes = character == quote and not escaped
            escaped = character == "\\" and not escaped
            quote = "" if closes else quote
        elif character in "'\"":
            quote = character
        elif character == "#":
            return position
    return len(text)
