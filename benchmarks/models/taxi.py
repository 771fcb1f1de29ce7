"""Taxi-v4 as a world model: fetch a passenger and bring them to their destination (Dietterich, 2000)."""


class Environment:
    MAP = [
        "+---------+",
        "|R: | : :G|",
        "| : | : : |",
        "| : : : : |",
        "| | : | : |",
        "|Y| : |B: |",
        "+---------+",
    ]

    def __init__(self):
        self.locs = [(0, 0), (0, 4), (4, 0), (4, 3)]
        self.num_rows = 5
        self.num_columns = 5
        self.max_row = self.num_rows - 1
        self.max_col = self.num_columns - 1
        self.state = 0

    def set_state(self, state):
        self.state = int(state)

    def encode(self, taxi_row, taxi_col, pass_loc, dest_idx):
        i = taxi_row
        i *= 5
        i += taxi_col
        i *= 5
        i += pass_loc
        i *= 4
        i += dest_idx
        return i

    def decode(self, i):
        dest_idx = i % 4
        i = i // 4
        pass_loc = i % 5
        i = i // 5
        taxi_col = i % 5
        taxi_row = i // 5
        return taxi_row, taxi_col, pass_loc, dest_idx

    def step(self, action):
        row, col, pass_idx, dest_idx = self.decode(self.state)
        new_row, new_col, new_pass_idx = row, col, pass_idx
        taxi_loc = (row, col)
        reward = -1  # default reward when there is no pickup/dropoff
        terminated = False

        if action == 0:  # move south
            new_row = min(row + 1, self.max_row)
        elif action == 1:  # move north
            new_row = max(row - 1, 0)
        elif action == 2:  # move east
            if self.MAP[1 + row][2 * col + 2] == ":":
                new_col = min(col + 1, self.max_col)
        elif action == 3:  # move west
            if self.MAP[1 + row][2 * col] == ":":
                new_col = max(col - 1, 0)
        elif action == 4:  # pickup
            if pass_idx < 4 and taxi_loc == self.locs[pass_idx]:
                new_pass_idx = 4
            else:
                reward = -10
        elif action == 5:  # dropoff
            if taxi_loc == self.locs[dest_idx] and pass_idx == 4:
                new_pass_idx = dest_idx
                terminated = True
                reward = 20
            elif taxi_loc in self.locs and pass_idx == 4:
                new_pass_idx = self.locs.index(taxi_loc)
            else:
                reward = -10

        self.state = self.encode(new_row, new_col, new_pass_idx, dest_idx)
        return self.state, reward, terminated
