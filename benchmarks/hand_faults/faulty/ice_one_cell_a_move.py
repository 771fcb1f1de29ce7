"""Ice-v0: slide until something stops you."""

import numpy as np

POND = [
    "##########",
    "#....#...#",
    "#.c.....+#",
    "#...O....#",
    "#+....c..#",
    "#..#....O#",
    "#c....+.E#",
    "##########",
]
COINS = [(2, 2), (4, 6), (6, 1)]
ROW = [-1, 0, 1, 0]
COL = [0, 1, 0, -1]


class Environment:
    def set_state(self, state):
        self.row, self.col = int(state[0]), int(state[1])
        self.coins = [int(coin) for coin in state[2:]]

    def step(self, action):
        dr, dc = ROW[action], COL[action]
        reward = -1
        done = False
        if POND[self.row + dr][self.col + dc] != "#":
            self.row += dr
            self.col += dc
            for i, coin in enumerate(COINS):
                if coin == (self.row, self.col) and self.coins[i] == 0:
                    self.coins[i] = 1
                    reward += 5
            tile = POND[self.row][self.col]
            if tile == "O":
                reward -= 20
                done = True
            elif tile == "E":
                reward += 20
                done = True
        return np.array([self.row, self.col] + self.coins), reward, done
