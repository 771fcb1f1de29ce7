"""The simulated language model: what it does with each request, and how often."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.benchmarks.simulated import Rates, SimulatedLLM
from cwm_engine.benchmarks.tasks import load_task, task_names
from cwm_engine.errors import CwmError
from cwm_engine.synthesis.interfaces import Request, SearchAction

TASKS = {name: load_task(name) for name in task_names()}
TASK = TASKS["cliff_walking"]
NEVER = Rates(wrong=0, repair=0, fix=0, slip=0, crash=0, silence=0, hard=0)


def rates(**given):
    return Rates(**{**{name: getattr(NEVER, name) for name in NEVER.__dataclass_fields__}, **given})


def reply(request, *, given=NEVER, seed=0, task=TASK):
    (proposal,) = asyncio.run(SimulatedLLM(task, seed, given).propose(request))
    return proposal


def improve(program, number=0):
    return Request(action=SearchAction.IMPROVE, program=program, number=number)


def repaired(program, task):
    for edit in (*task.crashes, *task.slips):
        program = edit.undone(program) if edit.is_in(program) else program
    return program


def wrong(program, task=TASK):
    return [number for number, slip in enumerate(task.slips) if slip.is_in(program)]


def test_without_any_mistakes_it_writes_the_right_program():
    assert reply(Request(action=SearchAction.GENERATE)).program == TASK.program


def test_with_all_mistakes_it_writes_every_slip():
    program = reply(Request(action=SearchAction.GENERATE), given=rates(wrong=1)).program
    assert wrong(program) == list(range(len(TASK.slips)))


def test_it_goes_on_from_given_lines_and_leaves_them_as_they_are():
    """The first slip is in the third line, so it stays; the others are drawn anew."""
    given_lines = "".join(TASK.slips[0].made(TASK.program).splitlines(keepends=True)[:4])
    program = reply(Request(action=SearchAction.GENERATE, prefix=given_lines)).program
    assert program.startswith(given_lines)
    assert wrong(program) == [0]


def test_an_improvement_repairs_one_slip():
    begun = TASK.with_slips([1, 4, 6])
    assert len(wrong(reply(improve(begun), given=rates(repair=1)).program)) == 2


def test_an_improvement_can_make_a_slip():
    assert len(wrong(reply(improve(TASK.program), given=rates(slip=1)).program)) == 1


def test_a_hard_slip_is_repaired_a_fifth_as_often():
    begun = TASK.with_slips([2])
    for hard, expected in ((0, 0.5), (1, 0.1)):
        given_rates = rates(repair=0.5, hard=hard)
        repaired = [not wrong(reply(improve(begun, number), given=given_rates).program) for number in range(1000)]
        assert sum(repaired) / 1000 == pytest.approx(expected, abs=0.05)


def test_a_fix_undoes_what_keeps_the_program_from_running_and_leaves_the_slips():
    begun = TASK.crashes[1].made(TASK.with_slips([3]))
    request = Request(action=SearchAction.FIX, program=begun)
    assert reply(request, given=rates(fix=1)).program == TASK.with_slips([3])
    assert reply(request).program == begun


def test_a_crash_may_come_with_any_reply():
    program = reply(improve(TASK.program), given=rates(crash=1)).program
    assert sum(crash.is_in(program) for crash in TASK.crashes) == 1


def test_silence_is_a_reply_without_a_program_and_with_a_reason():
    proposal = reply(improve(TASK.program), given=rates(silence=1))
    assert (proposal.program, proposal.reason) == (None, "The reply is empty.")


def test_a_program_it_does_not_know_comes_back_as_it_was():
    assert reply(improve("x = 1\n"), given=rates(repair=1, slip=1)).program == "x = 1\n"


def test_other_requests_and_other_seeds_draw_other_lots():
    request = Request(action=SearchAction.GENERATE)
    by_seed = {reply(request, given=Rates(), seed=seed).program for seed in range(20)}
    by_number = {
        reply(Request(action=SearchAction.GENERATE, number=number), given=Rates()).program for number in range(20)
    }
    assert min(len(by_seed), len(by_number)) > 10


@given(
    st.sampled_from(sorted(TASKS)),
    st.lists(st.sampled_from([SearchAction.GENERATE, SearchAction.IMPROVE, SearchAction.FIX]), max_size=12),
    st.integers(0, 1000),
    st.integers(0, 12),
)
def test_whatever_it_is_asked_its_programs_are_the_right_one_with_known_edits(name, actions, seed, lines):
    """A seed and the requests give the same programs again, each of as many lines as the right one."""
    task = TASKS[name]

    def story():
        program, programs = task.initial or task.program, []
        for number, action in enumerate(actions):
            prefix = "".join(program.splitlines(keepends=True)[:lines])
            request = Request(action=action, program=program, prefix=prefix, number=number)
            program = reply(request, given=Rates(), seed=seed, task=task).program or program
            programs.append(program)
        return programs

    programs = story()
    assert programs == story()
    for program in programs:
        assert len(program.splitlines()) == len(task.program.splitlines())
        assert repaired(program, task) == task.program


def test_a_rate_that_is_none_is_refused():
    with pytest.raises(CwmError, match=r"the rate repair is 1\.5"):
        Rates(repair=1.5)


def test_its_name_tells_unusual_rates():
    assert SimulatedLLM(TASK, 0).name == "simulated"
    assert SimulatedLLM(TASK, 0, Rates(repair=0.25)).name == "simulated (repair=0.25)"
