"""OneBox-v0: push the box onto a target."""

import numpy as np

FLOOR, WALL, TARGET, BOX, BOX_ON_TARGET, PLAYER, PLAYER_ON_TARGET = range(7)
DIRECTIONS = {0: (1, 0), 1: (-1, 0), 2: (0, -1), 3: (0, 1)}


class Environment:
    def __init__(self):
        self.board = None

    def set_state(self, state):
        self.board = [[int(cell) for cell in line] for line in state]

    def player(self):
        for row in range(6):
            for col in range(7):
                if self.board[row][col] in (PLAYER, PLAYER_ON_TARGET):
                    return row, col

    def step(self, action):
        row, col = self.player()
        dr, dc = DIRECTIONS[action]
        done = False
        if self.board[row + dr][col + dc] == BOX:
            done = self.push(row + dr, col + dc, dr, dc)
        if self.board[row + dr][col + dc] in (FLOOR, TARGET):
            self.leave(row, col)
            self.enter(row + dr, col + dc)
        reward = -0.1
        if done:
            reward = 10
        return np.array(self.board), reward, done

    def push(self, row, col, dr, dc):
        behind = self.board[row + dr][col + dc]
        if behind in (FLOOR, TARGET):
            self.board[row][col] = FLOOR
            self.board[row + dr][col + dc] = BOX_ON_TARGET if behind == TARGET else BOX
            return behind == TARGET
        return False

    def leave(self, row, col):
        if self.board[row][col] == PLAYER_ON_TARGET:
            self.board[row][col] = TARGET
        else:
            self.board[row][col] = FLOOR

    def enter(self, row, col):
        if self.board[row][col] == TARGET:
            self.board[row][col] = PLAYER_ON_TARGET
        else:
            self.board[row][col] = PLAYER
