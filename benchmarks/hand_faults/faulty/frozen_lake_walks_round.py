"""FrozenLake-v1 on dry ice, as two functions."""

HOLES = {5, 7, 11, 12}
GOAL = 15
STEPS = {0: (0, -1), 1: (1, 0), 2: (0, 1), 3: (-1, 0)}


def clamp(value):
    return value % 4


def transition(state, action):
    row, col = divmod(state, 4)
    dr, dc = STEPS[action]
    return 4 * clamp(row + dr) + clamp(col + dc)


def reward(state, action, next_state):
    reached = next_state == GOAL
    return (1.0 if reached else 0.0), reached or next_state in HOLES
