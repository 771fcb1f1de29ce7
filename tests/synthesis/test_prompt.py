"""What a language model is shown: everything that is known, in a bounded text, and nothing from outside the request."""

import dataclasses
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.findings import Example, Finding, Severity, Span, Suspect
from cwm_engine.synthesis.contract import contract
from cwm_engine.synthesis.interfaces import Request, SearchAction
from cwm_engine.synthesis.prompt import PromptStyle, build_messages, show_messages
from cwm_engine.synthesis.reply import read_reply
from cwm_engine.synthesis.wording import space_in_words
from cwm_engine.trajectories.dataset import Spaces
from cwm_engine.world_model.discovery import Dialect, discover
from cwm_engine.world_model.source import parse, split_lines
from tests.synthesis.requests import PROGRAM, example, fix, generate, improve

ALL = [improve(), fix(), generate(), generate(prefix="class Environment:\n    def __init__(self):")]


def prompt(request: Request, style: PromptStyle = PromptStyle.DEFAULT) -> str:
    return show_messages(build_messages(request, style))


def test_an_improvement_shows_everything_that_is_known() -> None:
    text = prompt(improve())
    for known in (
        "A cart on a rail of 4 m; positions in metres.",
        "[0] -2.5..2.5",
        "an integer from 0 to 1",
        "`step(self, action)`",
        PROGRAM.strip(),
        "0.0 % of the recorded transitions are predicted right in every field.",
        "- reward: right in 0.0 %\n- obs[0]: right in 60.0 %\n- always right: terminated",
        "`obs[0]` is wrong in 40 of 100 transitions",
        "- line 12 (1.00): `self.x += 0.1 if action == 1 else 0.1`\n- line 9 (0.25): `self.x = float(state[0])`",
        "obs[0]: before 0.0, observed -0.1 (change -0.1), predicted 0.1 (off by +0.2)",
        "reward: observed 0.5, predicted 0.0 (off by -0.5)",
        "`reward` is wrong in 100 of 100 transitions",
        "At line 13: `return [self.x], 0.0, self.x > 2`",
        "Hint: It is always 0.5.",
        "Attempt 1 (improve): right in 12.5 % of the transitions",
        "+        self.x += 0.2",
        "Attempt 2 (improve): failed: The reply is empty.",
        "No single edit repairs the program.",
        "<<<<<<< SEARCH",
    ):
        assert known in text


def test_every_finding_has_an_example() -> None:
    """More than the paper shows, whose only example is the first failing transition."""
    many = tuple(
        Finding(
            code="CWM201", severity=Severity.ERROR, message=f"cause {number}", span=Span(1, 1, 1, 2),
            examples=(example(number), example(number + 100)),
        )
        for number in range(6)
    )  # fmt: skip
    text = prompt(improve(findings=many))
    assert [int(number) for number in re.findall(r"Example \(step 7 of episode (\d+)\)", text)] == list(range(6))


def test_a_single_finding_has_several_examples() -> None:
    finding = improve().findings[:1]
    assert prompt(improve(findings=finding)).count("Example (") == 3


def test_examples_with_other_actions_come_first() -> None:
    examples = (example(1), example(2), dataclasses.replace(example(3), action=1))
    finding = dataclasses.replace(improve().findings[0], examples=examples)
    shown = re.findall(r"Example \(step 7 of episode (\d+)\)", prompt(improve(findings=(finding,))))
    assert shown == ["1", "3", "2"]


def test_advice_that_says_nothing_about_the_case_is_left_out() -> None:
    assert "Correct the dynamics on the marked line" not in prompt(improve())


def test_a_fix_shows_the_error_and_what_raised_it() -> None:
    text = prompt(fix())
    assert "ZeroDivisionError: float division by zero" in text
    assert "state:     [0.5]" in text
    assert "predicted: raised an error: float division by zero" in text
    assert "recorded transitions are predicted right" not in text


def test_an_error_has_one_example() -> None:
    error = dataclasses.replace(fix().findings[0], examples=fix().findings[0].examples * 3)
    assert prompt(fix(findings=(error,))).count("Example (") == 1


def test_a_program_from_nothing_is_asked_for_with_transitions() -> None:
    text = prompt(generate())
    assert (
        "# Recorded transitions\n\nstate [0.0], action 0\n  -> observation [-0.1], reward 0.5, terminated false" in text
    )
    assert "SEARCH" not in text


def test_the_prefix_is_shown_to_be_kept() -> None:
    assert "```python\nclass Environment:\n    def __init__(self):\n```" in prompt(ALL[3])


def test_code_with_fences_is_fenced_with_longer_ones() -> None:
    program = PROGRAM.replace("A cart", "```\nA cart\n```\n")
    request = improve(program=program)
    assert f"````python\n{program.strip()}\n````" in prompt(request)


@pytest.mark.parametrize("style", PromptStyle)
@pytest.mark.parametrize("request_", ALL, ids=["improve", "fix", "generate", "prefix"])
def test_the_same_request_gives_the_same_prompt(request_: Request, style: PromptStyle) -> None:
    assert prompt(request_, style) == prompt(request_, style)


@pytest.mark.parametrize("style", PromptStyle)
def test_nothing_of_the_machine_is_in_a_prompt(style: PromptStyle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-0123456789")
    for request in ALL:
        text = prompt(request, style)
        assert "sk-very-secret" not in text
        assert not re.search(r"(?:^|[\s\"'(])/(?:home|tmp|usr|work|root)\b", text)


class TestSize:
    """Whatever a search finds, a prompt stays readable and within what a model can take."""

    def test_large_observations_are_cut_but_what_differs_is_told(self) -> None:
        large = (example(1, size=5000),)
        finding = Finding(code="CWM201", severity=Severity.ERROR, message="m", span=Span(1, 1, 1, 2), examples=large)
        text = prompt(improve(findings=(finding,)))
        assert len(text) < 40_000
        assert "obs[0]: before 0.1, observed 0.0" in text
        assert "more fields" in text

    def test_a_long_description_and_many_attempts_give_way_to_the_program(self) -> None:
        program = PROGRAM + "\n\n# part of the program\n" * 1500
        text = prompt(improve(program=program, description="word " * 50_000))
        assert program.strip() in text
        assert len(text) < len(program) + 10_000

    def test_a_small_context_gets_a_small_prompt(self) -> None:
        messages = build_messages(improve(description="word " * 5000), max_characters=6000)
        assert sum(len(message.content) for message in messages) <= 6000

    @given(
        st.integers(0, 30),
        st.integers(0, 300),
        st.integers(0, 40),
        st.integers(0, 3000),
        st.sampled_from(list(PromptStyle)),
    )
    def test_no_number_of_findings_fields_and_attempts_breaks_the_bound(
        self, findings: int, size: int, siblings: int, fields: int, style: PromptStyle
    ) -> None:
        finding = Finding(
            code="CWM201", severity=Severity.ERROR, message="m" * 500, span=Span(1, 1, 1, 2),
            suspects=tuple(Suspect(line, 0.5) for line in range(-1, 40)), examples=(example(1, size=size),),
        )  # fmt: skip
        request = improve(
            findings=(finding,) * findings,
            fields={f"obs[{index}]": 0.5 for index in range(fields)},
            siblings=improve().siblings * siblings,
        )
        assert len(prompt(request, style)) <= 40_100


class TestPaper:
    """The paper's information pieces and no more."""

    def test_generate_begins_the_reply_with_the_prefix(self) -> None:
        messages = build_messages(ALL[3], PromptStyle.PAPER)
        assert [message.role for message in messages] == ["system", "user", "assistant"]
        assert "incomplete" in messages[0].content
        assert messages[-1].content.endswith("```python\nclass Environment:\n    def __init__(self):\n")

    def test_generate_shows_no_data(self) -> None:
        text = prompt(generate(), PromptStyle.PAPER)
        assert "A cart on a rail of 4 m" in text
        assert "observed" not in text
        assert "0.5" not in text

    def test_improve_shows_the_first_failing_transition_alone(self) -> None:
        text = prompt(improve(), PromptStyle.PAPER)
        assert "state: [0.0]\naction: 0" in text
        assert "next state: [-0.1]\nreward: 0.5\ndone: False" in text
        assert "next state: [0.1]\nreward: 0.0\ndone: False" in text
        assert text.count("state: [") == 3
        for beyond in ("line 12", "right in", "Attempt", "No single edit", "-2.5"):
            assert beyond not in text

    def test_improve_asks_for_four_headings(self) -> None:
        headings = re.findall(r"^## (.*)$", build_messages(improve(), PromptStyle.PAPER)[1].content, re.MULTILINE)
        assert headings == ["Difference explanation", "Faulty logic", "Proposed fix", "Correct code"]

    def test_fix_shows_the_error_with_its_line_but_not_what_raised_it(self) -> None:
        text = prompt(fix(), PromptStyle.PAPER)
        assert "Error on line 12: ZeroDivisionError: float division by zero" in text
        assert "self.x += 0.1 if action == 1 else 0.1" in text
        assert "state: [" not in text

    def test_fix_begins_the_reply_with_its_first_heading(self) -> None:
        assert build_messages(fix(), PromptStyle.PAPER)[-1].content == "## Error explanation\n"


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ({"type": "Discrete", "n": 4, "start": 1}, "an integer from 1 to 4"),
        (
            {"type": "Box", "low": ["-inf", 0.0], "high": ["inf", 1.0], "shape": [2], "dtype": "float32"},
            "an array of shape [2] of numbers (float32); from, to: [0] -inf..inf, [1] 0.0..1.0",
        ),
        (
            {"type": "Box", "low": 0, "high": 255, "shape": [7, 7, 3], "dtype": "uint8"},
            "an array of shape [7, 7, 3] of integers (uint8), each from 0 to 255",
        ),
        (
            {"type": "Dict", "spaces": {"held": {"type": "Discrete", "n": 2, "start": 0}, "text": {"type": "Text"}}},
            "a dictionary:\n  'held': an integer from 0 to 1\n  'text': a string",
        ),
        (
            {"type": "Tuple", "spaces": [{"type": "MultiBinary", "shape": [3]}]},
            "a tuple of 1:\n  [0]: an array of shape [3] of 0 and 1",
        ),
        (None, ""),
    ],
)
def test_spaces_are_told_in_words(space: dict[str, object] | None, words: str) -> None:
    assert space_in_words(space) == words


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(max_size=5), part, max_size=4),
    max_leaves=8,
)


@given(JSON, JSON, JSON, st.text(max_size=40), st.sampled_from(list(SearchAction)), st.sampled_from(list(PromptStyle)))
def test_any_values_can_be_told(
    state: object, expected: object, space: object, program: str, action: SearchAction, style: PromptStyle
) -> None:
    """Nobody has promised that data or replies look as they should."""
    shown = Example(0, 0, state, state, expected, expected, ("obs[0]", "reward", "obs.a[1]", "other"))
    finding = Finding(code="CWM201", severity=Severity.ERROR, message="m", span=Span(1, 1, 1, 2), examples=(shown,))
    spaces = Spaces(space if isinstance(space, dict) else {"type": "Box", "low": space}, {"type": "Dict"})
    text = prompt(Request(action=action, program=program, findings=(finding,), examples=(shown,), spaces=spaces), style)
    json.dumps(text).encode()
    text.encode()


class TestContract:
    """The contract names what discovery looks for."""

    @pytest.mark.parametrize(
        ("dialect", "members"),
        [
            (Dialect.ENVIRONMENT, ["class `Environment`", "`set_state(self, state)`", "`step(self, action)`"]),
            (Dialect.FUNCTIONS, ["`transition(state, action)`", "`reward(state, action, next_state)`"]),
            (Dialect.GYMNASIUM, ["`Environment(gymnasium.Env)`", "`set_state(self, state)`", "five values"]),
        ],
    )  # fmt: skip
    def test_a_dialect_has_its_members(self, dialect: Dialect, members: list[str]) -> None:
        for member in members:
            assert member in contract(dialect)

    def test_a_class_keeps_the_name_it_has(self) -> None:
        assert "class `Taxi`" in contract(name="Taxi")

    def test_hidden_state_is_allowed_in_episode_mode_alone(self) -> None:
        assert "may keep more than the observation" in contract(mode="episode")
        assert "may keep more than the observation" not in contract()

    def test_modules_of_the_configuration_are_named(self) -> None:
        assert "`shapely`" in contract(allow_modules=["shapely"])

    def test_the_goal_is_named(self) -> None:
        assert "the goal that is compared is `reach`" in contract(Dialect.FUNCTIONS, goal="reach")


def test_an_answer_in_the_form_that_is_asked_for_is_understood() -> None:
    """The prompt's own example of an edit, filled in, changes the program."""
    asked = prompt(improve())
    form = asked[asked.index("<<<<<<< SEARCH") : asked.index(">>>>>>> REPLACE") + len(">>>>>>> REPLACE")]
    old, new = "        self.x += 0.1 if action == 1 else 0.1", "        self.x += 0.1 if action == 1 else -0.1"
    answer = re.sub(r"lines exactly .*", old, form)
    answer = re.sub(r"the lines to put .*", new, answer)
    program = read_reply(answer, improve()).program
    assert program == PROGRAM.replace(old, new)
    tree = parse(program)
    assert not isinstance(tree, Finding)
    assert discover(tree, split_lines(program)).models
