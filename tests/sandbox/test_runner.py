"""Runner: every dialect as one pair of functions, every step guarded, every path numbered."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.sandbox.outputs import MalformedError
from cwm_engine.sandbox.results import most_paths
from cwm_engine.sandbox.runner import MAX_COSTLY_FAILURES, Instance, Recorder, failure_of, instances, outputs_of
from cwm_engine.world_model.counters import Counters, hits_of
from cwm_engine.world_model.discovery import Dialect
from cwm_engine.world_model.probes import instrument

FUNCTIONS = """
def transition(state, action):
    return state + action
def reward(state, action, next_state):
    return -1.0, next_state > 3
def far(state, action, next_state):
    return 9.0, False
"""


def names_of(source: str) -> dict:
    namespace: dict = {}
    exec(source, namespace)
    return namespace


def steps_of(source: str, state, *actions, goal=None) -> list:
    """What a model of functions answers, one action after the other."""
    instance = instances(names_of(source), "transition", Dialect.FUNCTIONS, goal)()
    instance.set_state(state)
    return [instance.step(action) for action in actions]


# Dialects


@pytest.mark.parametrize("dialect", [Dialect.ENVIRONMENT, Dialect.GYMNASIUM])
def test_each_instance_of_a_class_is_a_new_one(dialect):
    source = "class Model:\n    def set_state(self, state):\n        self.state = state\n"
    source += "    def step(self, action):\n        return self.state, action, False\n"
    construct = instances(names_of(source), "Model", dialect)
    one, other = construct(), construct()
    one.set_state(1)
    other.set_state(2)
    assert one.step(0) == (1, 0, False)


def test_functions_answer_with_the_state_the_reward_and_the_end():
    assert steps_of(FUNCTIONS, 1, 2) == [(3, -1.0, False)]


def test_functions_go_on_from_the_state_they_predicted():
    assert [answer[0] for answer in steps_of(FUNCTIONS, 0, 1, 2, 3)] == [1, 3, 6]


def test_a_goal_picks_its_reward():
    source = f"{FUNCTIONS}\nREWARDS = {{'near': reward, 'far': far}}\n"
    assert steps_of(source, 1, 2, goal="far") == [(3, 9.0, False)]


def test_without_a_goal_the_function_reward_pays_and_without_it_the_first_of_all():
    source = f"{FUNCTIONS}\nREWARDS = {{'far': far, 'near': reward}}\n"
    assert steps_of(source, 1, 2) == [(3, -1.0, False)]
    assert steps_of(f"{source}\ndel reward\n", 1, 2) == [(3, 9.0, False)]


def test_a_goal_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(MalformedError, match="`REWARDS` has no goal 'up', only 'near', 'far'"):
        steps_of(f"{FUNCTIONS}\nREWARDS = {{'near': reward, 'far': far}}\n", 1, 2, goal="up")


def test_a_reward_with_a_fourth_parameter_is_told_the_goal():
    source = FUNCTIONS.replace("reward(state, action, next_state)", "reward(state, action, next_state, goal)")
    assert steps_of(source.replace("-1.0", "goal"), 1, 2, goal="up") == [(3, "up", False)]


def test_a_fourth_parameter_with_a_default_keeps_it():
    source = FUNCTIONS.replace("reward(state, action, next_state)", "reward(state, action, next_state, scale=5)")
    assert steps_of(source.replace("-1.0", "scale"), 1, 2) == [(3, 5, False)]


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("1.0", "`reward` returned 1.0 of type float, not 2 values (reward, done)"),
        ("None", "`reward` returned None, not 2 values (reward, done)"),
        ("1.0, False, {}", "`reward` returned 3 values, not 2 values (reward, done)"),
    ],
)
def test_a_reward_that_does_not_say_whether_it_ends_is_named(returned, message):
    with pytest.raises(MalformedError) as error:
        steps_of(FUNCTIONS.replace("-1.0, next_state > 3", returned), 1, 2)
    assert (error.value.failure.kind, error.value.failure.message) == ("arity", message)


def test_a_file_without_any_reward_says_so():
    with pytest.raises(NameError, match="neither `reward` nor `REWARDS`"):
        steps_of("def transition(state, action):\n    return state\n", 1, 2)


# Recording

BRANCHING = """
def set_state(state):
    global current
    current = state
def step(action):
    if current > 5:
        1 / (current - 7)
        kind = 'high'
    elif current == 3:
        while True: pass
    elif action:
        kind = 'acting'
    else:
        kind = 'idle'
    return kind
"""


def recorder_of(source: str, loop_iterations: int = 1000):
    """A recorder with its model, and which lines a path went through."""
    instrumented = instrument(ast.parse(source))
    counters = Counters(loop_iterations)
    namespace = dict(counters.names)
    exec(compile(instrumented.tree, "<model>", "exec"), namespace)
    recorder = Recorder(counters, namespace, probes=len(instrumented.probes), has_loops=instrumented.has_loops)
    return recorder, Instance(namespace["set_state"], namespace["step"]), instrumented


def recorded(steps, progress=None):
    recorder, instance, instrumented = recorder_of(BRANCHING)
    numbered = [(number, state, action) for number, (state, action) in enumerate(steps)]
    recording = recorder.run(instance, iter(numbered), [0] if progress is None else progress)
    paths = [bytes.fromhex(path) for path in recorder.fresh_paths()]
    return recording, paths, instrumented


def test_equal_paths_have_equal_numbers_and_others_have_others():
    recording, paths, _ = recorded([(9, 0), (1, 1), (8, 0), (1, 0), (2, 1)])
    assert recording.outputs == ["high", "acting", "high", "idle", "acting"]
    assert recording.paths == [0, 1, 0, 2, 1]
    assert len(paths) == 3


def test_a_path_says_which_lines_ran():
    _, paths, instrumented = recorded([(9, 0), (1, 1), (1, 0)])
    ran = [instrumented.lines_of(path) for path in paths]
    assert [8 in lines for lines in ran] == [True, False, False]
    assert [12 in lines for lines in ran] == [False, True, False]
    assert [14 in lines for lines in ran] == [False, False, True]


def test_an_exception_is_the_answer_to_its_step_and_the_others_go_on():
    recording, _, _ = recorded([(9, 0), (7, 0), (8, 0)])
    assert [recording.outputs[0], recording.outputs[2]] == ["high", "high"]
    failure = recording.outputs[1]
    assert (failure.kind, failure.type, failure.line) == ("exception", "ZeroDivisionError", 7)
    assert recording.failed == 1


def test_a_loop_that_does_not_end_is_the_answer_to_its_step_and_the_others_go_on():
    recording, _, _ = recorded([(9, 0), (3, 0), (9, 0)])
    failure = recording.outputs[1]
    assert (failure.kind, failure.message, failure.line) == ("loop", "loops turned more than 1,000 times", 10)
    assert recording.outputs[2] == "high"


def test_a_run_that_hits_a_limit_again_and_again_stops():
    recording, _, _ = recorded([(3, 0)] * 100)
    assert len(recording.outputs) == MAX_COSTLY_FAILURES


def test_the_step_that_runs_is_known_from_outside():
    progress = [-1]
    recorded([(9, 0), (1, 0), (1, 1)], progress)
    assert progress == [2]


@given(st.lists(st.tuples(st.sampled_from([1, 6, 7, 9]), st.integers(0, 1)), max_size=30))
def test_how_steps_are_put_into_runs_makes_no_difference(steps):
    whole, whole_paths, _ = recorded(steps)
    recorder, instance, _ = recorder_of(BRANCHING)
    outputs, paths, told = [], [], []
    for number, (state, action) in enumerate(steps):
        part = recorder.run(instance, iter([(number, state, action)]), [0])
        outputs += part.outputs
        paths += part.paths
        told += recorder.fresh_paths()
    assert (outputs, paths) == (whole.outputs, whole.paths)
    assert [bytes.fromhex(path) for path in told] == whole_paths


def test_paths_beyond_those_that_can_be_told_apart_share_a_number():
    probes = 40_000
    recorder = Recorder(Counters(1), names := {"_cwm_path": 0}, probes=probes, has_loops=False)
    most = most_paths(probes)

    def step(action):
        names["_cwm_path"] = action

    instance = Instance(lambda _state: None, step)
    recording = recorder.run(instance, iter([(0, None, number) for number in range(most + 5)]), [0])
    assert recording.paths == [*range(most), *[most - 1] * 5]
    told = recorder.fresh_paths()
    assert len(told) == most
    assert bytes.fromhex(told[3]) == hits_of(3, probes)
    assert recorder.fresh_paths() == []


# Without recording


@pytest.mark.parametrize(
    "error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), StopIteration(), RecursionError()]
)
def test_whatever_is_raised_is_an_answer(error):
    def step(_):
        raise error

    (failure,) = outputs_of(Instance(lambda _: None, step), [0], [0], lambda: None)
    assert (failure.kind, failure.type) == ("exception", type(error).__name__)


@pytest.mark.parametrize(
    ("error", "kind"), [(MemoryError(), "memory"), (PermissionError(1, "no"), "forbidden"), (ValueError(), "exception")]
)
def test_a_failure_has_a_kind(error, kind):
    assert failure_of(error).kind == kind


def test_loops_get_their_turns_before_every_step():
    refills = []
    outputs_of(Instance(lambda _: None, lambda _: None), [0, 0, 0], [0, 0, 0], lambda: refills.append(1))
    assert len(refills) == 3
