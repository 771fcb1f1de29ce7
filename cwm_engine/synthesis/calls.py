"""Calls to proposers: paid from the budget, written down before and after, and never made twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from cwm_engine.errors import CwmError
from cwm_engine.synthesis.budget import Budget, Reservation, Spent
from cwm_engine.synthesis.interfaces import Estimate, Proposer, ProposerError, Request, Selection, Usage
from cwm_engine.synthesis.journal import Answer, Journal, request_hash


class ExhaustedError(Exception):
    """The budget does not allow another call."""


@dataclass(slots=True, eq=False)
class Turn:
    """The place of a call among others under way: they may reserve in turn.

    Attributes:
        number: Which request of the search.
        selection: What it was made for.
        decided: Whether it has reserved, or does not have to.
        settled: Whether it is paid.
    """

    number: int
    selection: Selection
    decided: asyncio.Event = field(default_factory=asyncio.Event)
    settled: asyncio.Event = field(default_factory=asyncio.Event)

    def free(self) -> None:
        """Nothing has to be paid for it."""
        self.decided.set()
        self.settled.set()


class Calls:
    """Asks proposers on account of one budget.

    What the journal says was asked before is paid already, and not asked again.

    Args:
        budget: What may be spent.
        journal: Where calls and answers are kept.
    """

    def __init__(self, budget: Budget, journal: Journal) -> None:
        self._budget = budget
        self._journal = journal
        self._answers = journal.answers()
        for answer in self._answers.values():
            budget.book(_taken(answer))
        for lost in journal.lost():
            # Nobody knows what it took, and a limit holds in the worst case; as it led to nothing it is no call.
            budget.book(Spent(0, lost.usage.tokens, lost.cost or 0.0))

    async def answer(self, proposer: Proposer, request: Request, turn: Turn, earlier: Sequence[Turn]) -> Answer:
        """The answer to a request, from the journal if it is there.

        Args:
            proposer: Whom to ask.
            request: What to ask.
            turn: Its place. It stays undecided if the budget does not allow the call, so that no later one is made.
            earlier: The turns under way that were asked before; all of them have decided.

        Raises:
            ExhaustedError: The budget does not allow the call.
            CwmError: The proposer does not answer, or the journal is full or of another search.
        """
        known = self._answers.get(turn.number)
        if known is None:
            return await self._ask(proposer, request, turn, earlier)
        if known.selection != turn.selection:
            raise CwmError(
                f"request {turn.number} of the run would be another one now",
                path=self._journal.path,
                hint="it was made by another version; begin a new run",
            )
        turn.free()
        return known

    async def _ask(self, proposer: Proposer, request: Request, turn: Turn, earlier: Sequence[Turn]) -> Answer:
        """Ask, and keep what is said before anything else is done with it."""
        estimate = proposer.estimate(request)
        reservation = await self._reserve(estimate, earlier)
        turn.decided.set()
        spent = Spent.worst(estimate)
        try:
            if estimate.calls:
                self._journal.add_call(turn.number, estimate)
            try:
                proposals = tuple(await proposer.propose(request))
            except CwmError as error:
                spent = _taken_in_vain(error)
                if estimate.calls and spent == Spent():
                    self._journal.add_refusal(turn.number)
                raise
            answer = Answer(turn.selection, proposals, estimate.calls)
            spent = _taken(answer)
            self._journal.add_answer(turn.number, request_hash(request), answer)
        finally:
            self._budget.settle(reservation, spent)
            turn.settled.set()
        return answer

    async def _reserve(self, estimate: Estimate, earlier: Sequence[Turn]) -> Reservation:
        """Set aside what a call takes at most; everyone who asked earlier has done so.

        What earlier calls do not use up may be enough, so nobody gives up before they are settled. That makes who is
        refused a matter of the order of the requests and of what the replies took, and not of time.
        """
        waiting = list(earlier)
        reservation = self._budget.reserve(estimate)
        while reservation is None and waiting:
            await waiting.pop(0).settled.wait()
            reservation = self._budget.reserve(estimate)
        if reservation is not None:
            return reservation
        raise ExhaustedError(self._budget.refusal(estimate) or "the budget is used up")


def _taken_in_vain(error: CwmError) -> Spent:
    """What replies took that broke off; as they led to nothing they are no calls."""
    return Spent.taken(0, error.usage, error.cost) if isinstance(error, ProposerError) else Spent()


def _taken(answer: Answer) -> Spent:
    usage = sum((proposal.usage for proposal in answer.proposals), Usage())
    return Spent.taken(answer.calls, usage, sum(proposal.cost or 0.0 for proposal in answer.proposals))
