"""Three rooms in a row, two locked doors between them, and a key for each door.

Observation: `position` (row and column), `keys` (for each key, whether it is held) and `doors` (for each door, whether
it is open). A key lies in its place until it is picked up; opening a door uses it up, and the door stays open.

Actions: 0 up, 1 right, 2 down, 3 left, 4 pick up what lies here, 5 open a door next to the player, the first of
them for which the key is held. Walls and closed doors cannot be walked through. Reward: -0.1 a step, 1 for picking up a
key, 2 for opening a door, -1 for picking up or opening where there is nothing to, 10 at the goal, where episodes end.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

MAP = [
    "###########",
    "#...#...#.#",
    "#.a.A...B.#",
    "#...#.b.#G#",
    "###########",
]
MOVES = [(-1, 0), (0, 1), (1, 0), (0, -1)]
PICK_UP, OPEN = 4, 5


def find(character: str) -> tuple[int, int]:
    """Where a character is on the map."""
    return next((row, line.index(character)) for row, line in enumerate(MAP) if character in line)


KEYS = [find("a"), find("b")]
DOORS = [find("A"), find("B")]
FLOOR = [(row, column) for row, line in enumerate(MAP) for column, what in enumerate(line) if what not in "#ABG"]


class KeysAndDoors(gymnasium.Env[dict[str, Any], int]):
    """Walk, pick up keys, open doors, reach the goal. An episode starts anywhere, with any keys held and doors open."""

    def __init__(self) -> None:
        self.observation_space = spaces.Dict(
            {
                "position": spaces.Box(0, 10, (2,), np.int64),
                "keys": spaces.MultiBinary(2),
                "doors": spaces.MultiBinary(2),
            }
        )
        self.action_space = spaces.Discrete(6)
        self.position = (1, 1)
        self.keys = [False, False]
        self.doors = [False, False]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed, options=options)
        self.position = FLOOR[int(self.np_random.integers(len(FLOOR)))]
        states = self.np_random.integers(3, size=2)  # lies in its place, held, used up
        self.keys = [bool(state == 1) for state in states]
        self.doors = [bool(state == 2) for state in states]
        return self._observe(), {}

    def step(self, action: int) -> Any:
        reward = -0.1
        if action == PICK_UP:
            reward = self._pick_up()
        elif action == OPEN:
            reward = self._open()
        else:
            down, right = MOVES[action]
            there = (self.position[0] + down, self.position[1] + right)
            if self._free(there):
                self.position = there
        done = self.position == find("G")
        return self._observe(), 10.0 if done else reward, done, False, {}

    def _pick_up(self) -> float:
        for number, place in enumerate(KEYS):
            if self.position == place and not self.keys[number] and not self.doors[number]:
                self.keys[number] = True
                return 1.0
        return -1.0

    def _open(self) -> float:
        for number, (row, column) in enumerate(DOORS):
            distance = abs(self.position[0] - row) + abs(self.position[1] - column)
            if distance == 1 and self.keys[number] and not self.doors[number]:
                self.keys[number] = False
                self.doors[number] = True
                return 2.0
        return -1.0

    def _free(self, place: tuple[int, int]) -> bool:
        if place in DOORS:
            return self.doors[DOORS.index(place)]
        return MAP[place[0]][place[1]] != "#"

    def _observe(self) -> dict[str, Any]:
        return {
            "position": np.array(self.position, dtype=np.int64),
            "keys": np.array(self.keys, dtype=np.int8),
            "doors": np.array(self.doors, dtype=np.int8),
        }
