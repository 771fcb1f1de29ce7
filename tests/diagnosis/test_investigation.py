"""Investigation: the mismatch at once, then ranked lines, then the edit that makes everything right."""

from __future__ import annotations

import ast

import numpy as np
import pytest

from benchmarks.rollouts import recorded, source_of
from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.run import Runner
from cwm_engine.diagnosis.inquiries import HELD_OUT, held_out
from cwm_engine.diagnosis.investigation import investigate
from cwm_engine.diagnosis.places import Places
from cwm_engine.world_model.probes import instrument
from tests.checks import program_of


@pytest.fixture(scope="module")
def runners():
    """Warm sandboxes over CartPole and Taxi."""
    jobs = ("cwm_engine.diagnosis.jobs", "cwm_engine.diagnosis.thresholds")
    opened = {name: Runner(Prepared(recorded(name)), jobs=jobs) for name in ("cartpole", "taxi")}
    yield opened
    for runner in opened.values():
        runner.close()


def stages(runner: Runner, source: str, *, repair: bool = True) -> list:
    """All steps of the investigation of a text."""
    program = program_of(source)
    evidence = runner.run(program)
    places = Places(source.splitlines(), program.spec)
    instrumented = instrument(ast.parse(source))
    return list(investigate(runner, evidence, instrumented, places, file="model.py", repair=repair))


def line_with(source: str, text: str) -> int:
    """The line a text stands on, from 1."""
    return next(number for number, line in enumerate(source.splitlines(), 1) if text in line)


def test_a_right_model_is_not_investigated(runners):
    assert stages(runners["cartpole"], source_of("cartpole")) == []


def test_the_three_steps_come_in_order_and_the_last_names_the_line_and_the_edit(runners):
    wrong = source_of("cartpole").replace("temp - self.polemass_length", "temp + self.polemass_length")
    bare, ranked, confirmed = stages(runners["cartpole"], wrong)
    fault = line_with(wrong, "temp + self.polemass_length")
    assert bare.findings[0].suspects == ()
    assert fault in [suspect.line for suspect in ranked.findings[0].suspects[:3]]
    assert confirmed.findings[0].span.line == fault
    assert "temp - self.polemass_length" in confirmed.repairs[0].text
    assert len(confirmed.findings) == 1


def test_without_repair_it_ends_with_the_ranked_lines(runners):
    wrong = source_of("taxi").replace("max(row - 1, 0)", "max(row - 1, 1)")
    assert [step.repairs for step in stages(runners["taxi"], wrong, repair=False)] == [(), ()]


def test_a_fault_that_is_no_single_edit_leaves_ranked_lines_and_no_repair(runners):
    wrong = source_of("cartpole").replace("tau = 0.02", "tau = 0.03").replace("gravity = 9.8", "gravity = 12.5")
    *_, last = stages(runners["cartpole"], wrong)
    assert last.repairs == ()
    assert last.findings[0].suspects


def test_a_model_that_fails_everywhere_is_no_reason_to_fail(runners):
    broken = source_of("taxi").replace("self.decode(self.state)", "self.decode(self.place)")
    assert all(not step.repairs for step in stages(runners["taxi"], broken))


def test_a_fifth_of_the_episodes_isheld_out():
    episode = np.repeat(np.arange(20, dtype=np.int32), 7)
    assert held_out(episode).mean() == HELD_OUT


def test_nothing_is_held_out_of_a_few_episodes():
    assert not held_out(np.array([0, 0, 1, 2, 3], dtype=np.int32)).any()
