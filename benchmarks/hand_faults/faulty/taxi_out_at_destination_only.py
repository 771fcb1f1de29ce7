"""Taxi-v4: a taxi, a passenger and four places."""

WALLS_EAST_OF = {(0, 1), (1, 1), (3, 0), (3, 2), (4, 0), (4, 2)}
LOCS = [(0, 0), (0, 4), (4, 0), (4, 3)]
IN_TAXI = 4


class Environment:
    def set_state(self, state):
        rest, self.destination = divmod(state, 4)
        rest, self.passenger = divmod(rest, 5)
        self.row, self.column = divmod(rest, 5)

    def encode(self):
        return ((self.row * 5 + self.column) * 5 + self.passenger) * 4 + self.destination

    def step(self, action):
        reward, done = -1, False
        if action < 4:
            self.drive(action)
        elif action == 4:
            reward = self.pick_up()
        else:
            reward, done = self.drop_off()
        return self.encode(), reward, done

    def drive(self, action):
        row, column = self.row, self.column
        if action == 0:
            row = min(row + 1, 4)
        elif action == 1:
            row = max(row - 1, 0)
        elif action == 2 and (row, column) not in WALLS_EAST_OF:
            column = min(column + 1, 4)
        elif action == 3 and (row, column - 1) not in WALLS_EAST_OF:
            column = max(column - 1, 0)
        self.row, self.column = row, column

    def pick_up(self):
        if self.passenger != IN_TAXI and (self.row, self.column) == LOCS[self.passenger]:
            self.passenger = IN_TAXI
            return -1
        return -10

    def drop_off(self):
        here = (self.row, self.column)
        if self.passenger != IN_TAXI:
            return -10, False
        if here == LOCS[self.destination]:
            self.passenger = self.destination
            return 20, True
        return -10, False
