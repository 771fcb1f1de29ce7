"""The tasks of the search benchmark, against their own recordings in real sandboxes."""

import asyncio
from functools import cache

import pytest

from cwm_engine.benchmarks.tasks import load_task, task_names
from cwm_engine.errors import CwmError
from cwm_engine.synthesis.evaluate import Evaluator

NAMES = task_names()


@cache
def task(name):
    return load_task(name)


def checked(name, programs):
    """Evaluations of programs on the searched transitions, in order."""

    async def check():
        with Evaluator(task(name).problem.settings, task(name).split, workers=2) as evaluator:
            return await asyncio.gather(*map(evaluator.searched, programs))

    return asyncio.run(check())


def test_there_are_tasks_to_begin_from_nothing_and_from_a_wrong_program():
    assert len(NAMES) >= 5
    assert {load_task(name).initial is None for name in NAMES} == {True, False}


@pytest.mark.parametrize("name", NAMES)
def test_every_edit_is_made_in_one_place_and_undone_again(name):
    program = task(name).program
    for edit in (*task(name).slips, *task(name).crashes):
        assert program.count(edit.right) == 1
        assert edit.fits(program)
        assert not edit.is_in(program)
        wrong = edit.made(program)
        assert edit.is_in(wrong)
        assert edit.undone(wrong) == program
        assert len(wrong.splitlines()) == len(program.splitlines())


@pytest.mark.parametrize("name", NAMES)
def test_no_slip_hides_another(name):
    """With all of them in the program, each can still be undone, in any order."""
    slips = task(name).slips
    program = task(name).with_slips(range(len(slips)))
    for slip in slips:
        assert slip.is_in(program)
        program = slip.undone(program)
    assert program == task(name).program


@pytest.mark.parametrize("name", NAMES)
def test_the_right_program_passes_every_slip_shows_and_every_crash_is_a_bug(name):
    right = task(name).program
    slips = [slip.made(right) for slip in task(name).slips]
    crashes = [crash.made(right) for crash in task(name).crashes]
    evaluations = checked(name, [right, *slips, *crashes])
    assert evaluations[0].passed
    assert all(not one.buggy and one.accuracy < 1 for one in evaluations[1 : len(slips) + 1])
    assert all(one.buggy for one in evaluations[len(slips) + 1 :])


@pytest.mark.parametrize("name", NAMES)
def test_the_right_program_passes_what_is_held_out_too(name):
    async def check():
        with Evaluator(task(name).problem.settings, task(name).split) as evaluator:
            return await evaluator.heldout(task(name).program)

    assert asyncio.run(check()).passed


def test_a_search_is_given_the_searched_transitions_alone():
    split = task("cliff_walking").split
    assert task("cliff_walking").problem.dataset is split.searched
    assert split.heldout.episode_count == 8


def test_recording_a_task_again_gives_the_same_data():
    once, again = (load_task("frozen_lake").split.searched.fingerprint for _ in range(2))
    assert once == again


def test_an_unknown_task_is_refused_with_those_there_are():
    with pytest.raises(CwmError, match="cartpole"):
        load_task("chess")
