"""What is put around an expression: bounds, remainders, conversions."""

import pytest

from tests.diagnosis.editing.test_search import repairs
from tests.diagnosis.worlds import World

SOURCE = """\
import math

TOP = 3.0


class Environment:
    def __init__(self):
        self.limit = 2.5

    def set_state(self, state):
        self.x, self.angle = state

    def step(self, action):
        self.x = self.x + 0.5 * action
        self.x = max(-self.limit, min(self.x, self.limit))
        self.angle = (self.angle + 0.7 * action + math.pi) % (2 * math.pi) - math.pi
        column = int(self.x)
        height = min(max(self.angle, 0.0), TOP)
        push = math.sin(math.radians(30.0 * action))
        return (self.x, self.angle, float(column), height, push), 0.0, abs(self.x) > 2.0
"""
STATES = [(0.4 * (i % 13) - 2.4, 0.45 * (i % 14) - 3.0) for i in range(120)]
WORLD = World(SOURCE, STATES, [i % 3 - 1 for i in range(120)], single=False)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("        self.x = max(-self.limit, min(self.x, self.limit))\n", ""),
        ("max(-self.limit, min(self.x, self.limit))", "min(self.x, self.limit)"),
        ("(self.angle + 0.7 * action + math.pi) % (2 * math.pi) - math.pi", "self.angle + 0.7 * action"),
        ("int(self.x)", "self.x"),
        ("min(max(self.angle, 0.0), TOP)", "self.angle"),
        ("math.radians(30.0 * action)", "30.0 * action"),
        ("abs(self.x)", "self.x"),
    ],
)
def test_what_was_left_out_around_an_expression_is_put_back(right, wrong):
    assert repairs(WORLD, WORLD.broken(right, wrong))
