"""Running a loaded model: every dialect as one pair of functions, every step guarded."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cwm_engine.sandbox.outputs import Failure, FailureKind, MalformedError, describe
from cwm_engine.sandbox.program import error_of
from cwm_engine.sandbox.results import most_paths
from cwm_engine.sandbox.sharing import snapshot
from cwm_engine.world_model.counters import PATH, Counters, LoopLimit, hits_of
from cwm_engine.world_model.discovery import Dialect

SetState = Callable[[Any], Any]
Step = Callable[[Any], Any]

MAX_COSTLY_FAILURES = 20
"""A run that has hit a limit this often stops: every further one costs as much as a million turns, or a gigabyte."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One copy of a model, as every dialect looks to its callers."""

    set_state: SetState
    step: Step


def instances(
    namespace: Mapping[str, Any], name: str, dialect: Dialect, goal: str | None = None
) -> Callable[[], Instance]:
    """What makes fresh instances of a model.

    Args:
        namespace: The names the model's file defined.
        name: The class; ignored for functions.
        dialect: How the model is written.
        goal: Which of the file's `REWARDS` pays, or what `reward` takes as its fourth argument.

    Returns:
        A function that constructs an instance; it raises whatever the model's constructor raises.
    """
    if dialect is Dialect.FUNCTIONS:
        return _functions(namespace, goal)

    def construct() -> Instance:
        model = namespace[name]()
        return Instance(model.set_state, model.step)

    return construct


def _functions(namespace: Mapping[str, Any], goal: str | None) -> Callable[[], Instance]:
    transition = namespace["transition"]
    reward: Callable[..., Any] = namespace.get("reward", _missing_reward)
    rewards = namespace.get("REWARDS")
    if rewards and (goal is not None or reward is _missing_reward):
        reward = _reward_of(rewards, goal)
        extra: tuple[Any, ...] = ()
    else:
        extra = (goal,) if _required_parameters(reward) > 3 else ()

    def construct() -> Instance:
        current: list[Any] = [None]

        def set_state(state: Any) -> None:
            current[0] = state

        def step(action: Any) -> Any:
            following = transition(current[0], action)
            paid = reward(current[0], action, following, *extra)
            current[0] = following
            if not isinstance(paid, tuple | list) or len(paid) != 2:
                raise MalformedError(_unpaid(paid))
            return (following, *paid)

        return Instance(set_state, step)

    return construct


def _reward_of(rewards: Mapping[str, Callable[..., Any]], goal: str | None) -> Callable[..., Any]:
    if goal is None:
        return next(iter(rewards.values()))
    if goal not in rewards:
        known = ", ".join(map(repr, rewards))
        raise MalformedError(Failure("exception", f"`REWARDS` has no goal {goal!r}, only {known}"))
    return rewards[goal]


def _unpaid(paid: Any) -> Failure:
    returned = f"{len(paid)} values" if isinstance(paid, tuple | list) else describe(paid)
    return Failure("arity", f"`reward` returned {returned}, not 2 values (reward, done)")


def _missing_reward(*_: Any) -> Any:
    raise NameError("the file defines neither `reward` nor `REWARDS`")


def _required_parameters(function: Any) -> int:
    parameters = inspect.signature(function).parameters.values()
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(parameter.kind in positional and parameter.default is parameter.empty for parameter in parameters)


@dataclass(frozen=True, slots=True)
class Recording:
    """What some steps did.

    Attributes:
        outputs: What each step returned, or a `Failure`; fewer than there were steps if the run was stopped.
        paths: The number of the code path of each step.
        failed: How many outputs are failures.
    """

    outputs: list[Any]
    paths: list[int]
    failed: int


class Recorder:
    """Runs steps of an instrumented model and numbers the code paths they take.

    Args:
        counters: What stops the loops of the model.
        namespace: The globals of the model, where its probes leave the path.
        probes: How many probes it has.
        has_loops: Whether it has loops to stop.

    Attributes:
        copies: Whether outputs are copied at once, for models that change what they have returned.
        costly: How many steps have hit a limit; no further one is run once they are `MAX_COSTLY_FAILURES`.
    """

    def __init__(self, counters: Counters, namespace: dict[str, Any], *, probes: int, has_loops: bool) -> None:
        self.copies = False
        self.costly = 0
        self._counters = counters
        self._namespace = namespace
        self._probes = probes
        self._has_loops = has_loops
        self._most = most_paths(probes)
        self._numbers: dict[int, int] = {}
        self._told = 0

    def run(self, instance: Instance, steps: Iterator[tuple[int, Any, Any]], progress: Any) -> Recording:
        """Run steps, each from its own state.

        Args:
            instance: The model.
            steps: Number, state and action of each step.
            progress: Where the number of the running step is written, for the host to read after a hang.
        """
        namespace, refill, has_loops = self._namespace, self._counters.refill, self._has_loops
        set_state, step = instance.set_state, still(instance).step if self.copies else instance.step
        outputs: list[Any] = []
        keys: list[int] = []
        keep, keep_key = outputs.append, keys.append
        failed = 0
        while self.costly < MAX_COSTLY_FAILURES:
            try:
                for number, state, action in steps:
                    progress[0] = number
                    namespace[PATH] = 0
                    if has_loops:
                        refill()
                    set_state(state)
                    keep(step(action))
                    keep_key(namespace[PATH])
                break
            except BaseException as error:  # noqa: BLE001 - whatever a model raises is its answer to this step
                refill()
                failure = failure_of(error)
                keep(failure)
                keep_key(namespace[PATH])
                failed += 1
                self.costly += failure.is_costly
        return Recording(outputs, self._paths(keys), failed)

    def _paths(self, keys: list[int]) -> list[int]:
        numbers, last = self._numbers, self._most - 1
        for key in dict.fromkeys(keys):
            numbers.setdefault(key, min(len(numbers), last))
        return [numbers[key] for key in keys]

    def fresh_paths(self) -> list[str]:
        """The code paths that have come up since the last call, as hexadecimal hits, in the order of their numbers."""
        fresh = [hits_of(path, self._probes).hex() for path in list(self._numbers)[self._told : self._most]]
        self._told += len(fresh)
        return fresh


def failure_of(error: BaseException) -> Failure:
    """What an exception of the model says about its prediction."""
    if isinstance(error, MalformedError):
        return error.failure
    told = error_of(error)
    if isinstance(error, LoopLimit):
        return Failure("loop", told["message"], "", told["line"])
    kind: FailureKind = "exception"
    if isinstance(error, MemoryError):
        kind = "memory"
    elif told["forbidden"]:
        kind = "forbidden"
    return Failure(kind, told["message"], told["type"], told["line"])


def still(instance: Instance) -> Instance:
    """The same model, whose outputs stay as they are whatever it does later."""

    def step(action: Any) -> Any:
        return snapshot(instance.step(action))

    return Instance(instance.set_state, step)


def outputs_of(
    instance: Instance, states: Sequence[Any], actions: Sequence[Any], refill: Callable[[], None]
) -> list[Any]:
    """What each step returned, or a `Failure`; which paths they took is not recorded.

    Args:
        instance: The model.
        states: What `set_state` takes, for each step.
        actions: What `step` takes.
        refill: Allows the loops of the next step their turns.
    """
    outputs: list[Any] = []
    for state, action in zip(states, actions, strict=True):
        refill()
        try:
            instance.set_state(state)
            outputs.append(instance.step(action))
        except BaseException as error:  # noqa: BLE001 - whatever a model raises is its answer to this step
            outputs.append(failure_of(error))
    return outputs
