"""Places: what of a line of code is marked."""

from __future__ import annotations

import pytest

from cwm_engine.diagnosis.places import Places
from cwm_engine.findings import Span
from tests.checks import STILL, program_of


def span_of(line: str) -> Span:
    """The span on a line, which is the third of a file."""
    return Places(["", "", line], program_of(STILL).spec).line(3)


@pytest.mark.parametrize(
    ("line", "marked"),
    [
        ("    x = 1", "x = 1"),
        ("    x = 1  # one", "x = 1"),
        ("    x = 1 # one", "x = 1"),
        ("    x = '#'  # one", "x = '#'"),
        ("    x = 'a  # b'", "x = 'a  # b'"),
        ("\tx = 1   ", "x = 1"),
        ("x = 'not closed  # here", "x = 'not closed  # here"),
        ("    ", ""),
        ("    # only this", "# only this"),
        ("größe = 1  # groß", "größe = 1"),
    ],
)
def test_the_code_of_a_line_is_marked_without_indentation_and_comment(line, marked):
    span = span_of(line)
    assert span.line == span.end_line == 3
    assert line[span.column - 1 : span.end_column - 1] == marked
    assert span.end_column > span.column


def test_a_line_that_is_not_there_stands_for_the_model():
    places = Places(STILL.splitlines(), program_of(STILL).spec)
    assert places.line(0) == places.line(99) == places.model
