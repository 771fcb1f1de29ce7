"""Asking: short sequences of actions that tell changed models from a model, or reach code that never ran."""

import ast
from collections import deque

import gymnasium
import pytest

from cwm_engine.errors import CwmError
from cwm_engine.findings import Span
from cwm_engine.properties.adequacy.mutants import Mutant
from cwm_engine.properties.adequacy.operators import Operator
from cwm_engine.properties.asking.search import ask, recorded_starts, reset_starts
from cwm_engine.world_model.probes import instrument
from tests.checks import program_of
from tests.recordings import made, recorded, right_model

ROOM = """\
WALLS = {(1, 1), (1, 2), (2, 1), (3, 3)}
MOVES = [(-1, 0), (0, 1), (1, 0), (0, -1)]


class Environment:
    def set_state(self, state):
        self.row, self.column = divmod(int(state), 5)

    def step(self, action):
        down, right = MOVES[action]
        row, column = self.row + down, self.column + right
        if 0 <= row < 5 and 0 <= column < 5 and (row, column) not in WALLS:
            self.row, self.column = row, column
        if (self.row, self.column) == (4, 4):
            return 24, 10.0, True
        return 5 * self.row + self.column, -1.0, False
"""
START = made([(0, 0, 0, -1.0, False), (0, 1, 1, -1.0, False), (1, 2, 1, -1.0, False), (1, 3, 0, -1.0, False)])


def changed(source, was, now, number=0):
    start = source.index(was)
    line = source[:start].count("\n") + 1
    return Mutant(number, Operator.CONSTANT, Span(line, 1, line, 2), was, now, (start, start + len(was), now))


def loaded(source):
    namespace = {}
    exec(source, namespace)
    return namespace["Environment"]()


def step(model, state, action):
    model.set_state(state)
    return model.step(action)


def shortest(source, mutant, start):
    """How many steps the shortest sequence takes that tells a mutant from a model, by trying all; None if none does."""
    model, other = loaded(source), loaded(mutant.of(source))
    waiting, seen = deque([(start, 0)]), {start}
    while waiting:
        state, depth = waiting.popleft()
        for action in range(4):
            answer = step(model, state, action)
            if answer != step(other, state, action):
                return depth + 1
            if not answer[2] and answer[0] not in seen:
                seen.add(answer[0])
                waiting.append((answer[0], depth + 1))
    return None


CHANGES = [
    ("(3, 3)", "(3, 4)"),
    ("(2, 1)", "(2, 0)"),
    ("10.0", "9.0"),
    ("(4, 4)", "(4, 3)"),
    ("row < 5", "row < 4"),
    ("0 <= column", "1 <= column"),
    ("-1.0", "-2.0"),
    ("0 <= row", "-9 <= row"),
]


def test_every_change_that_can_show_is_shown_by_a_sequence_as_short_as_any():
    """Against a search of all states."""
    mutants = [changed(ROOM, was, now, number) for number, (was, now) in enumerate(CHANGES)]
    asked = ask(program_of(ROOM), START, mutants, form="plain", steps=30_000)
    best = {mutant.number: shortest(ROOM, mutant, 0) for mutant in mutants}
    found = {question.target.number: question for question in asked.questions}
    assert set(found) == {number for number, length in best.items() if length is not None}
    assert {mutant.number for mutant in asked.open} == set(best) - set(found)
    for number, question in found.items():
        model, other = loaded(ROOM), loaded(mutants[number].of(ROOM))
        state = question.start.state
        for action in question.actions[:-1]:
            state, _, done = step(model, state, action)
            assert not done
        assert step(model, state, question.actions[-1]) != step(other, state, question.actions[-1])
        assert best[number] <= len(question.actions) <= best[number] + 4
    assert [len(one.actions) for one in asked.questions] == sorted(len(one.actions) for one in asked.questions)


def test_code_that_never_ran_is_reached():
    blocks = [block for block in instrument(ast.parse(ROOM)).blocks if block.kind == "then" and block.line == 15]
    (question,) = ask(program_of(ROOM), START, [], blocks, form="plain").questions
    assert (question.line, len(question.actions)) == (15, 8)


def test_a_change_that_never_shows_stays_open():
    same = changed(ROOM, "(1, 2)", "(2, 1), (1, 2)")
    asked = ask(program_of(ROOM), START, [same], form="plain", steps=3000)
    assert (asked.questions, asked.open) == ((), (same,))
    assert asked.steps >= 3000


def test_sequences_are_no_longer_than_allowed():
    far = changed(ROOM, "10.0", "9.0")
    assert ask(program_of(ROOM), START, [far], form="plain", steps=5000, longest=7).questions == ()


def test_a_change_that_does_not_run_is_shown_by_the_first_step_or_left_open():
    broken = [changed(ROOM, "divmod", "divmad"), changed(ROOM, "WALLS =", "WALLS = 1 / 0 +", 1)]
    asked = ask(program_of(ROOM), START, broken, form="plain", steps=2000)
    assert [(question.target.number, len(question.actions)) for question in asked.questions] == [(0, 1)]


def test_the_same_seed_asks_the_same():
    mutants = [changed(ROOM, "10.0", "9.0")]
    first, second = (ask(program_of(ROOM), START, mutants, form="plain", seed=3) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("form", ["plain", "stored"])
def test_a_far_limit_is_reached_in_a_world_of_floats(form):
    """In CartPole the cart has to be balanced all the way to the edge of the track."""
    source = right_model("CartPole-v1")
    mutant = changed(source, "= 2.4", "= 3.0")
    asked = ask(program_of(source), recorded("CartPole-v1"), [mutant], form=form, seconds=60)
    assert [question.target for question in asked.questions] == [mutant]


def test_starts_of_the_recording_are_those_of_its_episodes():
    states, starts = recorded_starts(recorded("FrozenLake-v1"))
    assert states.plain(0, len(states)) == [start.state for start in starts] == [0] * len(starts)
    assert [start.episode for start in starts] == list(range(len(starts)))


def test_starts_of_the_environment_are_those_of_its_resets():
    states, starts = reset_starts("CartPole-v1", None, recorded("CartPole-v1"), 3)
    env = gymnasium.make("CartPole-v1")
    assert [start.seed for start in starts] == [0, 1, 2]
    assert states.row(2).tolist() == env.reset(seed=2)[0].tolist()


def test_starts_of_another_environment_are_refused():
    with pytest.raises(CwmError, match="begins with another observation"):
        reset_starts("Taxi-v4", None, recorded("CartPole-v1"))
