"""Ice-v0 with a helper that looks where a slide ends."""

POND = """
##########
#....#...#
#.c.....+#
#...O....#
#+....c..#
#..#....O#
#c....+.E#
##########
""".split()
COINS = [(2, 2), (4, 6), (6, 1)]
UP, RIGHT, DOWN, LEFT = range(4)


class Environment:
    def __init__(self):
        self.state = (1, 1, 0, 0, 0)

    def set_state(self, state):
        self.state = tuple(int(value) for value in state)

    def slide(self, row, col, action):
        path = []
        while True:
            if action == UP:
                row, col = row - 1, col
            elif action == DOWN:
                row, col = row + 1, col
            elif action == LEFT:
                row, col = row, col - 1
            else:
                row, col = row, col + 1
            if POND[row][col] == "#":
                return path
            path.append((row, col))
            if POND[row][col] in "OE+":
                return path

    def step(self, action):
        row, col = self.state[0], self.state[1]
        taken = list(self.state[2:])
        path = self.slide(row, col, action)
        reward = -1
        for cell in path[-1:]:
            if cell in COINS:
                i = COINS.index(cell)
                if not taken[i]:
                    taken[i] = 1
                    reward += 5
        if path:
            row, col = path[-1]
        tile = POND[row][col]
        done = tile == "E"
        if tile == "O":
            reward -= 20
        elif tile == "E":
            reward += 20
        self.state = (row, col, *taken)
        return self.state, reward, done
