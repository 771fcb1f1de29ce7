"""CliffWalking-v1 as a world model: from one corner to the other, along a cliff (Sutton and Barto, example 6.6)."""

ROWS, COLUMNS = 4, 12
START, GOAL = 36, 47
MOVES = [(-1, 0), (0, 1), (1, 0), (0, -1)]  # up, right, down, left


class Environment:
    def __init__(self):
        self.state = START

    def set_state(self, state):
        self.state = int(state)

    def step(self, action):
        row, column = divmod(self.state, COLUMNS)
        down, right = MOVES[action]
        row = min(max(row + down, 0), ROWS - 1)
        column = min(max(column + right, 0), COLUMNS - 1)
        if row == ROWS - 1 and 0 < column < COLUMNS - 1:  # over the cliff, back to the start
            self.state = START
            return self.state, -100, False
        self.state = row * COLUMNS + column
        return self.state, -1, self.state == GOAL
