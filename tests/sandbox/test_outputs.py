"""Outputs: what `step` returned as rows of numbers, and what is said of everything that is no prediction."""

from __future__ import annotations

from collections import namedtuple
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.checking.fields import Layout
from cwm_engine.sandbox.outputs import Failure, MalformedError, Writer
from cwm_engine.sandbox.sharing import SharedError
from cwm_engine.trajectories.columns import Columns
from tests.trajectories.datasets import structures, values_of

VECTOR = Columns.from_values([np.zeros(3)]).structure
NUMBER = Columns.from_values([5]).structure


def written(structure, *outputs, returns=3):
    """The rows, and for each output the failure."""
    writer = Writer(structure, returns)
    rows = np.zeros((len(outputs), writer.width))
    failures = writer.write_each(list(outputs), rows)
    return rows, [failures.get(position) for position in range(len(outputs))], writer


def failure(structure, output, returns=3) -> Failure:
    rows, (reason,), _ = written(structure, output, returns=returns)
    assert np.isnan(rows).all()
    assert reason is not None
    return reason


# Predictions


def test_a_prediction_is_the_observation_then_the_reward_then_the_end():
    rows, failures, _ = written(VECTOR, ((1.0, 2.0, 3.0), -1, True), (np.array([4, 5, 6]), 0.5, np.bool_(False)))
    assert rows.tolist() == [[1, 2, 3, -1, 1], [4, 5, 6, 0.5, 0]]
    assert failures == [None, None]


@pytest.mark.parametrize(
    "observation", [[1, 2, 3], (1.0, 2, np.float32(3)), np.array([1, 2, 3], dtype=np.int8), (True, 2, Fraction(3))]
)
def test_numbers_of_any_type_are_numbers(observation):
    if Fraction in map(type, observation):
        assert failure(VECTOR, (observation, 0, False)).kind == "type"
    else:
        assert written(VECTOR, (observation, 0, False))[0].tolist() == [[1, 2, 3, 0, 0]]


def test_whole_numbers_beyond_64_bits_are_numbers_too():
    rows, failures, _ = written(VECTOR, ((10**30, 2, 3), 10**25, False))
    assert rows.tolist() == [[1e30, 2, 3, 1e25, 0]]
    assert failures == [None]


def test_gymnasium_returns_five_values():
    rows, _, _ = written(VECTOR, ((1, 2, 3), -1.0, True, False, {}), returns=5)
    assert rows.tolist() == [[1, 2, 3, -1, 1]]


def test_valid_actions_may_come_second():
    rows, failures, _ = written(VECTOR, ((1, 2, 3), [0, 1], -1.0, True), ((1, 2, 3), np.array([0]), 0.0, False))
    assert rows.tolist() == [[1, 2, 3, -1, 1], [1, 2, 3, 0, 0]]
    assert failures == [None, None]


def test_lists_and_named_tuples_are_as_good_as_tuples():
    step = namedtuple("step", "observation reward done")
    rows, failures, _ = written(NUMBER, [1, 2.0, False], step(3, 4.0, True))
    assert rows.tolist() == [[1, 2, 0], [3, 4, 1]]
    assert failures == [None, None]


def test_texts_are_numbered_in_the_order_they_come_up_and_told_once():
    structure = Columns.from_values([{"name": "a", "rest": [1]}]).structure
    rows, _, writer = written(structure, ({"name": "x", "rest": {1}}, 0, False), ({"name": "y", "rest": {1}}, 0, False))
    assert rows[:, :2].tolist() == [[0, 2], [1, 2]]
    assert writer.fresh_words() == ["x", "y", '{"__set__":[1]}']
    assert writer.fresh_words() == []


@given(st.data())
def test_whatever_an_environment_can_observe_a_model_can_predict(data):
    structure = data.draw(structures())
    values = data.draw(st.lists(values_of(structure), min_size=1, max_size=3))
    rows, failures, _ = written(structure, *((value, 0.0, False) for value in values))
    assert failures == [None] * len(values)
    layout = Layout(structure)
    for columns, array, is_text in zip(
        layout.columns, Columns.from_values(values, structure).arrays, layout.is_text, strict=True
    ):
        if not is_text:
            expected = array.reshape(len(values), -1).astype(np.float64)
            np.testing.assert_array_equal(rows[:, columns], expected)


def test_one_malformed_output_leaves_the_others_alone():
    rows, failures, _ = written(VECTOR, ((1, 2, 3), 0, False), None, ((4, 5, 6), 0, True))
    assert rows[[0, 2]].tolist() == [[1, 2, 3, 0, 0], [4, 5, 6, 0, 1]]
    assert [reason is None for reason in failures] == [True, False, True]


def test_a_failure_of_the_step_is_passed_on():
    reason = Failure("exception", "no", "ValueError", 3)
    assert failure(VECTOR, reason) == reason


# What is no prediction


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (None, "`step` returned None, not 3 values (observation, reward, done)"),
        (((1, 2, 3), 0), "`step` returned 2 values, not 3 values (observation, reward, done)"),
        (((1, 2, 3),), "`step` returned 1 value, not 3 values (observation, reward, done)"),
        (((1, 2, 3), 0, False, False, {}), "`step` returned 5 values, not 3 values (observation, reward, done)"),
        (((1, 2, 3), 0.0, False, {}), "`step` returned 4 values, not 3 values (observation, reward, done)"),
        (np.array([1, 2, 3]), "`step` returned an array of int64 of shape (3,), not 3 values"),
        ("abc", "`step` returned the text 'abc', not 3 values"),
        ({"a": 1, "b": 2, "c": 3}, "`step` returned a dict of 3 items, not 3 values"),
        ((value for value in range(3)), "`step` returned an object of type generator, not 3 values"),
    ],
)
def test_the_wrong_number_of_values_is_named(output, message):
    reason = failure(VECTOR, output)
    assert reason.kind == "arity"
    assert reason.message.startswith(message)


def test_gymnasium_models_are_told_what_gymnasium_returns():
    reason = failure(VECTOR, ((1, 2, 3), 0, False), returns=5)
    assert reason.message.endswith("not 5 values (observation, reward, terminated, truncated, info)")


@pytest.mark.parametrize(
    ("observation", "message"),
    [
        ((1, 2), "the observation has shape (2,), the data has shape (3,)"),
        (((1, 2, 3),), "the observation has shape (1, 3), the data has shape (3,)"),
        (5, "the observation has shape (), the data has shape (3,)"),
    ],
)
def test_the_wrong_shape_is_named(observation, message):
    assert failure(VECTOR, (observation, 0, False)) == Failure("shape", message)


@pytest.mark.parametrize(
    ("observation", "message"),
    [
        (None, "the observation is None, the data has numbers of shape (3,)"),
        (("1", 2, 3), "`obs[0]` is the text '1', not a number"),
        ((1, None, 3), "`obs[1]` is None, not a number"),
        ((1, 2, 3 + 1j), "`obs[2]` is (3+1j) of type complex, not a number"),
        ((1, 2, (3, 4)), "the observation is a tuple of 3 items, the data has numbers of shape (3,)"),
        (np.array(["1", "2", "3"]), "`obs[0]` is the text '1', not a number"),
        ({"a": 1}, "the observation is a dict of 1 item, the data has numbers of shape (3,)"),
    ],
)
def test_what_is_no_number_is_named_with_its_place(observation, message):
    assert failure(VECTOR, (observation, 0, False)) == Failure("type", message)


@pytest.mark.parametrize(
    ("reward", "done", "message"),
    [
        ("1.0", False, "`reward` is the text '1.0', not a number"),
        (None, False, "`reward` is None, not a number"),
        (np.array([1.0]), False, "`reward` is an array of float64 of shape (1,), not a number"),
        (1.0, None, "`done` is None, not True or False"),
        (1.0, "no", "`done` is the text 'no', not True or False"),
        (1.0, {}, "`done` is a dict of 0 items, not True or False"),
    ],
)
def test_rewards_and_ends_have_to_be_numbers(reward, done, message):
    assert failure(VECTOR, ((1, 2, 3), reward, done)) == Failure("type", message)


NESTED = Columns.from_values([{"at": (1, 0.5), "name": "x", "any": [1]}]).structure


@pytest.mark.parametrize(
    ("observation", "message"),
    [
        ({"at": (1, 0.5), "name": "x"}, "the observation lacks the key 'any'"),
        ({"at": (1, 0.5), "name": "x", "any": [], "b": 1}, "the observation has the extra key 'b'"),
        ({"at": (1,), "name": "x", "any": []}, "`obs.at` is a tuple of 1 item, the data has tuples of 2 items"),
        ({"at": "ab", "name": "x", "any": []}, "`obs.at` is the text 'ab', the data has tuples of 2 items"),
        ({"at": (1, "b"), "name": "x", "any": []}, "`obs.at[1]` is the text 'b', the data has a number"),
        ({"at": (1, 0.5), "name": 3, "any": []}, "`obs.name` is 3 of type int, the data has text"),
        (
            {"at": (1, 0.5), "name": "x", "any": [object()]},
            "`obs.any` is a list of 1 item, the data has a value with a JSON form",
        ),
        ((1, 2), "the observation is a tuple of 2 items, the data has dictionaries with the keys 'any', 'at', 'name'"),
    ],
)
def test_what_is_wrong_inside_is_named_by_its_path(observation, message):
    assert failure(NESTED, (observation, 0.0, False)).message == message


class Hostile:
    """Every look at it raises, or never ends."""

    def __getattr__(self, name):
        raise RuntimeError("do not look")

    def __len__(self):
        raise SystemExit

    __iter__ = __array__ = __float__ = __repr__ = __len__


@pytest.mark.parametrize("place", ["output", "observation", "reward", "number"])
def test_objects_that_raise_when_they_are_looked_at_break_nothing(place):
    hostile = Hostile()
    outputs = {
        "output": hostile,
        "observation": (hostile, 0, False),
        "reward": ((1, 2, 3), hostile, False),
        "number": ((1, hostile, 3), 0, False),
    }
    assert failure(VECTOR, outputs[place]).kind in {"arity", "shape", "type"}


def test_a_list_that_holds_itself_breaks_nothing():
    endless: list = []
    endless.append(endless)
    assert failure(VECTOR, (endless, 0, False)).kind in {"shape", "type"}


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=3), lambda inner: st.lists(inner) | st.tuples(inner, inner)
    )
)
def test_anything_at_all_is_a_prediction_or_a_failure(output):
    rows, (reason,), _ = written(VECTOR, output)
    assert (reason is None) == (not np.isnan(rows).any())


def test_writing_all_at_once_says_that_one_is_malformed():
    writer = Writer(VECTOR, 3)
    with pytest.raises(MalformedError, match="returned None"):
        writer.write([None, ((1, 2, 3), 0, False)], np.zeros((2, writer.width)))


def test_outputs_that_share_memory_are_refused_where_they_are_read_late():
    buffer = np.zeros(3)
    shared = [(buffer, 0.0, False), None, (buffer, 0.0, False)]
    late, early = (Writer(VECTOR, 3, by_reference=by_reference) for by_reference in (True, False))
    for outputs in (shared, shared[::2]):
        with pytest.raises(SharedError):
            late.write_each(outputs, np.zeros((len(outputs), 5)))
        assert set(early.write_each(outputs, np.zeros((len(outputs), 5)))) <= {1}
