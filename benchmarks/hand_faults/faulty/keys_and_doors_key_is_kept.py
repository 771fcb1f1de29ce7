"""KeysAndDoors-v0: three rooms, two keys, two doors."""

MAP = [
    "###########",
    "#...#...#.#",
    "#.a.A...B.#",
    "#...#.b.#G#",
    "###########",
]
KEYS = [(2, 2), (3, 6)]
DOORS = [(2, 4), (2, 8)]
MOVES = [(-1, 0), (0, 1), (1, 0), (0, -1)]


class Environment:
    def set_state(self, state):
        self.row, self.col = state["position"]
        self.keys = list(state["keys"])
        self.doors = list(state["doors"])

    def step(self, action):
        reward = -0.1
        if action < 4:
            self.move(*MOVES[action])
        elif action == 4:
            reward = self.pick_up()
        elif action == 5:
            reward = self.open_door()
        done = MAP[self.row][self.col] == "G"
        if done:
            reward = 10.0
        return {"position": [self.row, self.col], "keys": self.keys, "doors": self.doors}, reward, done

    def move(self, down, right):
        row, col = self.row + down, self.col + right
        tile = MAP[row][col]
        if tile == "#":
            return
        if tile == "A" and not self.doors[0]:
            return
        if tile == "B" and not self.doors[1]:
            return
        self.row, self.col = row, col

    def pick_up(self):
        for i, key in enumerate(KEYS):
            if (self.row, self.col) == key and not self.keys[i] and not self.doors[i]:
                self.keys[i] = 1
                return 1.0
        return -1.0

    def open_door(self):
        for i, (row, col) in enumerate(DOORS):
            if abs(self.row - row) + abs(self.col - col) == 1 and self.keys[i] and not self.doors[i]:
                self.doors[i] = 1
                return 2.0
        return -1.0
