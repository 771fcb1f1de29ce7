"""Environments with the habits of real ones, good and bad, registered with Gymnasium."""

import gymnasium
import numpy as np
from gymnasium import spaces


class InPlace(gymnasium.Env):
    """Changes one array in place at every step and never ends."""

    observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = spaces.Discrete(3, start=-1)

    def __init__(self, fail_at=None):
        self.position = np.zeros(2, dtype=np.float64)
        self.fail_at = fail_at
        self.steps = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.position[:] = 0.0
        self.steps = 0
        return self.position, {}

    def step(self, action):
        self.position += action
        self.position[1] += 1
        if self.fail_at == self.steps + 1:
            raise RuntimeError("the motor burnt out")
        self.steps += 1
        lives = {"lives": self.steps} if self.steps > 1 else {}
        return self.position, np.float32(0.1), np.bool_(False), False, lives


class Backpack(gymnasium.Env):
    """Observations of everything: text, a grid, a tuple, and a set in a space that JSON does not know."""

    def __init__(self, known=True):
        inside = spaces.Sequence(spaces.Discrete(3)) if known else spaces.OneOf([spaces.Discrete(9)])
        self.observation_space = spaces.Dict(
            {
                "mission": spaces.Text(20),
                "grid": spaces.Box(0, 5, (2, 2), np.uint8),
                "at": spaces.Tuple([spaces.Discrete(9), spaces.Discrete(9)]),
                "inside": inside,
            }
        )
        self.action_space = spaces.Dict({"go": spaces.MultiDiscrete([3, 3]), "push": spaces.Box(-1, 1, (), np.float32)})
        self.items = 0

    def _look(self):
        return {
            "mission": f"carry {self.items}",
            "grid": np.full((2, 2), self.items, dtype=np.uint8),
            "at": (self.items, 0),
            "inside": tuple(range(self.items)),
        }

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.items = 0
        return self._look(), {}

    def step(self, action):
        self.items += 1
        return self._look(), self.items, self.items == 3, False, {}


class Drifting(gymnasium.Env):
    """A vector state that can be set, which no table of ranges knows."""

    observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, hidden=False):
        self.state = np.zeros(2)
        self.hidden = hidden

    def _look(self):
        return self.state.astype(np.float32) * (2 if self.hidden else 1)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state = self.np_random.uniform(1, 2, 2)
        return self._look(), {}

    def step(self, action):
        self.state = self.state + (2 * action - 1)
        return self._look(), 0.0, bool(abs(self.state[0]) > 5), False, {}


class Doubled(gymnasium.ObservationWrapper):
    """What a wrapper makes of an observation belongs to the observation."""

    def observation(self, observation):
        return observation * 2


def doubled_drifting():
    return Doubled(Drifting())


def unmakeable():
    raise OSError("no display")


gymnasium.register("InPlace-v0", InPlace)
gymnasium.register("Backpack-v0", Backpack)
gymnasium.register("Drifting-v0", Drifting, max_episode_steps=30)
gymnasium.register("Doubled-v0", doubled_drifting, max_episode_steps=30)
gymnasium.register("Unmakeable-v0", unmakeable)
