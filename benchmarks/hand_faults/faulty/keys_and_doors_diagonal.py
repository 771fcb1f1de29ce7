"""KeysAndDoors-v0 as two functions."""

import numpy as np

WALLS = {(row, 0) for row in range(5)} | {(row, 10) for row in range(5)}
WALLS |= {(0, col) for col in range(11)} | {(4, col) for col in range(11)}
WALLS |= {(1, 4), (3, 4), (1, 8), (3, 8)}
KEYS = [(2, 2), (3, 6)]
DOORS = [(2, 4), (2, 8)]
GOAL = (3, 9)


def transition(state, action):
    row, col = (int(number) for number in state["position"])
    keys, doors = state["keys"].copy(), state["doors"].copy()
    if action == 4:
        for i in range(2):
            if (row, col) == KEYS[i] and not doors[i]:
                keys[i] = 1
    elif action == 5:
        for i in range(2):
            if keys[i] and next_to((row, col), DOORS[i]):
                keys[i], doors[i] = 0, 1
    else:
        blocked = set(WALLS)
        for i in range(2):
            if not doors[i]:
                blocked.add(DOORS[i])
        there = {0: (row - 1, col), 1: (row, col + 1), 2: (row + 1, col), 3: (row, col - 1)}[action]
        if there not in blocked:
            row, col = there
    return {"position": np.array([row, col]), "keys": keys, "doors": doors}


def next_to(a, b):
    return max(abs(a[0] - b[0]), abs(a[1] - b[1])) == 1


def reward(state, action, next_state):
    if tuple(next_state["position"]) == GOAL:
        return 10.0, True
    if action == 4:
        return (1.0 if sum(next_state["keys"]) > sum(state["keys"]) else -1.0), False
    if action == 5:
        return (2.0 if sum(next_state["doors"]) > sum(state["doors"]) else -1.0), False
    return -0.1, False
