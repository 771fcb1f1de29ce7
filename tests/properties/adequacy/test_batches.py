"""Many mutants in one sandboxed process: each is told from its model exactly where the two differ."""

import ast

import numpy as np
import pytest

from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.run import Runner
from cwm_engine.findings import Span
from cwm_engine.properties.adequacy import batches
from cwm_engine.properties.adequacy.batches import JOBS, compare
from cwm_engine.properties.adequacy.mutants import Mutant, mutants_of
from cwm_engine.properties.adequacy.operators import Operator
from cwm_engine.world_model.discovery import discover
from tests.checks import program_of
from tests.recordings import made, recorded, right_model

STATES = range(-20, 21)
MODEL = """\
LIMIT = 12


class Environment:
    def set_state(self, state):
        self.x = state

    def step(self, action):
        x = self.x + (2 if action == 1 else -1)
        if x > LIMIT or x < -15:
            x = min(abs(x), 3)
        while x > 9:
            x -= 4
        return x, float(x == 3), x % 5 == 4
"""
LINE = made([(x, a, 0, 0.0, False) for x in STATES for a in (0, 1)], lengths=[1] * 82)


def outcomes(source, dataset, mutants, *, mode="transition", **more):
    with Runner(Prepared(dataset, mode), jobs=JOBS) as runner:
        return list(compare(runner, program_of(source), mutants, form="plain", seconds=60, **more))


def mutant(source, was, now, number=0):
    """A change of a text by hand."""
    start = source.index(was)
    return Mutant(number, Operator.CONSTANT, Span(1, 1, 1, 2), was, now, (start, start + len(was), now))


def predicted(source, state, action):
    """What a program predicts, run here; None where it raises or runs for very long."""
    guarded = source.replace("while x > 9:\n", "while x > 9 and tick():\n").replace("while True:\n", "while tick():\n")
    left = [10_000]

    def tick():
        left[0] -= 1
        if left[0] < 0:
            raise RecursionError
        return True

    namespace = {"tick": tick}
    try:
        exec(guarded, namespace)
        model = namespace["Environment"]()
        model.set_state(state)
        return tuple(map(float, model.step(action)))
    except Exception:  # noqa: BLE001 - a mutant may raise anything
        return None


def test_a_mutant_differs_exactly_where_running_it_shows():
    """Against an oracle that runs every mutant at every state, one by one."""
    mutants = mutants_of(MODEL, discover(ast.parse(MODEL), MODEL.splitlines()).models[0], actions=(0, 1))
    assert len(mutants) > 30
    prepared = Prepared(LINE)
    states, actions = prepared.transitions.states.plain(0, 82), prepared.transitions.actions.plain(0, 82)
    found = outcomes(MODEL, LINE, mutants, least=82, most=82)
    assert [outcome.mutant for outcome in found] == mutants
    for outcome in found:
        answers = [predicted(outcome.mutant.of(MODEL), *place) for place in zip(states, actions, strict=True)]
        rights = [predicted(MODEL, *place) for place in zip(states, actions, strict=True)]
        differing = [row for row, (one, other) in enumerate(zip(answers, rights, strict=True)) if one != other]
        if outcome.fails is None:
            assert sorted(outcome.rows.tolist()) == differing, outcome.mutant
            for row, numbers in zip(outcome.rows.tolist(), outcome.predicted, strict=True):
                assert tuple(numbers) == answers[row] or (answers[row] is None and np.isnan(numbers).all())
        else:
            assert len(differing) == len(rights)


def test_one_row_that_differs_is_enough():
    change = mutant(MODEL, "x == 3", "x == 4")
    (outcome,) = outcomes(MODEL, LINE, [change])
    assert (outcome.differs, len(outcome.rows)) == (True, 1)


def test_floats_within_the_tolerance_are_the_same():
    source = MODEL.replace("float(x == 3)", "x * 0.5")
    changes = [mutant(source, "0.5", "0.5000001", 0), mutant(source, "0.5", "0.51", 1)]
    assert [outcome.differs for outcome in outcomes(source, LINE, changes)] == [False, True]


def test_ignored_fields_tell_nothing():
    change = mutant(MODEL, "x == 3", "x == 4")
    with Runner(Prepared(LINE, ignore=("reward",)), jobs=JOBS) as runner:
        (outcome,) = compare(runner, program_of(MODEL), [change], form="plain", seconds=60)
    assert not outcome.differs


def test_states_in_which_the_model_itself_fails_tell_nothing():
    source = MODEL.replace("        while x > 9", "        1 / (self.x - 5)\n        while x > 9")
    at_five = made([(5, 1, 0, 0.0, False)])
    (outcome,) = outcomes(source, at_five, [mutant(source, "x == 3", "x == 4")])
    assert not outcome.differs


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("x > 9", "True"),
        ("min(abs(x), 3)", "undefined"),
        ("LIMIT = 12", "LIMIT = 12 / 0"),
        ("def step", "def stop"),
        ("x -= 4", "x -= 4 ** 4 ** 4 ** 4 % 7 * 0"),
    ],
    ids=["endless", "exception", "loading", "no step", "hangs"],
)
def test_a_mutant_that_does_not_run_is_told_and_keeps_no_other_from_running(monkeypatch, was, now):
    monkeypatch.setattr(batches, "_STANDSTILL", 0.5)
    changes = [mutant(MODEL, "x == 3", "x == 4", 0), mutant(MODEL, was, now, 1), mutant(MODEL, "-15", "-(15)", 2)]
    found = outcomes(MODEL, LINE, changes)
    assert [outcome.differs for outcome in found] == [True, True, False]
    assert [outcome.mutant.number for outcome in found] == [0, 1, 2]


def test_without_time_nothing_is_compared():
    with Runner(Prepared(LINE), jobs=JOBS) as runner:
        changes = [mutant(MODEL, "x == 3", "x == 4")]
        (outcome,) = compare(runner, program_of(MODEL), changes, form="plain", seconds=0)
    assert (outcome.compared, outcome.differs) == (0, False)


def test_in_episode_mode_a_model_carries_its_state():
    """The start of an episode alone is told to the model: later states of the recording are not looked at."""
    source = """\
class Environment:
    def set_state(self, state):
        self.x = state
        self.steps = 0

    def step(self, action):
        self.steps += 1
        return self.x + self.steps, 0.0, self.steps == 3
"""
    walk = made([(10, 0, 11, 0.0, False), (-1, 0, 12, 0.0, False), (-1, 0, 13, 0.0, True)])
    changes = [mutant(source, "== 3", "== 4", 0), mutant(source, "== 3", "== 1 + 2", 1)]
    found = outcomes(source, walk, changes, mode="episode")
    assert [outcome.differs for outcome in found] == [True, False]
    assert found[0].rows.tolist() == [2]


def test_progress_is_told_for_every_mutant():
    told = []
    changes = [mutant(MODEL, "x == 3", f"x == {number}", number) for number in range(5)]
    outcomes(MODEL, LINE, changes, on_progress=told.append)
    assert told == [1, 2, 3, 4, 5]


def test_arrays_are_compared_number_by_number():
    dataset = recorded("Acrobot-v1", 200)
    source = right_model("Acrobot-v1")
    changes = [mutant(source, "9.8", "9.9", 0), mutant(source, "4 * pi", "400 * pi", 1)]
    assert [outcome.differs for outcome in outcomes(source, dataset, changes)] == [True, False]
