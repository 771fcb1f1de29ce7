"""Discovery: which models a file holds, and what is said about one that is not whole."""

from __future__ import annotations

import ast
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.findings import Finding, Span
from cwm_engine.world_model.discovery import Dialect, Discovery, ModelSpec, discover
from cwm_engine.world_model.source import split_lines


def found_in(source: str) -> Discovery:
    text = textwrap.dedent(source).lstrip("\n")
    return discover(ast.parse(text), split_lines(text))


def model_in(source: str) -> ModelSpec:
    found = found_in(source)
    assert not found.problems, found.problems
    (model,) = found.models
    return model


def problem_in(source: str) -> Finding:
    (problem,) = found_in(source).problems
    return problem


def marked(source: str, span: Span) -> str:
    text = split_lines(textwrap.dedent(source).lstrip("\n"))[span.line - 1]
    return text[span.column - 1 : span.end_column - 1]


ENVIRONMENT = """
    class Environment:
        def __init__(self): self.state = None
        def set_state(self, state): self.state = state
        def step(self, action): return self.state, 0.0, False
"""

# -- the three dialects ------------------------------------------------------------------------------------------------


def test_a_class_with_set_state_and_step_is_a_model() -> None:
    model = model_in(ENVIRONMENT)
    assert (model.name, model.dialect, model.reward) == ("Environment", Dialect.ENVIRONMENT, None)
    assert marked(ENVIRONMENT, model.span) == "Environment"
    assert marked(ENVIRONMENT, model.step) == "step"
    assert (model.body.line, model.body.end_line) == (1, 4)


def test_the_name_of_the_class_is_free() -> None:
    assert model_in(ENVIRONMENT.replace("Environment", "Größe")).name == "Größe"


def test_transition_and_reward_are_a_model() -> None:
    source = """
        def transition(state, action): return state
        def reward(state, action, next_state): return 0.0, False
    """
    model = model_in(source)
    assert (model.name, model.dialect) == ("transition", Dialect.FUNCTIONS)
    assert model.reward is not None
    assert [marked(source, span) for span in (model.span, model.step, model.reward)] == [
        "transition", "transition", "reward",
    ]  # fmt: skip


def test_a_reward_that_takes_the_goal_is_noted() -> None:
    goal = "def transition(s, a): ...\ndef reward(s, a, n, goal): ...\n"
    assert model_in(goal).members == {"goal"}
    assert model_in(goal.replace("goal", "goal=None")).members == frozenset()


def test_rewards_by_goal_stand_in_for_reward() -> None:
    source = """
        def transition(s, a): ...
        def key(s, a, n): ...
        REWARDS = {"get the key": key, "wait": lambda s, a, n: (0, False)}
    """
    model = model_in(source)
    assert model.members == {"REWARDS"}
    assert model.reward is not None
    assert marked(source, model.reward) == "REWARDS"


@pytest.mark.parametrize(
    ("imports", "base"),
    [
        ("import gymnasium as gym", "gym.Env"),
        ("from gymnasium import Env", "Env"),
        ("from gymnasium import Env", "Env[int, int]"),
        ("from gymnasium.envs.classic_control import CartPoleEnv", "CartPoleEnv"),
        ("import gymnasium\nBase = gymnasium.Env", "Base"),
    ],
)
def test_an_env_subclass_with_set_state_is_a_gymnasium_model(imports: str, base: str) -> None:
    source = f"{imports}\nclass Cart({base}):\n    def set_state(self, s): ...\n    def step(self, a): ...\n"
    assert model_in(source).dialect is Dialect.GYMNASIUM


def test_optional_members_are_recorded() -> None:
    source = (
        ENVIRONMENT
        + "        def reset(self): ...\n        def outcomes(self, s, a): ...\n        def other(self): ...\n"
    )
    assert model_in(source).members == {"reset", "outcomes"}


def test_a_file_may_hold_several_models_in_the_order_of_the_text() -> None:
    source = textwrap.dedent(ENVIRONMENT)
    source = source.replace("Environment", "B") + source.replace("Environment", "A")
    source += "def transition(s, a): ...\ndef reward(s, a, n): ...\n"
    assert [model.name for model in found_in(source).models] == ["B", "A", "transition"]


# -- inheritance and other ways to say it ------------------------------------------------------------------------------


def test_members_are_inherited_inside_the_file_and_bases_are_no_models() -> None:
    source = """
        class Base:
            def set_state(self, state): ...
            def step(self, action): ...
        class Middle(Base): ...
        class Cart(Middle):
            def step(self, action): ...
        class Pole(Middle): ...
    """
    found = found_in(source)
    assert [(model.name, model.step.line) for model in found.models] == [("Cart", 6), ("Pole", 3)]
    assert not found.problems


def test_a_gymnasium_base_may_be_further_up() -> None:
    source = """
        import gymnasium as gym
        class Base(gym.Env):
            def set_state(self, s): ...
        class Cart(Base):
            def step(self, a): ...
    """
    assert model_in(source).dialect is Dialect.GYMNASIUM


def test_what_a_base_from_another_file_brings_is_not_held_against_a_class() -> None:
    model = model_in("from physics import Base\nclass Cart(Base):\n    def step(self, a): ...\n")
    assert model.dialect is Dialect.ENVIRONMENT


def test_methods_may_be_assigned_or_stand_under_an_if() -> None:
    source = """
        import sys
        class Environment:
            set_state = lambda self, s: None
            def _step(self, a): ...
            if sys.maxsize > 1:
                step = _step
    """
    assert marked(source, model_in(source).step) == "step"


def test_of_two_classes_with_one_name_the_last_counts() -> None:
    source = textwrap.dedent(ENVIRONMENT).replace("action", "a, b, c") + textwrap.dedent(ENVIRONMENT)
    assert model_in(source).span.line == 6


def test_helpers_of_a_whole_model_are_left_alone() -> None:
    """A lift with a `step`, a function called `transition`: fine beside a model."""
    source = (
        textwrap.dedent(ENVIRONMENT)
        + "class Lift:\n    def step(self): ...\ndef transition(x): ...\ndef reward(): ...\n"
    )
    found = found_in(source.replace("def transition(x): ...\n", ""))
    assert [model.name for model in found.models] == ["Environment"]
    assert not found.problems


# -- no model ----------------------------------------------------------------------------------------------------------


NOTHING = "The file holds no world model: no class has `set_state` and `step`, "
NOTHING += "and there are no functions `transition` and `reward`."


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "The file is empty."),
        ("  \n\n", "The file is empty."),
        ("# a model will be here\n", "The file is empty but for comments."),
        ('"""Doc."""\nx = 1\n', NOTHING),
    ],
)  # fmt: skip
def test_a_file_without_a_model_says_what_one_is(source: str, message: str) -> None:
    problem = discover(ast.parse(source), split_lines(source)).problems[0]
    assert (problem.code, problem.message, problem.span.line) == ("CWM102", message, 1)
    assert problem.note is not None
    assert "set_state(self, state)" in problem.note


def test_an_imported_environment_points_to_its_file() -> None:
    problem = problem_in("from models.cart import Environment\n")
    assert problem.code == "CWM102"
    assert problem.note is not None
    assert "`Environment` is imported from `models.cart`" in problem.note


# -- half a model ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("class Cart:\n    def step(self, a): ...\n", "The class `Cart` has `step` but no `set_state`."),
        ("class Cart:\n    def set_state(self, s): ...\n", "The class `Cart` has `set_state` but no `step`."),
        ("class Environment: ...\n", "The class `Environment` has no `set_state` and no `step`."),
        ("def transition(s, a): ...\n", "The file has the function `transition` but no `reward`."),
        ("def reward(s, a, n): ...\n", "The file has the function `reward` but no `transition`."),
    ],
)
def test_the_missing_member_is_named(source: str, message: str) -> None:
    problem = problem_in(source)
    assert (problem.code, problem.message) == ("CWM103", message)
    assert problem.note is not None
    assert problem.note.startswith("Add `def ")


def test_a_misspelt_member_is_recognized() -> None:
    problem = problem_in("class Cart:\n    def step(self, a): ...\n    def setState(self, s): ...\n")
    assert problem.note is not None
    assert problem.note.startswith("Rename `setState` to `set_state` if that is it.")


def test_a_gymnasium_environment_without_set_state_is_half_a_model_even_beside_a_whole_one() -> None:
    source = textwrap.dedent(ENVIRONMENT) + "import gymnasium as gym\nclass E(gym.Env):\n    def step(self, a): ...\n"
    found = found_in(source)
    assert [model.name for model in found.models] == ["Environment"]
    assert [problem.message for problem in found.problems] == ["The class `E` has `step` but no `set_state`."]


# -- wrong signatures --------------------------------------------------------------------------------------------------


def wrong(members: str) -> tuple[str, str, str | None]:
    """Message, marked text and advice for a class with these members beside right ones."""
    source = "class Model:\n    def set_state(self, state): ...\n    def step(self, action): ...\n"
    source += textwrap.indent(textwrap.dedent(members), "    ")
    problem = problem_in(source)
    assert problem.code == "CWM104"
    return problem.message, marked(source, problem.span), problem.note


def test_a_constructor_that_needs_an_argument_is_marked_at_it() -> None:
    assert wrong("def __init__(self, size, colour=1): ...\n") == (
        "The constructor of `Model` needs one argument (`size`), but models are constructed as `Model()`.",
        "size",
        "Give `size` a default value.",
    )


def test_a_keyword_only_argument_is_needed_too() -> None:
    message, at, _ = wrong("def __init__(self, *, size): ...\n")
    assert (message.split(", but")[0], at) == ("The constructor of `Model` needs the keyword argument `size`", "size")


def test_a_dataclass_needs_what_has_no_default() -> None:
    source = """
        from dataclasses import dataclass, field
        from typing import ClassVar
        @dataclass
        class Model:
            limit: ClassVar[float]
            gravity: float = 9.8
            cache: dict = field(default_factory=dict)
            inner: int = field(init=False)
            mass: float
            def set_state(self, state): ...
            def step(self, action): ...
    """
    problem = problem_in(source)
    assert (problem.code, marked(source, problem.span)) == ("CWM104", "mass")
    assert model_in(source.replace("mass: float", "mass: float = 1.0")).name == "Model"


@pytest.mark.parametrize(
    ("members", "message", "at"),
    [
        ("def step(self, action, dt): ...\n",
         "`Model.step` needs 2 arguments (`action`, `dt`), but it is called with (action).", "dt"),
        ("def step(self): ...\n", "`Model.step` takes no argument, but it is called with (action).", "step"),
        ("def step(action): ...\n", "`Model.step` has no `self`.", "step"),
        ("def step(): ...\n", "`Model.step` has no `self`.", "step"),
        ("async def step(self, action): ...\n",
         "`Model.step` is `async`, so calling it gives a coroutine and no result.", "step"),
        ("def set_state(self, *, state): ...\n",
         "`Model.set_state` takes no argument, but it is called with (state).", "set_state"),
        ("def set_state(self, x, x_dot): ...\n",
         "`Model.set_state` needs 2 arguments (`x`, `x_dot`), but it is called with (state).", "x_dot"),
    ],
)  # fmt: skip
def test_a_method_that_cannot_be_called_is_explained(members: str, message: str, at: str) -> None:
    assert wrong(members)[:2] == (message, at)


@pytest.mark.parametrize(
    "step",
    [
        "def step(self, action, dt=0.1): ...",
        "def step(self, *args): ...",
        "def step(*args, **kwargs): ...",
        "def step(self, action, /, *, render=False): ...",
        "def step(self, action=0): ...",
        "def step(self, first, *rest): ...",
        "@staticmethod\n    def step(action): ...",
        "@classmethod\n    def step(cls, action): ...",
        "@some.decorator(1)\n    def step(self, a, b, c): ...",
    ],
)
def test_whatever_can_be_called_with_one_argument_is_fine(step: str) -> None:
    assert model_in(f"class Model:\n    def set_state(self, s): ...\n    {step}\n").name == "Model"


def test_functions_of_the_wrong_arity_are_explained_each() -> None:
    found = found_in("def transition(s): ...\ndef reward(s, a): ...\nREWARDS = {'a': lambda s: 1}\n")
    assert [problem.message.split(",")[0] for problem in found.problems] == [
        "`transition` takes one argument", "`reward` takes 2 arguments", "`REWARDS['a']` takes one argument",
    ]  # fmt: skip
    assert [model.name for model in found.models] == ["transition"]


def test_a_recursive_inheritance_does_not_hang() -> None:
    assert problem_in("class Environment(B): ...\nclass B(Environment): ...\n").code in {"CWM102", "CWM103"}


# -- everything together -----------------------------------------------------------------------------------------------


@given(
    parameters=st.lists(st.sampled_from(["a", "b=1", "c", "*", "d", "e=2", "*args", "**kw", "/"]), max_size=5),
    wanted=st.sampled_from(["set_state", "step"]),
)
def test_the_verdict_on_a_signature_is_pythons(parameters: list[str], wanted: str) -> None:
    """A method passes exactly if calling it with one argument does not raise."""
    source = "class Model:\n    def set_state(self, s): ...\n    def step(self, a): ...\n"
    source += f"    def {wanted}(self, {', '.join(parameters)}): ...\n"
    try:
        tree = ast.parse(source)
        names: dict[str, type] = {}
        exec(compile(tree, "<model>", "exec"), names)
    except SyntaxError:
        return
    try:
        getattr(names["Model"](), wanted)(0)
    except TypeError:
        callable_with_one = False
    else:
        callable_with_one = True
    assert (not discover(tree, split_lines(source)).problems) == callable_with_one
