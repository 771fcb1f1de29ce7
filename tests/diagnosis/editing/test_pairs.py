"""The search for two edits that only together make everything right."""

from __future__ import annotations

import ast
import time

import numpy as np
import pytest

from cwm_engine.diagnosis.editing.pairs import search_pairs
from cwm_engine.diagnosis.localization.ranking import code_lines
from tests.diagnosis.worlds import ARRAYS, GYMNASIUM, KEYS, PENDULUM, World


def search(world, source, **more):
    lines = [(line, 1.0) for line in code_lines(ast.parse(source))]
    with np.errstate(all="ignore"):
        return search_pairs(source, world.model, world.sample(source), lines, **more)


PAIRS = [
    (PENDULUM, "3 * self.gravity", "4 * self.gravity", "0.1 * self", "0.2 * self"),
    (PENDULUM, "math.sin(self.angle)", "math.cos(self.angle)", "(pull + push)", "(pull - push)"),
    (PENDULUM, "self.gravity = 10.0", "self.gravity = 8.5", "(pull + push)", "(pull - push)"),
    (ARRAYS, "change[1] += force", "change[0] += force", "change - DAMPING", "change + DAMPING"),
    (KEYS, "keys + 1", "keys + 2", '"north": (0, -1)', '"north": (0, 1)'),
    (GYMNASIUM, "FRICTION = 0.25", "FRICTION = 0.5", "if done:", "if not done:"),
]


@pytest.mark.parametrize(("world", "one", "wrong", "other", "false"), PAIRS, ids=[pair[2] for pair in PAIRS])
def test_two_slips_are_undone_together(world, one, wrong, other, false):
    source = world.broken(one, wrong).replace(other, false, 1)
    hits = search(world, source).hits
    assert world.source in [hit.patch.text for hit in hits]


def test_what_only_shows_once_the_other_slip_is_undone_is_found():
    """A limit of angles decides nothing while every state ends the episode."""
    source = """\
class Environment:
    def set_state(self, state):
        self.state = state

    def step(self, action):
        x = self.state + action
        done = x < -12 or x > 12
        return x, 1.0, done
"""
    world = World(source, list(range(-20, 21)) * 2, [0] * 41 + [1] * 41)
    broken = source.replace("x < -12 or x > 12", "x < 12 or x > 30")
    assert source in [hit.patch.text for hit in search(world, broken).hits]


def test_both_changes_are_described_with_their_lines():
    broken = KEYS.broken("keys + 1", "keys + 2").replace('"north": (0, -1)', '"north": (0, 1)', 1)
    hit = search(KEYS, broken).hits[0]
    assert hit.line == 2
    assert hit.patch.description == f"replace `1` by `-1`; line {KEYS.line_of('keys + 1')}: replace `2` by `1`"


def test_the_deadline_is_kept():
    source = PENDULUM.broken("3 * self.gravity", "4 * self.gravity").replace("(pull + push)", "(pull - push)")
    result = search(PENDULUM, source, deadline=time.process_time())
    assert not result.exhausted


def test_a_neighbourhood_without_a_pair_is_exhausted():
    broken = KEYS.broken("if target not in WALLS:\n            x, y = target", "x, y = 0, 0")
    result = search(KEYS, broken)
    assert result.hits == []
    assert result.exhausted
