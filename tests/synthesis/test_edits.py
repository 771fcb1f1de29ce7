"""Search/replace edits: read from a reply, found in the program, nothing else touched."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.synthesis.edits import Edit, EditError, apply_edits, read_edits

PROGRAM = """\
class Environment:
    def set_state(self, state):
        self.x = state[0]

    def step(self, action):
        self.x += 1
        return [self.x], 0.0, False
"""


def block(search: str, replace: str) -> str:
    return f"<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE\n"


def edited(search: str, replace: str, program: str = PROGRAM) -> str:
    return apply_edits(program, read_edits(block(search, replace)))


def test_an_edit_replaces_the_lines_it_shows() -> None:
    assert edited("        self.x += 1", "        self.x -= 1") == PROGRAM.replace("+= 1", "-= 1")


def test_several_edits_are_all_found_in_the_program_as_it_was() -> None:
    """Lines that the first edit puts in cannot be taken for those that the second one means."""
    reply = block("        self.x = state[0]", "        self.x += 1") + block(
        "        self.x += 1", "        self.x += 2"
    )
    assert apply_edits(PROGRAM, read_edits(reply)).count("self.x += 2") == 1


def test_edits_may_come_in_any_order() -> None:
    last = block("        return [self.x], 0.0, False", "        return [self.x], 1.0, False")
    first = block("        self.x = state[0]", "        self.x = float(state[0])")
    assert apply_edits(PROGRAM, read_edits(last + first)) == apply_edits(PROGRAM, read_edits(first + last))


def test_white_space_at_the_ends_of_lines_does_not_matter() -> None:
    assert edited("        self.x += 1   ", "        self.x -= 1") == PROGRAM.replace("+= 1", "-= 1")


def test_an_edit_with_another_indentation_gets_that_of_the_program() -> None:
    changed = edited(
        "self.x += 1\nreturn [self.x], 0.0, False", "if action:\n    self.x += 1\nreturn [self.x], 0.0, False"
    )
    assert "        if action:\n            self.x += 1\n        return" in changed


def test_an_edit_indented_too_far_is_brought_back() -> None:
    assert edited("            self.x += 1", "            self.x -= 1") == PROGRAM.replace("+= 1", "-= 1")


def test_empty_lines_around_an_edit_do_not_matter() -> None:
    assert edited("\n        self.x += 1\n", "\n        self.x -= 1\n") == PROGRAM.replace("+= 1", "-= 1")


def test_an_edit_without_new_lines_removes() -> None:
    reply = "<<<<<<< SEARCH\n        self.x += 1\n=======\n>>>>>>> REPLACE"
    assert apply_edits(PROGRAM, read_edits(reply)) == PROGRAM.replace("        self.x += 1\n", "")


def test_lines_that_occur_twice_are_an_error_that_names_the_places() -> None:
    with pytest.raises(EditError, match=r"fits 2 places .*lines 1, 3"):
        edited("a = 1", "a = 2", "a = 1\nb = 1\na = 1\n")


def test_lines_that_are_not_there_are_an_error_that_quotes_them() -> None:
    with pytest.raises(EditError, match=r"does not have: `self\.y \+= 1`"):
        edited("        self.y += 1", "        self.y -= 1")


def test_two_edits_of_the_same_lines_are_an_error() -> None:
    reply = block("        self.x += 1", "        self.x -= 1") * 2
    with pytest.raises(EditError, match=r"Edits 1 and 2 .* same lines"):
        apply_edits(PROGRAM, read_edits(reply))


def test_an_edit_that_says_nothing_to_look_for_is_an_error() -> None:
    with pytest.raises(EditError, match="nothing to look for"):
        edited("", "a = 1")


def test_an_edit_that_says_nothing_to_look_for_fills_an_empty_program() -> None:
    assert edited("", "a = 1", "") == "a = 1\n"


@pytest.mark.parametrize("lost", [">>>>>>> REPLACE", "======="])
def test_a_block_that_is_cut_off_is_an_error(lost: str) -> None:
    with pytest.raises(EditError, match=lost):
        read_edits(block("a", "b").replace(lost + "\n", ""))


def test_newlines_stay_as_they_are() -> None:
    program = PROGRAM.replace("\n", "\r\n")
    assert edited("        self.x += 1", "        self.x -= 1", program) == program.replace("+= 1", "-= 1")


def test_a_missing_newline_at_the_end_stays_missing() -> None:
    assert edited("b = 1", "b = 2\nc = 3", "a = 1\nb = 1") == "a = 1\nb = 2\nc = 3"


def test_a_form_feed_ends_no_line() -> None:
    program = 'a = "\x0c"\nb = 1\n'
    assert edited("b = 1", "b = 2", program) == 'a = "\x0c"\nb = 2\n'


LINES = st.lists(st.sampled_from(["a = 1", "b = 2", "    c = 3", "", "\td", "x\u2028y"]), min_size=1, max_size=8)


@given(LINES, LINES, LINES, st.sampled_from(["\n", "\r\n"]))
def test_replacing_the_marked_lines_leaves_everything_else(
    before: list[str], after: list[str], new: list[str], newline: str
) -> None:
    """Round trip: whatever stands around a line that occurs once, only that line changes."""
    program = "".join(line + newline for line in [*before, "    marked = 0", *after])
    expected = "".join(line + newline for line in [*before, *new, *after])
    assert apply_edits(program, (Edit(("    marked = 0",), tuple(new)),)) == expected


@given(st.text(alphabet="ab \n\r\t<>=SEARCHREPLACE", max_size=120), st.text(alphabet="ab \n\r\t", max_size=60))
def test_reading_and_applying_anything_gives_a_program_or_a_reason(reply: str, program: str) -> None:
    with contextlib.suppress(EditError):
        assert isinstance(apply_edits(program, read_edits(reply)), str)
