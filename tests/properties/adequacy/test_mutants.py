"""Mutants: one small change each, in code that predictions use, spread over the lines."""

import ast
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_engine.findings import Span
from cwm_engine.properties.adequacy.mutants import mutants_of
from cwm_engine.properties.adequacy.operators import Fields, Operator, changes
from cwm_engine.world_model.discovery import discover
from tests.recordings import RIGHT, right_model

HEAD = "class Environment:\n    def set_state(self, state):\n        self.state = state\n"


def spec_of(source, index=0):
    return discover(ast.parse(source), source.splitlines()).models[index]


def made(step, **more):
    """The mutants of a step, as pairs of what was and what is."""
    source = f"{HEAD}    def step(self, action):\n" + "".join(f"        {line}\n" for line in step.splitlines())
    return [(str(one.operator), one.was, one.now) for one in mutants_of(source, spec_of(source), **more)]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("x = self.state * 2.0\nreturn x, y, z", ("constant", "2.0", "2.5")),
        ("x = self.state + 3\nreturn x, y, z", ("constant", "3", "4")),
        ("x = self.state - y\nreturn x, y, z", ("arithmetic", "self.state - y", "self.state + y")),
        ("x = self.state < y\nreturn x, y, z", ("comparison", "self.state < y", "self.state <= y")),
        ("x = y == z\nreturn x, y, z", ("comparison", "y == z", "y != z")),
        ("if y < z:\n    y = z\nreturn x, y, z", ("condition", "y < z", "True")),
        ("x = y and z\nreturn x, y, z", ("condition", "y and z", "y")),
        ("x = min(y, z)\nreturn x, y, z", ("clip", "min(y, z)", "y")),
        ("x = np.clip(y, 0, z)\nreturn x, y, z", ("clip", "np.clip(y, 0, z)", "y")),
        ("x = y % 7\nreturn x, y, z", ("wrap", "y % 7", "y")),
        ("x = 1 if action == 0 else 2\nreturn x, y, z", ("action", "0", "2")),
        ("x = MOVES[action]\nreturn x, y, z", ("action", "action", "action - 1")),
        ("return self.state, -1, False", ("reward", "-1", "1")),
        ("pay = -1\nif x:\n    pay = 10\nreturn self.state, pay, False", ("reward", "10", "-10")),
        ("return self.state, -x**2, False", ("reward", "-x**2", "-x**2 + 1.0")),
        ("return self.state, 0, x > 3", ("termination", "x > 3", "False")),
        ("over = x > 3\nreturn self.state, 0, over", ("termination", "x > 3", "True")),
        ("return self.state, 0, False", ("termination", "False", "True")),
        ("x = (a, b)\nreturn x, y, z", ("field", "(a, b)", "(b, a)")),
        ("x = 'FH.G'[y]\nreturn x, y, z", ("text", "'FH.G'", "'.H.G'")),
    ],
)
def test_every_operator_makes_another_rule_wrong(step, expected):
    assert expected in made(step, actions=(0, 1, 2, 3))


def test_texts_that_are_no_maps_are_left_alone():
    assert made("x = {'position': 1.0}['position']\nreturn x, y, z") == [
        ("constant", "1.0", "1.25"), ("constant", "1.0", "0.75"),
    ]  # fmt: skip


@pytest.mark.parametrize("environment", RIGHT)
def test_mutants_are_programs_with_one_change(environment):
    source = right_model(environment)
    mutants = mutants_of(source, spec_of(source), actions=(0, 1, 2))
    meanings = Counter(ast.dump(ast.parse(mutant.of(source))) for mutant in mutants)
    assert ast.dump(ast.parse(source)) not in meanings
    assert max(meanings.values()) == 1
    assert [mutant.number for mutant in mutants] == list(range(len(mutants)))
    lines = source.splitlines()
    for mutant in mutants:
        changed = mutant.of(source).splitlines()
        assert mutant.was.split()[0] in lines[mutant.line - 1]
        assert lines[: mutant.line - 1] == changed[: mutant.line - 1]


def test_code_that_predictions_do_not_use_is_left_alone():
    source = f"""{HEAD}    def step(self, action):
        return self.state + helper(1), 0.0, False
    def reset(self):
        return 17
    def never(self):
        return 18
def helper(number):
    return number + 19
if __name__ == "__main__":
    print(20)
"""
    touched = {mutant.line for mutant in mutants_of(source, spec_of(source))}
    assert touched == {5, 11}


def test_other_models_of_the_file_are_left_alone():
    other = (
        HEAD.replace("Environment", "Other")
        + "    def step(self, action):\n        return self.state + 1, 0.0, False\n"
    )
    source = f"{HEAD}    def step(self, action):\n        return self.state + 2, 0.0, False\n{other}"
    others = [Span(6, 1, 10, 60)]
    assert {mutant.line for mutant in mutants_of(source, spec_of(source), others=others)} == {5}


def test_a_model_of_functions_pays_and_ends_by_what_reward_returns():
    source = """\
def transition(state, action):
    return state + 1

def reward(state, action, next_state):
    return 5.0, next_state > 3
"""
    operators = {(mutant.line, mutant.operator) for mutant in mutants_of(source, spec_of(source))}
    assert {(5, Operator.REWARD), (5, Operator.TERMINATION), (2, Operator.CONSTANT)} <= operators


def test_of_too_many_some_of_every_line_are_made():
    step = "\n".join(f"x = x + {number} * self.state + {number + 1}" for number in range(2, 30))
    source = f"{HEAD}    def step(self, action):\n        x = 0\n"
    source += "".join(f"        {line}\n" for line in step.splitlines()) + "        return x, 0.0, False\n"
    mutants = mutants_of(source, spec_of(source), most=60)
    assert len(mutants) <= 60
    assert {mutant.line for mutant in mutants} >= set(range(6, 34))


def expressions():
    """Expressions of a few names, numbers, comparisons and calls, as texts."""
    leaves = st.sampled_from(["x", "y", "action", "1", "0", "2.5", "-3", "True", "'#.'"])

    def larger(inner):
        two = st.tuples(inner, inner)
        return st.one_of(
            st.tuples(inner, st.sampled_from(["+", "-", "*", "%", "//", "<", ">=", "=="]), inner).map(
                lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
            ),
            st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join).map("({})".format),
            two.map(lambda parts: f"min({parts[0]}, {parts[1]})"),
            two.map(lambda parts: f"[{parts[0]}, {parts[1]}]"),
            st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} if {parts[1]} else {parts[2]})"),
        )

    return st.recursive(leaves, larger, max_leaves=12)


@settings(max_examples=150, deadline=None)
@given(expressions())
def test_every_change_of_any_expression_is_an_expression_of_another_meaning(text):
    node = ast.parse(text, mode="eval").body
    for operator, old, new in changes([node], action_names={"action"}, actions=(0, 1, 2), fields=Fields()):
        assert isinstance(operator, Operator)
        assert any(old is part for part in ast.walk(node))
        made_text = ast.unparse(ast.fix_missing_locations(ast.Expression(new)))
        assert ast.dump(ast.parse(made_text, mode="eval")) != ast.dump(ast.Expression(old))
