"""Edits of structure: order, blocks, exchanges, brackets."""

import ast

import pytest

from cwm_engine.diagnosis.editing.patches import Text
from cwm_engine.diagnosis.editing.structure import rewritings

SOURCE = """\
LEFT = 0
RIGHT = 1
MOVES = [(0, 1), (1, 0), (0, -1)]


class Environment:
    def step(self, action):
        x, v = self.state  # both
        v = v + 0.1 * (x - 2.0) * 3.0
        x = x + v
        if action == LEFT:
            x = x - 1
        elif action == RIGHT:
            x = x + 1
        else:
            v = 0.0
            x = -x
        reward = 1.0
        return (x, v), reward, x > 5
"""


def texts(source=SOURCE, lines=None):
    text = Text(source, ast.parse(source))
    return [found.text for found in rewritings(text, frozenset(lines or range(1, 40)))]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("        v = v + 0.1 * (x - 2.0) * 3.0\n        x = x + v\n",
         "        x = x + v\n        v = v + 0.1 * (x - 2.0) * 3.0\n"),
        ("x, v = self.state", "v, x = self.state"),
        ("(x, v), reward", "(v, x), reward"),
        ("            v = 0.0\n            x = -x\n", "            v = 0.0\n        x = -x\n"),
        ("        reward = 1.0\n", "            reward = 1.0\n"),
        ("LEFT = 0\nRIGHT = 1", "LEFT = 1\nRIGHT = 0"),
        ("[(0, 1), (1, 0), (0, -1)]", "[(1, 0), (0, 1), (0, -1)]"),
        ("[(0, 1), (1, 0), (0, -1)]", "[(1, 0), (0, 1), (-1, 0)]"),
        ("0.1 * (x - 2.0) * 3.0", "0.1 * x - 2.0 * 3.0"),
        ("v + 0.1 * (x - 2.0)", "(v + 0.1) * (x - 2.0)"),
        ("0.1 * (x - 2.0) * 3.0", "0.1 ** (x - 2.0) * 3.0"),
        ("        elif action == RIGHT:", "        if action == RIGHT:"),
    ],
    ids=["order", "targets", "values", "dedent", "indent", "codes", "items", "pairs", "unbracket", "bracket", "binding",
         "elif"],
)  # fmt: skip
def test_an_edit_of_structure_is_among_them(old, new):
    wanted = ast.dump(ast.parse(SOURCE.replace(old, new)))
    assert wanted in [ast.dump(ast.parse(text)) for text in texts() if _parses(text)]


def test_two_branches_are_exchanged():
    wanted = SOURCE.replace("x = x - 1", "@").replace("x = x + 1", "x = x - 1").replace("@", "x = x + 1")
    assert wanted in texts()


def test_comments_and_blanks_are_kept_as_they_are():
    assert all("# both" in text for text in texts())


def test_other_lines_are_left_alone():
    assert texts(lines={18}) != texts()
    assert not [text for text in texts(lines={18}) if "LEFT = 1" in text]


def test_no_text_comes_twice_nor_the_text_itself():
    found = texts()
    assert len(set(found)) == len(found)
    assert SOURCE not in found


def _parses(text):
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True
