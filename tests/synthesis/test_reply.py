"""Replies of language models: the program in them, or the reason why there is none."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.synthesis.interfaces import Request, SearchAction
from cwm_engine.synthesis.reply import read_reply, storable

PROGRAM = """\
class Environment:
    def __init__(self):
        self.x = 0.0

    def set_state(self, state):
        self.x = state[0]

    def step(self, action):
        self.x += 1
        return [self.x], 0.0, False
"""
BETTER = PROGRAM.replace("+= 1", "-= 1")
IMPROVE = Request(action=SearchAction.IMPROVE, program=PROGRAM)
GENERATE = Request(action=SearchAction.GENERATE)


def from_prefix(lines: int) -> Request:
    return Request(action=SearchAction.GENERATE, prefix="\n".join(PROGRAM.splitlines()[:lines]))


def rest(lines: int) -> str:
    return "\n".join(PROGRAM.splitlines()[lines:])


def fenced(code: str, language: str = "python", mark: str = "```") -> str:
    return f"{mark}{language}\n{code.rstrip()}\n{mark}\n"


@pytest.mark.parametrize("language", ["python", "py", "Python", "python3", "", 'python title="model.py"'])
def test_the_program_is_taken_from_a_python_fence(language: str) -> None:
    assert read_reply(f"Here it is:\n\n{fenced(BETTER, language)}\nDone.", IMPROVE).program == BETTER


def test_the_longest_python_fence_counts() -> None:
    reply = fenced("self.x -= 1") + "so the program is\n" + fenced(BETTER) + "and was\n" + fenced("self.x += 1")
    assert read_reply(reply, IMPROVE).program == BETTER


def test_the_old_program_quoted_is_not_the_answer() -> None:
    longer = Request(action=SearchAction.IMPROVE, program=PROGRAM + "\n# A long remark that will go.\n" * 5)
    assert longer.program is not None
    assert read_reply(fenced(longer.program) + fenced(BETTER), longer).program == BETTER


def test_the_old_program_alone_is_an_answer() -> None:
    assert read_reply(fenced(PROGRAM), IMPROVE).program == PROGRAM


def test_a_whole_program_is_taken_before_a_longer_piece() -> None:
    piece = "def helper(x):\n" + "    x = x + 1\n" * 60 + "    return x"
    assert read_reply(fenced(piece) + fenced(BETTER), IMPROVE).program == BETTER


def test_a_fence_that_is_never_closed_goes_to_the_end() -> None:
    assert read_reply(f"```python\n{BETTER}", IMPROVE).program == BETTER


def test_fences_in_other_languages_are_passed_over() -> None:
    reply = fenced('{"a": 1}' * 200, "json") + fenced(BETTER) + fenced("$ python model.py" * 100, "bash")
    assert read_reply(reply, IMPROVE).program == BETTER


def test_a_fence_in_a_docstring_does_not_end_the_program() -> None:
    program = BETTER.replace(
        "    def __init__", '    """A model.\n\n    ```\n    step(0)\n    ```\n    """\n\n    def __init__'
    )
    assert read_reply(fenced(program), IMPROVE).program == program


def test_a_fence_in_a_list_loses_its_indentation() -> None:
    indented = "\n".join(f"   {line}" for line in fenced(BETTER).splitlines())
    assert read_reply(f"1. The program:\n\n{indented}\n", IMPROVE).program == BETTER


def test_tildes_fence_too() -> None:
    assert read_reply(fenced(BETTER, mark="~~~~"), IMPROVE).program == BETTER


def test_carriage_returns_of_the_reply_do_not_reach_the_program() -> None:
    assert read_reply(fenced(BETTER).replace("\n", "\r\n"), IMPROVE).program == BETTER


def test_code_without_a_fence_is_found_after_the_words() -> None:
    assert read_reply(f"The sign was wrong.\n\n{BETTER}", IMPROVE).program == BETTER


def test_edits_change_the_program_that_was_shown() -> None:
    reply = "The sign.\n\n<<<<<<< SEARCH\n        self.x += 1\n=======\n        self.x -= 1\n>>>>>>> REPLACE\n"
    assert read_reply(reply, IMPROVE).program == BETTER


def test_edits_in_fences_are_edits() -> None:
    reply = fenced("<<<<<<< SEARCH\n        self.x += 1\n=======\n        self.x -= 1\n>>>>>>> REPLACE")
    assert read_reply(reply, IMPROVE).program == BETTER


def test_a_whole_program_saves_edits_that_do_not_fit() -> None:
    reply = "<<<<<<< SEARCH\nnot there\n=======\nx\n>>>>>>> REPLACE\n\nAltogether:\n\n" + fenced(BETTER)
    assert read_reply(reply, IMPROVE).program == BETTER


def test_edits_that_do_not_fit_are_a_reason() -> None:
    reply = read_reply("<<<<<<< SEARCH\nnot there\n=======\nx\n>>>>>>> REPLACE\n", IMPROVE)
    assert reply.program is None
    assert reply.reason == "Edit 1 of the reply looks for lines that the program does not have: `not there`."


def test_edits_without_a_program_are_a_reason() -> None:
    reply = read_reply("<<<<<<< SEARCH\na\n=======\nx\n>>>>>>> REPLACE\n", GENERATE)
    assert reply.reason == "The reply holds edits, but there was no program to edit."


@pytest.mark.parametrize("opening", ["<think>\n", ""], ids=["opened", "opened by the template"])
def test_thoughts_before_the_answer_are_not_the_answer(opening: str) -> None:
    thoughts = opening + "Perhaps:\n" + fenced(PROGRAM + "\n# longer\n" * 20) + "</think>\n"
    assert read_reply(thoughts + fenced(BETTER), IMPROVE).program == BETTER


def test_a_reply_that_ends_in_thoughts_is_a_reason() -> None:
    reply = read_reply("<think>\nLet me see.\n" + fenced(BETTER), IMPROVE)
    assert reply.reason == "The reply ends before the answer: all of it is thought."


@pytest.mark.parametrize("text", ["", "  \n\n"])
def test_an_empty_reply_is_a_reason(text: str) -> None:
    assert read_reply(text, IMPROVE).reason == "The reply is empty."


def test_words_alone_are_a_reason_that_quotes_them() -> None:
    reason = read_reply("I am sorry, but I cannot help with that. " * 10, IMPROVE).reason
    assert reason is not None
    assert "I am sorry, but I cannot" in reason
    assert len(reason) < 200


def test_an_empty_fence_is_a_reason() -> None:
    assert read_reply("```python\n```", IMPROVE).reason is not None


@pytest.mark.parametrize("lines", [1, 2, 3, 5, 8])
def test_a_continuation_is_put_after_the_prefix(lines: int) -> None:
    assert read_reply(rest(lines), from_prefix(lines)).program == PROGRAM


@pytest.mark.parametrize("lines", [1, 2, 3, 5, 8])
def test_a_fenced_continuation_is_put_after_the_prefix(lines: int) -> None:
    assert read_reply(f"```python\n{rest(lines)}\n```", from_prefix(lines)).program == PROGRAM


@pytest.mark.parametrize("lines", [1, 3, 8])
def test_a_reply_that_repeats_the_prefix_has_it_once(lines: int) -> None:
    assert read_reply(fenced(PROGRAM), from_prefix(lines)).program == PROGRAM


def test_a_continuation_that_closes_the_prefilled_fence_is_whole() -> None:
    assert read_reply(rest(3) + "\n```\n\nThis adds one.", from_prefix(3)).program == PROGRAM


def test_a_program_that_starts_anew_stands_for_itself() -> None:
    """Chat endpoints do not go on from a prefix: they begin the program again, in their own words."""
    anew = "import math\n\n\n" + BETTER
    assert read_reply(fenced(anew), from_prefix(3)).program == anew


def test_functions_are_a_program_too() -> None:
    program = "def transition(state, action):\n    return state\n\n\n"
    program += "def reward(state, action, next_state):\n    return 0.0, False\n"
    assert read_reply(fenced("x = 1\n" * 90) + fenced(program), GENERATE).program == program


def test_what_cannot_be_written_as_text_is_replaced() -> None:
    """Half a surrogate pair comes out of JSON as a character that no file can hold."""
    assert storable("a\ud800b\x00c") == "a?bc"
    program = read_reply(fenced(BETTER + "# \ud800"), IMPROVE).program
    assert program is not None
    program.encode()


PIECES = st.sampled_from(
    ["```", "```python", "~~~", "<think>", "</think>", "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE", "\x0c",
     "class Environment:", "    def step(self, action):", "        self.x += 1", "import math", "words", "\ud800",
     "x = (" * 50, "'''"]
)  # fmt: skip


@given(
    st.lists(st.one_of(PIECES, st.text(max_size=20)), max_size=20), st.sampled_from([IMPROVE, GENERATE, from_prefix(3)])
)
def test_any_reply_gives_either_a_program_or_a_reason(lines: list[str], request: Request) -> None:
    reply = read_reply("\n".join(lines), request)
    assert (reply.program is None) != (reply.reason is None)
    (reply.program or reply.reason or "").encode()


NAMES = st.sampled_from(["x", "velocity", "angle"])
STATEMENTS = st.one_of(
    st.builds("self.{} = {}".format, NAMES, st.floats(allow_nan=False, allow_infinity=False)),
    st.builds("self.{} = {!r}".format, NAMES, st.text(max_size=10)),
    st.builds("# {}".format, st.text(alphabet="abc `~<>=", max_size=10)),
)


@given(
    st.lists(STATEMENTS, max_size=6),
    st.text(alphabet="abc .\n#*", max_size=60),
    st.text(alphabet="abc .\n#*", max_size=60),
)
def test_every_program_survives_being_fenced_among_words(body: list[str], before: str, after: str) -> None:
    program = PROGRAM + "".join(f"        {line}\n" for line in body).rstrip(" ")
    ast.parse(program)
    assert read_reply(f"{before}\n{fenced(program, mark='`' * 5)}{after}", GENERATE).program == program.rstrip() + "\n"
