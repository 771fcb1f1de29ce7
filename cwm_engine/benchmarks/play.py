"""Plays searches of one task: every strategy with every seed, several at a time, each program checked only once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cwm_engine.benchmarks.tasks import Task
from cwm_engine.errors import CwmError
from cwm_engine.synthesis.budget import Limits
from cwm_engine.synthesis.evaluate import Checks, Evaluator
from cwm_engine.synthesis.evaluation import Evaluation
from cwm_engine.synthesis.interfaces import Proposer
from cwm_engine.synthesis.journal import SUFFIX, Journal
from cwm_engine.synthesis.problem import Options, run_header
from cwm_engine.synthesis.result import SearchResult, SearchStatus
from cwm_engine.synthesis.search import Search


@dataclass(frozen=True, slots=True)
class Game:
    """One search to be played."""

    task: str
    strategy: str
    seed: int

    @property
    def file(self) -> str:
        """The name of its journal."""
        return f"{self.task}-{self.strategy}-{self.seed}{SUFFIX}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What came of one search.

    Attributes:
        game: Which search.
        solved: Whether every searched and every held-out transition passes.
        heldout: Fraction of the held-out transitions that the best program has right, 0..1; 0 without a program.
        calls: How many programs were asked for until it was solved; as many as were allowed where it was not.
    """

    game: Game
    solved: bool
    heldout: float
    calls: int

    def to_json(self) -> dict[str, Any]:
        """The outcome as JSON values."""
        game = self.game
        return {
            "task": game.task,
            "strategy": game.strategy,
            "seed": game.seed,
            "solved": self.solved,
            "heldout": self.heldout,
            "calls": self.calls,
        }


MakeProposer = Callable[[Task, Game], Proposer]
OnPlayed = Callable[[Played], None]


class Table:
    """Where the searches of one task are played. To be used within one event loop and closed.

    Args:
        task: The task.
        make_proposer: Makes who writes the programs of a search.
        journals: The folder of the journals; a search goes on with what is in its own.
        max_calls: How many programs a search may ask for.
        workers: How many programs are checked at once.
    """

    def __init__(
        self, task: Task, make_proposer: MakeProposer, journals: Path, *, max_calls: int, workers: int = 2
    ) -> None:
        self._task = task
        self._problem = task.problem
        self._make_proposer = make_proposer
        self._journals = journals
        self._max_calls = max_calls
        self._workers = workers
        self._evaluator = Evaluator(self._problem.settings, task.split, self._problem.sandbox, workers)

    def close(self) -> None:
        """End the sandboxes."""
        self._evaluator.close()

    async def play_all(self, games: Sequence[Game], on_played: OnPlayed) -> list[Played]:
        """Play searches, as many at once as keep the workers busy, and tell of each.

        Raises:
            CwmError: A proposer gave up; the journals are kept.
        """
        room = asyncio.Semaphore(2 * self._workers)
        tasks = [asyncio.ensure_future(self._in_turn(room, game, on_played)) for game in games]
        try:
            return [await task for task in tasks]
        finally:
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _in_turn(self, room: asyncio.Semaphore, game: Game, on_played: OnPlayed) -> Played:
        async with room:
            played = await self.play(game)
        on_played(played)
        return played

    async def play(self, game: Game) -> Played:
        """Play one search.

        Raises:
            CwmError: The proposer gave up.
        """
        proposer = self._make_proposer(self._task, game)
        # The program it begins with is a node too, and asked of nobody.
        free = int(self._problem.begins_with is not None)
        limits = Limits(calls=self._max_calls, nodes=self._max_calls + free)
        options = Options(strategy=game.strategy, seed=game.seed, heldout=0.0, limits=limits)
        try:
            with self._journal(game, options, proposer.name) as journal:
                checks = _Shared(self._evaluator)
                result = await Search(self._problem, proposer, journal, options, checks=checks).run()
        finally:
            await _close(proposer)
        if result.broken:
            # A search that was cut off says nothing about the strategy.
            raise CwmError(result.message or "the search broke off", path=self._journals / game.file)
        return self._outcome(game, result, free)

    def _outcome(self, game: Game, result: SearchResult, free: int) -> Played:
        solved = result.status is SearchStatus.VERIFIED
        calls = result.nodes - free if solved else self._max_calls
        return Played(game=game, solved=solved, heldout=result.heldout or 0.0, calls=calls)

    def _journal(self, game: Game, options: Options, proposer: str) -> Journal:
        path = self._journals / game.file
        if path.exists():
            journal = Journal.open(path)
            before = journal.header["proposer"]
            if before == proposer:
                return journal
            journal.close()
            raise CwmError(f"the search was begun with {before}, not {proposer}", path=path)
        return Journal.create(path, run_header(self._problem, options, proposer))


class _Shared(Checks):
    """Checks of an evaluator that outlives the search: what one strategy had checked, no other waits for again."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator

    async def searched(self, program: str) -> Evaluation:
        return await self._evaluator.searched(program)

    async def heldout(self, program: str) -> Evaluation | None:
        return await self._evaluator.heldout(program)

    def close(self) -> None:
        pass


async def _close(proposer: Proposer) -> None:
    """Close a proposer, however that is done."""
    close: Callable[[], Awaitable[None] | None] | None = getattr(proposer, "aclose", getattr(proposer, "close", None))
    closing = close() if close is not None else None
    if closing is not None:
        await closing
