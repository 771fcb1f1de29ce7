"""CliffWalking-v1 as two functions."""

MOVES = [(0, -1), (1, 0), (0, 1), (-1, 0)]


def walk(state, action):
    row, col = state // 12 + MOVES[action][0], state % 12 + MOVES[action][1]
    return min(max(row, 0), 3), min(max(col, 0), 11)


def is_cliff(row, col):
    return row == 3 and 1 <= col <= 10


def transition(state, action):
    row, col = walk(state, action)
    if is_cliff(row, col):
        return 36
    return row * 12 + col


def reward(state, action, next_state):
    if is_cliff(*walk(state, action)):
        return -100, False
    return -1, next_state == 47
