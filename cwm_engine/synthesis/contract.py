"""What a model file must define, put as instructions to whoever writes one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from cwm_engine.world_model.discovery import Dialect


def contract(
    dialect: Dialect = Dialect.ENVIRONMENT,
    *,
    name: str | None = None,
    mode: Literal["transition", "episode"] = "transition",
    goal: str | None = None,
    allow_modules: Collection[str] = (),
) -> str:
    """The contract of a dialect (Code World Models Benchmark, WorldCoder or Gymnasium).

    Args:
        dialect: How the model is to be written.
        name: The class it has to define; `Environment` (or `transition`) when None.
        mode: Whether the state is set before every step or once per episode.
        goal: Which of the goals in `REWARDS` is paid, for a model of functions that has several.
        allow_modules: Modules it may import besides those always allowed.
    """
    own = "".join(f", `{module}`" for module in sorted(allow_modules))
    return "\n".join(
        (
            _DIALECTS[dialect].format(name=name or "Environment"),
            *([_GOAL.format(goal=goal)] if goal is not None and dialect is Dialect.FUNCTIONS else []),
            *([_MODES[mode]] if dialect is not Dialect.FUNCTIONS else []),
            "- Use these exact names. Leave nothing undefined, abstract or to be filled in; give no usage example.",
            "- Never change the arguments in place, print, read files or draw random numbers.",
            _IMPORTS.format(own=own),
        )
    )


_DIALECTS = {
    Dialect.ENVIRONMENT: """\
Define a class `{name}` with exactly this interface:
- `__init__(self)` takes no arguments.
- `set_state(self, state)` puts the model into the given state. `state` is an observation as the environment returns it.
- `step(self, action)` advances the model by one action and returns the tuple `(observation, reward, done)`: the next \
observation in the same form as `state`, the reward as a number, and whether the episode has terminated by itself.
- `done` is about the rules of the environment only; time limits are not modelled.""",
    Dialect.FUNCTIONS: """\
Define two functions at the top of the file, without state of their own:
- `transition(state, action)` returns the next state, in the same form as `state`.
- `reward(state, action, next_state)` returns the tuple `(reward, done)`: a number, and whether the episode has \
terminated by itself. Time limits are not modelled.""",
    Dialect.GYMNASIUM: """\
Define a class `{name}(gymnasium.Env)` that needs no arguments to be made, with:
- `set_state(self, state)`, which puts the model into the given state, an observation as the environment returns it.
- `step(self, action)`, which returns Gymnasium's five values `(observation, reward, terminated, truncated, info)`.
- `terminated` is about the rules of the environment only; leave time limits to `truncated`, which is not compared.""",
}
_MODES = {
    "transition": "- The state is set before every single step, so the next observation must follow from the state and "
    "the action alone.",
    "episode": "- The state is set once at the start of an episode and `step` is then called for each action of it, so "
    "the model may keep more than the observation between steps.",
}
_IMPORTS = (
    "- Import only the standard library's modules for maths and data (`math`, `collections`, `itertools`, ...), "
    "`numpy`{own}. For single numbers `math` is faster than `numpy`."
)
_GOAL = "- Keep the dictionary `REWARDS` from goals to reward functions; the goal that is compared is `{goal}`."
