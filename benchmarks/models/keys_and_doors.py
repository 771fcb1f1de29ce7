"""KeysAndDoors-v0 (benchmarks/worlds) as a world model: two keys, two doors, and a goal behind them."""

MAP = [
    "###########",
    "#...#...#.#",
    "#.a.A...B.#",
    "#...#.b.#G#",
    "###########",
]
KEYS = [(2, 2), (3, 6)]
DOORS = [(2, 4), (2, 8)]
GOAL = (3, 9)
MOVES = [(-1, 0), (0, 1), (1, 0), (0, -1)]


class Environment:
    def __init__(self):
        self.position = (1, 1)
        self.keys = [0, 0]
        self.doors = [0, 0]

    def set_state(self, state):
        self.position = (int(state["position"][0]), int(state["position"][1]))
        self.keys = [int(held) for held in state["keys"]]
        self.doors = [int(opened) for opened in state["doors"]]

    def step(self, action):
        reward = -0.1
        if action == 4:
            reward = self.pick_up()
        elif action == 5:
            reward = self.open()
        else:
            self.walk(MOVES[action])
        done = self.position == GOAL
        if done:
            reward = 10
        return {"position": self.position, "keys": self.keys, "doors": self.doors}, reward, done

    def pick_up(self):
        for i in range(2):
            if self.position == KEYS[i] and not self.keys[i] and not self.doors[i]:
                self.keys[i] = 1
                return 1
        return -1

    def open(self):
        row, column = self.position
        for i in range(2):
            near = abs(row - DOORS[i][0]) + abs(column - DOORS[i][1]) == 1
            if near and self.keys[i] and not self.doors[i]:
                self.keys[i] = 0
                self.doors[i] = 1
                return 2
        return -1

    def walk(self, move):
        row, column = self.position[0] + move[0], self.position[1] + move[1]
        if MAP[row][column] == "#":
            return
        if (row, column) in DOORS and not self.doors[DOORS.index((row, column))]:
            return
        self.position = (row, column)
