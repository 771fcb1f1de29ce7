"""Recorded replies in place of a language model: a published search again, without asking or paying anyone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cwm_engine.errors import CwmError
from cwm_engine.synthesis.interfaces import WRITING, Estimate, Proposal, Request, Usage
from cwm_engine.synthesis.journal import Journal, request_hash


class Replay:
    """Answers every request as it was answered in a run before, found by the content hash of the request.

    Whatever the request says counts: other data, another description or another strategy ask other things, and of those
    no reply is known.

    Args:
        run: The journal with the replies. It is read only, and another process may be working on it.

    Raises:
        CwmError: There is no such journal.
    """

    name = "replay"
    actions = WRITING

    def __init__(self, run: Path) -> None:
        self._journal = Journal.open(run, writable=False)

    def close(self) -> None:
        """Close the journal."""
        self._journal.close()

    async def propose(self, request: Request) -> Sequence[Proposal]:
        """The recorded proposals.

        Raises:
            CwmError: This was never asked in the recorded run.
        """
        recorded = self._journal.recorded(request_hash(request))
        if recorded is None:
            raise CwmError(
                f"request {request.number} ({request.action}) was not asked in the recorded run",
                path=self._journal.path,
                hint="replay it with the data, the settings and the version it was made with",
            )
        # They were paid in the recorded run.
        return [replace(proposal, usage=Usage(), cost=None, seconds=0.0) for proposal in recorded]

    def estimate(self, request: Request) -> Estimate:  # noqa: ARG002
        """Nothing is paid."""
        return Estimate(calls=0)
