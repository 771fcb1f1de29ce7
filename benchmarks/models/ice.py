"""Ice-v0 (benchmarks/worlds) as a world model: slide across a pond until something stops you."""

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
COINS = [(2, 2), (4, 6), (6, 1)]
MOVES = {0: (-1, 0), 1: (0, 1), 2: (1, 0), 3: (0, -1)}


class Environment:
    def __init__(self):
        self.state = [1, 1, 0, 0, 0]

    def set_state(self, state):
        self.state = [int(number) for number in state]

    def step(self, action):
        row, column, *taken = self.state
        down, right = MOVES[action]
        reward, done = -1, False
        while MAP[row + down][column + right] != "#":
            row, column = row + down, column + right
            if (row, column) in COINS and not taken[COINS.index((row, column))]:
                taken[COINS.index((row, column))] = 1
                reward += 5
            if MAP[row][column] == "O":
                reward, done = reward - 20, True
                break
            if MAP[row][column] == "E":
                reward, done = reward + 20, True
                break
            if MAP[row][column] == "+":
                break
        self.state = [row, column, *taken]
        return self.state, reward, done
