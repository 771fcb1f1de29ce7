"""Rules that were left out: a statement under a condition."""

import pytest

from tests.diagnosis.editing.test_search import repairs
from tests.diagnosis.worlds import World

SOURCE = """\
class Environment:
    def __init__(self):
        self.low = -1.0

    def set_state(self, state):
        self.state = state

    def step(self, action):
        x, v = self.state
        v = v + 0.25 * (action - 1)
        x = max(x + v, self.low)
        if x == self.low and v < 0:
            v = 0.0
        reward = -1.0
        if action == 2:
            reward = -3.0
        return (x, v), reward, x > 2.0
"""
STATES = [(0.25 * (i % 12) - 1.0, 0.5 * (i % 5) - 1.0) for i in range(180)]
WORLD = World(SOURCE, STATES, [i % 3 for i in range(180)], single=False)


@pytest.mark.parametrize(
    "rule",
    [
        "        if x == self.low and v < 0:\n            v = 0.0\n",
        "        if action == 2:\n            reward = -3.0\n",
    ],
)
def test_a_missing_rule_is_written(rule):
    broken = WORLD.broken(rule, "").replace("reward = -1.0", "reward = -1.0\n        punishment = -3.0")
    assert repairs(WORLD, broken)
