"""The search itself: asks a proposer where a strategy says, has the answers checked, and keeps everything in a journal.

Several requests are under way at once, but what comes of them is taken in in the order they were asked. So a seed and
the same replies give the same tree, however long each took, and a search that was killed goes on as if it had not been.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from cwm_engine.diagnosis.editing.diffs import whole_diff
from cwm_engine.errors import CwmError
from cwm_engine.synthesis.asking import Requests
from cwm_engine.synthesis.budget import Budget
from cwm_engine.synthesis.calls import Calls, ExhaustedError, Turn
from cwm_engine.synthesis.candidates import Found, choose
from cwm_engine.synthesis.evaluate import Checks, Evaluator
from cwm_engine.synthesis.evaluation import Evaluation, no_program
from cwm_engine.synthesis.heldout import split_episodes
from cwm_engine.synthesis.interfaces import NothingLeftError, Proposal, Proposer, Request, SearchAction, Selection
from cwm_engine.synthesis.journal import Entry, Journal
from cwm_engine.synthesis.problem import Options, Problem, check_header, run_header
from cwm_engine.synthesis.result import SearchEvent, SearchResult, SearchStatus
from cwm_engine.synthesis.strategies import make_strategy
from cwm_engine.synthesis.tree import Node, Tree

OnEvent = Callable[[SearchEvent], None]

_GRACE = 30.0
"""Seconds that requests under way are given to be answered, and kept, when another one failed."""


@dataclass(slots=True, eq=False)
class _Ask:
    """A request under way, or one whose node is recorded; it waits until the one before it has reserved."""

    turn: Turn
    before: Turn | None = None
    recorded: Entry | None = None
    request: Request | None = None
    task: asyncio.Task[Found] | None = None

    @property
    def selection(self) -> Selection:
        return self.turn.selection

    @property
    def number(self) -> int:
        return self.turn.number


class Search:
    """One search, from its first request or from where its journal ends.

    Args:
        problem: What is searched for.
        proposer: Who writes the programs.
        journal: The journal of the run; a search goes on with what is in it.
        options: How the search goes.
        polish: Who works on each program before it is scored, at no cost; its refusals are told to the proposer.
        fitter: Who fits the numbers of a program; there is no such search action without.
        checks: Who says how good a program is; closed at the end. Sandboxes of this machine if not given.
        on_event: Told of everything that happens.

    Raises:
        CwmError: There is nothing to search with, or the journal is that of another search.
    """

    def __init__(
        self,
        problem: Problem,
        proposer: Proposer,
        journal: Journal,
        options: Options = Options(),
        *,
        polish: Proposer | None = None,
        fitter: Proposer | None = None,
        checks: Checks | None = None,
        on_event: OnEvent | None = None,
    ) -> None:
        self._problem = problem
        self._proposer = proposer
        self._polish = polish
        self._fitter = fitter
        self._checks = checks
        self._journal = journal
        self._options = options
        self._on_event = on_event
        helpers = {"polish": polish.name if polish else None, "fitter": fitter.name if fitter else None}
        check_header(journal.header, run_header(problem, options, proposer.name, **helpers))
        self._split = split_episodes(problem.dataset, options.heldout, options.seed)
        self._actions = proposer.actions | ({SearchAction.FIT} if fitter is not None else set())
        if SearchAction.GENERATE not in self._actions and problem.begins_with is None:
            raise CwmError(
                f"the proposer {proposer.name} repairs programs, and there is none to begin with",
                path=problem.settings.path,
                hint="write a first program, or use a proposer that writes one",
            )
        self._strategy = make_strategy(options.strategy, options.seed, self._actions)
        self.tree: Tree = self._strategy.new_tree()
        self.budget = Budget(options.limits)
        self._requests = Requests(problem, self._split.searched)
        self._recorded: Sequence[Entry] = tuple(journal.nodes())
        self._calls = Calls(self.budget, journal)
        self._under_way: deque[_Ask] = deque()
        self._asked = 0
        self._last: Turn | None = None
        self._before = self._recorded[-1].elapsed if self._recorded else 0.0
        self._started = time.monotonic()
        self._stop = asyncio.Event()
        self._broken = False

    def stop(self) -> None:
        """End the search soon, and keep what it has. To be called in the loop it runs in."""
        self._stop.set()

    async def run(self) -> SearchResult:
        """Search until the best possible program is found, the budget is used up, or `stop` is called.

        Returns:
            What was found. A proposer that cannot be reached, or a full disk, ends a search as a budget does: with what
            there is, and a message.
        """
        self._started = time.monotonic()
        checks = self._checks or Evaluator(
            self._problem.settings, self._split, self._problem.sandbox, self._options.workers
        )
        try:
            try:
                message = await self._search(checks)
            finally:
                await self._abandon()
            result = await self._conclude(checks, message)
        finally:
            checks.close()
        with suppress(CwmError):  # the result is worth more than that it was written down
            self._journal.add_ending({**result.to_json(), "program": result.program})
        self._tell("ended")
        return result

    # The loop

    async def _search(self, checks: Checks) -> str | None:
        """Ask and take in until there is a reason to end, and say it."""
        stopped = asyncio.ensure_future(self._stop.wait())
        try:
            while True:
                self._fill()
                self._send(checks)
                if not self._under_way:
                    return self._nothing_left or "every program that was allowed has been tried"
                ask = self._under_way[0]
                if not await self._until(ask, stopped):
                    return "it was stopped" if self._stop.is_set() else "the time was used up"
                try:
                    node = self._take_in(ask)
                except ExhaustedError as error:
                    return str(error)
                except CwmError as error:
                    self._broken = True
                    await self._keep_answers(stopped)
                    return str(error)
                if node.evaluation.solved:
                    return None
        finally:
            stopped.cancel()

    def _fill(self) -> None:
        """Have as many requests under way as there may be."""
        allowed = self._options.limits.nodes
        at_once = self._options.parallel if len(self.tree) > 1 or SearchAction.GENERATE in self._actions else 1
        while len(self._under_way) < at_once and (allowed is None or self._asked < allowed):
            selections = self._strategy.select(self.tree, 1)
            if not selections:
                return
            number, selection = self._asked, selections[0]
            ask = _Ask(Turn(number, selection))
            if number < len(self._recorded):
                ask.recorded = self._recorded[number]
                ask.turn.free()
            else:
                ask.before = self._last
                ask.request = self._requests.request(self.tree, selection, number)
            self._asked += 1
            self._last = ask.turn
            self._under_way.append(ask)
            self._tell("asked", number=number, selection=selection)

    def _send(self, checks: Checks) -> None:
        """Begin to work on what is under way, once everything that was recorded has been taken in: it may be enough."""
        for ask in self._under_way:
            if ask.request is None:
                return
            if ask.task is None:
                ask.task = asyncio.create_task(self._work(ask, ask.request, checks))

    async def _until(self, ask: _Ask, stopped: asyncio.Future[Any]) -> bool:
        """Wait for what came of a request.

        Returns:
            False if the search has to end first.
        """
        left = self._seconds_left()
        if ask.task is not None and not self._stop.is_set() and (left is None or left > 0):
            await _first_of(ask.task, stopped, timeout=left)
        if self._stop.is_set():
            return False
        return ask.task is None or ask.task.done()

    def _take_in(self, ask: _Ask) -> Node:
        """Make what came of the oldest request a node."""
        found = self._found(ask)
        node = self.tree.add(ask.selection, found.program, found.evaluation, found.note)
        if ask.recorded is None:
            self._journal.add_node(node, self.seconds)
        elif node != ask.recorded.node:
            raise CwmError(
                f"node {node.id} of the run would be another one now",
                path=self._journal.path,
                hint="it was made by another version; begin a new run",
            )
        self._under_way.popleft()
        self._strategy.update(self.tree, node.id, node.evaluation.outcome)
        self._tell("node", number=ask.number, node=node, recorded=ask.recorded is not None)
        return node

    @staticmethod
    def _found(ask: _Ask) -> Found:
        if ask.task is not None:
            return ask.task.result()
        node = ask.recorded.node if ask.recorded is not None else None
        if node is None:
            raise ValueError("this request was neither sent nor recorded")
        return Found(node.program, node.evaluation, node.note)

    # One request

    async def _work(self, ask: _Ask, request: Request, checks: Checks) -> Found:
        """Ask, and check what is said."""
        if ask.before is not None:
            await ask.before.decided.wait()
            ask.before = None
        begins_with = self._problem.begins_with
        if ask.number == 0 and begins_with is not None:
            ask.turn.free()
            proposals: Sequence[Proposal] = (Proposal(program=begins_with),)
        else:
            fitter = self._fitter if request.action is SearchAction.FIT else None
            earlier = [other.turn for other in self._under_way if other.number < ask.number]
            try:
                answer = await self._calls.answer(fitter or self._proposer, request, ask.turn, earlier)
            except NothingLeftError as error:
                return Found(None, no_program(error.message, nothing_left=True))
            self._tell("answered", number=ask.number)
            proposals = answer.proposals
        return await choose(
            proposals, checks, self._polish, lambda action, node: self._requests.about(action, node, ask.number)
        )

    # The end

    async def _keep_answers(self, stopped: asyncio.Future[Any]) -> None:
        """Wait a while for calls under way: what they bring is paid for, and kept for when the run goes on."""
        waits = [asyncio.ensure_future(ask.turn.settled.wait()) for ask in self._under_way if ask.turn.decided.is_set()]
        left = self._seconds_left()
        everyone = asyncio.gather(*waits)
        await _first_of(everyone, stopped, timeout=_GRACE if left is None else min(_GRACE, max(left, 0.0)))
        everyone.cancel()
        with suppress(asyncio.CancelledError):
            await everyone

    async def _abandon(self) -> None:
        tasks = [ask.task for ask in self._under_way if ask.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _conclude(self, checks: Checks, message: str | None) -> SearchResult:
        best = self.tree.best
        heldout: Evaluation | None = None
        if best is not None and best.program is not None and not self._stop.is_set():
            try:
                heldout = await self._held_out(checks, best.program)
            except CwmError as error:
                # What was found is worth more than what it could not be held against.
                self._broken = True
                message = "; ".join(dict.fromkeys(filter(None, (message, str(error)))))
        status = self._status(best, heldout)
        if status is not SearchStatus.CANCELLED and self._split.heldout is None and best is not None:
            why = "there are too few episodes to hold any out" if self._options.heldout else "nothing was held out"
            message = "; ".join(filter(None, (message, why)))
        return SearchResult(
            status=status,
            program=best.program if best else None,
            searched=best.evaluation.accuracy if best else None,
            heldout=heldout.accuracy if heldout else None,
            nodes=len(self.tree) - 1,
            spent=self.budget.spent,
            seconds=self.seconds,
            run=self._journal.path.stem,
            diff=whole_diff(self._problem.begins_with, best.program if best else None, self._problem.settings.file),
            message=message,
            broken=self._broken,
        )

    async def _held_out(self, checks: Checks, program: str) -> Evaluation | None:
        check = asyncio.ensure_future(checks.heldout(program))
        stopped = asyncio.ensure_future(self._stop.wait())
        await _first_of(check, stopped)
        stopped.cancel()
        if check.done():
            return check.result()
        check.cancel()
        return None

    def _status(self, best: Node | None, heldout: Evaluation | None) -> SearchStatus:
        if self._stop.is_set():
            return SearchStatus.CANCELLED
        if best is None or not best.evaluation.accuracy:
            return SearchStatus.FAILED
        verified = best.evaluation.passed and heldout is not None and heldout.passed
        return SearchStatus.VERIFIED if verified else SearchStatus.PARTIAL

    @property
    def _nothing_left(self) -> str | None:
        """Why nobody goes on from the best program, if somebody said so."""
        best = self.tree.best
        children = self.tree.children(best.id) if best is not None else ()
        return next((child.evaluation.reason for child in children if child.evaluation.nothing_left), None)

    # What others may know

    @property
    def seconds(self) -> float:
        """How long the search has worked, all its parts together."""
        return self._before + time.monotonic() - self._started

    def _seconds_left(self) -> float | None:
        limit = self._options.limits.seconds
        return None if limit is None else limit - self.seconds

    def _tell(
        self,
        kind: Literal["asked", "answered", "node", "ended"],
        *,
        number: int | None = None,
        selection: Selection | None = None,
        node: Node | None = None,
        recorded: bool = False,
    ) -> None:
        if self._on_event is None:
            return
        best = self.tree.best
        self._on_event(
            SearchEvent(
                kind=kind,
                number=number,
                selection=selection,
                node=node,
                best=best.evaluation.accuracy if best else None,
                nodes=len(self.tree) - 1,
                under_way=len(self._under_way),
                spent=self.budget.spent,
                seconds=self.seconds,
                recorded=recorded,
            )
        )


async def _first_of(*futures: asyncio.Future[Any], timeout: float | None = None) -> None:
    """Wait until one of several is done."""
    await asyncio.wait(set(futures), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
