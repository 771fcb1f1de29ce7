"""A proposer that says what a script says, by the number of the request, and counts what it was asked."""

import asyncio
from collections.abc import Callable, Sequence

from cwm_engine.synthesis.interfaces import WRITING, Estimate, Proposal, Request, Usage

USAGE = Usage(30, 10)
WORST = Estimate(Usage(60, 40), 0.5)


class Scripted:
    """Answers request n with `script(n)`: a program, a proposal, several of them, or an exception to be raised.

    Args:
        script: What to say, by number; a sequence is repeated from its start.
        delay: Seconds to wait before an answer, by number.
        worst: The estimate given for every call.
    """

    name = "scripted"
    actions = WRITING

    def __init__(
        self,
        script: Sequence | Callable,
        *,
        delay: Callable[[int], float] = lambda number: 0.0,
        worst: Estimate = WORST,
    ):
        self._script = script if callable(script) else lambda number: script[number % len(script)]
        self._delay = delay
        self._worst = worst
        self.requests: list[Request] = []
        self.under_way = 0
        self.most_under_way = 0

    async def propose(self, request):
        self.requests.append(request)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(self._delay(request.number))
            said = self._script(request.number)
        finally:
            self.under_way -= 1
        if isinstance(said, Exception):
            raise said
        several = said if isinstance(said, list) else [said]
        return [
            one if isinstance(one, Proposal) else Proposal(program=one, reply=one, usage=USAGE, cost=0.1)
            for one in several
        ]

    def estimate(self, request):
        return self._worst
