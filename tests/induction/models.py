"""Small models and the data of their right versions, made without an environment."""

import ast
from collections.abc import Sequence
from typing import Any

import numpy as np

from cwm_engine.checking.evidence import Program
from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.world_model.discovery import discover

FALL = """\
from math import pi


class Environment:
    def __init__(self):
        self.gravity = 9.8
        self.tau = 0.05
        self.drop = self.gravity * self.tau  # computed from others
        self.top_speed = 4.0
        self.floor = -3.0

    def set_state(self, state):
        self.state = tuple(state)

    def step(self, action):
        height, speed = self.state
        speed = speed - self.drop + action * 0.5
        speed = min(max(speed, -self.top_speed), self.top_speed)
        height = height + self.tau * speed
        done = height < self.floor
        reward = -10 if done else 1
        return (height, speed), reward, done
"""
"""Something falls, with a thruster; it never gets as fast as it may."""


def states_of(count: int, low: Sequence[float], high: Sequence[float], seed: int = 0) -> list[Any]:
    """Spread states, float32 as Gymnasium stores them."""
    drawn = np.random.default_rng(seed).uniform(low, high, size=(count, len(low)))
    return list(drawn.astype(np.float32))


def data_of(source: str, states: Sequence[Any], actions: Sequence[Any], name: str = "Environment") -> Dataset:
    """What a model predicts, as if it had been observed: ten episodes."""
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    model = namespace[name]()
    outcomes = []
    for state, action in zip(states, actions, strict=True):
        model.set_state(tuple(state.tolist()) if isinstance(state, np.ndarray) else state)
        outcomes.append(model.step(action))
    following = [np.array(outcome[0], dtype=np.float32) for outcome in outcomes]
    count = len(outcomes)
    episode = np.arange(count) * 10 // count
    return Dataset(
        observations=Columns.from_values(states),
        actions=Columns.from_values(actions),
        next_observations=Columns.from_values(following),
        rewards=np.array([float(outcome[1]) for outcome in outcomes]),
        terminated=np.array([bool(outcome[2]) for outcome in outcomes]),
        truncated=np.zeros(count, dtype=np.bool_),
        episode=episode.astype(np.int32),
        step=np.arange(count, dtype=np.int32),
    )


def fall_data(count: int = 300, seed: int = 0) -> Dataset:
    """Transitions of the right `FALL`, some of which end below the floor, none at the top speed."""
    states = states_of(count, (-3.1, -3.0), (3.0, 3.0), seed)
    return data_of(FALL, states, [int(number) for number in np.random.default_rng(seed).integers(0, 2, count)])


def program_of(source: str) -> Program:
    """The program of a file with one model."""
    return Program(source, discover(ast.parse(source), source.splitlines()).models[0])
