"""Small worlds in every dialect: a right model, states and actions, and what a wrong model gets wrong there."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cwm_engine.checking.fields import Layout
from cwm_engine.diagnosis.execution.executor import Machine, ModelRef
from cwm_engine.diagnosis.execution.judge import Judge
from cwm_engine.diagnosis.execution.sample import Sample, choose_sample
from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.world_model.counters import PATH, Counters, hits_of
from cwm_engine.world_model.discovery import Dialect
from cwm_engine.world_model.probes import instrument

ENVIRONMENT = ModelRef("Environment", Dialect.ENVIRONMENT)


@dataclass(frozen=True)
class World:
    """A right model and what it is asked."""

    source: str
    states: Sequence[Any]
    actions: Sequence[Any]
    model: ModelRef = ENVIRONMENT
    single: bool = True
    """Whether observations are recorded in single precision, as Gymnasium's are; otherwise as tuples of floats."""

    @cached_property
    def dataset(self) -> Dataset:
        """What the right model says, as recordings hold it."""
        machine = Machine(ast.parse(self.source), self.model, {})
        outputs = []
        for state, action in zip(self.states, self.actions, strict=True):
            machine.set_state(state)
            outputs.append(machine.step(action))
        count = len(outputs)
        return Dataset(
            observations=Columns.from_values(list(self.states)),
            actions=Columns.from_values(list(self.actions)),
            next_observations=Columns.from_values([_stored(output[0], self.single) for output in outputs]),
            rewards=np.array([output[1] for output in outputs], dtype=np.float64),
            terminated=np.array([output[2] for output in outputs], dtype=np.bool_),
            truncated=np.zeros(count, dtype=np.bool_),
            episode=np.zeros(count, dtype=np.int32),
            step=np.arange(count, dtype=np.int32),
        )

    def broken(self, old: str, new: str) -> str:
        """The model with one piece of text replaced, the first time it occurs."""
        assert old in self.source
        return self.source.replace(old, new, 1)

    def line_of(self, text: str, source: str | None = None) -> int:
        """The line on which a piece of text first occurs."""
        return (source or self.source).split(text)[0].count("\n") + 1

    def sample(self, source: str, *, form: str = "plain", **sizes: int) -> Sample:
        """What a wrong model gets wrong, as a check would find it."""
        dataset, layout = self.dataset, Layout(self.dataset.next_observations.structure)
        instrumented = instrument(ast.parse(source))
        counters = Counters(100_000)
        machine = Machine(instrumented.tree, self.model, counters.names)
        blank = _sample(dataset, np.zeros((len(dataset), len(layout.names)), dtype=np.bool_), form)
        judge = Judge(blank)
        numbers: dict[int, int] = {}
        paths, wrong = [], np.zeros((len(dataset), len(layout.names)), dtype=np.bool_)
        states, actions = blank.inputs()
        for row, (state, action) in enumerate(zip(states, actions, strict=True)):
            machine.namespace[PATH] = 0
            counters.refill()
            try:
                machine.set_state(state)
                miss = judge.measure(row, machine.step(action))
                wrong[row] = [bool(miss.wrong >> cell & 1) for cell in range(len(layout.names))]
            except (ArithmeticError, LookupError, TypeError, ValueError):
                wrong[row] = True
            paths.append(numbers.setdefault(machine.namespace[PATH], len(numbers)))
        lines = [instrumented.lines_of(hits_of(path, len(instrumented.probes))) for path in numbers]
        return choose_sample(dataset, wrong, paths=np.array(paths), path_lines=lines, form=form, **sizes)


def _sample(dataset: Dataset, wrong: Any, form: str) -> Sample:
    count = len(dataset)
    return Sample(
        states=dataset.observations, actions=dataset.actions, following=dataset.next_observations,
        rewards=dataset.rewards, terminated=dataset.terminated, wrong=wrong, excused=np.zeros_like(wrong),
        rows=np.arange(count), weights=np.ones(count), paths=np.zeros(count, dtype=np.intp), path_lines=(frozenset(),),
        line_counts={}, totals=(0, count), form=form,
    )  # fmt: skip


def _stored(value: Any, single: bool) -> Any:
    if not single:
        return tuple(float(item) for item in value)
    if isinstance(value, tuple | list) and value and all(isinstance(item, float | np.floating) for item in value):
        return np.array(value, dtype=np.float32)
    if isinstance(value, np.ndarray) and value.dtype == np.float64:
        return value.astype(np.float32)
    return value


_RNG = np.random.default_rng(0)

PENDULUM = World(
    """\
import math


class Environment:
    def __init__(self):
        self.gravity = 10.0
        self.mass = 1.0
        self.length = 1.0
        self.dt = 0.05
        self.max_speed = 8.0
        self.max_torque = 2.0

    def set_state(self, state):
        x, y, self.speed = state
        self.angle = math.atan2(y, x)

    def step(self, action):
        torque = max(-self.max_torque, min(action, self.max_torque))
        wrapped = ((self.angle + math.pi) % (2 * math.pi)) - math.pi
        cost = wrapped**2 + 0.1 * self.speed**2 + 0.001 * torque**2
        pull = 3 * self.gravity / (2 * self.length) * math.sin(self.angle)
        push = 3.0 / (self.mass * self.length**2) * torque
        speed = self.speed + (pull + push) * self.dt
        speed = max(-self.max_speed, min(speed, self.max_speed))
        angle = self.angle + speed * self.dt
        self.angle, self.speed = angle, speed
        return (math.cos(angle), math.sin(angle), speed), -cost, False
""",
    [
        np.array([np.cos(a), np.sin(a), s], dtype=np.float32)
        for a, s in zip(_RNG.uniform(-3.1, 3.1, 200), _RNG.uniform(-7, 7, 200), strict=True)
    ],
    _RNG.uniform(-2.5, 2.5, 200).tolist(),
)
"""Pendulum: floats, clamping, a modulo; attributes instead of one state."""

ARRAYS = World(
    """\
import numpy as np

DT = 0.1
DAMPING = np.array([0.5, 0.25])


class Environment:
    def __init__(self):
        self.spring = np.array([[0.0, 1.0], [-4.0, 0.0]])
        self.limit = 3.0

    def set_state(self, state):
        self.state = np.asarray(state, dtype=np.float64)

    def derivative(self, state, force):
        change = self.spring @ state
        change = change - DAMPING * state
        change[1] += force
        return change

    def step(self, action):
        force = 2.0 * (action - 1)
        k1 = self.derivative(self.state, force)
        k2 = self.derivative(self.state + DT / 2 * k1, force)
        self.state = self.state + DT * k2
        energy = float(np.sum(self.state**2))
        done = bool(np.any(np.abs(self.state) > self.limit))
        return self.state.astype(np.float32), -energy, done
""",
    [row.astype(np.float32) for row in _RNG.uniform(-3.5, 3.5, (200, 2))],
    (np.arange(200) % 3).tolist(),
)
"""A damped spring in NumPy: arrays, a module constant, an update in place, two stages."""

KEYS = World(
    """\
WALLS = {(1, 1), (2, 1)}
MOVES = {"north": (0, -1), "south": (0, 1), "east": (1, 0), "west": (-1, 0)}


def transition(state, action):
    x, y = state["agent"]
    keys = state["keys"]
    if action in MOVES:
        dx, dy = MOVES[action]
        target = (min(max(x + dx, 0), 3), min(max(y + dy, 0), 3))
        if target not in WALLS:
            x, y = target
    elif action == "take" and (x, y) == (3, 3):
        keys = keys + 1
    label = "rich" if keys >= 2 else "poor"
    return {"agent": (x, y), "keys": keys, "label": label}


def reward(state, action, next_state):
    gained = next_state["keys"] - state["keys"]
    return 5.0 * gained - 0.5, next_state["keys"] >= 3
""",
    [
        {"agent": (x, y), "keys": keys, "label": "rich" if keys >= 2 else "poor"}
        for x in range(4) for y in range(4) for keys in range(3) for _ in range(5) if (x, y) not in ((1, 1), (2, 1))
    ],
    ["north", "south", "east", "west", "take"] * (14 * 3),
    ModelRef("transition", Dialect.FUNCTIONS),
)  # fmt: skip
"""A grid with keys: functions, dictionaries, tuples, texts."""

GYMNASIUM = World(
    """\
import gymnasium
from gymnasium import spaces


class Cart(gymnasium.Env):
    FRICTION = 0.25

    def __init__(self, power=0.5):
        super().__init__()
        self.power = power
        self.action_space = spaces.Discrete(3)
        self.goal = 2.0

    def set_state(self, state):
        self.position, self.velocity = float(state[0]), float(state[1])

    def _reward(self, done):
        if done:
            return 10.0
        return -abs(self.goal - self.position)

    def step(self, action):
        try:
            force = [-1.0, 0.0, 1.0][action]
        except IndexError:
            force = 0.0
        self.velocity += self.power * force - self.FRICTION * self.velocity
        self.position += self.velocity
        done = self.position >= self.goal
        observation = [self.position, self.velocity]
        return observation, self._reward(done), done, False, {"force": force}
""",
    [row.astype(np.float32) for row in _RNG.uniform(-3, 3, (150, 2))],
    (np.arange(150) % 3).tolist(),
    ModelRef("Cart", Dialect.GYMNASIUM),
)
"""An Env subclass: five return values, `try`, a class constant, a default argument, updates of attributes."""

QUEUES = World(
    """\
from dataclasses import dataclass


@dataclass
class Order:
    size: int
    urgent: bool


class Environment:
    def set_state(self, state):
        self.orders = [Order(size, urgent) for size, urgent in state]

    def step(self, action):
        served = 0
        if action == "add":
            self.orders.append(Order(2, False))
        else:
            urgent = [order for order in self.orders if order.urgent]
            chosen = urgent[0] if urgent else (self.orders[0] if self.orders else None)
            if chosen is not None:
                self.orders.remove(chosen)
                served = chosen.size
        waiting = sum(order.size for order in self.orders)
        observation = [[order.size, order.urgent] for order in self.orders]
        return observation, 3 * served - waiting, not self.orders
""",
    [
        [[int(size), bool(urgent)] for size, urgent in zip(sizes, flags, strict=True)]
        for count in (1, 2, 3, 4) for sizes, flags in
        [(_RNG.integers(1, 5, count), _RNG.integers(0, 2, count)) for _ in range(20)]
    ],
    ["add", "serve"] * 40,
)  # fmt: skip
"""Queues of varying length: JSON observations, a dataclass, comprehensions, methods that change lists."""

WORLDS = {"pendulum": PENDULUM, "arrays": ARRAYS, "keys": KEYS, "gymnasium": GYMNASIUM, "queues": QUEUES}

__all__ = ["ARRAYS", "GYMNASIUM", "KEYS", "PENDULUM", "QUEUES", "WORLDS", "World"]
