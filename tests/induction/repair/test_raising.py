"""Guesses at what a program that raises an exception may have meant."""

import ast

import pytest

from cwm_engine.induction.repair.raising import guesses
from cwm_engine.sandbox.outputs import Failure

SOURCE = '''\
"""A cart."""
import math


class Environment:
    def __init__(self):
        self.limit = 2.4

    def set_state(self, state):
        self.state = tuple(state)

    def speed(self, v, push):
        return v + 0.1 * push

    def step(self, action):
        x, v, theta = self.state
        push = math.sin(theta)
        v = self.speed(v, push)
        x = x + v
        done = abs(x) > self.limit
        reward = 1.0
        self.state = (x, v, theta)
        return self.state, reward, done
'''

CASES = [
    ("math.sin(theta)", "math.sin(thet)", "NameError", "name 'thet' is not defined", "push ="),
    ("import math\n", "", "NameError", "name 'math' is not defined", "push ="),
    ("> self.limit", "> limit", "NameError", "name 'limit' is not defined", "done ="),
    ("> self.limit", "> self.limt", "AttributeError", "'Environment' object has no attribute 'limt'", "done ="),
    ("math.sin(theta)", "math.sine(theta)", "AttributeError", "module 'math' has no attribute 'sine'", "push ="),
    ("def speed(self, v", "def speed(v", "TypeError", "Environment.speed() takes 2 positional arguments", "v = self"),
    ("speed(v, push)\n", "speed(v)\n", "TypeError", "speed() missing 1 required positional argument", "v = self"),
    ("        return v + 0.1", "        v + 0.1", "TypeError", "unsupported: 'float' and 'NoneType'", "x = x"),
    ("x, v, theta = self.state", "x, v = self.state", "ValueError", "too many values to unpack", "x, v ="),
]


@pytest.mark.parametrize(("right", "wrong", "kind", "message", "place"), CASES, ids=[case[3] for case in CASES])
def test_the_right_program_is_among_the_guesses(right, wrong, kind, message, place):
    source = SOURCE.replace(right, wrong, 1)
    line = next(number for number, text in enumerate(source.splitlines(), 1) if text.strip().startswith(place))
    found = guesses(source, ast.parse(source), Failure("exception", message, kind, line))
    texts = {ast.dump(ast.parse(guess.text)) for guess in found if _parses(guess.text)}
    assert ast.dump(ast.parse(SOURCE)) in texts


def test_a_name_that_nobody_sets_may_stand_for_a_reward_of_the_data():
    source = SOURCE.replace("        reward = 1.0\n", "")
    found = guesses(
        source, ast.parse(source), Failure("exception", "name 'reward' is not defined", "NameError", 21), (1.0,)
    )
    assert any("        reward = 1.0\n" in guess.text for guess in found)


@pytest.mark.parametrize(
    ("right", "wrong", "kind"),
    [
        ("self.state, reward, done", "self.state, reward", "arity"),
        ("self.state, reward, done", "reward, self.state, done", "type"),
        ("        return self.state, reward, done\n", "", "arity"),
    ],
)
def test_a_malformed_return_is_put_right(right, wrong, kind):
    source = SOURCE.replace(right, wrong)
    found = guesses(source, ast.parse(source), Failure(kind, "`step` returned something else", "", None))
    assert ast.dump(ast.parse(SOURCE)) in {ast.dump(ast.parse(guess.text)) for guess in found if _parses(guess.text)}


def test_a_close_name_comes_first_and_is_told_with_its_line():
    source = SOURCE.replace("math.sin(theta)", "math.sin(thet)")
    first = guesses(source, ast.parse(source), Failure("exception", "name 'thet' is not defined", "NameError", 16))[0]
    assert first.change == "line 17: replace `thet` by `theta`"


def _parses(text):
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True
