"""The head of a generated file: what it is, what it imports, how it loads the model and asks it for one step."""

from __future__ import annotations

import ast
import re

from cwm_engine.properties.generation.regions import Region
from cwm_engine.properties.generation.subject import Subject, as_given, returned_values, takes_goal
from cwm_engine.properties.generation.writing import docstring
from cwm_engine.trajectories.columns import Kind, Leaf, Structure
from cwm_engine.trajectories.dataset import Dataset

_MODULES = ("copy", "math", "os", "random", "subprocess", "time")


def header(subject: Subject, origin: str, code: str) -> Region:
    """The docstring of the file, and the imports that its code needs.

    Args:
        subject: The model.
        origin: Where the properties come from, as a sentence.
        code: Everything else in the file.
    """
    text = docstring(
        f"Properties of the world model in {subject.path.name}",
        origin,
        "Needs pytest, hypothesis and numpy. `cwm properties` brings it up to date and keeps what is edited here.",
        indent=0,
    )
    used = [name for name in _MODULES if re.search(rf"\b{name}(\.\w|, \")", code)]
    standard = sorted(["import importlib.util", "import sys", *(f"import {name}" for name in used)])
    standard += ["from pathlib import Path", *(["from unittest import mock"] if "mock." in code else [])]
    names = [name for name in ("Phase", "example", "given", "settings") if re.search(rf"\b{name}[(.]", code)]
    third = [f"from hypothesis import {', '.join(names)}", "from hypothesis import strategies as st"]
    if "np." in code:
        third.insert(0, "import numpy as np")
    return Region("header", "__doc__", "\n".join([text, "", *standard, "", *third]))


def model_regions(subject: Subject, dataset: Dataset) -> list[Region]:
    """How the model is loaded, as `MODEL`, and asked, by `predict`."""
    states, actions = dataset.observations.structure, dataset.actions.structure
    parts = [_given(f"given_{name}", structure) for name, structure in (("state", states), ("action", actions))
             if not _as_is(structure)]  # fmt: skip
    if not (is_plain(states) and is_plain(actions)):
        parts.append(_PLAIN)
    state, action = given_state(dataset, "state"), given_action(dataset, "action")
    wrap = "{}" if is_plain(states) else "plain({})"
    if subject.is_functions:
        parts.append(_FUNCTIONS.format(
            state=state, action=action, following=wrap.format("next_state"), goal=takes_goal(subject),
            reward=reward_function(subject),
        ))  # fmt: skip
    else:
        parts += [
            _MODEL_IN.format(name=subject.spec.name, state=state),
            _STEP.format(action=action, observation=wrap.format("observation"), parts=_parts(subject)),
            _PREDICT,
        ]
    return [_loading(subject), Region("model", "predict", "\n\n\n".join(parts))]


def is_plain(structure: Structure) -> bool:
    """Whether a value is one number or text, the same for Python as for the environment."""
    return isinstance(structure, Leaf) and not structure.shape and structure.kind is not Kind.JSON


def given_state(dataset: Dataset, name: str) -> str:
    """A state under a name, in Python, as the environment gives it."""
    return name if _as_is(dataset.observations.structure) else f"given_state({name})"


def given_action(dataset: Dataset, name: str) -> str:
    """An action under a name, in Python, as the environment gives it."""
    return name if _as_is(dataset.actions.structure) else f"given_action({name})"


def helper_region(subject: Subject) -> Region:
    """How numbers and states are compared: `close` and `same`."""
    atol, rtol = (f"{value:g}" for value in (subject.tolerance.atol, subject.tolerance.rtol))
    return Region("model", "same", f"{_CLOSE.format(atol=atol, rtol=rtol)}\n\n\n{_SAME}")


def _as_is(structure: Structure) -> bool:
    return as_given(structure, "value") == "value"


def _loading(subject: Subject) -> Region:
    lines = ["HERE = Path(__file__).resolve().parent", f"FILE = {subject.reference}"]
    lines += [
        f"sys.path.insert(0, str({subject.place(source)}))  # where the model's own imports are found"
        for source in reversed(subject.sources)
    ]
    name = f"{subject.package}.{subject.path.stem}"
    load = f'    return importlib.import_module("{name}")' if subject.package else _LOAD
    return Region("model", "MODEL", "\n".join([
        *lines, "", "", "def load_model():", '    """The model\'s file as a module."""', load, "", "",
        "MODEL = load_model()",
    ]))  # fmt: skip


def _given(name: str, structure: Structure) -> str:
    what = name.removeprefix("given_")
    text = (
        f'def {name}({what}):\n    """{"A state" if what == "state" else "An action"} as the environment gives it."""'
    )
    return f"{text}\n    return {as_given(structure, what)}"


def _parts(subject: Subject) -> str:
    """What follows the observation in what a step returns."""
    return {3: "reward, done", 4: "_, reward, done", 5: "reward, done, _, _"}[returned_values(subject)]


def reward_function(subject: Subject) -> str:
    """The function that pays, in Python."""
    if "REWARDS" in subject.spec.members and (subject.goal is not None or _has_no_reward(subject)):
        return f"MODEL.REWARDS[{subject.goal!r}]" if subject.goal is not None else "next(iter(MODEL.REWARDS.values()))"
    return "MODEL.reward"


def _has_no_reward(subject: Subject) -> bool:
    return not any(isinstance(node, ast.FunctionDef) and node.name == "reward" for node in subject.tree.body)


_LOAD = """\
    spec = importlib.util.spec_from_file_location(FILE.stem, FILE)
    module = sys.modules[FILE.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module"""

_PLAIN = '''\
def plain(value):
    """A value in Python's own numbers, tuples and dictionaries."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    return tuple(map(plain, value)) if isinstance(value, list | tuple) else value'''

_MODEL_IN = '''\
def model_in(state):
    """A new model that has been put into a state."""
    model = MODEL.{name}()
    model.set_state({state})
    return model'''

_STEP = '''\
def step(model, action):
    """What a model says follows: the next state, the reward, and whether the episode ends."""
    observation, {parts} = model.step({action})
    return {observation}, reward, done'''

_PREDICT = '''\
def predict(state, action):
    """What a new model says follows a state and an action."""
    return step(model_in(state), action)'''

_FUNCTIONS = '''\
def predict(state, action):
    """What follows a state and an action: the next state, the reward, and whether the episode ends."""
    next_state = MODEL.transition({state}, {action})
    reward, done = {reward}({state}, {action}, next_state{goal})
    return {following}, reward, done'''

_CLOSE = '''\
def close(number, other):
    """Whether a number is as near another as a right prediction has to be."""
    return abs(number - other) <= {atol} + {rtol} * abs(other)'''

_SAME = '''\
def same(value, other):
    """Whether two values are the same, number by number."""
    if isinstance(value, dict):
        return value.keys() == other.keys() and all(same(value[name], other[name]) for name in value)
    if isinstance(value, list | tuple):
        return len(value) == len(other) and all(map(same, value, other))
    return value == other or (isinstance(value, float) and close(value, other))'''
