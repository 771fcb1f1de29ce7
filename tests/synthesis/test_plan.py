"""How a search is to go: who wins where several say something, and where a key may go."""

from __future__ import annotations

from typing import Any

import pytest

from cwm_engine.cli.search_commands import PromptStyleName, StrategyName, VariantName
from cwm_engine.errors import CwmError
from cwm_engine.settings import Synthesis
from cwm_engine.synthesis.plan import LOCAL_SECONDS, PAID_CALLS, Plan, endpoint_of, plan_of
from cwm_engine.synthesis.prompt import PromptStyle
from cwm_engine.synthesis.strategies import STRATEGIES

KEY = "sk-0123456789abcdef"


def plan(configured: dict[str, Any] | None = None, recorded: dict[str, Any] | None = None, **given: Any) -> Plan:
    return plan_of(given, Synthesis.model_validate(configured or {}), recorded, {})[0]


def test_the_command_line_wins_over_the_configuration() -> None:
    assert plan({"strategy": "rex", "parallel": 4}, strategy="greedy") == plan(strategy="greedy", parallel=4)


def test_what_a_run_was_begun_with_wins_over_the_configuration() -> None:
    recorded = plan(strategy="rex", seed=5).to_json()
    assert plan({"strategy": "greedy", "max_nodes": 3}, recorded) == plan(strategy="rex", seed=5)
    assert plan({}, recorded, max_nodes=9).max_nodes == 9


def test_a_language_model_gets_a_budget_where_none_is_given() -> None:
    assert plan(proposer="openai").max_calls == PAID_CALLS
    assert plan(proposer="openai", max_cost=1.0).max_calls is None
    assert plan(proposer="openai", max_seconds=60.0).max_calls == PAID_CALLS


def test_without_one_only_time_is_limited() -> None:
    limits = plan().limits
    assert (limits.seconds, limits.calls, limits.nodes) == (LOCAL_SECONDS, None, None)


def test_a_replay_is_a_proposer_of_its_own() -> None:
    assert plan({"proposer": "openai"}, replay="run.sqlite").proposer == "replay"


def test_every_choice_of_the_command_line_is_one_of_the_search() -> None:
    names = {Plan(strategy=str(name)).strategy_name for name in StrategyName}
    names |= {Plan(variant=str(variant)).strategy_name for variant in VariantName}
    assert names == set(STRATEGIES)
    assert {str(style) for style in PromptStyleName} == {str(style) for style in PromptStyle}


# The endpoint


def endpoint(given: dict[str, Any], configured: dict[str, Any] | None = None, **environment: str) -> tuple[str, str]:
    """Host and model that are asked."""
    settings = Synthesis.model_validate(configured or {})
    plan, address_given = plan_of({"proposer": "openai", **given}, settings, environment=environment)
    found = endpoint_of(plan, address_given=address_given, environment=environment)
    return found.host, found.model


def test_the_environment_wins_over_the_configuration_and_the_command_line_over_both() -> None:
    configured = {"model": "c", "base_url": "http://127.0.0.1:1/v1"}
    environment = {"CWM_MODEL": "e", "OPENAI_BASE_URL": "http://127.0.0.1:2/v1"}
    given = {"model": "g", "base_url": "http://127.0.0.1:3/v1"}
    assert endpoint({}, configured) == ("127.0.0.1:1", "c")
    assert endpoint({}, configured, **environment) == ("127.0.0.1:2", "e")
    assert endpoint(given, configured, **environment) == ("127.0.0.1:3", "g")


@pytest.mark.parametrize(
    ("given", "environment"),
    [
        ({"base_url": "https://elsewhere.invalid/v1"}, {}),
        ({}, {"OPENAI_BASE_URL": "https://elsewhere.invalid/v1"}),
    ],
)
def test_a_key_goes_where_the_user_says(given: dict[str, Any], environment: dict[str, str]) -> None:
    assert endpoint({"model": "m", **given}, OPENAI_API_KEY=KEY, **environment)[0] == "elsewhere.invalid"


def test_a_key_goes_to_no_address_of_a_file_but_this_machine_and_openai() -> None:
    for address in ("http://127.0.0.1:8080/v1", "https://api.openai.com/v1"):
        assert endpoint({}, {"model": "m", "base_url": address}, OPENAI_API_KEY=KEY)
    with pytest.raises(CwmError, match=r"is from a file.*--base-url https://elsewhere.invalid/v1"):
        endpoint({}, {"model": "m", "base_url": "https://elsewhere.invalid/v1"}, OPENAI_API_KEY=KEY)
    assert endpoint({}, {"model": "m", "base_url": "https://elsewhere.invalid/v1"})[0] == "elsewhere.invalid"
