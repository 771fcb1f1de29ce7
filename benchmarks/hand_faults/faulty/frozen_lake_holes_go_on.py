"""FrozenLake-v1, 4 x 4, without slipping."""

LAKE = "SFFFFHFHFFFHHFFG"
SIZE = 4


class Environment:
    def __init__(self):
        self.state = 0

    def set_state(self, state):
        self.state = int(state)

    def step(self, action):
        row, col = self.state // SIZE, self.state % SIZE
        if action == 0:  # left
            col = max(col - 1, 0)
        elif action == 1:  # down
            row = min(row + 1, SIZE - 1)
        elif action == 2:  # right
            col = min(col + 1, SIZE - 1)
        elif action == 3:  # up
            row = max(row - 1, 0)
        self.state = row * SIZE + col
        tile = LAKE[self.state]
        reward = 1.0 if tile == "G" else 0.0
        done = tile == "G"
        return self.state, reward, done
