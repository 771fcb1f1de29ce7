"""Whatever calls take and however many are under way: a search never spends more than it may, killed or not."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_engine.synthesis.budget import Limits
from cwm_engine.synthesis.interfaces import Estimate, Proposal, Usage
from cwm_engine.synthesis.journal import Journal
from cwm_engine.synthesis.problem import Options, run_header
from cwm_engine.synthesis.search import Search
from tests.synthesis.killed import PROBLEM, Oracle
from tests.synthesis.scripted import Scripted

WORST = Estimate(Usage(60, 40), 0.5)
PARTS = st.lists(st.floats(0, 1), min_size=1, max_size=8)
LIMIT = st.none() | st.integers(0, 12)


def taking(parts):
    """Replies that take a part of the worst case each."""

    def say(number):
        part = parts[number % len(parts)]
        text = f"# {0.2 + number % 5 / 10}\n" + f"x = {number}\n" * 30
        return Proposal(program=text, reply=text, usage=Usage(int(60 * part), int(40 * part)), cost=0.5 * part)

    return say


def run(path, script, options):
    proposer = Scripted(script, delay=lambda number: number % 3 / 1000, worst=WORST)
    if not path.exists():
        Journal.create(path, run_header(PROBLEM, options, proposer.name)).close()
    with Journal.open(path) as journal:
        search = Search(PROBLEM, proposer, journal, options, checks=Oracle())
        return asyncio.run(search.run()), proposer


@settings(max_examples=60, deadline=None)
@given(LIMIT, st.none() | st.integers(0, 1200), st.none() | st.floats(0, 6), PARTS, st.integers(1, 5))
def test_a_search_never_spends_more_than_it_may(calls, tokens, cost, parts, parallel):
    """And it stops for a limit only when another call might exceed it."""
    limits = Limits(calls=calls, tokens=tokens, cost=cost, nodes=15)
    with tempfile.TemporaryDirectory() as folder:
        result, proposer = run(Path(folder) / "run.sqlite", taking(parts), Options(parallel=parallel, limits=limits))
    spent = result.spent
    assert spent.calls == len(proposer.requests) == result.nodes
    assert calls is None or spent.calls <= calls
    assert tokens is None or spent.tokens <= tokens
    assert cost is None or spent.cost <= cost + 1e-9
    assert (
        result.nodes == 15
        or (calls is not None and spent.calls + 1 > calls)
        or (tokens is not None and spent.tokens + WORST.usage.tokens > tokens)
        or (cost is not None and spent.cost + WORST.cost > cost)
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 10), st.integers(100, 1200), PARTS, st.integers(1, 4))
def test_a_search_that_goes_on_has_what_is_left_of_its_budget(calls, tokens, parts, parallel):
    """First with half of it, then with all of it: as if it had never stopped."""
    whole = Options(parallel=parallel, limits=Limits(calls=calls, tokens=tokens, nodes=12))
    half = Options(parallel=parallel, limits=Limits(calls=calls // 2, tokens=tokens // 2, nodes=12))
    with tempfile.TemporaryDirectory() as folder:
        _, first = run(Path(folder) / "run.sqlite", taking(parts), half)
        result, second = run(Path(folder) / "run.sqlite", taking(parts), whole)
        straight, _ = run(Path(folder) / "straight.sqlite", taking(parts), whole)
    assert len(first.requests) + len(second.requests) == result.spent.calls <= calls
    assert result.spent.tokens <= tokens
    assert (result.nodes, result.spent.calls) == (straight.nodes, straight.spent.calls)
