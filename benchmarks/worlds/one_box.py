"""A room with one box that has to be pushed onto a target.

Observation: the room as a board of 6 x 7 numbers: 0 floor, 1 wall, 2 target, 3 box, 4 box on a target, 5 player,
6 player on a target. Actions: 0 up, 1 down, 2 left, 3 right. A player who walks into the box pushes it, if the cell
behind it is floor or target; otherwise nobody moves. Reward: -0.1 a step, and 10 when the box is on a target, where an
episode ends.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

ROOMS = [
    ["#######", "#.....#", "#.T.#.#", "#..T..#", "#.....#", "#######"],
    ["#######", "#..#..#", "#..T..#", "#.#...#", "#..T..#", "#######"],
    ["#######", "#T...T#", "#..#..#", "#..#..#", "#..T..#", "#######"],
]
FLOOR, WALL, TARGET, BOX, BOX_ON_TARGET, PLAYER, PLAYER_ON_TARGET = range(7)
MOVES = [(-1, 0), (1, 0), (0, -1), (0, 1)]


class OneBox(gymnasium.Env[npt.NDArray[np.uint8], int]):
    """Push the box onto a target. An episode starts in any of the rooms, box and player anywhere in it."""

    def __init__(self) -> None:
        self.observation_space = spaces.Box(0, 6, (6, 7), np.uint8)
        self.action_space = spaces.Discrete(4)
        self.board = board_of(ROOMS[0], (1, 1), (2, 3))

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed, options=options)
        room = ROOMS[int(self.np_random.integers(len(ROOMS)))]
        box = self._choose([place for place in free_of(room) if room[place[0]][place[1]] != "T"])
        player = self._choose([place for place in free_of(room) if place != box])
        self.board = board_of(room, player, box)
        return self.board.copy(), {}

    def step(self, action: int) -> Any:
        row, column = (int(place[0]) for place in np.where(self.board >= PLAYER))
        down, right = MOVES[action]
        front = self.board[row + down, column + right]
        done = False
        if front == BOX:
            behind = self.board[row + 2 * down, column + 2 * right]
            if behind in (FLOOR, TARGET):
                self.board[row + 2 * down, column + 2 * right] = behind + BOX - (behind == TARGET)
                self._walk(row, column, down, right, FLOOR)
                done = bool(behind == TARGET)
        elif front != WALL:
            self._walk(row, column, down, right, front)
        return self.board.copy(), 9.9 if done else -0.1, done, False, {}

    def _walk(self, row: int, column: int, down: int, right: int, ground: int) -> None:
        self.board[row, column] = TARGET if self.board[row, column] == PLAYER_ON_TARGET else FLOOR
        self.board[row + down, column + right] = PLAYER_ON_TARGET if ground == TARGET else PLAYER

    def _choose(self, places: list[tuple[int, int]]) -> tuple[int, int]:
        return places[int(self.np_random.integers(len(places)))]


def free_of(room: list[str]) -> list[tuple[int, int]]:
    """The cells of a room that are no walls."""
    return [(row, column) for row, line in enumerate(room) for column, what in enumerate(line) if what != "#"]


def board_of(room: list[str], player: tuple[int, int], box: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """A room with a player and a box in it; the box stands on floor."""
    board = np.array([[".#T".index(what) for what in line] for line in room], dtype=np.uint8)
    board[box] = BOX
    board[player] = PLAYER_ON_TARGET if board[player] == TARGET else PLAYER
    return board
