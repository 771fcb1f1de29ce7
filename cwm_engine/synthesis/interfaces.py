"""What the parts of a search say to each other: requests and proposals, selections and outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from cwm_engine.errors import CwmError
from cwm_engine.findings import Example, Finding
from cwm_engine.trajectories.dataset import Spaces

if TYPE_CHECKING:
    from cwm_engine.synthesis.tree import Tree


class SearchAction(StrEnum):
    """How a new program is made from one that is there."""

    GENERATE = "generate"
    """Go on from the first lines of the program, or write one from nothing."""
    IMPROVE = "improve"
    """Rewrite a program that runs but predicts some transitions wrongly."""
    FIX = "fix"
    """Rewrite a program that does not run."""
    FIT = "fit"
    """Change the numbers of a program and nothing else."""


WRITING = frozenset({SearchAction.GENERATE, SearchAction.IMPROVE, SearchAction.FIX})
"""What a language model is asked for."""


class NothingLeftError(CwmError):
    """A proposer has nothing, or nothing more, to say about a program, and will not have later."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call took.

    Attributes:
        prompt_tokens: Tokens read.
        completion_tokens: Tokens written.
        estimated: Whether these are a guess because nobody counted.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated: bool = False

    @property
    def tokens(self) -> int:
        """Tokens read and written."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.estimated or other.estimated,
        )


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of asking for the same program before.

    Attributes:
        action: What was asked for.
        diff: What was changed, as a short unified diff; empty where there was no program to compare.
        accuracy: What came of it, 0..1; None for a program that does not run.
        reason: Why it does not run, or why the reply held no program.
    """

    action: SearchAction
    diff: str = ""
    accuracy: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Everything a proposer may know when it is asked for a program.

    Attributes:
        action: What is asked for.
        program: The program to improve, fix or fit; for `generate` None.
        prefix: For `generate`: the lines to go on from; None or empty at the root.
        findings: What is wrong with the program, with suspected lines and examples.
        fields: Accuracy of every field, 0..1.
        accuracy: Fraction of the searched transitions with every field right, 0..1; None for a program that does not
            run.
        examples: Transitions as they were observed (`predicted` is None), for a proposer that has no program yet.
        description: What the environment is, in the user's words; may be empty.
        spaces: Observation and action space, where known.
        contract: What the model file must define, as instructions.
        siblings: What was tried from the same program before, oldest first.
        note: What else is known, e.g. that no single edit repairs the program.
        number: Which request of the search this is, from 0: a seed for proposers that draw lots.
    """

    action: SearchAction
    program: str | None = None
    prefix: str | None = None
    findings: tuple[Finding, ...] = ()
    fields: Mapping[str, float] = field(default_factory=dict)
    accuracy: float | None = None
    examples: tuple[Example, ...] = ()
    description: str = ""
    spaces: Spaces = Spaces()
    contract: str = ""
    siblings: tuple[Attempt, ...] = ()
    note: str | None = None
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One answer of a proposer.

    Attributes:
        program: The whole program; None when the reply holds none.
        reply: The reply as it came, to be kept.
        reason: Why there is no program in the reply, as a sentence for the user; None where there is one.
        usage: What it took. Of several proposals of one call, the first carries the usage of the call.
        cost: What it cost in dollars; None where no price is known.
        seconds: How long it took.
        prompt: What was sent, to be shown beside the reply; empty where there was no prompt.
    """

    program: str | None
    reply: str = ""
    reason: str | None = None
    usage: Usage = Usage()
    cost: float | None = None
    seconds: float = 0.0
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The most a request will take, to be reserved before it is sent.

    Attributes:
        usage: Tokens at most.
        cost: Dollars at most; None where no price is known.
        calls: Paid calls; 0 for proposers that ask nobody.
    """

    usage: Usage = Usage()
    cost: float | None = None
    calls: int = 1


class ProposerError(CwmError):
    """Nobody writes candidates any more: what happened and what to do about it.

    Args:
        message: What happened.
        hint: What to do about it.
        usage: Tokens that were taken all the same, by replies that broke off.
        cost: What they cost in dollars; None where no price is known.
    """

    def __init__(
        self, message: str, *, hint: str | None = None, usage: Usage | None = None, cost: float | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.usage = usage or Usage()
        self.cost = cost


class Proposer(Protocol):
    """Writes candidates."""

    @property
    def name(self) -> str:
        """How the proposer is called in journals and messages."""
        ...

    @property
    def actions(self) -> frozenset[SearchAction]:
        """What it can be asked for."""
        ...

    async def propose(self, request: Request) -> Sequence[Proposal]:
        """Answer a request with one proposal or several.

        Returns:
            At least one proposal; a reply without a program is a proposal with a reason.

        Raises:
            NothingLeftError: It has nothing to say about this program: the search goes on from others.
            ProposerError: Nobody answers, and asking again will not help: the search is saved and ends.
        """
        ...

    def estimate(self, request: Request) -> Estimate:
        """What the request will take at most."""
        ...


class Selection(NamedTuple):
    """Where a strategy wants the next program: from which node, how, and in whose place, if it overwrites one."""

    node: int
    action: SearchAction
    replaces: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a strategy learns about a new node.

    Attributes:
        value: Fraction of the searched transitions with every field right, 0..1; 0 for a program that does not run.
        buggy: Whether the program does not run: no program, not loadable, or it failed on some transition.
        solved: Whether no deterministic program can do better on this data.
        nothing_left: Whether nothing came, and nothing will come when the same is asked for again.
    """

    value: float
    buggy: bool = False
    solved: bool = False
    nothing_left: bool = False


class Strategy(Protocol):
    """Chooses where the search goes on: asked for selections, told what came of each, in the order it was asked.

    What nothing is left of is not selected again.
    """

    @property
    def name(self) -> str:
        """How the strategy is called in journals and messages."""
        ...

    def new_tree(self) -> Tree:
        """The tree with which a search by this strategy begins."""
        ...

    def select(self, tree: Tree, k: int) -> list[Selection]:
        """Choose up to k programs to ask for; what is not told yet counts as under way.

        Returns:
            k selections; fewer while the strategy has to wait for an outcome; none when it has nothing to wait for
            and nothing left to try.
        """
        ...

    def update(self, tree: Tree, node: int, outcome: Outcome) -> None:
        """Take in what came of the oldest selection that is still under way; `node` is the new node in the tree."""
        ...
