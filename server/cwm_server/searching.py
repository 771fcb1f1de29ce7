"""The job of one search: runs in a worker process on the text of the buffer, and says how it goes.

What is sent to the server:

- `{"event": ...}`: where the search stands, with the nodes that are new;
- `{"ask": n, "messages": ...}`: a prompt for the editor's language model, answered by `{"answer": n, ...}`;
- `{"result": ...}`, at last: the result document and the program; or `{"error": ...}`.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cwm_engine.diagnosis.opening import load_data, sandbox_limits, session_settings
from cwm_engine.errors import CwmError
from cwm_engine.project import ModelTarget, Project, find_project, one_target
from cwm_engine.settings import Synthesis
from cwm_engine.synthesis.interfaces import ProposerError
from cwm_engine.synthesis.journal import Journal
from cwm_engine.synthesis.opening import begin_journal, description_of, proposers_of
from cwm_engine.synthesis.plan import Plan, endpoint_of, plan_of
from cwm_engine.synthesis.problem import Problem
from cwm_engine.synthesis.prompt import Message as Prompt
from cwm_engine.synthesis.proposers.editor import Completion, EditorProposer
from cwm_engine.synthesis.recorded import Recorded, recorded_run
from cwm_engine.synthesis.result import SearchEvent
from cwm_engine.synthesis.search import Search
from cwm_engine.synthesis.view import TreeWatch
from cwm_server.worker import Channel, Message


def main(channel: Channel, params: Message) -> None:
    """The job; see `worker.main`.

    The params are `path`, `model`, `text`, `description`, `resume`, `llm`, and the plan in two layers by attribute of
    `Plan`: `given` for this search, `usual` where neither that nor the project's configuration says anything.
    """
    post = _Post(channel)
    try:
        channel.send({"result": asyncio.run(_searched(channel, params, post))})
    except CwmError as error:
        channel.send({"error": str(error)})


async def _searched(channel: Channel, params: Message, post: _Post) -> Message:
    post.open(asyncio.get_running_loop())
    recorded = recorded_run(None, params["resume"]) if params["resume"] else None
    project = find_project(params["path"])
    target = target_of(params, project)
    plan = _plan(params, project.settings.synthesis, recorded)
    problem = Problem(
        settings=session_settings(target),
        dataset=load_data(target),
        initial=recorded.initial if recorded else params["text"],
        description=params["description"] or (recorded.description if recorded else description_of(target)),
        sandbox=sandbox_limits(project.settings),
    )
    endpoint = endpoint_of(plan, address_given=False) if plan.proposer == "openai" else None
    editor = EditorProposer(post.complete, model=params["llm"] or "default", max_tokens=plan.reply_tokens)
    members = proposers_of(plan, problem, endpoint, editor)
    journal = Journal.open(recorded.path) if recorded else begin_journal(plan, problem, members, target)
    try:
        watch = TreeWatch(journal)

        def tell(event: SearchEvent) -> None:
            if event.kind in {"node", "ended"}:
                channel.send({"event": _event(event, watch, plan)})

        search = Search(
            problem,
            members.proposer,
            journal,
            plan.options(project.settings.synthesis.workers or project.settings.workers),
            polish=members.polish,
            fitter=members.fitter,
            on_event=tell,
        )
        post.on_stop(search.stop)
        result = await search.run()
        return {"document": result.to_json(), "program": result.program}
    finally:
        await members.aclose()
        journal.close()


def target_of(params: Message, project: Project) -> ModelTarget:
    """The model that the params name, and its data.

    Raises:
        CwmError: There is no data, or several models are configured for the file and none is named.
    """
    path, model = Path(params["path"]), params["model"]
    return one_target(f"{path}::{model}" if model else str(path), project)


def _plan(params: Message, configured: Synthesis, recorded: Recorded | None) -> Plan:
    said = configured.model_fields_set
    usual = {name: value for name, value in params["usual"].items() if name not in said}
    plan, _ = plan_of({**usual, **params["given"]}, configured, recorded.plan if recorded else None)
    return replace(plan, model=params["llm"] or plan.model) if plan.proposer == "openai" else plan


def _event(event: SearchEvent, watch: TreeWatch, plan: Plan) -> Message:
    tree = watch.news()
    return {
        "run": tree["run"],
        "kind": event.kind,
        "nodes": event.nodes,
        "most_nodes": plan.max_nodes,
        "best": event.best,
        "calls": event.spent.calls,
        "most_calls": plan.max_calls,
        "tokens": event.spent.tokens,
        "cost": event.spent.cost,
        "seconds": event.seconds,
        "under_way": event.under_way,
        "tree": tree,
    }


class _Post:
    """What comes from the server: that the search is to stop, and what the editor's language model says."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: Any = None
        self._stopped = False

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to listen."""
        self._loop = loop
        self._channel.listen(self._take)

    def on_stop(self, stop: Any) -> None:
        """Call a function once the search is to stop; at once if it already is."""
        self._stop = stop
        if self._stopped:
            stop()

    async def complete(self, messages: Sequence[Prompt], max_tokens: int) -> Completion:
        """Have the server ask the editor's language model.

        Raises:
            ProposerError: The editor does not answer.
        """
        number = next(self._numbers)
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        sent = [{"role": message.role, "content": message.content} for message in messages]
        self._channel.send({"ask": number, "messages": sent, "max_tokens": max_tokens})
        try:
            said = await answer
        finally:
            del self._waiting[number]
        if said["error"] is not None:
            raise ProposerError(f"the editor's language model does not answer: {said['error']}")
        return Completion(said["text"], said["prompt_tokens"], said["completion_tokens"])

    def _take(self, message: Message | None) -> None:
        """In the thread that reads."""
        assert self._loop is not None  # noqa: S101 - it listens because it was opened
        self._loop.call_soon_threadsafe(self._hear, message or {"stop": True})

    def _hear(self, message: Message) -> None:
        match message:
            case {"stop": _}:
                self._stopped = True
                if self._stop is not None:
                    self._stop()
            case {"answer": number}:
                waiting = self._waiting.get(number)
                if waiting is not None and not waiting.done():
                    waiting.set_result(message)
