"""Tasks to search programs for: small worlds, recorded from Gymnasium on the spot, with slips people make in them."""

from __future__ import annotations

import re
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from cwm_engine.diagnosis.session import Settings
from cwm_engine.errors import CwmError
from cwm_engine.synthesis.heldout import Split, split_episodes
from cwm_engine.synthesis.problem import Problem
from cwm_engine.trajectories.dataset import Dataset

HELD_OUT = 0.2
"""The part of the episodes that no search sees. Which they are is the same for all searches of a task."""

_WORLDS = files("cwm_engine.benchmarks") / "worlds"


@dataclass(frozen=True, slots=True)
class Edit:
    """A right piece of a line, and how it is got wrong; the number of lines stays the same."""

    right: str
    wrong: str

    def is_in(self, program: str) -> bool:
        """Whether a program has it wrong."""
        return self.wrong in program

    def fits(self, program: str) -> bool:
        """Whether a program has it right, so that it can be got wrong."""
        return self.right in program and self.wrong not in program

    def made(self, program: str) -> str:
        """The program with it wrong."""
        return program.replace(self.right, self.wrong, 1)

    def undone(self, program: str) -> str:
        """The program with it right."""
        return program.replace(self.wrong, self.right, 1)


@dataclass(frozen=True)
class Task:
    """A program to be found.

    Attributes:
        name: What it is called on the command line.
        environment: Its Gymnasium id.
        environment_kwargs: How the environment is made.
        recording: How its data are recorded (see `trajectories.record.record`).
        description: What the environment is, for whoever writes the program.
        program: A right program.
        slips: How it may be wrong and still run.
        crashes: How it may fail to run.
        begins_with: The slips in the program that a search begins with; None where it begins with nothing.
    """

    name: str
    environment: str
    environment_kwargs: Mapping[str, Any]
    recording: Mapping[str, Any]
    description: str
    program: str
    slips: tuple[Edit, ...]
    crashes: tuple[Edit, ...]
    begins_with: tuple[int, ...] | None = None

    @property
    def initial(self) -> str | None:
        """The program that a search begins with; None where it begins with nothing."""
        return None if self.begins_with is None else self.with_slips(self.begins_with)

    def with_slips(self, slips: Sequence[int]) -> str:
        """The right program with some slips in it, by their numbers."""
        program = self.program
        for slip in slips:
            program = self.slips[slip].made(program)
        return program

    @cached_property
    def split(self) -> Split:
        """What is searched and what is held out, recorded now.

        Raises:
            CwmError: Gymnasium does not have the environment.
        """
        return split_episodes(self._recorded(), HELD_OUT)

    @property
    def problem(self) -> Problem:
        """The problem with the searched transitions alone; those held out are in `split`."""
        return Problem(
            settings=Settings(file=f"{self.name}.py", path=Path(f"{self.name}.py"), environment=self.environment),
            dataset=self.split.searched,
            initial=self.initial,
            description=self.description,
        )

    def _recorded(self) -> Dataset:
        from cwm_engine.trajectories.load import load_dataset
        from cwm_engine.trajectories.record import record

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{self.name}.sqlite"
            record(self.environment, path=path, env_kwargs=dict(self.environment_kwargs), **self.recording)
            return load_dataset([str(path)])


def task_names() -> tuple[str, ...]:
    """All tasks there are."""
    return tuple(sorted(path.name.removesuffix(".toml") for path in _WORLDS.iterdir() if path.name.endswith(".toml")))


def load_task(name: str) -> Task:
    """A task by its name.

    Raises:
        CwmError: There is none of this name.
    """
    if name not in task_names():
        raise CwmError(f"there is no task {name!r}", hint=f"choose from {', '.join(task_names())}")
    document = tomllib.loads((_WORLDS / f"{name}.toml").read_text(encoding="utf-8"))
    begins_with = document.get("begins_with")
    return Task(
        name=name,
        environment=document["environment"],
        environment_kwargs=document.get("environment_kwargs", {}),
        recording=document["recording"],
        description=re.sub(r"\s+", " ", document["description"]).strip(),
        program=document["program"],
        slips=tuple(Edit(**slip) for slip in document["slips"]),
        crashes=tuple(Edit(**crash) for crash in document["crashes"]),
        begins_with=None if begins_with is None else tuple(begins_with),
    )
