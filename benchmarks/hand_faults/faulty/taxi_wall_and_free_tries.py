"""Taxi-v4: bring the passenger to the destination."""

MAP = [
    "+---------+",
    "|R: | : :G|",
    "| : | : : |",
    "| : : | : |",
    "| | : | : |",
    "|Y| : |B: |",
    "+---------+",
]
STOPS = [(0, 0), (0, 4), (4, 0), (4, 3)]
SOUTH, NORTH, EAST, WEST, PICKUP, DROPOFF = range(6)


class Environment:
    def __init__(self):
        self.state = 0

    def set_state(self, state):
        self.state = int(state)

    def step(self, action):
        destination = self.state % 4
        passenger = self.state // 4 % 5
        column = self.state // 20 % 5
        row = self.state // 100
        place = (row, column)
        reward = -1
        done = False

        if action == SOUTH and row < 4:
            row += 1
        elif action == NORTH and row > 0:
            row -= 1
        elif action == EAST and MAP[row + 1][2 * column + 2] == ":":
            column += 1
        elif action == WEST and MAP[row + 1][2 * column] == ":":
            column -= 1
        elif action == PICKUP:
            if passenger < 4 and place == STOPS[passenger]:
                passenger = 4
        elif action == DROPOFF:
            if passenger == 4 and place == STOPS[destination]:
                passenger = destination
                reward = 20
                done = True
            elif passenger == 4 and place in STOPS:
                passenger = STOPS.index(place)
            else:
                reward = -10

        self.state = 100 * row + 20 * column + 4 * passenger + destination
        return self.state, reward, done
