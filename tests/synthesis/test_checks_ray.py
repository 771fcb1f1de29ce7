"""Checks on a Ray cluster: what they say is what a check on this machine says, and what is lost is told."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from cwm_engine.diagnosis.session import Settings
from cwm_engine.errors import CwmError
from cwm_engine.sandbox.limits import Limits
from cwm_engine.synthesis import checks_ray
from cwm_engine.synthesis.budget import Limits as BudgetLimits
from cwm_engine.synthesis.checks_ray import RayChecks
from cwm_engine.synthesis.evaluate import Evaluator
from cwm_engine.synthesis.heldout import split_episodes
from cwm_engine.synthesis.journal import Journal
from cwm_engine.synthesis.problem import Options, Problem, run_header
from cwm_engine.synthesis.result import SearchStatus
from cwm_engine.synthesis.search import Search
from tests.synthesis.scripted import Scripted
from tests.synthesis.worlds import HALF_RIGHT, RAISES, RIGHT, SYNTAX_ERROR, WRONG_REWARD, WRONG_WRAP, dataset

with_ray = pytest.mark.skipif(find_spec("ray") is None, reason="the extra `ray` is not installed")
pytestmark = pytest.mark.timeout(300)

SETTINGS = Settings(file="counter.py", path=Path("counter.py"))
LIMITS = replace(Limits(), step_seconds=5.0, wall_seconds=30.0)
SPLIT = split_episodes(dataset())
SLOW = RIGHT.replace("reward = 1.0", "(10**8) ** (10**8)\n        reward = 1.0")
"""Its first step does not end before its time does."""
PROGRAMS = [RIGHT, HALF_RIGHT, RAISES, SYNTAX_ERROR, WRONG_REWARD, WRONG_WRAP, "", "x = 1\n", RIGHT + "# \ud800\n"]


@pytest.fixture(scope="module")
def cluster():
    """A cluster of this machine, begun once."""
    with RayChecks(SETTINGS, SPLIT, LIMITS, workers=2) as checks:
        yield checks


class Kept:
    """Checks that a search does not close."""

    def __init__(self, checks):
        self.searched, self.heldout = checks.searched, checks.heldout

    def close(self):
        pass


def search(path, checks=None, nodes=6):
    """A search with two requests under way; its result and its tree."""
    problem = Problem(settings=SETTINGS, dataset=dataset(), sandbox=LIMITS)
    options = Options(parallel=2, limits=BudgetLimits(nodes=nodes))
    proposer = Scripted([HALF_RIGHT, RAISES, WRONG_WRAP, SYNTAX_ERROR, WRONG_REWARD])
    if not path.exists():
        Journal.create(path, run_header(problem, options, proposer.name)).close()
    with Journal.open(path) as journal:
        new = Search(problem, proposer, journal, options, checks=checks)
        return asyncio.run(new.run()), new.tree.to_json()


def descendants(process):
    """All processes below one, by number: their command lines."""
    table = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [(int(pid), int(parent), args) for pid, parent, args in (line.split(None, 2) for line in table.splitlines())]
    found, below = {}, {process}
    while below:
        level = {pid: args for pid, parent, args in rows if parent in below}
        found |= level
        below = set(level)
    return found


def wait_until_gone(processes):
    deadline = time.monotonic() + 60
    while any(pid in descendants(1) for pid in processes):
        assert time.monotonic() < deadline
        time.sleep(0.1)


@with_ray
def test_evaluations_are_those_of_this_machine(cluster):
    async def both():
        with Evaluator(SETTINGS, SPLIT, LIMITS) as here:
            for check in ("searched", "heldout"):
                there = await asyncio.gather(*map(getattr(cluster, check), PROGRAMS))
                assert there == [await getattr(here, check)(program) for program in PROGRAMS]

    asyncio.run(both())


@with_ray
def test_a_search_has_the_same_tree(cluster, tmp_path):
    here, there = search(tmp_path / "here.sqlite"), search(tmp_path / "there.sqlite", Kept(cluster))
    assert there[1] == here[1]
    assert (there[0].searched, there[0].heldout) == (here[0].searched, here[0].heldout)


@with_ray
def test_without_held_out_episodes_nothing_is_asked(cluster, monkeypatch):
    monkeypatch.setattr(cluster, "_has_heldout", False)
    assert asyncio.run(cluster.heldout(RIGHT)) is None


@with_ray
def test_a_worker_that_ends_is_replaced_and_its_program_checked_again(cluster):
    async def check():
        answer = asyncio.ensure_future(cluster.searched(SLOW))
        await asyncio.sleep(2.0)
        workers = [pid for pid, args in descendants(cluster._process.pid).items() if args.startswith("ray::Worker")]
        assert workers
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        return await answer

    assert "took longer than 5 s" in asyncio.run(check()).reason
    assert asyncio.run(cluster.searched(RIGHT + "# again\n")).passed


@with_ray
def test_a_cluster_that_is_lost_ends_the_search_with_what_there_is(tmp_path):
    """Ray ends the process that uses the cluster, as is done here; the search goes on later, on this machine."""
    checks = RayChecks(SETTINGS, SPLIT, LIMITS, workers=1)

    class Lost(Kept):
        def __init__(self):
            super().__init__(checks)
            self.searched = self._searched

        async def _searched(self, program):
            if program == WRONG_WRAP:
                processes.update(descendants(checks._process.pid))
                os.kill(checks._process.pid, signal.SIGKILL)
            return await checks.searched(program)

    path, processes = tmp_path / "run.sqlite", {}
    result, _ = search(path, Lost())
    checks.close()
    assert (result.status, result.broken) == (SearchStatus.PARTIAL, True)
    assert result.message.count("the Ray cluster is lost") == 1
    with pytest.raises(CwmError, match="the Ray cluster is lost"):
        asyncio.run(checks.searched(RIGHT))
    assert search(path)[1] == search(tmp_path / "whole.sqlite")[1]
    wait_until_gone(processes)


@with_ray
def test_closing_ends_every_process_whatever_it_does():
    checks = RayChecks(SETTINGS, SPLIT, replace(LIMITS, step_seconds=600.0, wall_seconds=600.0), workers=1)
    checks._ask(SLOW, "searched")
    time.sleep(2.0)
    processes = descendants(checks._process.pid)
    assert any("ray::Worker" in args for args in processes.values())
    checks.close()
    wait_until_gone(processes)


@with_ray
def test_a_cluster_that_does_not_answer_is_told(monkeypatch):
    monkeypatch.setattr(checks_ray, "_PATIENCE", 5.0)
    with pytest.raises(CwmError, match="does not answer within 5 seconds"):
        RayChecks(SETTINGS, SPLIT, LIMITS, address="127.0.0.1:1")


def test_without_its_package_what_to_install_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(CwmError, match=r"code-world-models\[ray\]"):
        RayChecks(SETTINGS, SPLIT)
