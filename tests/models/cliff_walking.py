"""CliffWalking: along the edge from the lower left to the lower right of a grid of 4 x 12."""

MOVES = {0: (-1, 0), 1: (0, 1), 2: (1, 0), 3: (0, -1)}


class Environment:
    def set_state(self, state):
        self.state = state

    def step(self, action):
        down, right = MOVES[action]
        row = min(max(self.state // 12 + down, 0), 3)
        column = min(max(self.state % 12 + right, 0), 11)
        if row == 3 and 0 < column < 11:
            self.state = 36
            return self.state, -100, False
        self.state = 12 * row + column
        return self.state, -1, self.state == 47
