"""Copies that were left out."""

import ast

import pytest

from cwm_engine.diagnosis.editing.copies import copies


def texts(source):
    return [copy.text for copy in copies(source, ast.parse(source))]


@pytest.mark.parametrize(
    "changes", ["blocked.add(1)", "blocked[0] = 1", "blocked[0] += 1", "if x:\n        blocked.pop()"]
)
def test_what_is_changed_in_place_under_a_second_name_is_copied(changes):
    source = f"def step(x):\n    blocked = WALLS\n    {changes}\n    return blocked\n"
    assert texts(source) == [source.replace("= WALLS", "= WALLS.copy()")]


def test_an_attribute_counts_as_a_name():
    source = "def set_state(self, state):\n    self.keys = state\n    self.keys[0] = 1\n"
    assert texts(source) == [source.replace("= state", "= state.copy()")]


@pytest.mark.parametrize(
    "body",
    ["blocked = WALLS\n    return blocked", "blocked = set(WALLS)\n    blocked.add(1)", "blocked = 1\n    x.add(1)"],
)
def test_what_is_not_shared_or_not_changed_is_left_alone(body):
    assert texts(f"def step(x):\n    {body}\n") == []
