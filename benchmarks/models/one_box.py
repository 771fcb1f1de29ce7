"""OneBox-v0 (benchmarks/worlds) as a world model: push a box onto a target."""

import numpy as np

FLOOR, WALL, TARGET, BOX, BOX_ON_TARGET, PLAYER, PLAYER_ON_TARGET = range(7)
MOVES = [(-1, 0), (1, 0), (0, -1), (0, 1)]  # up, down, left, right


class Environment:
    def __init__(self):
        self.board = None

    def set_state(self, board):
        self.board = np.array(board)

    def step(self, action):
        board = self.board
        row, column = np.argwhere(board >= PLAYER)[0]
        down, right = MOVES[action]
        front = board[row + down, column + right]
        done = False
        if front == BOX:
            behind = board[row + 2 * down, column + 2 * right]
            if behind == FLOOR:
                board[row + 2 * down, column + 2 * right] = BOX
            elif behind == TARGET:
                board[row + 2 * down, column + 2 * right] = BOX_ON_TARGET
                done = True
            else:
                return board, -0.1, False
            board[row + down, column + right] = FLOOR
        elif front == WALL:
            return board, -0.1, False
        board[row, column] = TARGET if board[row, column] == PLAYER_ON_TARGET else FLOOR
        there = board[row + down, column + right]
        board[row + down, column + right] = PLAYER_ON_TARGET if there == TARGET else PLAYER
        reward = 10 - 0.1 if done else -0.1
        return board, reward, done
