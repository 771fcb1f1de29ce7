"""CliffWalking-v1: a grid of 4 x 12 with a cliff between start and goal."""

WIDTH, HEIGHT = 12, 4
UP, RIGHT, DOWN, LEFT = 0, 1, 2, 3


class Environment:
    def __init__(self):
        self.row, self.col = 3, 0

    def set_state(self, state):
        self.row = state // WIDTH
        self.col = state % WIDTH

    def step(self, action):
        if action == UP:
            self.row = max(self.row - 1, 0)
        elif action == RIGHT:
            self.col = min(self.col + 1, WIDTH - 1)
        elif action == DOWN:
            self.row = min(self.row + 1, HEIGHT - 1)
        elif action == LEFT:
            self.col = max(self.col - 1, 0)

        reward = -1
        done = False
        if self.row == HEIGHT - 1 and 0 < self.col < WIDTH - 1:
            reward = -100
            done = True
            self.row, self.col = 3, 0
        elif self.row == HEIGHT - 1 and self.col == WIDTH - 1:
            done = True
        return self.row * WIDTH + self.col, reward, done
