"""Texts that do not parse, mended."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.induction.repair.syntax import mended_syntax

SOURCE = '''\
"""A cart."""
import math


class Environment:
    def __init__(self):
        self.limit = 2.4

    def set_state(self, state):
        self.x, self.v = state

    def step(self, action):
        push = 1.0 if action == 1 else -1.0
        self.v = self.v + 0.1 * (push - math.sin(self.x))
        self.x = self.x + self.v
        done = (
            self.x < -self.limit
            or self.x > self.limit
        )
        return (self.x, self.v), 1.0, done
'''


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("def step(self, action):", "def step(self, action)"),
        ("action == 1", "action = 1"),
        ("math.sin(self.x))", "math.sin(self.x)"),
        ("self.limit = 2.4", "self.limit = 2.4)"),
        ("or self.x >", "|| self.x >"),
        ("self.v), 1.0, done", "self.v) 1.0, done"),
        ("        self.x = self.x", "       self.x = self.x"),
        ("        self.x = self.x", "          self.x = self.x"),
        ("        )\n", ""),
        ("done = (", "done ="),
        ('"""A cart."""', "```python"),
        ("self.x > self.limit", "self.x => self.limit"),
    ],
)
def test_a_slip_of_syntax_is_mended(right, wrong):
    assert right in SOURCE
    found = [ast.dump(ast.parse(mended.text)) for mended in mended_syntax(SOURCE.replace(right, wrong, 1))]
    wanted = SOURCE.replace("self.x > self.limit", "self.x >= self.limit") if "=>" in wrong else SOURCE
    wanted = wanted.replace('"""A cart."""\n', "") if wrong.startswith("```") else wanted
    assert ast.dump(ast.parse(wanted)) in found


def test_two_slips_are_mended_one_after_the_other():
    broken = SOURCE.replace("def step(self, action):", "def step(self, action)").replace("action == 1", "action = 1")
    found = mended_syntax(broken)
    assert SOURCE in [mended.text for mended in found]
    assert all(len(mended.changes) == 2 for mended in found)


def test_what_was_done_is_told_with_its_line():
    changes = mended_syntax(SOURCE.replace("def step(self, action):", "def step(self, action)"))[0].changes
    assert changes == ("line 12: replace `def step(self, action)` by `def step(self, action):`",)


@given(st.text(max_size=60))
def test_any_text_is_survived_and_what_is_found_parses(text):
    for mended in mended_syntax(text):
        ast.parse(mended.text)
