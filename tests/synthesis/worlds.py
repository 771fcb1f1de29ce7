"""A small world to search in: a counter that wraps around, and models of it from right to harmful."""

import numpy as np

from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.dataset import Dataset, Provenance

SIZE = 5

RIGHT = """\
class Environment:
    def __init__(self):
        self.position = 0

    def set_state(self, state):
        self.position = int(state)

    def step(self, action):
        self.position = (self.position + (1 if action == 1 else -1)) % 5
        reward = 1.0 if self.position == 4 else 0.0
        return self.position, reward, self.position == 4
"""

WRONG_REWARD = RIGHT.replace("1.0 if", "2.0 if")
WRONG_WRAP = RIGHT.replace("% 5", "% 7")
HALF_RIGHT = RIGHT.replace("1 if action == 1 else -1", "1")
RAISES = RIGHT.replace("self.position == 4\n", "self.positoin == 4\n")
SYNTAX_ERROR = RIGHT.replace("def step(self, action):", "def step(self, action)")


def dataset(episodes=10, length=8, seed=0):
    """Random walks over the counter; an episode ends when it reaches 4 and starts anywhere else."""
    random = np.random.default_rng(seed)
    rows = []
    for episode in range(episodes):
        position = int(random.integers(0, SIZE - 1))
        for step in range(length):
            action = int(random.integers(0, 2))
            after = (position + (1 if action == 1 else -1)) % SIZE
            rows.append((episode, step, position, action, after, float(after == SIZE - 1), after == SIZE - 1))
            position = after
            if after == SIZE - 1:
                break
    episode, step, states, actions, after, rewards, done = (list(column) for column in zip(*rows, strict=True))
    return Dataset(
        observations=Columns.from_values(states),
        actions=Columns.from_values(actions),
        next_observations=Columns.from_values(after),
        rewards=np.array(rewards),
        terminated=np.array(done),
        truncated=np.zeros(len(rows), dtype=bool),
        episode=np.array(episode, dtype=np.int32),
        step=np.array(step, dtype=np.int32),
        provenance=Provenance(environment="Counter-v0"),
    )
