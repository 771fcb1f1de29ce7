"""Numbers of states: all of them, with the Python that reaches each."""

import numpy as np
import pytest

from cwm_engine.properties.elements import action_elements, number, state_elements
from tests.recordings import made, recorded


def test_a_box_has_an_element_for_each_number():
    dataset = recorded("CartPole-v1", 50)
    elements = state_elements(dataset)
    assert [element.of("state") for element in elements] == [f"state[{index}]" for index in range(4)]
    assert np.array_equal(elements[2].before, dataset.observations.arrays[0][:, 2])
    assert not elements[0].whole


def test_a_numbered_state_is_one_whole_element():
    (element,) = state_elements(recorded("Taxi-v4", 50))
    assert (element.of("next_state"), element.field, element.whole) == ("next_state", "obs", True)


def test_every_element_of_a_nested_state_is_reached_by_its_expression():
    state = {"agent": (1, 2), "board": np.array([[1.0, 2.0], [3.0, 4.0]])}
    after = {"agent": (2, 2), "board": np.array([[1.0, 2.0], [3.0, 5.0]])}
    elements = state_elements(made([(state, 0, after, 0.0, False)] * 3))
    for element in elements:
        assert eval(element.of("state"), {"state": state}) == element.before[0]
        assert eval(element.of("state"), {"state": after}) == element.after[0]
    assert [element.path for element in elements][-1] == "['board'][1][1]"
    assert [element.field for element in elements] == [
        "obs.agent[0]", "obs.agent[1]", "obs.board[0,0]", "obs.board[0,1]", "obs.board[1,0]", "obs.board[1,1]",
    ]  # fmt: skip
    assert len(elements) == 6


def test_texts_images_and_numbers_that_are_none_are_left_out():
    state = {"text": "a", "image": np.zeros((9, 9)), "broken": float("nan"), "x": 1.0}
    elements = state_elements(made([(state, 0, state, 0.0, False)] * 3))
    assert [element.path for element in elements] == ["['x']"]


def test_a_numbered_action_has_one_element_and_a_vector_several():
    assert [element.path for element in action_elements(recorded("Taxi-v4", 50))] == [""]
    assert [element.path for element in action_elements(recorded("Pendulum-v1", 50))] == ["[0]"]


@pytest.mark.parametrize(("value", "text"), [(2.0, "2"), (-0.5, "-0.5"), (np.float32(0.07), "0.07"), (1e-12, "1e-12")])
def test_numbers_are_written_as_people_write_them(value, text):
    assert number(float(value)) == text
