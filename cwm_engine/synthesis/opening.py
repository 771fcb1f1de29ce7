"""Opening a search: who writes programs, who polishes those of others, who fits their numbers, what is kept where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cwm_engine.errors import CwmError
from cwm_engine.induction.repair.repairer import SECONDS
from cwm_engine.project import ModelTarget
from cwm_engine.synthesis.asking import Requests
from cwm_engine.synthesis.heldout import split_episodes
from cwm_engine.synthesis.interfaces import Proposer, SearchAction, Selection, Usage
from cwm_engine.synthesis.journal import Journal
from cwm_engine.synthesis.plan import Plan
from cwm_engine.synthesis.prices import cost_of
from cwm_engine.synthesis.problem import Problem, run_header
from cwm_engine.synthesis.proposers.editor import EditorProposer
from cwm_engine.synthesis.proposers.endpoint import Endpoint
from cwm_engine.synthesis.proposers.local import LocalProposer
from cwm_engine.synthesis.proposers.openai_proposer import OpenAIProposer
from cwm_engine.synthesis.proposers.replay import Replay
from cwm_engine.synthesis.runs import new_run_path
from cwm_engine.synthesis.tree import ROOT, Tree

POLISH_SECONDS = 15.0
"""Wall time for work on one program of a language model: a program that takes longer is better asked about."""


@dataclass(frozen=True)
class Proposers:
    """Everybody who works on a search.

    Attributes:
        proposer: Who writes programs.
        polish: Who works on each program before it is scored; None for nobody.
        fitter: Who fits the numbers of programs; None for nobody.
        endpoint: Where the language model is; None without one.
    """

    proposer: Proposer
    polish: Proposer | None = None
    fitter: Proposer | None = None
    endpoint: Endpoint | None = None

    @property
    def names(self) -> dict[str, str | None]:
        """The names of the helpers, as journals keep them."""
        return {
            "polish": self.polish.name if self.polish else None,
            "fitter": self.fitter.name if self.fitter else None,
        }

    async def aclose(self) -> None:
        """End sandboxes and connections."""
        for member in {id(member): member for member in (self.proposer, self.polish, self.fitter)}.values():
            match member:
                case OpenAIProposer():
                    await member.aclose()
                case LocalProposer() | Replay():
                    member.close()


def proposers_of(
    plan: Plan, problem: Problem, endpoint: Endpoint | None, editor: EditorProposer | None = None
) -> Proposers:
    """Who works on a search.

    Args:
        plan: How it goes.
        problem: What is searched for.
        endpoint: Where the language model is, for the proposer `openai`.
        editor: Who asks the editor's language model, for the proposer `editor`.

    Raises:
        CwmError: There is no run to replay.
    """
    local: LocalProposer | None = None
    if plan.proposer == "local" or plan.polishes or plan.fit:
        searched = split_episodes(problem.dataset, plan.held_out, plan.seed).searched
        seconds = SECONDS if plan.proposer == "local" else POLISH_SECONDS
        local = LocalProposer(problem.settings, searched, problem.sandbox, seconds)
    proposer: Proposer
    match plan.proposer:
        case "openai" if endpoint is not None:
            proposer = OpenAIProposer(endpoint)
        case "editor" if editor is not None:
            proposer = editor
        case "replay" if plan.replay is not None:
            proposer = Replay(Path(plan.replay))
        case "local" if local is not None:
            return Proposers(local)
        case _:
            advice = "name another with --proposer, or a run with --replay"
            raise CwmError(f"there is nobody to ask: the proposer is {plan.proposer}", hint=advice)
    return Proposers(proposer, local if plan.polishes else None, local if plan.fit else None, endpoint)


def begin_journal(plan: Plan, problem: Problem, proposers: Proposers, target: ModelTarget) -> Journal:
    """The journal of a new run, in the place where runs are kept."""
    header = run_header(problem, plan.options(None), proposers.proposer.name, **proposers.names)
    sources = [name if name.startswith("minari:") else str(Path(name).absolute()) for name in target.trajectories]
    return Journal.create(new_run_path(target.path.stem), {**header, "plan": plan.to_json(), "sources": sources})


def description_of(target: ModelTarget) -> str:
    """What the environment is, as it is configured: the words, or the file that holds them; may be empty.

    Raises:
        CwmError: The file cannot be read.
    """
    configured = target.description or ""
    file = target.root / configured
    return description_in(file) if configured and len(configured) < 1000 and file.is_file() else configured


def description_in(file: Path) -> str:
    """A description that is kept in a file.

    Raises:
        CwmError: The file cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise CwmError(f"the description cannot be read: {reason}", path=file) from None


def notice(endpoint: Endpoint, proposer: Proposer, plan: Plan, problem: Problem) -> list[str]:
    """What a search with a language model takes at most, and what it sends where; to be said before the first call."""
    searched = split_episodes(problem.dataset, plan.held_out, plan.seed).searched
    request = Requests(problem, searched).request(Tree(), Selection(ROOT, SearchAction.GENERATE), 0)
    # A prompt is no longer than this many characters unless the program is, and a token is at least one of them.
    longest = max(endpoint.max_characters, len(problem.begins_with or "")) * endpoint.replies
    once = Usage(longest, proposer.estimate(request).usage.completion_tokens)
    parts = [
        _most(plan.max_calls, None, "{:,} calls"),
        _most(plan.max_tokens, _times(once.tokens, plan.max_calls), "{:,} tokens"),
        _most(plan.max_cost, _times(cost_of(endpoint.price, once), plan.max_calls), "${:,.2f}"),
        "" if endpoint.price or endpoint.is_local else "at a price that is not known",
    ]
    where = "nothing leaves this machine, the endpoint is on it"
    if not endpoint.is_local:
        where = f"what leaves this machine: the program, the description and a few transitions, to {endpoint.host}"
    return [f"asking {endpoint.model} at {endpoint.host}: at most {', '.join(filter(None, parts))}", where]


def _times(once: float | None, calls: int | None) -> float | None:
    return None if once is None or calls is None else once * calls


def _most(limit: float | None, worst: float | None, form: str) -> str:
    """The lower of a limit and the worst case, in words; empty where there is neither."""
    known = [amount for amount in (limit, worst) if amount is not None]
    return form.format(min(known)) if known else ""
