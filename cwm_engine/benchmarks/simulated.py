"""A stand-in for a language model: draws repairs and slips that are known beforehand, at rates that are made up.

It knows the right program of its task. So it says nothing about language models; it is there to compare strategies
under noise that is the same for all of them and can be set.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, fields

from cwm_engine.benchmarks.tasks import Edit, Task
from cwm_engine.errors import CwmError
from cwm_engine.synthesis.interfaces import WRITING, Estimate, Proposal, Request, SearchAction


@dataclass(frozen=True, kw_only=True)
class Rates:
    """How often something happens in one reply, each 0..1. They are guesses, measured on nothing.

    Attributes:
        wrong: Each slip of the task is in a program that is written anew.
        repair: A slip is repaired where one is asked to improve.
        fix: What keeps a program from running is repaired where one is asked to fix it.
        slip: A slip is made on the way.
        crash: Something that keeps the program from running is made on the way.
        silence: The reply holds no program.
        hard: The share of slips that are hard for this seed, and repaired a fifth as often.
    """

    wrong: float = 0.35
    repair: float = 0.5
    fix: float = 0.7
    slip: float = 0.15
    crash: float = 0.1
    silence: float = 0.03
    hard: float = 0.2

    def __post_init__(self) -> None:
        for rate in fields(self):
            value = getattr(self, rate.name)
            if not 0.0 <= value <= 1.0:
                raise CwmError(f"the rate {rate.name} is {value}", hint="rates are numbers from 0 to 1")


class SimulatedLLM:
    """Answers every request by lot: the seed, the number of the request and what is in it decide.

    - *generate*: the right program, each of its slips in it with the rate `wrong`; the lines it goes on from stay as
      they are.
    - *improve*: with the rate `repair`, one slip of the program, chosen by lot, is undone.
    - *fix*: with the rate `fix`, what keeps the program from running is undone.

    All of them may make a slip or a crash besides, or say nothing. A program that is not made of the task's own lines
    is returned as it came.

    Args:
        task: What the programs are about.
        seed: Of the lots.
        rates: How often what happens.
    """

    actions = WRITING

    def __init__(self, task: Task, seed: int, rates: Rates = Rates()) -> None:
        self._task = task
        self._seed = seed
        self._rates = rates
        lot = random.Random(f"{seed} {task.name}")  # noqa: S311
        self._hard = {slip for slip in task.slips if lot.random() < rates.hard}

    @property
    def name(self) -> str:
        """How it is called, with every rate that is not the usual one."""
        usual = Rates()
        changed = [f"{rate.name}={getattr(self._rates, rate.name):g}" for rate in fields(Rates)
                   if getattr(self._rates, rate.name) != getattr(usual, rate.name)]  # fmt: skip
        return f"simulated ({', '.join(changed)})" if changed else "simulated"

    def estimate(self, request: Request) -> Estimate:  # noqa: ARG002
        """One call, that is only counted."""
        return Estimate(cost=0.0)

    async def propose(self, request: Request) -> Sequence[Proposal]:
        """One program, or nothing."""
        rates, lot = self._rates, random.Random(f"{self._seed} {self._task.name} {request.number}")  # noqa: S311
        if lot.random() < rates.silence:
            return [Proposal(program=None, reply="", reason="The reply is empty.", cost=0.0)]
        match request.action:
            case SearchAction.GENERATE:
                program = self._generated(request.prefix or "", lot)
            case SearchAction.FIX:
                program = self._fixed(request.program or "", lot)
            case _:
                program = self._improved(request.program or "", lot)
        if request.action is not SearchAction.GENERATE and lot.random() < rates.slip:
            program = _one_of([slip for slip in self._task.slips if slip.fits(program)], lot, program)
        if lot.random() < rates.crash:
            program = _one_of([crash for crash in self._task.crashes if crash.fits(program)], lot, program)
        if request.action is SearchAction.GENERATE:
            program = _after(request.prefix or "", program)
        return [Proposal(program=program, reply=program, cost=0.0)]

    def _generated(self, prefix: str, lot: random.Random) -> str:
        slips = [slip for slip in range(len(self._task.slips)) if lot.random() < self._rates.wrong]
        return _after(prefix, self._task.with_slips(slips))

    def _improved(self, program: str, lot: random.Random) -> str:
        slips = [slip for slip in self._task.slips if slip.is_in(program)]
        if not slips:
            return program
        slip = lot.choice(slips)
        rate = self._rates.repair * (0.2 if slip in self._hard else 1.0)
        return slip.undone(program) if lot.random() < rate else program

    def _fixed(self, program: str, lot: random.Random) -> str:
        crashes = [crash for crash in self._task.crashes if crash.is_in(program)]
        return crashes[0].undone(program) if crashes and lot.random() < self._rates.fix else program


def _one_of(edits: Sequence[Edit], lot: random.Random, program: str) -> str:
    return lot.choice(edits).made(program) if edits else program


def _after(prefix: str, program: str) -> str:
    """The program with its first lines as they are given."""
    given = prefix.splitlines(keepends=True)
    return "".join([*given, *program.splitlines(keepends=True)[len(given) :]])
