"""Ignore comments: what they silence, and what only looks like one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.world_model.suppress import is_suppressed, suppressions


@pytest.mark.parametrize(
    ("comment", "codes"),
    [
        ("# cwm: ignore[CWM201]", {"CWM201"}),
        ("# cwm: ignore[CWM201, cwm302]", {"CWM201", "CWM302"}),
        ("#cwm:ignore[CWM2]", {"CWM2"}),
        ("# the pole  # cwm: ignore[CWM201]  # noqa", {"CWM201"}),
        ("# type: ignore  # cwm: ignore[CWM201] because", {"CWM201"}),
        ("# cwm: ignore[]", set()),
        ("# cwm: ignore", None),
        ("# CWM: Ignore", None),
        ("# cwm: ignore -- the data is wrong here", None),
    ],
)
def test_comments_name_codes_or_silence_everything(comment: str, codes: set[str] | None) -> None:
    assert suppressions(f"x = 1\ny = 2  {comment}\n") == {2: codes}


@pytest.mark.parametrize(
    "text",
    [
        "x = '# cwm: ignore'\n",
        '"""\n# cwm: ignore\n"""\n',
        "# cwm: ignored\n",
        "# cwm ignore\n",
        "# cwm: ignore[CWM201\n",
        "",
    ],
)
def test_what_only_looks_like_a_comment_silences_nothing(text: str) -> None:
    assert suppressions(text) == {}


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_are_counted_with_any_newline(newline: str) -> None:
    assert suppressions(newline.join(["x = 1", "", "y = (", "1)  # cwm: ignore", ""])) == {4: None}


def test_comments_before_a_syntax_error_still_count() -> None:
    assert suppressions("x = 1  # cwm: ignore\ny = (\n") == {1: None}
    assert suppressions("x = 1  # cwm: ignore\n  y = 2\n z = 3\n") == {1: None}


def test_a_code_is_silenced_by_its_beginning_as_in_ruff() -> None:
    found = suppressions("a  # cwm: ignore[CWM2, CWM302]\nb  # cwm: ignore\n")
    assert is_suppressed(found, 1, "CWM201")
    assert is_suppressed(found, 1, "CWM302")
    assert not is_suppressed(found, 1, "CWM301")
    assert is_suppressed(found, 2, "CWM301")
    assert not is_suppressed(found, 3, "CWM301")


@given(st.text(alphabet="#cwm: ignore[]CWM201\n'\"(\t\\é", max_size=60))
def test_no_text_is_too_strange(text: str) -> None:
    assert all(1 <= line <= text.count("\n") + 1 for line in suppressions(text + "# cwm: ignore"))
