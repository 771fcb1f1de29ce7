"""From the proposals of an answer to the one program that becomes a node: all are checked, and the best is polished."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from cwm_engine.synthesis.evaluate import Checks
from cwm_engine.synthesis.evaluation import Evaluation, no_program
from cwm_engine.synthesis.interfaces import NothingLeftError, Proposal, Proposer, Request, SearchAction
from cwm_engine.synthesis.tree import Node

AskAbout = Callable[[SearchAction, Node], Request]
"""Makes a request about a program that was checked."""


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a request.

    Attributes:
        program: The program; None if there is none.
        evaluation: How good it is, or why there is none.
        note: What else was learnt about it.
    """

    program: str | None
    evaluation: Evaluation
    note: str | None = None


async def choose(proposals: Sequence[Proposal], checks: Checks, polish: Proposer | None, about: AskAbout) -> Found:
    """Check all programs of an answer and take the first of the best, polished.

    Args:
        proposals: The answer.
        checks: Says how good programs are.
        polish: Who works on the best of them, unless nothing is wrong with it.
        about: Makes the request to whoever polishes.
    """
    programs = [proposal.program for proposal in proposals if proposal.program is not None]
    if not programs:
        reasons = [proposal.reason for proposal in proposals if proposal.reason]
        return Found(None, no_program(reasons[0] if reasons else "The reply holds no program."))
    found = await _best(programs, checks)
    if polish is None or found.evaluation.solved or not found.evaluation.findings:
        return found
    return await _polished(polish, found, checks, about)


async def _polished(polish: Proposer, found: Found, checks: Checks, about: AskAbout) -> Found:
    action = SearchAction.FIX if found.evaluation.buggy else SearchAction.IMPROVE
    node = Node(id=0, parent=None, action=None, program=found.program, evaluation=found.evaluation)
    try:
        proposals = await polish.propose(about(action, node))
    except NothingLeftError as error:
        return replace(found, note=error.message)
    programs = [proposal.program for proposal in proposals if proposal.program is not None]
    note = next((proposal.reason for proposal in proposals if proposal.reason), None)
    better = await _best([found.program or "", *programs], checks)
    return replace(better, note=note if better.program == found.program else None)


async def _best(programs: Sequence[str], checks: Checks) -> Found:
    evaluations = await asyncio.gather(*(checks.searched(program) for program in programs))
    best = max(range(len(programs)), key=lambda index: evaluations[index].rank)
    return Found(programs[best], evaluations[best])
