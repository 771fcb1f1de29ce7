"""The embedded proposer: repairs programs and fits their numbers, with no language model, no key and no network."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from cwm_engine.diagnosis.session import Settings
from cwm_engine.induction.repair.repairer import SECONDS, Outcome, Repaired, Repairer
from cwm_engine.sandbox.limits import Limits
from cwm_engine.synthesis.asking import short_diff
from cwm_engine.synthesis.interfaces import Estimate, NothingLeftError, Proposal, Request, SearchAction
from cwm_engine.trajectories.dataset import Dataset

_MOST = 4


class LocalProposer:
    """Answers with repaired programs; where another proposer writes them, it fits their numbers too.

    A repair fits numbers where edits do not help, so a search of its own needs no such action.

    Args:
        settings: How a program is checked.
        dataset: What was observed and may be used, without the held-out part.
        limits: What a program may use.
        seconds: Wall time for one repair.
    """

    name = "local"
    actions = frozenset({SearchAction.IMPROVE, SearchAction.FIX})

    def __init__(
        self, settings: Settings, dataset: Dataset, limits: Limits = Limits(), seconds: float = SECONDS
    ) -> None:
        self._repairer = Repairer(settings, dataset, limits, seconds)
        self._lock = threading.Lock()
        self._proposed: dict[str, set[str]] = {}

    def close(self) -> None:
        """End the sandbox."""
        self._repairer.stop()
        with self._lock:
            self._repairer.close()

    def estimate(self, request: Request) -> Estimate:
        """Nobody is asked."""
        del request
        return Estimate(calls=0)

    async def propose(self, request: Request) -> Sequence[Proposal]:
        """Repair the program of a request, or fit its numbers.

        Raises:
            NothingLeftError: Nothing better is found, or nothing that was not proposed before.
        """
        if request.program is None:
            raise NothingLeftError("there is no program to repair")
        started = time.monotonic()
        work = asyncio.get_running_loop().run_in_executor(None, self._work, request.action, request.program)
        work.add_done_callback(_forget)
        try:
            outcome = await asyncio.shield(work)
        except asyncio.CancelledError:
            self._repairer.stop()
            raise
        return self._proposals(request, request.program, outcome, time.monotonic() - started)

    def _work(self, action: SearchAction, program: str) -> Outcome:
        with self._lock:
            return self._repairer.fit(program) if action is SearchAction.FIT else self._repairer.repair(program)

    def _proposals(self, request: Request, program: str, outcome: Outcome, seconds: float) -> list[Proposal]:
        if outcome.problem is not None:
            raise NothingLeftError(outcome.problem)
        known = self._proposed.setdefault(program, {program})
        tried = {attempt.diff for attempt in request.siblings if attempt.diff}
        fresh = [
            repair
            for repair in outcome.repairs
            if repair.text not in known and short_diff(program, repair.text) not in tried
        ][:_MOST]
        known.update(repair.text for repair in fresh)
        if not fresh:
            raise NothingLeftError(
                "the repairs that were found have been tried"
                if outcome.repairs
                else f"not a one-edit fault: {_tried(outcome)} were tried"
            )
        return [
            Proposal(program=repair.text, reply=_told(repair), seconds=seconds if index == 0 else 0.0)
            for index, repair in enumerate(fresh)
        ]


def _forget(work: asyncio.Future[Outcome]) -> None:
    """Take note of how abandoned work ended, so that nobody is warned of it."""
    if not work.cancelled():
        work.exception()


def _tried(outcome: Outcome) -> str:
    return " and ".join(f"{count:,} {kind}" for kind, count in outcome.tried.items() if count)


def _told(repair: Repaired) -> str:
    """What was changed, and what came of it."""
    changed = "; ".join(repair.changes)
    came = f"all {repair.total}" if repair.is_complete else f"{repair.passed} of {repair.total}"
    told = f"{changed}; then {came} searched transitions pass."
    if repair.separated_by is not None:
        told += (
            f" The data does not decide between this and the first repair: they differ in {_at(repair.separated_by)}."
        )
    return told


def _at(situation: Mapping[str, Any]) -> str:
    return f"state {situation['state']}, action {situation['action']}"
