"""Runs: what a model predicts in the sandbox, compared in the host, whatever the model does meanwhile."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cwm_engine.checking.compare import Tolerance
from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.report import Status
from cwm_engine.checking.run import Progress, Runner
from cwm_engine.sandbox.limits import Limits
from tests.checks import program_of
from tests.recordings import RIGHT, made, recorded, right_model

WALK = """\
class Environment:
    def set_state(self, state):
        self.state = state

    def step(self, action):
        return self.state + action, 0.0, False
"""
ROWS = [(state, action, state + action, 0.0, False) for state in range(20) for action in range(3)]


@pytest.fixture(scope="module")
def walk():
    """A walk along the whole numbers."""
    with Runner(Prepared(made(ROWS)), Limits(step_seconds=0.5, loop_iterations=10_000)) as runner:
        yield runner


@pytest.fixture(scope="module")
def cart():
    """A recording of CartPole."""
    with Runner(Prepared(recorded("CartPole-v1"))) as runner:
        yield runner


def stepping(statement: str) -> str:
    """The walk, with a statement before each step."""
    return WALK.replace("        return", f"        {statement}\n        return")


# Right models


@pytest.mark.parametrize("environment", RIGHT)
def test_gymnasiums_own_dynamics_are_right_in_every_field(environment):
    with Runner(Prepared(recorded(environment))) as runner:
        evidence = runner.run(program_of(right_model(environment)))
    assert evidence.status is Status.COMPLETE
    assert set(evidence.field_accuracies.values()) == {1.0}
    assert evidence.accuracy == 1.0


def test_every_program_has_a_process_of_its_own(walk):
    """The second program is no model at all; a name left over from the first would make it one."""
    assert walk.run(program_of(WALK)).accuracy == 1.0
    program = program_of(WALK)
    assert walk.run(replace(program, source="x = 1\n")).load_failure.type == "KeyError"


def test_a_module_that_is_needed_later_is_there_when_it_is_needed(walk):
    source = f"import gymnasium\nSPACE = gymnasium.spaces.Discrete(3)\n{WALK}"
    assert walk.run(program_of(source, preload=("gymnasium", "gymnasium.spaces"))).accuracy == 1.0
    assert walk.run(program_of(WALK)).accuracy == 1.0


@pytest.mark.parametrize("draw", ["random.random()", "np.random.rand()", "np.random.default_rng(3).random()"])
def test_a_random_model_shows_the_same_every_time(walk, draw):
    source = f"import random\nimport numpy as np\n{WALK.replace('0.0', draw)}"
    one, other = (walk.run(program_of(source)) for _ in range(2))
    assert one.predicted(slice(None)).tolist() == other.predicted(slice(None)).tolist()


# The verdict is a comparison row by row, however it is organized

numbers = st.sampled_from(["x", "y", "action", "0", "1", "2", "-1"])
expressions = st.recursive(
    numbers,
    lambda inner: st.tuples(inner, st.sampled_from(["+", "-", "*", "//"]), inner).map(lambda t: f"({' '.join(t)})"),
)
bodies = st.tuples(
    expressions, st.sampled_from(["<", ">=", "=="]), expressions, expressions, expressions, expressions
).map(
    lambda e: (
        f"""\
        x, y = self.state
        if {e[0]} {e[1]} {e[2]}:
            x = {e[3]}
            y = [1, 2][y]
        y = {e[4]}
        return (x, y), {e[5]}, x {e[1]} y
"""
    )
)


def model_of(body: str) -> str:
    lines = ["class Environment:", "    def set_state(self, state):", "        self.state = state"]
    return "\n".join([*lines, "    def step(self, action):", body])


def predictions(source: str, rows: list) -> list:
    """What a model answers, each time asked anew; None where it raises."""
    namespace: dict = {}
    exec(source, namespace)
    answers = []
    for state, action, *_ in rows:
        model = namespace["Environment"]()
        model.set_state(state)
        try:
            answers.append(model.step(action))
        except Exception:  # noqa: BLE001
            answers.append(None)
    return answers


def wrong_by_hand(answers: list, rows: list) -> list[list[bool]]:
    """Which fields are wrong, one cell after the other."""
    return [
        [True] * 4
        if answer is None
        else [
            *(abs(one - other) > 1e-5 + 1e-5 * abs(other) for one, other in zip(answer[0], row[2], strict=True)),
            abs(answer[1] - row[3]) > 1e-5 + 1e-5 * abs(row[3]),
            bool(answer[2]) != row[4],
        ]
        for answer, row in zip(answers, rows, strict=True)
    ]


@st.composite
def cases(draw):
    """A model, and rows of which it gets about half right."""
    source = model_of(draw(bodies))
    kind = draw(st.sampled_from([int, float]))
    pairs = draw(
        st.lists(st.tuples(st.integers(-2, 3), st.integers(-2, 3), st.integers(0, 2)), min_size=1, max_size=40)
    )
    rows = [((kind(x), kind(y)), action, (kind(x), kind(y)), 0.0, False) for x, y, action in pairs]
    for index, answer in enumerate(predictions(source, rows)):
        if answer is not None and draw(st.booleans()):
            following = tuple(kind(number) for number in answer[0])
            rows[index] = (*rows[index][:2], following, float(answer[1]), bool(answer[2]))
    return source, rows


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
@given(case=cases(), data=st.data())
def test_the_verdict_is_what_a_loop_over_the_rows_finds(case, data):
    """Whatever runs first, in whatever chunks, whether equal states are run once or one by one."""
    source, rows = case
    expected = wrong_by_hand(predictions(source, rows), rows)
    prepared = Prepared(made(rows))
    count = len(prepared.transitions)
    first = data.draw(st.lists(st.integers(0, count - 1), unique=True, max_size=count))
    for jobs in ((), ("tests.sandbox.tiny_chunks",)):
        with Runner(prepared, jobs=jobs) as runner:
            for order in (None, np.array(first, dtype=np.intp)):
                evidence = runner.run(program_of(source), first=order)
                assert evidence.status is Status.COMPLETE
                assert evidence.wrong.tolist() == expected


def test_numbers_within_the_tolerance_are_right_and_integers_have_none():
    rows = [((5, 100.0), 0, (5, 100.0), 1.0, False)]
    model = model_of("        return (self.state[0] + WHOLE, self.state[1] + 0.5), 1.4, False\n")
    with Runner(Prepared(made(rows), tolerance=Tolerance(atol=0.1, rtol=0.004))) as runner:
        evidence = runner.run(program_of(model.replace("WHOLE", "0.01")))
    assert evidence.wrong.tolist() == [[True, False, True, False]]


def test_a_time_limit_does_not_count_against_a_model_that_says_not_done():
    dataset = replace(made(ROWS), truncated=np.arange(len(ROWS)) == len(ROWS) - 1)
    with Runner(Prepared(dataset)) as runner:
        assert runner.run(program_of(WALK)).accuracy == 1.0
        assert runner.run(program_of(WALK.replace("False", "self.state == 19 and action == 2"))).accuracy == 59 / 60


# What a model is given


@pytest.mark.parametrize(
    ("body", "form"),
    [
        ("        x, v, a, w = self.state\n        return (x, v, a, w), 1.0, False\n", "plain"),
        ("        return self.state.copy(), 1.0, False\n", "stored"),
        ("        return self.state[:2] + self.state[2:], 1.0, False\n", "stored"),
        ("        return 0.5 * self.state, 1.0, False\n", "stored"),
    ],
    ids=["numbers", "method", "slices", "arithmetic"],
)
def test_a_model_gets_arrays_unless_it_predicts_the_same_from_plain_numbers(cart, body, form):
    evidence = cart.run(program_of(model_of(body)))
    assert (evidence.form, evidence.failures if "2" not in body else ()) == (form, ())


def test_one_rare_branch_that_needs_arrays_is_enough():
    """The sample that is looked at first never takes it."""
    rows = [(np.array([float(row), 0.0]), 0, np.array([float(row), 0.0]), 0.0, False) for row in range(500)]
    model = model_of("""\
        if self.state[0] == 321:
            return self.state.copy(), 0.0, False
        return self.state, 0.0, False
""")
    with Runner(Prepared(made(rows))) as runner:
        evidence = runner.run(program_of(model), first=np.arange(64))
    assert (evidence.form, evidence.accuracy) == ("stored", 1.0)


def test_one_rare_branch_that_fails_with_arrays_is_a_mistake():
    """`index` is a method of tuples; whoever calls the model with what Gymnasium gives gets an exception."""
    rows = [(np.array([float(row), 0.0]), 0, np.array([float(row), 0.0]), 0.0, False) for row in range(500)]
    model = model_of("""\
        if self.state[0] == 321:
            return (self.state[0], self.state.index(0.0) - 1.0), 0.0, False
        return (self.state[0], self.state[1]), 0.0, False
""")
    with Runner(Prepared(made(rows))) as runner:
        evidence = runner.run(program_of(model), first=np.arange(64))
    assert evidence.form == "stored"
    assert np.flatnonzero(evidence.failing).tolist() == [321]


def test_a_threshold_meets_the_number_that_was_stored_for_it():
    """0.7 is no float32; what is stored for it is below 0.7, but not below what NumPy makes of 0.7 beside it."""
    values = [0.1, 0.3, 0.5, 0.7, 0.9] * 40
    states = [np.array([value], dtype=np.float32) for value in values]
    rows = [(state, 0, state, float(value >= 0.7), False) for state, value in zip(states, values, strict=True)]
    model = model_of("        return self.state, 1.0 if self.state[0] >= 0.7 else 0.0, False\n")
    with Runner(Prepared(made(rows))) as runner:
        first = np.array([row for row, value in enumerate(values) if value != 0.7])[:64]
        evidence = runner.run(program_of(model), first=first)
    assert evidence.accuracy == 1.0


def test_images_come_as_arrays_of_their_type():
    image = np.arange(300, dtype=np.uint8).reshape(10, 10, 3)
    model = model_of("        return self.state.transpose(1, 0, 2), float(self.state.dtype == 'uint8'), False\n")
    with Runner(Prepared(made([(image, 0, image.transpose(1, 0, 2), 1.0, False)] * 3))) as runner:
        evidence = runner.run(program_of(model))
    assert (evidence.form, evidence.accuracy) == ("stored", 1.0)


# Episodes

COUNTING = """\
class Environment:
    def __init__(self):
        self.steps = 0

    def set_state(self, state):
        self.state = state
        self.told = True

    def step(self, action):
        self.steps += 1
        self.state = self.state + action
        told, self.told = self.told, False
        return self.state, float(told), self.steps % 3 == 0
"""
EPISODES = [(state, 1, state + 1, float(state % 3 == 0), state % 3 == 2) for state in range(9)]


@pytest.fixture(scope="module")
def episodes():
    """Three episodes of three steps, the first of each marked by its reward, the third the last."""
    with Runner(Prepared(made(EPISODES, lengths=[3, 3, 3]), mode="episode")) as runner:
        yield runner


def test_in_episode_mode_the_state_is_set_once_and_a_new_model_starts_every_episode(episodes):
    assert episodes.run(program_of(COUNTING)).accuracy == 1.0


def test_in_transition_mode_the_same_model_is_wrong():
    with Runner(Prepared(made(EPISODES, lengths=[3, 3, 3]))) as runner:
        evidence = runner.run(program_of(COUNTING))
    assert evidence.accuracy < 1.0
    assert evidence.reruns.hidden


def test_chunks_do_not_cut_episodes():
    prepared = Prepared(made(EPISODES, lengths=[3, 3, 3]), mode="episode")
    with Runner(prepared, jobs=("tests.sandbox.tiny_chunks",)) as runner:
        assert runner.run(program_of(COUNTING)).accuracy == 1.0


def test_an_episode_that_cannot_begin_is_wrong_from_beginning_to_end(episodes):
    source = COUNTING.replace("self.state = state\n", "self.state = state\n        assert state != 3\n", 1)
    evidence = episodes.run(program_of(source))
    assert np.flatnonzero(evidence.failing).tolist() == [3, 4, 5]
    assert {evidence.failure_of(row).type for row in (3, 4, 5)} == {"AssertionError"}


def test_a_model_that_carries_functions_states_is_right_in_episode_mode(episodes):
    source = """\
def transition(state, action):
    return state + action

def reward(state, action, next_state):
    return float(state % 3 == 0), state % 3 == 2
"""
    assert episodes.run(program_of(source)).accuracy == 1.0


# What goes wrong


def test_progress_is_told_from_the_first_rows_to_the_last(walk):
    seen: list[Progress] = []
    walk.run(program_of(WALK.replace("0.0", "float(action == 2)")), on_progress=seen.append)
    assert seen[-1] == Progress(checked=60, total=60, failing=20)
    assert [one.checked for one in seen] == sorted(one.checked for one in seen)
    assert all(one.failing <= one.checked for one in seen)


def test_one_failure_is_enough_where_one_is_asked_for():
    rows = [(float(row), 0, float(row), 0.0, False) for row in range(20_000)]
    with Runner(Prepared(made(rows))) as runner:
        evidence = runner.run(program_of(WALK.replace("0.0", "1.0")), stop_at_failure=True)
    assert evidence.status is Status.PARTIAL
    assert 0 < evidence.checked.sum() < 20_000


def test_a_step_that_never_ends_is_stopped_and_its_transition_known(walk):
    evidence = walk.run(program_of(stepping("9 ** 9 ** 9 if (self.state, action) == (7, 1) else 0")))
    assert evidence.status is Status.TIMEOUT
    assert (evidence.hang.kind, evidence.hang.line) == ("timeout", 6)
    assert ROWS[evidence.hang.row][:2] == (7, 1)


def test_a_check_that_takes_too_long_as_a_whole_is_stopped():
    rows = [(state, action, state + action, 0.0, False) for state in range(20) for action in range(3)]
    with Runner(Prepared(made(rows)), Limits(wall_seconds=0.4, step_seconds=0.3)) as runner:
        evidence = runner.run(program_of(f"import time\n{stepping('time.sleep(0.05)')}"))
    assert evidence.status is Status.TIMEOUT
    assert (evidence.hang.kind, evidence.hang.message) == ("slow", "the check took longer than 0.4 s")


def test_many_steps_that_each_take_a_while_are_no_hang():
    """One sample is looked at in two forms, and another is run again: that takes longer than one step may."""
    rows = [(np.array([float(row)]), 0, np.array([float(row)]), 0.0, False) for row in range(16)]
    source = model_of("        time.sleep(0.05)\n        return self.state, 0.0, False\n")
    with Runner(Prepared(made(rows)), Limits(step_seconds=1.0)) as runner:
        assert runner.run(program_of(f"import time\n{source}")).status is Status.COMPLETE


def test_a_constructor_that_takes_a_while_is_no_hang(walk):
    source = f"import time\n{WALK}    def __init__(self):\n        time.sleep(0.1)\n"
    assert walk.run(program_of(source)).status is Status.COMPLETE


def test_a_process_that_ends_itself_takes_the_check_along(walk):
    evidence = walk.run(program_of(f"import sys\n{stepping('sys.modules[chr(111) + chr(115)]._exit(0)')}"))
    assert evidence.status is Status.PARTIAL
    assert (evidence.hang.kind, evidence.checked.any()) == ("crash", False)


@pytest.mark.parametrize(
    ("line", "status", "kind"),
    [
        ("9 ** 9 ** 9", Status.TIMEOUT, "timeout"),
        ("import sys; sys.modules['os']._exit(3)", Status.ERROR, "crash"),
    ],
)
def test_a_model_that_does_not_survive_its_import_was_never_at_a_transition(walk, line, status, kind):
    evidence = walk.run(program_of(f"{WALK}{line}\n"))
    assert (evidence.status, evidence.hang.kind, evidence.hang.row) == (status, kind, None)


def test_loops_have_their_turns_anew_in_every_step(walk):
    """Four thousand of ten thousand turns in each step, and in the steps that are run again."""
    evidence = walk.run(program_of(stepping("\n        for _ in range(int('4000')): pass")))
    assert (evidence.accuracy, evidence.reruns.random) == (1.0, ())


def test_a_model_that_hits_a_limit_again_and_again_is_not_run_to_the_end(walk):
    evidence = walk.run(program_of(stepping("\n        while True: pass")))
    assert evidence.status is Status.PARTIAL
    assert 0 < evidence.checked.sum() < len(ROWS)
    assert {failure.kind for failure in evidence.failures} == {"loop"}


def test_a_constructor_that_fails_when_it_is_called_again_breaks_nothing(walk):
    source = f"MADE = []\n{WALK}    def __init__(self):\n        MADE.append(1)\n        assert len(MADE) == 1\n"
    evidence = walk.run(program_of(source))
    assert (evidence.status, evidence.accuracy) == (Status.COMPLETE, 1.0)


def test_more_kinds_of_failures_than_anyone_reads_are_counted_all_the_same():
    rows = [(state, 0, state, 0.0, False) for state in range(2000)]
    with Runner(Prepared(made(rows))) as runner:
        evidence = runner.run(program_of(stepping("raise ValueError(self.state)")))
    assert evidence.failing.all()
    assert len(evidence.failures) <= 512
    assert evidence.failure_of(0).message == "0"
    assert evidence.failure_of(1999).message == "and other messages"


def test_more_paths_than_can_be_told_apart_end_in_one():
    rows = [(state, 0, state, 0.0, False) for state in range(2000)]
    tests = "".join(f"        if self.state & {1 << bit}: x = {bit}\n" for bit in range(11))
    blocks = "".join(f"        if self.state == {-state}: x = 1\n" for state in range(1, 6000))
    with Runner(Prepared(made(rows))) as runner:
        evidence = runner.run(program_of(model_of(f"{tests}{blocks}        return self.state, 0.0, False\n")))
    assert evidence.accuracy == 1.0
    assert len(evidence.paths) < 2000
    assert evidence.row_path.max() == len(evidence.paths) - 1


# A model that gets hold of the connection

GRABBING = """\
import sys

def connection():
    frame = sys._getframe()
    while frame:
        for value in list(frame.f_locals.values()):
            if type(value).__name__ == "JobContext":
                return value
        frame = frame.f_back

"""
ROWS_MESSAGE = "'event': 'rows', 'rows': {}, 'words': [], 'paths': [], 'failures': []"


@pytest.mark.parametrize(
    "message",
    [
        "{'hello': 'world'}",
        "{'event': 'done', 'complete': True, 'printed': ''}",
        "{'event': 'done', 'complete': False, 'printed': ''}",
        "{'event': 'done', 'complete': 'yes', 'printed': ''}",
        "{'event': 'loaded', 'path': 'no number'}",
        "{'event': 'form', 'form': 'round'}",
        "{" + ROWS_MESSAGE.format("{'from': 0, 'to': 10 ** 9}") + "}",
        "{" + ROWS_MESSAGE.format("[-1]") + "}",
        "{" + ROWS_MESSAGE.format("['all']") + "}",
        "{" + ROWS_MESSAGE.format("[0]").replace("'paths': []", "'paths': ['ff' * 99]") + "}",
        "{" + ROWS_MESSAGE.format("[0]").replace("'failures': []", "'failures': 5") + "}",
    ],
)
def test_a_message_that_the_job_does_not_send_ends_the_check(walk, message):
    evidence = walk.run(program_of(GRABBING + stepping(f"connection().send({message})")))
    assert evidence.status is not Status.COMPLETE
    assert evidence.hang.kind == "forbidden"


def test_rows_that_were_never_run_are_wrong(walk):
    message = "{" + ROWS_MESSAGE.format("{'from': 0, 'to': 60}") + "}"
    source = GRABBING + stepping(f"connection().send({message}); 9 ** 9 ** 9")
    evidence = walk.run(program_of(source))
    assert evidence.checked.all()
    assert not evidence.passed


def test_statuses_count_as_they_were_when_predictions_were_compared(walk):
    """The model overwrites them at every step, also between a comparison and the next look at them."""
    evidence = walk.run(program_of(GRABBING + stepping("connection().results[-240:] = bytes([255]) * 240")))
    assert [evidence.failure_of(row) is not None for row in range(60)] == evidence.failing.tolist()


def test_a_failure_nobody_described_is_a_failure_all_the_same(walk):
    source = GRABBING + stepping(
        "context = connection(); context.send = lambda data, send=context.send: "
        "(context.results.__setitem__(slice(-120, None), bytes([255]) * 120), send(data))"
    )
    evidence = walk.run(program_of(source))
    assert evidence.accuracy == 0.0
    assert evidence.failure_of(0).message == "the model failed without saying why"


def test_progress_that_is_a_lie_points_at_some_transition(walk):
    evidence = walk.run(program_of(GRABBING + stepping("connection().progress[0] = 10 ** 15; 9 ** 9 ** 9")))
    assert 0 <= evidence.hang.row < len(ROWS)


# A model that returns one object again and again

BUFFERS = {
    "array": ("np.zeros(2)", "self.buffer[:] = state", "self.buffer[0] += action", "self.buffer"),
    "view": ("np.zeros(9)", "self.buffer[:2] = state", "self.buffer[0] += action", "self.buffer[:2]"),
    "list": ("[0.0, 0.0]", "self.buffer[:] = state", "self.buffer[0] += action", "self.buffer"),
    "output": (
        "[[0.0, 0.0], 0.0, False]",
        "self.buffer[0] = list(state)",
        "self.buffer[0][0] += action",
        "self.buffer[0]",
    ),
}


@pytest.mark.parametrize("mode", ["transition", "episode"])
@pytest.mark.parametrize("kind", BUFFERS)
def test_what_a_model_changes_after_it_returned_it_counts_as_it_was(kind, mode):
    """The state lives in one object, which every step returns."""
    make, set_, change, observation = BUFFERS[kind]
    source = f"""\
import numpy as np

class Environment:
    def __init__(self):
        self.buffer = {make}

    def set_state(self, state):
        {set_}

    def step(self, action):
        {change}
        return {observation}, 0.0, False
"""
    rows = [(np.array([n, 1.0]), 1, np.array([n + 1.0, 1.0]), 0.0, False) for n in range(300)]
    with Runner(Prepared(made(rows, lengths=[100, 150, 50]), mode=mode)) as runner:
        evidence = runner.run(program_of(source))
    assert (evidence.status, evidence.accuracy) == (Status.COMPLETE, 1.0)
    assert (evidence.reruns.random, evidence.reruns.hidden) == ((), ())


def test_an_object_that_is_shared_beside_failures_counts_as_it_was():
    source = """\
import numpy as np

class Environment:
    buffer = np.zeros(1)

    def set_state(self, state):
        self.buffer[:] = state

    def step(self, action):
        assert self.buffer[0] != 7
        return self.buffer, 0.0, False
"""
    rows = [(np.array([float(n)]), 0, np.array([float(n)]), 0.0, False) for n in range(50)]
    with Runner(Prepared(made(rows))) as runner:
        evidence = runner.run(program_of(source))
    assert np.flatnonzero(evidence.failing).tolist() == [7]


def test_one_answer_for_all_states_may_be_one_object():
    source = "import numpy as np\nEND = np.zeros(1)\n"
    source += model_of("        return END, 0.0, False\n")
    rows = [(np.array([float(n)]), 0, np.zeros(1), 0.0, False) for n in range(50)]
    with Runner(Prepared(made(rows))) as runner:
        assert runner.run(program_of(source)).accuracy == 1.0
