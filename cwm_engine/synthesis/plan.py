"""How a search is to go: from the command line, the run that goes on, the configuration and defaults, in this order."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from cwm_engine.errors import CwmError
from cwm_engine.settings import Synthesis
from cwm_engine.synthesis.budget import Limits
from cwm_engine.synthesis.problem import Options
from cwm_engine.synthesis.prompt import PromptStyle
from cwm_engine.synthesis.proposers.endpoint import OPENAI, Endpoint

LOCAL_SECONDS = 120.0
"""How long a search without a language model may take unless told otherwise."""

PAID_CALLS = 20
"""How many requests a language model gets if no limit of calls, tokens or cost was given."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What decides how a search goes; kept in the journal of its run, and the same when the run goes on.

    Attributes:
        proposer: `local`, `openai`, `editor` or `replay`.
        model: The language model's name; None where the environment says it.
        base_url: The address of its endpoint; None where the environment says it.
        replies: Programs asked for in one request.
        reply_tokens: Tokens of a reply at most.
        temperature: How freely replies are sampled; None leaves it to the endpoint.
        extra: Further parameters of a request.
        prices: Dollars per million tokens, by language model.
        replay: The run whose replies are used again.
        strategy: What chooses where the search goes on.
        variant: Of GIF-MCTS.
        prompt_style: What a language model is told.
        seed: Of the strategy and of what is held out.
        parallel: Requests under way at once.
        held_out: The part of the episodes that the search never sees.
        polish: Whether `local` works on programs of others.
        fit: Whether numbers are fitted.
        max_calls, max_tokens, max_cost, max_seconds, max_nodes: What may be spent; None where there is no limit.
    """

    proposer: str = "local"
    model: str | None = None
    base_url: str | None = None
    replies: int = 1
    reply_tokens: int = 16_000
    temperature: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    prices: Mapping[str, Any] = field(default_factory=dict)
    replay: str | None = None
    strategy: str = "gif-mcts"
    variant: str = "default"
    prompt_style: str = "default"
    seed: int = 0
    parallel: int = 1
    held_out: float = 0.2
    polish: bool = True
    fit: bool = True
    max_calls: int | None = None
    max_tokens: int | None = None
    max_cost: float | None = None
    max_seconds: float | None = None
    max_nodes: int | None = None

    @property
    def strategy_name(self) -> str:
        """The strategy and its variant in one word, as strategies are named.

        Raises:
            CwmError: The strategy has no such variant.
        """
        if self.variant == "default":
            return self.strategy
        if self.strategy != "gif-mcts":
            raise CwmError(f"the strategy {self.strategy} has no variants", hint="leave `--variant` out")
        return f"{self.strategy}-{self.variant}"

    @property
    def polishes(self) -> bool:
        """Whether `local` works on programs of others: its own are worked on anyway."""
        return self.polish and self.proposer != "local"

    @property
    def limits(self) -> Limits:
        """What may be spent."""
        return Limits(
            calls=self.max_calls,
            tokens=self.max_tokens,
            cost=self.max_cost,
            seconds=self.max_seconds,
            nodes=self.max_nodes,
        )

    def options(self, workers: int | None) -> Options:
        """The options of the search."""
        return Options(
            strategy=self.strategy_name,
            seed=self.seed,
            parallel=self.parallel,
            heldout=self.held_out,
            workers=workers or min(os.cpu_count() or 1, 8),
            limits=self.limits,
        )

    def to_json(self) -> dict[str, Any]:
        """What the journal keeps."""
        return asdict(self)


def plan_of(
    given: Mapping[str, Any],
    configured: Synthesis,
    recorded: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> tuple[Plan, bool]:
    """What the command line, the run that goes on (or is replayed) and the configuration make together.

    Args:
        given: What the command line says, by attribute of `Plan`; None where it says nothing.
        configured: What the configuration says.
        recorded: What the run was begun with.
        environment: The variables; those of the process when None.

    Returns:
        The plan, and whether the user gave the address of the endpoint, rather than some file.
    """
    names = {attribute.name for attribute in fields(Plan)}
    settings = configured.model_dump(include=names, exclude_unset=True, exclude_none=True)
    named = (os.environ if environment is None else environment).get("CWM_MODEL", "").strip()
    if named:
        settings["model"] = named
    chosen: dict[str, Any] = {}
    for layer in (recorded or settings, given):
        chosen |= {name: value for name, value in layer.items() if name in names and value is not None}
    if given.get("replay"):
        chosen["proposer"] = "replay"
    plan = Plan(**chosen)
    unlimited = plan.max_calls is None and plan.max_tokens is None and plan.max_cost is None
    if plan.proposer in {"openai", "editor"} and unlimited:
        plan = replace(plan, max_calls=PAID_CALLS)
    if plan.proposer == "local" and plan.max_seconds is None:
        plan = replace(plan, max_seconds=LOCAL_SECONDS)
    return plan, bool(given.get("base_url"))


def endpoint_of(plan: Plan, *, address_given: bool, environment: Mapping[str, str] | None = None) -> Endpoint:
    """The endpoint of a language model.

    The environment wins over the configuration, and the command line over both. The key is sent to OpenAI and to
    addresses that the user gave: a project's file, or a run's, must not be able to send it elsewhere.

    Args:
        plan: How the search goes.
        address_given: Whether the plan's address is from the command line.
        environment: The variables; those of the process when None.

    Raises:
        CwmError: There is no language model or no key, or the key would go where it must not.
    """
    from cwm_engine.synthesis.prices import Price

    variables = dict(os.environ if environment is None else environment)
    said = variables.get("OPENAI_BASE_URL", "").strip()
    address = plan.base_url if address_given else said or plan.base_url
    endpoint = Endpoint.from_environment(
        variables,
        model=plan.model,
        base_url=address,
        replies=plan.replies,
        max_tokens=plan.reply_tokens,
        temperature=plan.temperature,
        extra=plan.extra,
        style=PromptStyle(plan.prompt_style),
        prices={name: Price(**price) for name, price in plan.prices.items()},
    )
    is_users = address_given or address == (said or OPENAI)
    if endpoint.api_key and not (is_users or endpoint.is_local or endpoint.is_openai):
        raise CwmError(
            f"the address of the endpoint, {endpoint.host}, is from a file, and a key is not sent there",
            hint=f"if you trust it, say so: --base-url {endpoint.base_url}",
        )
    return endpoint
