"""The hand-written faults of `catalogue.toml` and their files."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
FAULTY = FOLDER / "faulty"


@dataclass(frozen=True)
class Mistake:
    """One thing a person got wrong.

    Attributes:
        what: What they believed, forgot or mistyped; a sentence without its subject.
        edits: What the file says and what it should say, in the order in which to correct it.
    """

    what: str
    edits: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class HandFault:
    """A faulty model.

    Attributes:
        name: Of the file in `faulty/`.
        environment: Which recording it fails on (`data.WORLDS`).
        mistakes: One, or two that have nothing to do with each other.
    """

    name: str
    environment: str
    mistakes: tuple[Mistake, ...]

    @property
    def single(self) -> bool:
        return len(self.mistakes) == 1

    @property
    def path(self) -> Path:
        return FAULTY / f"{self.name}.py"

    @property
    def text(self) -> str:
        return self.path.read_text()

    def without(self, *mistakes: Mistake) -> str:
        """The model as its author would have written it without these mistakes."""
        text = self.text
        for mistake in mistakes:
            for wrong, right in mistake.edits:
                if text.count(wrong) != 1:
                    raise ValueError(f"{self.name}: {wrong!r} is in the file {text.count(wrong)} times, not once")
                text = text.replace(wrong, right)
        return text


def _read() -> tuple[HandFault, ...]:
    listed = tomllib.loads((FOLDER / "catalogue.toml").read_text())["fault"]
    return tuple(
        HandFault(
            fault["name"],
            fault["environment"],
            tuple(
                Mistake(mistake["what"], tuple((wrong, right) for wrong, right in mistake["edits"]))
                for mistake in fault["mistake"]
            ),
        )
        for fault in listed
    )


HAND_FAULTS = _read()
