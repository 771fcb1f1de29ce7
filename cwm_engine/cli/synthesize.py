"""`cwm synthesize`: from a model file, or none, and trajectories to the best program a search finds within a budget."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console

from cwm_engine.cli.live import LiveView
from cwm_engine.cli.outcome import Ending, print_ending
from cwm_engine.cli.target import source_of
from cwm_engine.cli.writing import replace_text, require_writable, write_text
from cwm_engine.diagnosis.opening import load_data, sandbox_limits, session_settings
from cwm_engine.errors import CwmError
from cwm_engine.project import ModelTarget, Project, find_project, one_target
from cwm_engine.synthesis.evaluate import Checks
from cwm_engine.synthesis.heldout import split_episodes
from cwm_engine.synthesis.journal import Journal
from cwm_engine.synthesis.opening import (
    Proposers,
    begin_journal,
    description_in,
    description_of,
    notice,
    proposers_of,
)
from cwm_engine.synthesis.plan import Plan, endpoint_of, plan_of
from cwm_engine.synthesis.problem import Options, Problem
from cwm_engine.synthesis.recorded import Recorded, recorded_run
from cwm_engine.synthesis.result import SearchResult, SearchStatus
from cwm_engine.synthesis.runs import delete_run
from cwm_engine.synthesis.search import Search
from cwm_engine.synthesis.tree import Node
from cwm_engine.world_model.source import ModelSource

_INTERRUPTED = 130


@dataclass(frozen=True, kw_only=True)
class SynthesizeOptions:
    """What the command line asked for.

    Attributes:
        names: The model's file; with `resume` also, or instead, the name of a run.
        trajectories: The data, where not the configuration's.
        plan: How the search is to go, by attribute of `Plan`; None where nothing was said.
        description: What the environment is, in words, or `@` and a file with them.
        output: Where to write the program.
        write: Whether to replace the file.
        resume: Whether to go on with a run.
        workers: Candidates checked at once.
        executor: Where they are checked: `local` or `ray`.
        as_json: Whether to print a document instead of text.
        skip_bad: Whether to leave malformed records of the data out.
        timeout: Seconds one candidate may take.
    """

    names: tuple[str, ...]
    trajectories: tuple[str, ...] = ()
    plan: Mapping[str, Any] = field(default_factory=dict)
    description: str | None = None
    output: Path | None = None
    write: bool = False
    resume: bool = False
    workers: int | None = None
    executor: str = "local"
    as_json: bool = False
    skip_bad: bool = False
    timeout: float | None = None


@dataclass(frozen=True, kw_only=True)
class _Work:
    """Everything a search is made of."""

    target: ModelTarget
    project: Project
    problem: Problem
    plan: Plan
    source: ModelSource | None
    proposers: Proposers
    journal: Journal


def run_synthesize(options: SynthesizeOptions) -> int:
    """Search, print what was found, write it where that was asked for; the exit code.

    Raises:
        CwmError: There is nothing to search with, or the result cannot be written.
    """
    try:
        work = _prepare(options)
    except KeyboardInterrupt:
        sys.stderr.write("stopped before the search began\n")
        return _INTERRUPTED
    try:
        ending = _ending(work, *_searched(work, options))
        ending = _written(ending, work, options)
        print_ending(ending, as_json=options.as_json)
        result = ending.result
    finally:
        work.journal.close()
    if result.status is SearchStatus.CANCELLED:
        _leave()
    return 0 if result.status is SearchStatus.VERIFIED else 2 if result.broken else 1


# What it is made of


def _prepare(options: SynthesizeOptions) -> _Work:
    file, run = _named(options)
    recorded = recorded_run(file, run) if options.resume else None
    spec = file or (recorded.spec if recorded else "")
    project = find_project(spec.partition("::")[0])
    target = one_target(spec, project, options.trajectories or (recorded.sources if recorded else ()))
    source = source_of(target.path)
    for place in ([options.output] if options.output else []) + ([target.path] if options.write else []):
        require_writable(place)
    plan, address_given = _plan(options, project, recorded)
    endpoint = endpoint_of(plan, address_given=address_given) if plan.proposer == "openai" else None
    dataset = load_data(target, skip_bad=options.skip_bad)
    problem = Problem(
        settings=session_settings(target),
        dataset=dataset,
        initial=recorded.initial if recorded else source.text if source else None,
        description=_description(options.description, target, recorded),
        sandbox=sandbox_limits(project.settings, options.timeout),
    )
    if plan.proposer == "local" and problem.begins_with is None:
        raise CwmError(
            "there is no program to repair, and the proposer `local` does not write one from nothing",
            path=target.path,
            hint="write a first version, or ask a language model with --proposer openai",
        )
    proposers = proposers_of(plan, problem, endpoint)
    journal = Journal.open(recorded.path) if recorded else begin_journal(plan, problem, proposers, target)
    return _Work(
        target=target,
        project=project,
        problem=problem,
        plan=plan,
        source=source,
        proposers=proposers,
        journal=journal,
    )


def _named(options: SynthesizeOptions) -> tuple[str | None, str | None]:
    """The file and the run among the names that were given."""
    files = [name for name in options.names if name.partition("::")[0].endswith(".py")]
    others = [name for name in options.names if name not in files]
    if options.resume:
        if len(files) > 1 or len(others) > 1:
            raise CwmError("one run at a time can go on", hint="cwm synthesize --resume RUN")
        return (files[0] if files else None), (others[0] if others else None)
    if len(options.names) != 1:
        raise CwmError("a search is for one model", hint="name one file: cwm synthesize FILE")
    return options.names[0], None


def _plan(options: SynthesizeOptions, project: Project, recorded: Recorded | None) -> tuple[Plan, bool]:
    given = dict(options.plan)
    if recorded is not None:
        return plan_of(given, project.settings.synthesis, recorded.plan)
    if given.get("replay"):
        replayed = recorded_run(None, str(given["replay"]))
        given |= {"replay": str(replayed.path.resolve())}
        plan, address_given = plan_of(given, project.settings.synthesis, replayed.plan)
        return replace(plan, max_nodes=given.get("max_nodes") or replayed.nodes or None), address_given
    return plan_of(given, project.settings.synthesis)


def _description(given: str | None, target: ModelTarget, recorded: Recorded | None) -> str:
    if given is not None:
        return description_in(Path(given[1:])) if given.startswith("@") else given
    if recorded is not None:
        return recorded.description
    return description_of(target)


# The search


def _searched(work: _Work, options: SynthesizeOptions) -> tuple[SearchResult, Search]:
    plan = work.plan
    title = f"{work.target.spec}: {plan.strategy_name}, {work.proposers.proposer.name}"
    view = LiveView(title, plan.limits, wanted=not options.as_json, begins=work.problem.begins_with is not None)
    workers = options.workers or work.project.settings.synthesis.workers or work.project.settings.workers

    async def run() -> tuple[SearchResult, Search]:
        loop = asyncio.get_running_loop()
        search = _search(work, plan.options(workers), options, view)
        _announce(work, options)

        def stop() -> None:
            view.stopping()
            loop.call_soon_threadsafe(search.stop)

        with _interruptible(stop), view:
            return await search.run(), search

    runner = asyncio.Runner()
    stopped = False
    try:
        result, search = runner.run(run())
        stopped = result.status is SearchStatus.CANCELLED
        return result, search
    finally:
        if not stopped:  # else the process ends in a moment, and everybody in it: nobody has to be waited for
            runner.run(work.proposers.aclose())
            runner.close()


def _search(work: _Work, how: Options, options: SynthesizeOptions, view: LiveView) -> Search:
    """The search; a new run that cannot even begin leaves nothing behind."""
    members, journal = work.proposers, work.journal
    checks: Checks | None = None
    try:
        checks = _cluster(work.problem, how, options) if options.executor == "ray" else None
        return Search(
            work.problem,
            members.proposer,
            journal,
            how,
            polish=members.polish,
            fitter=members.fitter,
            checks=checks,
            on_event=view.tell,
        )
    except CwmError:
        if checks is not None:
            checks.close()
        is_new = not journal.node_count and not journal.answers()
        journal.close()
        if is_new:
            delete_run(str(journal.path))
        raise


def _cluster(problem: Problem, how: Options, options: SynthesizeOptions) -> Checks:
    from cwm_engine.synthesis.checks_ray import RayChecks

    stderr = Console(stderr=True)
    with stderr.status("Waiting for the Ray cluster") if stderr.is_terminal else nullcontext():
        split = split_episodes(problem.dataset, how.heldout, how.seed)
        return RayChecks(problem.settings, split, problem.sandbox, options.workers)


def _announce(work: _Work, options: SynthesizeOptions) -> None:
    """Say what the search takes and what leaves the machine, before the first call."""
    if options.as_json or work.proposers.endpoint is None:
        return
    for line in notice(work.proposers.endpoint, work.proposers.proposer, work.plan, work.problem):
        sys.stderr.write(f"{line}\n")


@contextmanager
def _interruptible(stop: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C stops in good order; the second one ends the process: the journal is complete at every moment."""
    stopped = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal stopped
        del number, frame
        if stopped:
            os._exit(_INTERRUPTED)
        stopped = True
        stop()

    numbers = [signal.SIGINT, signal.SIGTERM]
    before = [signal.signal(number, handle) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


# What came of it


def _ending(work: _Work, result: SearchResult, search: Search) -> Ending:
    best, begins_with = search.tree.best, work.problem.begins_with
    first = search.tree[1] if len(search.tree) > 1 else None
    return Ending(
        file=work.target.spec,
        result=result,
        before=first.evaluation if first is not None and first.program == begins_with else None,
        best=best.evaluation if best else None,
        alternatives=_alternatives(work.journal, best) if best is not None and best.evaluation.passed else (),
        can_go_on=_can_go_on(work, result),
    )


def _can_go_on(work: _Work, result: SearchResult) -> bool:
    """Whether the run may find more: `local` has said all it can unless it had no time for it."""
    if result.status is SearchStatus.VERIFIED:
        return False
    limit = work.plan.max_seconds
    return result.broken or work.plan.proposer == "openai" or (limit is not None and result.seconds >= limit)


def _alternatives(journal: Journal, best: Node) -> tuple[str, ...]:
    """What `local` said of other repairs that pass as well: it proposes them together with the best one."""
    answer = journal.answers().get(best.id - 1)
    others = [proposal for proposal in (answer.proposals if answer else ()) if proposal.program != best.program]
    return tuple(proposal.reply for proposal in others if "does not decide" in proposal.reply)


def _written(ending: Ending, work: _Work, options: SynthesizeOptions) -> Ending:
    """Write the program where that was asked for."""
    program = ending.result.program
    if program is None or not (options.output or options.write):
        return ending
    if options.output is not None:
        write_text(options.output, program, work.source)
        return replace(ending, written=str(options.output))
    path = work.target.path
    if not ending.result.diff:
        return replace(ending, note="nothing was written: no better program than that of the file was found")
    try:
        _replace(work, program)
    except CwmError as error:
        advice = f"`cwm synthesize --resume {ending.result.run} -o FILE` writes the program elsewhere"
        return replace(ending, note=f"nothing was written: {error.message}; {advice}")
    return replace(ending, written=str(path))


def _replace(work: _Work, program: str) -> None:
    """Put a program in the place of the one the search began with, and of no other."""
    path, begun_with = work.target.path, work.problem.initial
    now = source_of(path)
    if now is None:
        if begun_with is not None:
            raise CwmError("the file is gone", path=path)
        write_text(path, program)
        return
    if now.text != (begun_with or ""):
        raise CwmError("the file has changed since the search began", path=path)
    replace_text(now, program)


def _leave() -> None:
    """End at once: a normal end would wait for threads that wait for programs. Their processes end with this one."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(_INTERRUPTED)
