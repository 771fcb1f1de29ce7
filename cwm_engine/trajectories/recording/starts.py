"""Starts spread over the state space, for environments whose state can be set.

Random play from the usual resets sees little of most environments. Here every episode starts from a state drawn for
it: tables (`unwrapped.s`) uniformly from the reachable states that do not end the episode; classic control
(`unwrapped.state`) uniformly from a box; MuJoCo from a state visited by random play, moved a little.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from cwm_engine.errors import CwmError
from cwm_engine.trajectories.recording.policies import MixturePolicy

if TYPE_CHECKING:
    from gymnasium import Env

Floats = npt.NDArray[np.float64]

ROLLOUTS: Final = 20
ROLLOUT_STEPS: Final = 200
WIDENING: Final = 0.25
"""Part of the visited range that is added to it on each side, where nothing better is known."""
JITTER: Final = 0.1
"""Part of the visited range by which a MuJoCo state is moved at most."""

_ATTEMPTS: Final = 20
_FREE_OR_BALL: Final = {0, 1}


class Starts(Protocol):
    """Puts an environment that was just reset into a state of its own."""

    def begin(self, rng: np.random.Generator) -> Any:
        """Set the state and return the observation of it."""


def spread_starts(env: Env[Any, Any], env_id: str, seed: int) -> Starts:
    """Starts spread over the states of an environment.

    The box of classic control is the environment's own limits (CartPole's velocities: 3 and 3.5); for unknown
    environments it is what 20 random episodes visit, a quarter wider on each side.

    Raises:
        CwmError: The state of this environment cannot be set.
    """
    inner: Any = env.unwrapped
    observation, _ = env.reset(seed=seed)
    try:
        if hasattr(inner, "s") and hasattr(inner, "P"):
            return TableStarts(env, observation)
        if hasattr(inner, "set_state") and hasattr(inner, "data") and hasattr(inner, "model"):
            return MujocoStarts(env, observation, seed)
        if isinstance(getattr(inner, "state", None), np.ndarray) and inner.state.ndim == 1:
            return VectorStarts(env, observation, seed)
    except _CannotObserveError as error:
        message = f"environment {env_id} cannot start from spread states: {error}"
        raise CwmError(message, hint="record with --starts reset") from error
    message = f"environment {env_id} cannot start from spread states: its state cannot be set"
    raise CwmError(message, hint="record with --starts reset")


class _CannotObserveError(Exception):
    """The observation of a state that was set cannot be computed."""


class TableStarts:
    """Toy text: a state is a number, and `P` lists where each leads."""

    def __init__(self, env: Env[Any, Any], observation: Any) -> None:
        inner: Any = env.unwrapped
        self._inner = inner
        self._observe = _observer(env, observation, lambda: int(inner.s))
        self.states = _reachable(inner)

    def begin(self, rng: np.random.Generator) -> Any:
        """Set the state and return the observation of it."""
        self._inner.s = self.states[int(rng.integers(len(self.states)))]
        return self._observe()


class VectorStarts:
    """Classic control: a state is a vector of numbers."""

    def __init__(self, env: Env[Any, Any], observation: Any, seed: int) -> None:
        inner: Any = env.unwrapped
        self._inner = inner
        self._dtype = inner.state.dtype
        dtype = np.asarray(observation).dtype
        self._observe = _observer(env, observation, lambda: np.asarray(inner.state, dtype=dtype))
        known = _KNOWN_RANGES.get(type(inner).__name__)
        self._low, self._high = known(inner) if known else _visited_box(env, seed)

    def begin(self, rng: np.random.Generator) -> Any:
        """Set the state and return the observation of it."""
        self._inner.state = rng.uniform(self._low, self._high).astype(self._dtype)
        return self._observe()


class MujocoStarts:
    """MuJoCo: a state is positions and velocities; arbitrary ones would have bodies inside each other."""

    def __init__(self, env: Env[Any, Any], observation: Any, seed: int) -> None:
        inner: Any = env.unwrapped
        self._inner = inner
        self._observe = _observer(env, observation, None)
        data = inner.data
        visited = _visited(env, seed, lambda: np.concatenate([data.qpos, data.qvel]))
        self._visited = visited
        self._split = len(data.qpos)
        self._reach = JITTER * np.ptp(visited, axis=0)
        # Quaternions stay as they are: moved, they are no rotations any more.
        for kind, address in zip(inner.model.jnt_type, inner.model.jnt_qposadr, strict=True):
            if int(kind) in _FREE_OR_BALL:
                first = int(address) + (3 if int(kind) == 0 else 0)
                self._reach[first : first + 4] = 0.0

    def begin(self, rng: np.random.Generator) -> Any:
        """Set the state and return the observation of it."""
        for attempt in range(_ATTEMPTS):
            state = self._visited[int(rng.integers(len(self._visited)))]
            if attempt < _ATTEMPTS - 1:
                state = state + rng.uniform(-1.0, 1.0, len(state)) * self._reach
            self._inner.set_state(state[: self._split], state[self._split :])
            if getattr(self._inner, "is_healthy", True):
                break
        return self._observe()


def _observer(env: Env[Any, Any], observation: Any, otherwise: Callable[[], Any] | None) -> Callable[[], Any]:
    """How to observe the present state: the first way that gives what the reset just gave."""
    from gymnasium import ObservationWrapper

    inner: Any = env.unwrapped
    layers: list[ObservationWrapper[Any, Any, Any]] = []
    layer: Any = env
    while layer is not inner:
        if isinstance(layer, ObservationWrapper):
            layers.insert(0, layer)
        layer = layer.env

    def through_wrappers(look: Callable[[], Any]) -> Any:
        seen = look()
        for wrapper in layers:
            seen = wrapper.observation(seen)
        return seen

    ways = [getattr(inner, name) for name in ("_get_obs", "_get_ob") if hasattr(inner, name)]
    for way in [*ways, *([otherwise] if otherwise else [])]:
        try:
            seen = through_wrappers(way)
        except Exception:  # noqa: BLE001, S112 - a private method of any environment: it may want arguments
            continue
        if np.shape(seen) == np.shape(observation) and np.array_equal(seen, observation):
            return lambda way=way: through_wrappers(way)  # type: ignore[misc]
    raise _CannotObserveError("the observation of a state that was set cannot be computed")


def _reachable(inner: Any) -> list[int]:
    """States that play can reach from a reset and that do not end the episode."""
    initial = np.flatnonzero(np.asarray(inner.initial_state_distrib)).tolist()
    seen, waiting, final = set(initial), list(initial), set()
    while waiting:
        for outcomes in inner.P[waiting.pop()].values():
            for probability, following, _, terminated in outcomes:
                state = int(following)
                if terminated:
                    final.add(state)
                elif probability > 0 and state not in seen:
                    seen.add(state)
                    waiting.append(state)
    return sorted(seen - final) or sorted(seen)


def _visited(env: Env[Any, Any], seed: int, look: Callable[[], Floats]) -> Floats:
    """The states that random play passes through without ending the episode."""
    rng = np.random.default_rng([seed, 1])
    policy = MixturePolicy(env.action_space)
    states = []
    for rollout in range(ROLLOUTS):
        observation, _ = env.reset(seed=seed + rollout)
        policy.begin(rng)
        for _ in range(ROLLOUT_STEPS):
            states.append(look().copy())
            observation, _, terminated, truncated, _ = env.step(policy.act(observation))
            if terminated or truncated:
                break
    return np.array(states, dtype=np.float64)


def _visited_box(env: Env[Any, Any], seed: int) -> tuple[Floats, Floats]:
    inner: Any = env.unwrapped
    visited = _visited(env, seed, lambda: np.asarray(inner.state, dtype=np.float64))
    low, high = visited.min(axis=0), visited.max(axis=0)
    return low - WIDENING * (high - low), high + WIDENING * (high - low)


def _symmetric(*limits: float) -> tuple[Floats, Floats]:
    return -np.array(limits, dtype=np.float64), np.array(limits, dtype=np.float64)


def _mountain_car(inner: Any) -> tuple[Floats, Floats]:
    low = np.array([inner.min_position, -inner.max_speed], dtype=np.float64)
    return low, np.array([inner.goal_position, inner.max_speed], dtype=np.float64)


_KNOWN_RANGES: Final[dict[str, Callable[[Any], tuple[Floats, Floats]]]] = {
    "CartPoleEnv": lambda inner: _symmetric(inner.x_threshold, 3.0, inner.theta_threshold_radians, 3.5),
    "AcrobotEnv": lambda inner: _symmetric(np.pi, np.pi, inner.MAX_VEL_1, inner.MAX_VEL_2),
    "PendulumEnv": lambda inner: _symmetric(np.pi, inner.max_speed),
    "MountainCarEnv": _mountain_car,
    "Continuous_MountainCarEnv": _mountain_car,
}
