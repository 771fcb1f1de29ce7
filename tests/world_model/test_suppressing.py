"""Writing ignore comments."""

import pytest

from cwm_engine.world_model.suppressing import suppressing


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("x = 1", "x = 1  # cwm: ignore[CWM201]"),
        ("x = 1  # why", "x = 1  # why  # cwm: ignore[CWM201]"),
        ("x = 1  # cwm: ignore[CWM302]", "x = 1  # cwm: ignore[CWM302, CWM201]"),
        ("x = '\u2603'", "x = '\u2603'  # cwm: ignore[CWM201]"),
    ],
)
def test_the_comment_goes_to_the_end_of_the_line(line, after):
    assert suppressing(f"a = 0\n{line}\nb = 2\n", 2, "CWM201") == after


@pytest.mark.parametrize("text", ['x = """\nstring\n"""\n', "x = 1 + \\\n    2\n"])
def test_a_line_without_a_place_for_a_comment_gets_none(text):
    assert suppressing(text, 1, "CWM201") is None


def test_a_program_that_does_not_parse_gets_none():
    assert suppressing("x = (\n", 1, "CWM101") is None
