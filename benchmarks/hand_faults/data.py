"""What the models are compared with: recordings of real environments, and states far wider than those."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.rollouts import MODELS
from benchmarks.worlds import ice, keys_and_doors, one_box
from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.dataset import Dataset, Provenance
from cwm_engine.trajectories.load import load_dataset
from cwm_engine.trajectories.record import record

SEED = 1
WIDE = 2000
"""Wide states of environments whose states are no table."""


@dataclass(frozen=True)
class World:
    """An environment and how it is recorded: about a thousand transitions of random play.

    Attributes:
        environment: Its Gymnasium id.
        episodes: How many.
        starts: As for `cwm record`.
        max_steps: Where they are cut off; the environment's own limit if None.
        kwargs: Arguments of the environment.
    """

    environment: str
    episodes: int
    starts: Any = "reset"
    max_steps: int | None = None
    kwargs: dict[str, Any] = field(default_factory=dict)


WORLDS = {
    "cartpole": World("CartPole-v1", 45),
    "mountain_car": World("MountainCar-v0", 25, "spread", 50),
    "acrobot": World("Acrobot-v1", 110, "spread", 50),
    "pendulum": World("Pendulum-v1", 20, "spread", 50),
    "taxi": World("Taxi-v4", 100, "spread", 10),
    "cliff_walking": World("CliffWalking-v1", 40, "spread", 25),
    "frozen_lake": World("FrozenLake-v1", 200, "spread", None, {"is_slippery": False}),
    "keys_and_doors": World("benchmarks.worlds:KeysAndDoors-v0", 100, "reset", 10),
    "one_box": World("benchmarks.worlds:OneBox-v0", 100, "reset", 10),
    "ice": World("benchmarks.worlds:Ice-v0", 100),
}


def right_model(name: str) -> str:
    """A right model of the environment."""
    return (MODELS / f"{name}.py").read_text()


def recording(name: str, folder: Path) -> Dataset:
    """About a thousand transitions, recorded as `cwm record` does, once a folder."""
    path, world = folder / f"{name}.sqlite", WORLDS[name]
    if not path.exists():
        record(
            world.environment,
            episodes=world.episodes,
            path=path,
            seed=SEED,
            starts=world.starts,
            max_steps=world.max_steps,
            env_kwargs=world.kwargs,
        )
    return load_dataset(path)


@cache
def wide(name: str) -> Dataset:
    """States far wider than the recording, all of them where they can be counted, and what the right model predicts."""
    pairs = list(_PAIRS[name](np.random.default_rng(1)))
    namespace: dict[str, Any] = {"__name__": "model"}
    exec(compile(right_model(name), "<model>", "exec"), namespace)
    states = Columns.from_values([state for state, _ in pairs])
    actions = Columns.from_values([action for _, action in pairs])
    outcomes = [
        _outcome(namespace, state, action)
        for state, action in zip(states.plain(0, len(states)), actions.plain(0, len(actions)), strict=True)
    ]
    count = len(pairs)
    return Dataset(
        observations=states,
        actions=actions,
        next_observations=Columns.from_values([following for following, _, _ in outcomes], states.structure),
        rewards=np.array([float(reward) for _, reward, _ in outcomes]),
        terminated=np.array([bool(done) for _, _, done in outcomes]),
        truncated=np.zeros(count, dtype=np.bool_),
        episode=np.arange(count, dtype=np.int32),
        step=np.zeros(count, dtype=np.int32),
        provenance=Provenance(environment=WORLDS[name].environment, policy="wide states"),
    )


def _outcome(namespace: dict[str, Any], state: Any, action: Any) -> tuple[Any, Any, Any]:
    if "transition" in namespace:
        following = namespace["transition"](state, action)
        return (following, *namespace["reward"](state, action, following))
    model = namespace["Environment"]()
    model.set_state(state)
    return model.step(action)


def _cartpole(rng: np.random.Generator) -> Iterator[tuple[Any, Any]]:
    states = rng.uniform([-3, -3, -0.3, -3], [3, 3, 0.3, 3], size=(WIDE, 4)).astype(np.float32)
    return zip(states, rng.integers(2, size=WIDE).tolist(), strict=True)


def _mountain_car(rng: np.random.Generator) -> Iterator[tuple[Any, Any]]:
    states = rng.uniform([-1.2, -0.07], [0.6, 0.07], size=(WIDE, 2)).astype(np.float32)
    return zip(states, rng.integers(3, size=WIDE).tolist(), strict=True)


def _acrobot(rng: np.random.Generator) -> Iterator[tuple[Any, Any]]:
    first, second = rng.uniform(-np.pi, np.pi, size=(2, WIDE))
    speeds = rng.uniform([-8, -20], [8, 20], size=(WIDE, 2))
    states = np.column_stack([np.cos(first), np.sin(first), np.cos(second), np.sin(second), speeds])
    return zip(states.astype(np.float32), rng.integers(3, size=WIDE).tolist(), strict=True)


def _pendulum(rng: np.random.Generator) -> Iterator[tuple[Any, Any]]:
    angle, speed = rng.uniform(-np.pi, np.pi, size=WIDE), rng.uniform(-8, 8, size=WIDE)
    states = np.column_stack([np.cos(angle), np.sin(angle), speed]).astype(np.float32)
    return zip(states, rng.uniform(-2, 2, size=(WIDE, 1)).astype(np.float32), strict=True)


def _taxi(_: np.random.Generator) -> Iterator[tuple[Any, Any]]:
    return product(range(500), range(6))


def _cliff_walking(_: np.random.Generator) -> Iterator[tuple[Any, Any]]:
    return product(range(37), range(4))


def _frozen_lake(_: np.random.Generator) -> Iterator[tuple[Any, Any]]:
    lake = "SFFFFHFHFFFHHFFG"
    return product([state for state in range(16) if lake[state] in "SF"], range(4))


def _keys_and_doors(_: np.random.Generator) -> Iterator[tuple[Any, Any]]:
    places = [*keys_and_doors.FLOOR, *keys_and_doors.DOORS]
    for place, first, second in product(places, range(3), range(3)):
        state = {
            "position": np.array(place, dtype=np.int64),
            "keys": np.array([first == 1, second == 1], dtype=np.int8),
            "doors": np.array([first == 2, second == 2], dtype=np.int8),
        }
        yield from ((state, action) for action in range(6))


def _one_box(_: np.random.Generator) -> Iterator[tuple[Any, Any]]:
    for room in one_box.ROOMS:
        for player, box in product(one_box.free_of(room), repeat=2):
            if player != box and room[box[0]][box[1]] != "T":
                yield from ((one_box.board_of(room, player, box), action) for action in range(4))


def _ice(_: np.random.Generator) -> Iterator[tuple[Any, Any]]:
    for place, taken in product(ice.STARTS, product((0, 1), repeat=3)):
        yield from ((np.array([*place, *taken], dtype=np.int64), action) for action in range(4))


_PAIRS = {
    "cartpole": _cartpole,
    "mountain_car": _mountain_car,
    "acrobot": _acrobot,
    "pendulum": _pendulum,
    "taxi": _taxi,
    "cliff_walking": _cliff_walking,
    "frozen_lake": _frozen_lake,
    "keys_and_doors": _keys_and_doors,
    "one_box": _one_box,
    "ice": _ice,
}
