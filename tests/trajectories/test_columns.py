"""Columns: values taken apart and put together again."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.errors import CwmError
from cwm_engine.trajectories.columns import (
    Columns,
    DictOf,
    Kind,
    Leaf,
    TupleOf,
    canonical_json,
    common_structure,
    describe_structure,
    from_canonical_json,
    infer_structure,
    misfits,
    same_rows,
    structure_from_json,
    structure_to_json,
)
from cwm_engine.trajectories.json_values import short_floats
from tests.trajectories.datasets import json_values, structures, values_of


def equal(one, other):
    """Values of one type and content; NaN equals itself."""
    match one:
        case dict():
            return one.keys() == other.keys() and all(equal(one[name], other[name]) for name in one)
        case tuple():
            return isinstance(other, tuple) and all(map(equal, one, other))
        case np.ndarray() if one.dtype != object:
            return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True)
        case np.ndarray():
            return one.tolist() == other.tolist()
        case _:
            return canonical_json(one) == canonical_json(other)


@given(st.data())
def test_a_row_is_the_value_it_was_made_of(data):
    """Arrays keep their dtype, tuples and dicts their form."""
    structure = data.draw(structures())
    values = data.draw(st.lists(values_of(structure), min_size=1, max_size=4))
    columns = Columns.from_values(values, structure)
    assert len(columns) == len(values)
    for index, value in enumerate(values):
        found = columns.row(index)
        if isinstance(structure, Leaf) and structure.kind not in (Kind.TEXT, Kind.JSON) and structure.shape == ():
            assert equal(found, value.item())
        elif isinstance(structure, Leaf):
            assert equal(found, value)
        assert same_rows(Columns.from_values([found], structure), columns.take(slice(index, index + 1))).all()


@given(st.data())
def test_the_fast_way_and_the_slow_way_agree(data):
    """Taking all values apart at once gives what taking them apart one by one gives."""
    structure = data.draw(structures())
    values = data.draw(st.lists(values_of(structure), min_size=1, max_size=4))
    fast, slow = Columns.from_values(values, structure), Columns._from_rows(values, structure)
    assert same_rows(fast, slow).all()
    assert [array.dtype for array in fast.arrays] == [array.dtype for array in slow.arrays]


@given(st.data())
def test_plain_rows_are_the_rows_without_arrays(data):
    structure = data.draw(structures())
    values = data.draw(st.lists(values_of(structure), min_size=1, max_size=4))
    columns = Columns.from_values(values, structure)
    plain = columns.plain(0, len(values))
    assert "array" not in repr(plain)
    assert len(plain) == len(values)
    for index, value in enumerate(plain):
        assert canonical_json(value) == canonical_json(columns.row(index))


@given(st.data())
def test_a_structure_survives_json(data):
    structure = data.draw(structures())
    assert structure_from_json(json.loads(json.dumps(structure_to_json(structure)))) == structure


@pytest.mark.parametrize(
    "data",
    [
        None,
        3,
        {},
        {"kind": "float", "dtype": "int64", "shape": []},
        {"kind": "float", "dtype": "datetime64[s]"},
        {"kind": "int", "dtype": "int64", "shape": [-1]},
        {"kind": "no", "dtype": "i8"},
        {"tuple": []},
        {"dict": [["a"]]},
    ],
)
def test_a_malformed_description_of_a_structure_is_refused(data):
    with pytest.raises(CwmError, match="not a description of a structure"):
        structure_from_json(data)


def test_the_row_that_does_not_fit_is_named():
    with pytest.raises(CwmError, match=r"row 2 .* expected shape \(4,\), got shape \(3,\)"):
        Columns.from_values([np.zeros(4), np.zeros(4), np.zeros(3)], Leaf(Kind.FLOAT, "float64", (4,)))


@pytest.mark.parametrize(
    ("structure", "value", "reason"),
    [
        (Leaf(Kind.INT, "int64"), 0.5, "expected int64, got 0.5"),
        (Leaf(Kind.INT, "int8"), 300, "expected int8, got 300"),
        (Leaf(Kind.INT, "int64"), float("nan"), "expected int64, got nan"),
        (Leaf(Kind.BOOL, "bool"), 2, "expected bool, got 2"),
        (Leaf(Kind.FLOAT, "float32"), "1.0", "expected numbers, got '1.0'"),
        (Leaf(Kind.FLOAT, "float32"), None, "expected numbers, got None"),
        (Leaf(Kind.FLOAT, "float64", (2,)), [[1.0], [2.0, 3.0]], "inhomogeneous"),
        (Leaf(Kind.TEXT, "str"), 5, "expected text, got 5"),
        (Leaf(Kind.TEXT, "str", (2,)), ["a"], "expected text of shape"),
        (Leaf(Kind.JSON, "str"), object(), "a value of type object has no JSON form"),
        (Leaf(Kind.JSON, "str"), np.array([1j]), "has no JSON form"),
        (TupleOf((Leaf(Kind.INT, "int64"),) * 2), (1,), "expected 2 items, got 1"),
        (TupleOf((Leaf(Kind.TEXT, "str"),) * 2), "ab", "expected 2 items, got 'ab'"),
        (DictOf((("a", Leaf(Kind.INT, "int64")),)), {"b": 1}, r"expected the keys \['a'\], got \['b'\]"),
        (DictOf((("a", Leaf(Kind.INT, "int64")),)), [1], r"expected the keys \['a'\]"),
    ],
)
def test_a_value_that_does_not_fit_is_explained(structure, value, reason):
    [(row, found)] = misfits([value], structure)
    assert row == 0
    with pytest.raises(ValueError, match=reason):
        raise ValueError(found)
    with pytest.raises(CwmError, match=reason):
        Columns.from_values([value], structure)


def test_structures_are_inferred_from_values():
    value = {"board": np.array([["a", "b"]], dtype=object), "agent": (np.float32(1), 2), "seen": {1, 2}, "no": [1]}
    described = describe_structure(infer_structure([value]))
    assert described == "{board: text (1, 2), agent: (float32, int64), seen: json, no: json}"


def test_numbers_widen_and_shapes_that_vary_become_json():
    assert infer_structure([1, 2.5]) == Leaf(Kind.FLOAT, "float64")
    assert infer_structure([np.zeros(2), np.zeros(3)]) == Leaf(Kind.JSON, "str")
    assert infer_structure([2**70]) == Leaf(Kind.JSON, "str")
    assert infer_structure([(1, 2), (1, "a")]) == TupleOf((Leaf(Kind.INT, "int64"), Leaf(Kind.JSON, "str")))


def test_nothing_has_no_structure():
    with pytest.raises(CwmError, match="no values to infer"):
        infer_structure([])


def test_casting_to_a_common_structure_keeps_the_values():
    whole, real = Columns.from_values([1, 2]), Columns.from_values([0.5])
    common = common_structure([whole.structure, real.structure])
    assert Columns.concatenate([whole.cast(common), real.cast(common)]).arrays[0].tolist() == [1.0, 2.0, 0.5]
    text = common_structure([whole.structure, Columns.from_values(["a"]).structure])
    assert whole.cast(text).row(1) == 2


def test_columns_of_different_structures_are_not_put_together():
    with pytest.raises(CwmError, match="different shapes"):
        Columns.concatenate([Columns.from_values([1]), Columns.from_values(["a"])])


def test_rows_are_the_same_only_to_the_last_bit():
    one = Columns.from_values([0.0, np.nan, 1.0])
    other = Columns.from_values([-0.0, np.nan, 1.0])
    assert same_rows(one, other).tolist() == [False, True, True]


@given(json_values)
def test_equal_values_have_one_canonical_text(value):
    """However often it goes there and back."""
    text = canonical_json(value)
    assert canonical_json(from_canonical_json(text)) == text


def test_sets_are_canonical_and_come_back_as_sets():
    assert canonical_json({(2, "b"), (1, "a")}) == '{"__set__":[[1,"a"],[2,"b"]]}'
    assert from_canonical_json(canonical_json([{3, 1}])) == [frozenset({1, 3})]


@given(st.lists(st.floats(width=32)))
def test_short_floats_read_back_as_the_same_float32(numbers):
    array = np.array(numbers, dtype=np.float32)
    with np.errstate(over="ignore"):
        back = short_floats(array).astype(np.float32)
    np.testing.assert_array_equal(back, array)
    np.testing.assert_array_equal(np.signbit(back[array == 0]), np.signbit(array[array == 0]))


def test_short_floats_are_short():
    assert short_floats(np.array([0.1, -4.8], dtype=np.float32)).tolist() == [0.1, -4.8]
