"""Numbers of a file: which are constants of the world, and how they are written back."""

import ast
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.induction.literals import Numbers
from tests.induction.models import FALL


def found(source: str) -> list[tuple[str, str]]:
    """Name and text of each constant."""
    return [(literal.name, literal.text) for literal in Numbers(source).literals]


def test_attributes_and_names_give_constants_their_names() -> None:
    assert found("class A:\n    LIMIT = 8\n    def __init__(self):\n        self.gravity = -9.8\n") == [
        ("LIMIT", "8"),
        ("gravity", "-9.8"),
    ]


def test_a_number_in_a_formula_is_called_by_its_text() -> None:
    assert found("def f(x):\n    return 0.1 * x\n") == [("0.1", "0.1")]


@pytest.mark.parametrize(
    "expression",
    ["x**2", "x ** 0.5", "state[1]", "action == 1", "2 * x", "range(4)", "round(x, 2)", "True", "x * pi / 180"],
)
def test_numbers_that_are_structure_are_left_alone(expression: str) -> None:
    assert found(f"def f(x, state, action):\n    y = x + ({expression})\n") == []


@pytest.mark.parametrize(
    ("expression", "texts"),
    [
        ("12 * 2 * pi / 360", ["12"]),
        ("math.radians(12)", ["12"]),
        ("4 * pi", ["4"]),
        ("2 * pi", ["2"]),
        ("4.0 / 3.0", ["4.0", "3.0"]),
        ("min(max(x, -8), 8)", ["-8", "8"]),
        ("-10 if x < 5 else 20", ["-10", "5", "20"]),
        ("[-1.0, 0.0, 1.0]", ["-1.0", "0.0", "1.0"]),
    ],
)
def test_quantities_are_constants_even_when_they_are_whole(expression: str, texts: list[str]) -> None:
    assert [text for _, text in found(f"limit = {expression}\n")] == texts


def test_items_of_a_list_are_numbered() -> None:
    assert found("TORQUES = [-1.0, 2.0]\n") == [("TORQUES[0]", "-1.0"), ("TORQUES[1]", "2.0")]


def test_a_state_set_by_the_constructor_is_no_constant() -> None:
    source = "class A:\n def __init__(self):\n  self.x = 0.5\n  self.g = 9.8\n def set_state(self, s):\n  self.x = s\n"
    assert found(source) == [("g", "9.8")]


def test_the_main_block_does_not_count() -> None:
    assert found("if __name__ == '__main__':\n    x = 3.0\n") == []


def test_only_the_numbers_change_in_the_text() -> None:
    source = "g = 9.8   # m/s², gravity\r\nk = (  -1.0e0 )\r\n"
    assert Numbers(source).written({0: "9.81", 1: "2.5"}) == "g = 9.81   # m/s², gravity\r\nk = (  2.5 )\r\n"


def test_a_fraction_gets_parentheses_where_it_needs_them() -> None:
    assert Numbers("y = 1.3 * x\n").written({0: "4 / 3"}) == "y = (4 / 3) * x\n"


def test_a_negative_base_gets_parentheses() -> None:
    written = Numbers("y = 2.0 ** n\n").written({0: "-0.5"})
    assert eval(written.removeprefix("y = "), {"n": 2}) == 0.25


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=7, max_size=7))
def test_what_was_written_is_read_again(values: list[float]) -> None:
    """The text says the very numbers, and nothing else of its syntax changes."""
    numbers = Numbers(FALL)
    floats = [index for index, literal in enumerate(numbers.literals) if not literal.whole]
    chosen = dict(zip(floats, values, strict=False))
    again = Numbers(numbers.written({index: repr(value) for index, value in chosen.items()}))
    for index, value in chosen.items():
        read = again.literals[index].value
        assert read == value
        assert math.copysign(1, read) == math.copysign(1, value)
    blank = [ast.dump(one.parametrized(["c"] * len(one))) for one in (numbers, again)]
    assert blank[0] == blank[1]
