"""FrozenLake-v1 without slipping: a walk across ice with holes, as functions."""

LAKE = "SFFFFHFHFFFHHFFG"


def transition(state, action):
    row, column = divmod(state, 4)
    if action == 0:
        column = max(column - 1, 0)
    elif action == 1:
        row = min(row + 1, 3)
    elif action == 2:
        column = min(column + 1, 3)
    else:
        row = max(row - 1, 0)
    return 4 * row + column


def reward(state, action, next_state):
    return float(LAKE[next_state] == "G"), LAKE[next_state] in "GH"
