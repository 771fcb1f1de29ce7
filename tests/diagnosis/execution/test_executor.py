"""Running single transitions of every dialect, and judging them as the check does."""

from __future__ import annotations

import ast
from dataclasses import replace

import numpy as np
import pytest

from cwm_engine.diagnosis.execution.executor import Bench, ModelRef
from cwm_engine.diagnosis.execution.levels import Level
from cwm_engine.world_model.discovery import Dialect
from tests.diagnosis.worlds import GYMNASIUM, KEYS, PENDULUM, QUEUES, WORLDS, World


def bench_of(world: World, source: str, **more) -> Bench:
    """A model on the bench of its world's data."""
    return Bench(ast.parse(source), world.model, world.sample(world.source, **more), {})


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("form", ["plain", "stored"])
def test_a_right_model_is_right_in_every_transition(name, form):
    bench = bench_of(WORLDS[name], WORLDS[name].source, form=form)
    assert all(bench.accepts(row) for row in range(40))


def test_a_wrong_field_is_told_by_its_bit_and_distance():
    bench = bench_of(PENDULUM, PENDULUM.broken("-cost, False", "-cost - 1.0, False"))
    miss = bench.measure(0)
    assert miss.wrong == 1 << 3
    assert bench.judge.names[3] == "reward"
    assert miss.distances[3] < -0.01
    assert miss.distances[:3] == pytest.approx([0, 0, 0], abs=1e-6)


def test_what_is_excused_is_not_compared():
    sample = PENDULUM.sample(PENDULUM.source)
    excused = sample.excused.copy()
    excused[:, 3] = True
    bench = Bench(
        ast.parse(PENDULUM.broken("-cost, False", "7.0, False")), PENDULUM.model, replace(sample, excused=excused), {}
    )
    assert bench.accepts(0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(math.cos(angle), math.sin(angle), speed)", "(math.cos(angle), math.sin(angle))"),
        ("(math.cos(angle), math.sin(angle), speed)", "None"),
        ("(math.cos(angle), math.sin(angle), speed)", "('a', 'b', 'c')"),
        (", -cost, False", ", False"),
        (", -cost, False", ", None, False"),
        ("speed), -cost", "float('nan')), -cost"),
        ("        torque =", "        raise SystemExit\n        torque ="),
    ],
)
def test_whatever_is_no_prediction_is_just_not_right(old, new):
    bench = bench_of(PENDULUM, PENDULUM.broken(old, new))
    assert not bench.accepts(0)


def test_an_exception_has_no_distance():
    assert bench_of(PENDULUM, PENDULUM.broken("torque = max", "torque = 1 / 0 * max")).measure(0) is None


def test_infinities_agree_with_themselves():
    source = _returning("float('inf')")
    world = World(source, [0.0, 1.0], [0, 1])
    assert bench_of(world, source).accepts(0)
    assert not bench_of(world, source.replace("'inf'", "'-inf'")).accepts(0)


def test_large_arrays_are_one_field():
    source = (
        "import numpy as np\n"
        "class Environment:\n"
        "    def set_state(self, state):\n        self.state = state\n"
        "    def step(self, action):\n        return np.full((10, 10), self.state, dtype=np.int64), 0.0, False\n"
    )
    world = World(source, list(range(5)), [0] * 5)
    assert bench_of(world, source).accepts(0)
    wrong = bench_of(world, source.replace("self.state, dtype", "self.state + 1, dtype"))
    assert wrong.measure(0).wrong == 1
    assert wrong.judge.names[0] == "obs"
    assert not bench_of(world, source.replace("(10, 10)", "(10, 9)")).accepts(0)


def test_a_model_that_changes_its_arguments_does_not_spoil_the_sample():
    """`QUEUES` gets lists; a model that empties them sees them whole again the next time."""
    bench = bench_of(
        QUEUES, QUEUES.broken("def set_state(self, state):\n", "def set_state(self, state):\n        state.pop()\n")
    )
    first = bench.measure(0)
    assert bench.measure(0) == first
    states, _ = QUEUES.sample(QUEUES.source).inputs()
    assert len(states[0]) >= 1


def test_what_steps_leave_behind_is_forgotten_on_reset():
    source = PENDULUM.broken("def step(self, action):\n", "def step(self, action):\n        self.mass += 1.0\n")
    bench = bench_of(PENDULUM, source)
    bench.machine.reset()
    first = bench.measure(0)
    assert bench.measure(0) != first
    bench.machine.reset()
    assert bench.measure(0) == first


def test_containers_changed_in_place_are_made_whole_again():
    source = KEYS.source.replace("    x, y = state", '    MOVES["north"] = (7, 7)\n    x, y = state', 1)
    bench = bench_of(KEYS, source)
    bench.measure(0)
    assert bench.machine.namespace["MOVES"]["north"] == (7, 7)
    bench.machine.reset()
    assert bench.machine.namespace["MOVES"]["north"] == (0, -1)


@pytest.mark.parametrize("level", list(Level))
def test_every_level_of_reset_leaves_a_working_model(level):
    bench = bench_of(GYMNASIUM, GYMNASIUM.source)
    bench.machine.reset(level)
    assert bench.accepts(0)


def test_rewards_by_goal():
    source = (
        KEYS.source.replace("def reward(", "def rich(", 1)
        + '\nREWARDS = {"rich": rich, "none": lambda s, a, n: (0.0, False)}\n'
    )
    sample = KEYS.sample(KEYS.source)
    rich = ModelRef("transition", Dialect.FUNCTIONS, "rich")
    assert Bench(ast.parse(source), rich, sample, {}).accepts(0)
    assert not Bench(ast.parse(source), replace(rich, goal="none"), sample, {}).accepts(0)


def test_a_4_tuple_has_the_valid_actions_second():
    source = _returning("self.s + a")
    world = World(source, [1, 2, 3], [0, 1, 2])
    assert bench_of(world, source.replace("self.s + a, 0.0", "self.s + a, [0, 1], 0.0")).accepts(0)


def test_the_model_of_a_request_is_read_from_json():
    found = ModelRef.from_json({"name": "Cart", "dialect": "gymnasium", "goal": None})
    assert found == GYMNASIUM.model


def test_rows_of_floats_are_compared_within_tolerance():
    sample = PENDULUM.sample(PENDULUM.source)
    near = PENDULUM.broken("speed), -cost", "speed * (1 + 1e-6)), -cost")
    far = PENDULUM.broken("speed), -cost", "speed * (1 + 1e-3)), -cost")
    assert all(Bench(ast.parse(near), PENDULUM.model, sample, {}).accepts(row) for row in range(20))
    assert not all(Bench(ast.parse(far), PENDULUM.model, sample, {}).accepts(row) for row in range(20))
    assert np.isfinite(sample.rewards).all()


def _returning(observation: str) -> str:
    """A model that predicts an expression."""
    head = "class Environment:\n    def set_state(self, s):\n        self.s = s\n"
    return f"{head}    def step(self, a):\n        return {observation}, 0.0, False\n"
