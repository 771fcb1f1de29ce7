"""A frozen pond: whoever moves slides on until something stops them.

Observation: row, column, and for each of three coins whether it was taken (0 or 1). Actions: 0 up, 1 right, 2 down,
3 left. A slide ends in front of a rock (`#`), and on snow (`+`), in a hole (`O`) or at the exit (`E`). Coins (`c`) are
taken in passing. Reward: -1 a move, 5 a coin; a hole costs 20 and the exit brings 20 more, and both end the episode.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

MAP = [
    "##########",
    "#....#...#",
    "#.c.....+#",
    "#...O....#",
    "#+....c..#",
    "#..#....O#",
    "#c....+.E#",
    "##########",
]
MOVES = [(-1, 0), (0, 1), (1, 0), (0, -1)]
COINS = [(row, column) for row, line in enumerate(MAP) for column, what in enumerate(line) if what == "c"]
STARTS = [(row, column) for row, line in enumerate(MAP) for column, what in enumerate(line) if what in ".+c"]


class Ice(gymnasium.Env[Any, int]):
    """Slide, take coins, find the exit. An episode starts anywhere, with any coins taken."""

    def __init__(self) -> None:
        self.observation_space = spaces.Box(0, 9, (5,), np.int64)
        self.action_space = spaces.Discrete(4)
        self.place = (1, 1)
        self.taken = [0, 0, 0]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed, options=options)
        self.place = STARTS[int(self.np_random.integers(len(STARTS)))]
        self.taken = self.np_random.integers(2, size=3).tolist()
        return self._observe(), {}

    def step(self, action: int) -> Any:
        down, right = MOVES[action]
        reward, ground = -1, ""
        while ground not in ("+", "O", "E"):
            there = (self.place[0] + down, self.place[1] + right)
            ground = MAP[there[0]][there[1]]
            if ground == "#":
                break
            self.place = there
            if ground == "c" and not self.taken[COINS.index(there)]:
                self.taken[COINS.index(there)] = 1
                reward += 5
        reward += {"O": -20, "E": 20}.get(ground, 0)
        return self._observe(), float(reward), ground in ("O", "E"), False, {}

    def _observe(self) -> Any:
        return np.array([*self.place, *self.taken], dtype=np.int64)
