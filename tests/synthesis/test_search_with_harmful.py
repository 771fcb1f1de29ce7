"""Candidates that do harm, each through a whole search: a finding, a node with that reason, and the search goes on."""

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cwm_engine.diagnosis.session import Settings
from cwm_engine.errors import CwmError
from cwm_engine.sandbox.limits import Limits as SandboxLimits
from cwm_engine.synthesis.budget import Limits
from cwm_engine.synthesis.interfaces import SearchAction
from cwm_engine.synthesis.journal import Journal
from cwm_engine.synthesis.problem import Options, Problem, run_header
from cwm_engine.synthesis.result import SearchStatus
from cwm_engine.synthesis.search import Search
from tests.synthesis.scripted import Scripted
from tests.synthesis.worlds import HALF_RIGHT, RIGHT, SYNTAX_ERROR, dataset

PROBLEM = Problem(
    settings=Settings(file="counter.py", path=Path("counter.py")),
    dataset=dataset(),
    sandbox=replace(SandboxLimits(), step_seconds=5.0, wall_seconds=60.0),
)


def at_each_step(statement, first=""):
    """The right model, with a statement in its step."""
    return first + RIGHT.replace("        reward = 1.0", f"        {statement}\n        reward = 1.0")


HARMFUL = {
    "an empty file": ("", "CWM102", "The file is empty"),
    "a file of comments": ("# Later.\n", "CWM102", "empty but for comments"),
    "a syntax error": (SYNTAX_ERROR, "CWM101", "not valid Python"),
    "a text that is no UTF-8": (RIGHT + "# \ud800\n", "CWM111", "cannot be saved as UTF-8"),
    "a null byte": (RIGHT + "\0", "CWM101", "null bytes"),
    "a million lines": ("x = 1\n" * 1_000_000, "CWM111", "more than 1000000"),
    "a loop without end": (at_each_step("while self.position > -1: pass"), "CWM406", "Loops turned more than"),
    "a step without end": (at_each_step("(10**8) ** (10**8)"), "CWM402", "took longer than"),
    "a file that never finishes loading": ("while True:\n    pass\n" + RIGHT, "CWM406", "loops turned more than"),
    "10 GB": (at_each_step("block = bytearray(10 * 2**30)"), "CWM404", "MemoryError"),
    "a fork": (at_each_step("os.fork()", "import os\n"), "CWM106", "`os` is not for models"),
    "an end by os._exit": (at_each_step("os._exit(0)", "import os\n"), "CWM106", "`os` is not for models"),
    "threads": (
        at_each_step("threading.Thread(target=print).start()", "import threading\n"),
        "CWM106",
        "`threading` is not for models",
    ),
    "SystemExit": (at_each_step("raise SystemExit"), "CWM403", "SystemExit"),
    "SystemExit while it loads": ("raise SystemExit\n" + RIGHT, "CWM107", "SystemExit"),
    "a recursion without end": (at_each_step("self.step(action)"), "CWM401", "RecursionError"),
}


def searched(path, proposer, problem=PROBLEM, **options):
    """A search of at most four programs; its result and its nodes."""
    how = Options(limits=Limits(nodes=4), workers=1, **options)
    Journal.create(path, run_header(problem, how, proposer.name)).close()
    with Journal.open(path) as journal:
        search = Search(problem, proposer, journal, how)
        return asyncio.run(search.run()), list(search.tree)[1:]


@pytest.mark.parametrize("name", HARMFUL)
def test_a_harmful_program_is_a_finding_and_a_node_and_the_search_goes_on(tmp_path, name):
    program, code, reason = HARMFUL[name]
    proposer = Scripted([program, RIGHT])
    result, (harmful, right) = searched(tmp_path / "run.sqlite", proposer)
    assert harmful.program == program
    assert harmful.evaluation.buggy
    assert reason in harmful.evaluation.reason
    assert code in {finding.code for finding in harmful.evaluation.findings}
    assert proposer.requests[1].action is SearchAction.FIX
    assert proposer.requests[1].findings == harmful.evaluation.findings
    assert (right.program, result.status) == (RIGHT, SearchStatus.VERIFIED)


def test_a_program_that_prints_10_mb_is_told_so_and_is_no_bug(tmp_path):
    program = at_each_step("print('x' * 10**6)").replace("1 if action == 1 else -1", "1")
    result, (chatty, right) = searched(tmp_path / "run.sqlite", Scripted([program, RIGHT]))
    assert not chatty.evaluation.buggy
    assert 0 < chatty.evaluation.accuracy < 1
    assert "CWM112" in {finding.code for finding in chatty.evaluation.findings}
    assert (right.program, result.status) == (RIGHT, SearchStatus.VERIFIED)


def test_the_journal_of_harmful_programs_can_be_gone_on_with(tmp_path):
    """What no UTF-8 can hold is kept as it was."""
    path, script = tmp_path / "run.sqlite", [RIGHT + "# \ud800\n", SYNTAX_ERROR, "", HALF_RIGHT]
    _, nodes = searched(path, Scripted(script), strategy="best-of-n")
    how = Options(limits=Limits(nodes=4), workers=1, strategy="best-of-n")
    with Journal.open(path) as journal:
        again = Scripted([])
        search = Search(PROBLEM, again, journal, how)
        asyncio.run(search.run())
    assert list(search.tree)[1:] == nodes
    assert again.requests == []


def test_without_transitions_there_is_no_search(tmp_path):
    nothing = replace(PROBLEM, dataset=dataset().rows(np.zeros(len(dataset()), dtype=bool)))
    with pytest.raises(CwmError, match="no transitions to search with"):
        searched(tmp_path / "run.sqlite", Scripted([RIGHT]), nothing)
