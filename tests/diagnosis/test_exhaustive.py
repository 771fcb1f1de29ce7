"""Decisions that no action can skip."""

from __future__ import annotations

import ast

import pytest

from cwm_engine.diagnosis.exhaustive import exhaustive

SPACE = {"type": "Discrete", "n": 3, "start": 0}


def lines(body: str, space=SPACE, arguments: str = "self, action") -> set[int]:
    text = f"def step({arguments}):\n" + "".join(f"    {line}\n" for line in body.splitlines())
    return set(exhaustive(ast.parse(text), space))


def test_the_last_of_a_chain_over_all_actions_cannot_be_skipped():
    assert lines("if action == 0:\n    x = 1\nelif action == 1:\n    x = 2\nelif action == 2:\n    x = 3") == {6}


def test_a_chain_that_leaves_an_action_out_can():
    assert lines("if action == 0:\n    x = 1\nelif action == 1:\n    x = 2") == set()


def test_several_values_in_one_test_count():
    assert lines("if action in (0, 2):\n    x = 1\nelif action == 1:\n    x = 2") == {4}
    assert lines("if action == 0 or action == 2:\n    x = 1\nelif action == 1:\n    x = 2") == {4}


def test_what_an_earlier_return_has_taken_away_counts():
    text = "if action == 0:\n    return 1\nif action == 1:\n    return 2\nif action == 2:\n    x = 3"
    assert lines(text) == {6}


def test_without_a_return_each_can_be_skipped():
    assert lines("if action == 0:\n    x = 1\nif action == 1:\n    x = 2\nif action == 2:\n    x = 3") == set()


def test_a_match_over_all_actions_cannot_be_skipped():
    assert lines("match action:\n    case 0 | 1:\n        x = 1\n    case 2:\n        x = 2") == {2}
    assert lines("match action:\n    case 0 | 1:\n        x = 1\n    case 2 if x:\n        x = 2") == set()


def test_spaces_may_begin_elsewhere():
    body = "if action == 1:\n    x = 1\nelif action == 2:\n    x = 2"
    assert lines(body, {"type": "Discrete", "n": 2, "start": 1}) == {4}


@pytest.mark.parametrize("space", [None, {"type": "Box"}])
def test_nothing_is_known_of_other_spaces(space):
    assert lines("if action == 0:\n    x = 1", space) == set()


def test_only_arguments_are_actions():
    assert lines("y = 0\nif y == 0:\n    x = 1\nelif y == 1:\n    x = 1\nelif y == 2:\n    x = 1") == set()
    assert lines("if self.x == 0:\n    x = 1") == set()


def test_chains_inside_other_statements_are_seen():
    assert lines("for i in x:\n    if action == 0:\n        continue\n    if action in [1, 2]:\n        x = 1") == {5}
