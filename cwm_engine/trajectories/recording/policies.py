"""Policies to record with: random, mixture, or a function in a file of the user's."""

from __future__ import annotations

import importlib.util
import inspect
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from cwm_engine.errors import CwmError

if TYPE_CHECKING:
    from gymnasium import Space

REPEAT_PROBABILITIES: Final = (0.0, 0.25, 0.5, 0.75, 0.9)
"""How often `mixture` repeats its last action; one of them is drawn for every episode."""

_BATCH: Final = 128
_SYNTAX_HINT: Final = "a policy is random, mixture, or file.py:function"


class Policy(Protocol):
    """Chooses actions; told of every new episode."""

    def begin(self, rng: np.random.Generator) -> None:
        """Start an episode; all chance comes from `rng`."""

    def act(self, observation: Any) -> Any:
        """The next action."""


def make_policy(name: str, action_space: Space[Any]) -> Policy:
    """The policy of a name.

    Args:
        name: `random` draws uniformly from the action space. `mixture` does too, but repeats its last action with
            a probability that varies from episode to episode, and so reaches states that uniform choice does not.
            `file.py:function` calls `function(observation)` or `function(observation, rng)`.
        action_space: Where actions come from.

    Raises:
        CwmError: There is no such policy, or its file cannot be used.
    """
    if name == "random":
        return RandomPolicy(action_space)
    if name == "mixture":
        return MixturePolicy(action_space)
    path, colon, function = name.rpartition(":")
    if not colon or not path.endswith(".py"):
        raise CwmError(f"there is no policy {name}", hint=_SYNTAX_HINT)
    return FunctionPolicy(Path(path), function, action_space)


class GivenActions:
    """One action after the other.

    Args:
        actions: All of them.
    """

    def __init__(self, actions: Sequence[Any]) -> None:
        self._actions = actions
        self._waiting = iter(actions)

    def begin(self, rng: np.random.Generator) -> None:
        """Start again with the first."""
        del rng
        self._waiting = iter(self._actions)

    def act(self, observation: Any) -> Any:
        """The next action."""
        del observation
        action = next(self._waiting)
        return np.array(action) if isinstance(action, list) else action


class RandomPolicy:
    """Uniform choice. Actions of simple spaces are drawn in batches, since drawing one costs more than a step."""

    def __init__(self, action_space: Space[Any]) -> None:
        self._space = action_space
        self._batch: list[Any] = []
        self._draw = _batch_sampler(action_space)
        self._rng = np.random.default_rng(0)

    def begin(self, rng: np.random.Generator) -> None:
        """Start an episode."""
        self._rng = rng
        self._batch = []
        if self._draw is None:
            self._space.seed(int(rng.integers(2**31)))

    def act(self, observation: Any) -> Any:  # noqa: ARG002
        """The next action."""
        if self._draw is None:
            return self._space.sample()
        if not self._batch:
            self._batch = self._draw(self._rng)
        return self._batch.pop()


class MixturePolicy:
    """Uniform choice that repeats itself, more in some episodes than in others."""

    def __init__(self, action_space: Space[Any]) -> None:
        self._random = RandomPolicy(action_space)
        self._rng = np.random.default_rng(0)
        self._last: Any = None
        self._repeats: list[bool] = []
        self._probability = 0.0

    def begin(self, rng: np.random.Generator) -> None:
        """Start an episode."""
        self._rng = rng
        self._probability = REPEAT_PROBABILITIES[int(rng.integers(len(REPEAT_PROBABILITIES)))]
        self._random.begin(rng)
        self._last = None
        self._repeats = []

    def act(self, observation: Any) -> Any:
        """The next action."""
        if not self._repeats:
            self._repeats = (self._rng.random(_BATCH) < self._probability).tolist()
        if not self._repeats.pop() or self._last is None:
            self._last = self._random.act(observation)
        return self._last


class FunctionPolicy:
    """A function in a file of the user's, which is run as it is: it is their own program."""

    def __init__(self, path: Path, function: str, action_space: Space[Any]) -> None:
        self._path = path
        self._name = function
        self._space = action_space
        found = getattr(_load_module(path), function, None)
        if not callable(found):
            raise CwmError(f"has no function {function}", path=path, hint=_SYNTAX_HINT)
        self._function: Callable[..., Any] = found
        self._takes_rng = _positional_count(found) >= 2
        self._rng = np.random.default_rng(0)

    def begin(self, rng: np.random.Generator) -> None:
        """Start an episode."""
        self._rng = rng

    def act(self, observation: Any) -> Any:
        """The next action, in the form that the action space asks for."""
        try:
            given = self._function(observation, self._rng) if self._takes_rng else self._function(observation)
        except Exception as error:
            raise _raised(self._path, f"{self._name} raised", error) from error
        action = _as_action(self._space, given)
        if not self._space.contains(action):
            message = f"{self._name} returned {given!r:.80}, which is not an action of {self._space}"
            raise CwmError(message, path=self._path)
        return action


def _batch_sampler(space: Space[Any]) -> Callable[[np.random.Generator], list[Any]] | None:
    from gymnasium import spaces

    match space:
        case spaces.Discrete():
            start, n = int(space.start), int(space.n)
            return lambda rng: (start + rng.integers(n, size=_BATCH)).tolist()
        case spaces.Box() if space.dtype.kind == "f" and space.is_bounded():
            low, high = space.low, space.high
            size = (_BATCH, *space.shape)
            # Rounding to the space's own dtype may step over the upper bound.
            return lambda rng: list(np.clip(rng.uniform(low, high, size).astype(space.dtype), low, high))
        case _:
            return None


def _as_action(space: Space[Any], action: Any) -> Any:
    from gymnasium import spaces

    try:
        match space:
            case spaces.Box():
                array = np.asarray(action)
                return array.astype(space.dtype).reshape(space.shape) if array.dtype.kind in "fiub" else action
            case spaces.Discrete() if np.ndim(action) == 0 and np.asarray(action).dtype.kind in "iub":
                return int(action)
            case spaces.MultiDiscrete() | spaces.MultiBinary():
                return np.asarray(action, dtype=space.dtype)
    except (TypeError, ValueError):
        pass
    return action


def _load_module(path: Path) -> ModuleType:
    if not path.is_file():
        raise CwmError("there is no such file", path=path, hint=_SYNTAX_HINT)
    spec = importlib.util.spec_from_file_location(f"_cwm_policy_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise CwmError("cannot be imported", path=path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise _raised(path, "importing it raised", error) from error
    return module


def _raised(path: Path, what: str, error: Exception) -> CwmError:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    place = f"line {lines[-1]}: " if lines else ""
    if isinstance(error, SyntaxError) and error.lineno is not None:
        place = f"line {error.lineno}: "
    return CwmError(f"{place}{what} {type(error).__name__}: {error}", path=path)


def _positional_count(function: Callable[..., Any]) -> int:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 1
    required = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(parameter.kind in required and parameter.default is inspect.Parameter.empty for parameter in parameters)
