"""FrozenLake-v1 without slipping as a world model: across a frozen lake with holes."""

LAKE = [
    "SFFF",
    "FHFH",
    "FFFH",
    "HFFG",
]
MOVES = [(0, -1), (1, 0), (0, 1), (-1, 0)]  # left, down, right, up


def transition(state, action):
    row, column = divmod(state, 4)
    down, right = MOVES[action]
    row = min(max(row + down, 0), 3)
    column = min(max(column + right, 0), 3)
    return row * 4 + column


def reward(state, action, next_state):
    ground = LAKE[next_state // 4][next_state % 4]
    return float(ground == "G"), ground in "GH"
