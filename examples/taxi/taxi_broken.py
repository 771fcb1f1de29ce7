"""A taxi in a small town (Taxi-v4): fetch the passenger at one landmark and bring them to another.

State: one number of row, column (0..4 each), passenger (0..3 a landmark, 4 in the taxi) and destination (0..3).
Actions: 0 south, 1 north, 2 east, 3 west, 4 pick up, 5 drop off. Reward: -1 a step, -10 for picking up or
dropping off where that is impossible, 20 for reaching the destination, which ends the episode.
Source: Dietterich (2000), "Hierarchical Reinforcement Learning with the MAXQ Value Function Decomposition".
"""

MAP = [
    "+---------+",
    "|R: | : :G|",
    "| : | : : |",
    "| : : : : |",
    "| | : | : |",
    "|Y| : |B: |",
    "+---------+",
]
LANDMARKS = [(0, 0), (0, 4), (4, 0), (4, 3)]
IN_TAXI = 4


class Environment:
    def __init__(self):
        self.state = 0

    def set_state(self, state):
        self.state = int(state)

    def step(self, action):
        rest, destination = divmod(self.state, 4)
        rest, passenger = divmod(rest, 5)
        row, column = divmod(rest, 5)
        here = (row, column)
        reward, done = -1, False

        if action == 0:
            row = min(row + 1, 5)
        elif action == 1:
            row = max(row - 1, 0)
        elif action == 2:
            if MAP[1 + row][2 * column + 2] == ":":
                column = column + 1
        elif action == 3:
            if MAP[1 + row][2 * column] == ":":
                column = column - 1
        elif action == 4:
            if passenger < IN_TAXI and here == LANDMARKS[passenger]:
                passenger = IN_TAXI
            else:
                reward = -10
        elif action == 5:
            if passenger == IN_TAXI and here == LANDMARKS[destination]:
                passenger = destination
                reward, done = 20, True
            elif passenger == IN_TAXI and here in LANDMARKS:
                passenger = LANDMARKS.index(here)
            else:
                reward = -10

        self.state = ((row * 5 + column) * 5 + passenger) * 4 + destination
        return self.state, reward, done
