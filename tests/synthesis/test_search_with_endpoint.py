"""A search whose programs come over a socket: what a dead or lying endpoint does to it, and what it costs."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cwm_engine.diagnosis.session import Settings
from cwm_engine.synthesis.budget import Limits
from cwm_engine.synthesis.journal import Journal
from cwm_engine.synthesis.prices import Price
from cwm_engine.synthesis.problem import Options, Problem, run_header
from cwm_engine.synthesis.proposers.endpoint import Endpoint
from cwm_engine.synthesis.proposers.openai_proposer import OpenAIProposer
from cwm_engine.synthesis.result import SearchResult, SearchStatus
from cwm_engine.synthesis.search import Search
from tests.synthesis.llm_server import (
    Behaviour,
    Server,
    cut,
    fails,
    falls_silent,
    page,
    streams,
)
from tests.synthesis.worlds import HALF_RIGHT, RIGHT, WRONG_REWARD, dataset

KEY = "sk-test-0123456789abcdef"
PROBLEM = Problem(settings=Settings(file="counter.py", path=Path("counter.py")), dataset=dataset())


def says(program: str) -> Behaviour:
    return streams(f"```python\n{program}```\n")


def search(
    path: Path,
    server: Server,
    *,
    limits: Limits = Limits(nodes=6),
    parallel: int = 1,
    strategy: str = "gif-mcts",
    **settings: Any,
) -> SearchResult:
    """Begin a search or go on with it."""
    endpoint = Endpoint(
        **{
            "model": "test", "base_url": server.url, "api_key": KEY, "backoff_seconds": 0.01, "attempts": 2,
            "max_tokens": 4000, **settings,
        }
    )  # fmt: skip
    options = Options(limits=limits, workers=1, parallel=parallel, strategy=strategy)

    async def run() -> SearchResult:
        async with OpenAIProposer(endpoint) as proposer:
            if not path.exists():
                Journal.create(path, run_header(PROBLEM, options, proposer.name)).close()
            with Journal.open(path) as journal:
                return await Search(PROBLEM, proposer, journal, options).run()

    return asyncio.run(run())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.sqlite"


def test_a_language_model_writes_a_verified_program(path: Path) -> None:
    with Server(says(HALF_RIGHT), streams("Let me think about it."), says(RIGHT)) as server:
        result = search(path, server, prices={"test": Price(1.0, 10.0)})
    assert result.status is SearchStatus.VERIFIED
    assert (result.nodes, result.spent.calls, result.spent.tokens) == (3, 3, 3300)
    assert result.spent.cost == pytest.approx(0.006)


def test_the_prompt_of_an_improvement_shows_what_the_check_found(path: Path) -> None:
    with Server(says(WRONG_REWARD)) as server:
        search(path, server, limits=Limits(nodes=2), strategy="greedy")
    assert "reward: observed 1.0, predicted 2.0 (off by +1)" in server.requests[1]["messages"][-1]["content"]


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (fails(401), "check OPENAI_API_KEY"),
        (page("<html>Log in</html>"), "a web page instead of JSON"),
        (cut("```python\nclass"), "broke off"),
        (falls_silent("```python"), "said nothing for 0.5 seconds"),
    ],
    ids=["401", "web page", "cut", "silence"],
)
def test_a_search_survives_its_endpoint_and_goes_on_with_a_better_one(
    path: Path, trouble: Behaviour, said: str
) -> None:
    """No node is lost, and nothing that was answered is asked again."""
    with Server(says(HALF_RIGHT), says(WRONG_REWARD), trouble) as server:
        result = search(path, server, idle_seconds=0.5)
    assert result.status is SearchStatus.PARTIAL
    assert result.nodes == 2
    assert result.message is not None
    assert said in result.message
    with Server(says(RIGHT)) as server:
        result = search(path, server)
    assert result.status is SearchStatus.VERIFIED
    assert (result.nodes, len(server.requests)) == (3, 1)


def test_requests_under_way_at_the_same_time_are_answered_in_any_order(path: Path) -> None:
    with Server(says(HALF_RIGHT), says(WRONG_REWARD), says(RIGHT)) as server:
        assert search(path, server, parallel=3).status is SearchStatus.VERIFIED


@pytest.mark.parametrize("limits", [Limits(tokens=9000), Limits(cost=0.06)], ids=["tokens", "cost"])
def test_no_limit_is_exceeded_even_if_replies_break_off(path: Path, limits: Limits) -> None:
    with Server(
        cut("x" * 2000, clean=True), says(HALF_RIGHT), cut("x" * 2000, clean=True), says(WRONG_REWARD)
    ) as server:
        result = search(path, server, limits=limits, prices={"test": Price(1.0, 10.0)}, attempts=5)
    assert result.spent.tokens <= (limits.tokens or 10**9)
    assert result.spent.cost <= (limits.cost or 10**9)
    assert result.nodes >= 1


def test_the_key_is_in_no_file_of_the_run(path: Path) -> None:
    with Server(says(HALF_RIGHT), streams(f"Bearer {KEY}"), fails(401, f"Incorrect API key: {KEY}")) as server:
        result = search(path, server)
    assert KEY not in repr(result)
    for file in path.parent.iterdir():
        assert KEY.encode() not in file.read_bytes()


def test_the_package_of_the_endpoint_is_imported_when_it_is_asked_and_not_before() -> None:
    """A search without a language model does not wait for it."""
    program = "import sys, cwm_engine.synthesis.proposers.openai_proposer; print('openai' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
