"""How numbers and transitions are put into words."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.checking.show import (
    FieldRow,
    crop,
    field_rows,
    message_with_count,
    printable,
    show,
    show_count,
    show_difference,
    show_pair,
    show_share,
    value_at,
)
from cwm_engine.findings import Example, Finding, Severity, Span

OUTCOME = {
    "observation": {"board": [[1, 2], [3, 4]], "pair": [7, [8.5, 9.5]]},
    "reward": -1.0,
    "terminated": False,
}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("obs.board[1,0]", 3),
        ("obs.pair[0]", 7),
        ("obs.pair[1][1]", 9.5),
        ("obs.board", [[1, 2], [3, 4]]),
        ("obs", OUTCOME["observation"]),
        ("reward", -1.0),
        ("terminated", False),
    ],
)
def test_a_field_is_found_by_its_path(field: str, value: Any) -> None:
    assert value_at(OUTCOME, field) == value


@pytest.mark.parametrize("field", ["obs.board[9,9]", "obs.missing", "obs.pair[0][0]", "obscure", "info"])
def test_a_field_that_is_not_there_is_none(field: str) -> None:
    assert value_at(OUTCOME, field) is None
    assert value_at(None, field) is None
    assert value_at({"error": "it raised"}, field) is None


def test_rows_of_an_example_set_prediction_beside_observation() -> None:
    example = Example(
        episode=0,
        step=4,
        state=[1.0, 2.0],
        action=1,
        expected={"observation": [1.5, 2.0], "reward": 1.0, "terminated": False},
        predicted={"observation": [1.25, 2.0], "reward": 1.0, "terminated": True},
        differs=("obs[0]", "terminated"),
    )
    assert field_rows(example) == (
        FieldRow("obs[0]", "1.0", "1.5", "1.25", "-0.25"),
        FieldRow("terminated", "", "false", "true", ""),
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([0.1234567891, -2.0], "[0.123457, -2.0]"),
        (1e-9, "1e-09"),
        (True, "true"),
        (None, "none"),
        ("R", '"R"'),
        ({"a": [1, 2]}, "{a: [1, 2]}"),
        ({"__set__": [1, 2]}, "{1, 2}"),
        (float("nan"), "nan"),
    ],
)
def test_values_are_shown_short(value: Any, text: str) -> None:
    assert show(value) == text


def test_two_values_that_differ_look_different() -> None:
    """Six digits would show both as 0.333333."""
    assert show_pair(0.3333333, 0.3333334) == ("0.3333333", "0.3333334")


@pytest.mark.parametrize(
    ("expected", "predicted", "text"),
    [(10, 7, "-3"), (0.5, 0.75, "+0.25"), (True, False, ""), ("a", "b", ""), (1.0, float("nan"), ""), (1.0, None, "")],
)
def test_difference_is_predicted_minus_expected_of_numbers(expected: Any, predicted: Any, text: str) -> None:
    assert show_difference(expected, predicted) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(1.0, "100 %"), (0.99999, "99.9 %"), (0.0, "0.0 %"), (0.0001, "< 0.1 %"), (0.29, "29.0 %"), (None, "unknown")],
)
def test_only_a_flawless_share_is_100_percent(share: float | None, text: str) -> None:
    assert show_share(share) == text


def test_counts_agree_with_their_noun() -> None:
    assert show_count(1, "model") == "1 model"
    assert show_count(12000, "transition") == "12,000 transitions"


def counted(message: str, count: int) -> str:
    finding = Finding(code="CWM201", severity=Severity.ERROR, message=message, span=Span(1, 1, 1, 2), count=count)
    return message_with_count(finding, 1000)


def test_message_carries_the_count_once() -> None:
    assert counted("`obs[0]` is wrong.", 37) == "`obs[0]` is wrong (37 of 1,000 transitions)"
    assert counted("5 transitions are odd.", 5) == "5 transitions are odd."
    assert counted("The file is empty.", 0) == "The file is empty."
    assert counted("It crashed; the check ended there", 1001) == "It crashed; the check ended there"


@given(st.text(), st.integers(8, 40))
def test_cropped_text_fits(text: str, width: int) -> None:
    cropped = crop(text, width)
    assert len(cropped) <= width
    assert cropped == text or "..." in cropped


@given(st.text())
def test_printable_text_cannot_steer_a_terminal_and_keeps_its_length(text: str) -> None:
    shown = printable(text)
    assert len(shown) == len(text)
    assert not set(shown) & set("\x1b\x07\x08\r\x9b\u202e\u2066")
    shown.encode("utf-8")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.floats(-9, 9) | st.text("ab中", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=9)
        | st.dictionaries(st.text("xy", max_size=2), inner, max_size=4)
        | st.lists(inner, max_size=4).map(lambda items: {"__set__": items})
    ),
    max_leaves=60,
)


@given(VALUES, st.integers(8, 40))
def test_a_long_value_is_cropped_as_if_it_had_been_written_out(value: Any, width: int) -> None:
    assert show(value, width=width) == crop(show(value, width=10**9), width)
