"""Programs drawn by Hypothesis: small models with arithmetic, branches, loops, tuples, lists and calls."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st

from cwm_engine.diagnosis.execution.executor import ModelRef
from cwm_engine.world_model.discovery import Dialect
from tests.diagnosis.worlds import World

NAMES = ["x", "y", "z"]
MODEL = ModelRef("Environment", Dialect.ENVIRONMENT)

_HEAD = """\
class Environment:
    SCALE = 0.5
    TABLE = [1.0, -2.0, 3.0]

    def __init__(self):
        self.offset = 0.25

    def set_state(self, state):
        self.state = state

    def helper(self, value, weight=2.0):
        if value > 1.0:
            return value - weight
        return value * 0.5 + self.offset

    def step(self, action):
        x, y, z = self.state
"""
_TAIL = """\
        flag = x > y
        self.state = (x, y, z)
        return (x, y, z), z - x, flag
"""


def expressions(depth: int = 2) -> st.SearchStrategy[str]:
    """Expressions of numbers; values stay finite because everything is kept small."""
    leaves = st.one_of(
        st.sampled_from([*NAMES, "self.SCALE", "self.offset", "self.TABLE[action % 3]", "float(action)"]),
        st.sampled_from(["0.5", "2.0", "-1.5", "3", "1"]),
    )
    if depth == 0:
        return leaves
    inner = expressions(depth - 1)
    return st.one_of(
        leaves,
        st.builds("({} {} {})".format, inner, st.sampled_from(["+", "-", "*"]), inner),
        st.builds("({} / (1.0 + abs({})))".format, inner, inner),
        st.builds("min({}, {})".format, inner, inner),
        st.builds("max({}, {})".format, inner, inner),
        st.builds("({} if {} {} {} else {})".format, inner, inner, st.sampled_from(["<", ">=", "=="]), inner, inner),
        st.builds("self.helper({})".format, inner),
        st.builds("self.helper({}, weight={})".format, inner, inner),
        st.builds("sum([item * {} for item in ({}, {})])".format, inner, inner, inner),
        st.builds("[{}, {}][{} > 0]".format, inner, inner, inner),
    )


def statements(depth: int = 2) -> st.SearchStrategy[list[str]]:
    """Statements as lines, without indentation."""
    value, name = expressions(), st.sampled_from(NAMES)
    simple = st.one_of(
        st.builds("{} = {}".format, name, value),
        st.builds("{} {}= {}".format, name, st.sampled_from(["+", "-"]), value),
        st.builds("x, y = {}, {}".format, value, value),
    ).map(lambda line: [line])
    if depth == 0:
        return simple
    block = st.lists(statements(depth - 1), min_size=1, max_size=2).map(_joined)
    return st.one_of(
        simple,
        simple,
        st.builds(_if, expressions(1), st.sampled_from([">", "<="]), expressions(0), block, block | st.none()),
        st.builds(lambda body: ["for step in range(2):", *_indented(body)], block),
        st.builds(lambda body: ["left = 2", "while left > 0:", "    left -= 1", *_indented(body)], block),
    )


def bodies() -> st.SearchStrategy[str]:
    """The source of a whole model."""
    return st.lists(statements(), min_size=1, max_size=5).map(lambda parts: _source(_joined(parts)))


def world_of(source: str) -> World:
    """A world in which the model is right; states are double so that nothing is rounded."""
    states = [
        (0.5, -1.0, 2.0),
        (1.5, 0.25, -0.75),
        (-2.0, 3.0, 0.0),
        (0.1, 0.2, 0.3),
        (4.0, -4.0, 1.0),
        (0.0, 0.0, 0.0),
    ]
    return World(source, states, [0, 1, 2, 0, 1, 2], MODEL, single=False)


def outputs(world: World, source: str) -> list[Any]:
    """What a plain run returns."""
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    model = namespace["Environment"]()
    found = []
    for state, action in zip(world.states, world.actions, strict=True):
        model.set_state(state)
        observation, reward, done = model.step(action)
        found.append((*observation, reward, done))
    return found


def finite(rows: list[Any]) -> bool:
    """Whether nothing overflowed."""
    return all(math.isfinite(cell) and abs(cell) < 1e6 for row in rows for cell in row)


def _if(left: str, test: str, right: str, then: list[str], otherwise: list[str] | None) -> list[str]:
    lines = [f"if {left} {test} {right}:", *_indented(then)]
    return [*lines, "else:", *_indented(otherwise)] if otherwise else lines


def _joined(parts: list[list[str]]) -> list[str]:
    return [line for part in parts for line in part]


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _source(lines: list[str]) -> str:
    return _HEAD + "".join(f"        {line}\n" for line in lines) + _TAIL
