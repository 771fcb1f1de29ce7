"""The predict job: what a child that runs a model says, and what it leaves in the map."""

from __future__ import annotations

import numpy as np
import pytest

from cwm_engine.sandbox import Limits, Zygote
from cwm_engine.sandbox.results import PREDICTED, Results
from cwm_engine.sandbox.transitions import Transitions, pack
from cwm_engine.trajectories.columns import Columns

HEAD = """\
class Environment:
    def set_state(self, state):
        self.state = state

    def step(self, action):
"""
STEP = f"{HEAD}        return (self.state[0] + action, 2.0), -1.0, self.state[0] > 3\n"
COUNT = 8


@pytest.fixture(scope="module")
def zygote():
    """Eight states of two numbers each, in two episodes."""
    states = Columns.from_values([np.array([float(row), 0.0]) for row in range(COUNT)])
    actions = Columns.from_values([row % 2 for row in range(COUNT)])
    transitions = Transitions(states, actions, states.structure, np.array([0, 5]))
    with pack(transitions) as inputs:
        started = Zygote.start(
            inputs=inputs,
            result_bytes=Results.size(COUNT, 4),
            jobs=["cwm_engine.sandbox.predict"],
            limits=Limits(loop_iterations=10_000),
        )
    with started as zygote:
        yield zygote


@pytest.fixture
def run(zygote):
    """Runs a source in a fresh child; gives its messages up to the last, and what is in the map."""

    def run(source, *, name="Environment", dialect="environment", again=None, **more):
        request = {
            "job": "cwm_engine.sandbox.predict:predict",
            "source": source,
            "siblings": {},
            "package": "",
            "allowed": ["math", "random", "sys", "time"],
            "model": {"name": name, "dialect": dialect, "goal": None},
            "mode": "transition",
            "first": [6, 1],
            "early": False,
            "determinism": True,
            "form": None,
        }
        with zygote.take() as child:
            child.send({**request, **more})
            messages = []
            while not messages or messages[-1]["event"] not in {"done", "failed"}:
                messages.append(child.receive(30).data)
            if again is not None:
                child.send({"again": again})
                messages += [child.receive(30).data for _ in range(2)]
            results = Results.view(bytes(child.results), COUNT, 4)
        return messages, results

    return run


def events(messages):
    return [message["event"] for message in messages]


# Running


def test_a_child_says_that_it_is_loaded_how_it_is_told_states_what_ran_and_that_it_is_done(run):
    messages, _ = run(STEP)
    assert events(messages) == ["loaded", "form", "rows", "rows", "done"]
    assert messages[1]["form"] == "plain"
    assert [message["rows"] for message in messages[2:4]] == [[6, 1], {"from": 0, "to": COUNT}]


def test_predictions_lie_in_the_map(run):
    _, results = run(STEP)
    assert results.predicted[5].tolist() == [6.0, 2.0, -1.0, 1.0]
    assert (results.status == PREDICTED).all()


def test_failures_are_described_once_and_referred_to_by_number(run):
    source = STEP.replace("return", "assert action\n        return")
    messages, results = run(source)
    failures = [failure for message in messages if message["event"] == "rows" for failure in message["failures"]]
    assert failures == [{"kind": "exception", "message": "", "type": "AssertionError", "line": 6}]
    assert results.status.tolist() == [2, 1] * 4
    assert np.isnan(results.predicted[0]).all()


def test_after_plain_numbers_some_rows_can_be_asked_for_again_from_stored_ones(run):
    source = HEAD + "        return self.state, 0.0, self.state[0] == 5 and isinstance(self.state, tuple)\n"
    first, plain = run(source)
    messages, results = run(source, again=[5, 2])
    assert events(messages[len(first) :]) == ["rows", "done"]
    assert messages[len(first)]["rows"] == [5, 2]
    assert (plain.predicted[5, 3], results.predicted[5, 3]) == (1, 0)


@pytest.mark.parametrize("form", ["plain", "stored"])
def test_the_form_of_states_can_be_asked_for(run, form):
    """Both are right for this model; left to itself the child would take plain numbers."""
    messages, _ = run(STEP, form=form)
    assert [message["form"] for message in messages if message["event"] == "form"] == [form]


def test_everything_is_run_again_from_arrays_where_a_path_needs_them(run):
    source = HEAD + "        if self.state[0] == 3:\n            return self.state.copy(), 0.0, False\n"
    messages, results = run(source + "        return self.state, 0.0, False\n", first=[1, 2])
    assert [message["form"] for message in messages if message["event"] == "form"] == ["plain", "stored"]
    assert (results.status == PREDICTED).all()


def test_in_episode_mode_the_state_is_set_where_an_episode_starts(run):
    source = """\
class Environment:
    def set_state(self, state):
        self.total = state[0]

    def step(self, action):
        self.total += action
        return (self.total, 0.0), 0.0, False
"""
    messages, results = run(source, mode="episode")
    assert results.predicted[:, 0].tolist() == [0, 1, 1, 2, 2, 6, 6, 7]
    assert "asked" not in messages[-1]


# Loading


def test_the_code_that_runs_at_loading_is_known(run):
    source = STEP + "\n    def __init__(self):\n        self.made = True\n\ndef unused():\n    return 1\n"
    messages, _ = run(source)
    hits = bytes.fromhex(messages[0]["path"])
    assert sum(hits) == 1
    assert len(hits) > 1


@pytest.mark.parametrize(
    ("tail", "kind", "name", "line"),
    [
        ("raise ValueError('no')", "exception", "ValueError", 7),
        ("import os", "forbidden", "ForbiddenImportError", 7),
        ("while True: pass", "loop", "", 7),
        ("raise SystemExit", "exception", "SystemExit", 7),
    ],
)
def test_a_model_that_cannot_be_loaded_says_why_and_where(run, tail, kind, name, line):
    (message,), _ = run(f"{STEP}{tail}\n")
    assert message["event"] == "failed"
    assert message["failure"] | {"message": ""} == {"kind": kind, "message": "", "type": name, "line": line}


def test_what_is_printed_comes_with_the_last_message(run):
    messages, _ = run(f"print('hello')\n{STEP}")
    assert messages[-1]["printed"] == "hello\n"
    (message,), _ = run(f"print('hello')\n{STEP}raise ValueError\n")
    assert message["printed"] == "hello\n"


def test_neighbours_are_imported_from_memory_relatively_too(run):
    source = f"from . import helper\nfrom pack.helper import two\n{STEP}".replace("2.0", "helper.two()")
    _, results = run(source, siblings={"pack": "", "pack.helper": "def two():\n    return 2.0\n"}, package="pack")
    assert set(results.predicted[:, 1]) == {2.0}


# What only a second run shows


def test_a_sound_model_answers_the_same_in_a_second_run(run):
    messages, _ = run(STEP)
    assert messages[-1]["asked"] == list(range(COUNT))
    assert (messages[-1]["random"], messages[-1]["hidden"], messages[-1]["mutated"]) == ([], [], [])


@pytest.mark.parametrize(
    "draw", ["random.random()", "time.perf_counter()", "float(id(object()) % 2 + random.random())"]
)
def test_randomness_and_the_clock_show(run, draw):
    messages, _ = run(f"import random, time\n{STEP.replace('-1.0', draw)}")
    assert messages[-1]["random"] == list(range(COUNT))
    assert messages[-1]["hidden"] == []


def test_state_that_is_carried_from_step_to_step_shows(run):
    source = STEP.replace("        return", "        COUNTS.append(1)\n        return").replace(
        "-1.0", "float(len(COUNTS))"
    )
    assert run(f"COUNTS = []\n{source}")[0][-1]["random"]
    kept = source.replace("COUNTS", "self.counts") + "\n    def __init__(self):\n        self.counts = []\n"
    messages, _ = run(kept)
    assert (len(messages[-1]["hidden"]), messages[-1]["random"]) == (COUNT, [])


def test_a_generator_seeded_in_the_constructor_is_state(run):
    source = STEP.replace("-1.0", "self.random.random()")
    source += "\n    def __init__(self):\n        self.random = random.Random(1)\n"
    messages, _ = run(f"import random\n{source}")
    assert messages[-1]["hidden"]


def test_a_generator_seeded_at_every_step_is_none(run):
    source = STEP.replace("-1.0", "random.Random(self.state[0]).random()")
    messages, _ = run(f"import random\n{source}")
    assert (messages[-1]["random"], messages[-1]["hidden"]) == ([], [])


def test_a_model_that_changes_its_arguments_shows_and_is_not_taken_for_random(run):
    messages, _ = run(STEP.replace("        return", "        self.state[1] += 1\n        return"))
    assert messages[-1]["mutated"] == list(range(COUNT))
    assert (messages[-1]["random"], messages[-1]["hidden"]) == ([], [])


def test_failing_the_same_way_twice_is_no_randomness(run):
    messages, _ = run(STEP.replace("        return", "        assert action\n        return"))
    assert messages[-1]["random"] == []


def test_a_constructor_that_takes_long_is_called_again_for_a_few_rows_only(run):
    messages, _ = run(f"import time\n{STEP}\n    def __init__(self):\n        time.sleep(0.2)\n")
    assert 2 <= len(messages[-1]["asked"]) < COUNT
