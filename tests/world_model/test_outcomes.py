"""Outcomes: which lines of a model assign which fields of its prediction."""

from __future__ import annotations

import ast
import textwrap

import pytest

from cwm_engine.world_model.discovery import discover
from cwm_engine.world_model.outcomes import assigned_fields, belongs


def fields_of(source: str) -> dict[str, tuple[str, ...]]:
    """The fields that each line assigns, by the text of the line."""
    text = textwrap.dedent(source)
    tree, lines = ast.parse(text), text.splitlines()
    (model,) = discover(tree, lines).models
    return {lines[line - 1].strip(): fields for line, fields in assigned_fields(tree, model).items()}


def step(*statements: str) -> dict[str, tuple[str, ...]]:
    """The same for the body of `step`."""
    head = (
        "class Environment:\n    def set_state(self, state):\n        self.state = state\n    def step(self, action):\n"
    )
    return fields_of(head + "".join(f"        {statement}\n" for statement in statements))


def test_a_name_in_the_returned_observation_stands_for_its_field():
    assert step("x = 1", "return (x, 2), 0.0, False")["x = 1"] == ("obs[0]",)


def test_reward_and_termination_are_fields_too():
    found = step("pay = 1.0", "over = pay > 3", "return self.state, pay, over")
    assert (found["pay = 1.0"], found["over = pay > 3"]) == (("reward",), ("terminated",))


def test_names_are_followed_through_the_attribute_that_holds_the_state():
    found = step("x, v = self.state", "x += v", "self.state = (x, v)", "return self.state, 1.0, False")
    assert found["x += v"] == ("obs[0]",)
    assert found["self.state = (x, v)"] == ("obs",)


def test_taking_the_observation_apart_assigns_nothing():
    assert "x, v = self.state" not in step("x, v = self.state", "self.state = (x, v)", "return self.state, 1.0, False")


def test_several_names_at_once_are_told_apart():
    found = step("x, v = v, 0.0", "return (x, v), 0.0, False")
    assert found["x, v = v, 0.0"] == ("obs[0]", "obs[1]")


def test_arrays_and_copies_are_seen_through():
    found = step("x = 1", "s = np.array([x, 2], dtype=float)", "return s.copy(), 0.0, False")
    assert (found["x = 1"], found["s = np.array([x, 2], dtype=float)"]) == (("obs[0]",), ("obs",))


def test_items_of_dictionaries_are_fields_by_name():
    found = step("here = 1", "return {'at': here, 'seen': 2}, 0.0, False")
    assert found["here = 1"] == ("obs.at",)


@pytest.mark.parametrize(
    ("statement", "field"), [("s[2] = 0", "obs[2]"), ("s['at'] = 0", "obs.at"), ("s[0, 1] = 0", "obs[0,1]")]
)
def test_setting_an_item_assigns_that_field(statement, field):
    assert step("s = self.state", statement, "return s, 0.0, False")[statement] == (field,)


def test_a_computed_index_may_be_any_field_of_the_whole():
    assert step("s = self.state", "s[action] = 0", "return s, 0.0, False")["s[action] = 0"] == ("obs",)


def test_statements_in_branches_and_loops_count():
    found = step("if action:", "    x = 1", "else:", "    x = 2", "return (x, 0), 0.0, False")
    assert (found["x = 1"], found["x = 2"]) == (("obs[0]",), ("obs[0]",))


def test_what_is_returned_is_marked_on_every_line_of_it():
    found = step("return (", "    self.state,", "    1.0,", "    False,", ")")
    assert found["1.0,"] == ("obs", "reward", "terminated")


def test_a_function_in_the_function_has_names_of_its_own():
    assert "x = 3" not in step("def other():", "    x = 3", "    return x", "x = 1", "return (x, 0), 0.0, False")


def test_gymnasium_returns_five_values():
    found = fields_of("""
        import gymnasium
        class World(gymnasium.Env):
            def set_state(self, state):
                self.state = state
            def step(self, action):
                over = True
                cut = False
                return self.state, 0.0, over, cut, {}
    """)
    assert found["over = True"] == ("terminated",)
    assert "cut = False" not in found


def test_valid_actions_in_second_place_are_no_field():
    found = step("valid = [1]", "pay = 1.0", "return self.state, valid, pay, False")
    assert "valid = [1]" not in found
    assert found["pay = 1.0"] == ("reward",)


def test_a_model_of_functions_returns_observation_and_reward_apart():
    found = fields_of("""
        def transition(state, action):
            x = state[0] + action
            return (x, 0)
        def reward(state, action, next_state):
            pay = 1.0
            return pay, False
    """)
    assert found["x = state[0] + action"] == ("obs[0]",)
    assert found["pay = 1.0"] == ("reward",)


def test_lines_that_assign_nothing_observed_are_not_there():
    assert list(step("unused = 1", "return self.state, 0.0, False")) == ["return self.state, 0.0, False"]


def test_a_field_belongs_to_itself_and_to_what_it_is_part_of():
    assert belongs("obs[2]", "obs[2]")
    assert belongs("obs[2]", "obs")
    assert belongs("obs.board[3,1]", "obs.board")
    assert belongs("obs[2,1]", "obs[2]")
    assert not belongs("obs[21]", "obs[2]")
    assert not belongs("obs.boards", "obs.board")
    assert not belongs("reward", "obs")
