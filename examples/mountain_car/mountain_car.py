"""A car too weak for its hill (MountainCar-v0): it has to swing back and forth to reach the flag.

State: position (-1.2 .. 0.6) and velocity (-0.07 .. 0.07). Actions: 0 pushes left, 1 does nothing, 2 pushes right.
The push has a strength of 0.001 and gravity of 0.0025, which acts with the slope: the hill is sin(3 * position).
The velocity changes first, then the position; both are held within their limits, and a car that stands at the left
edge has no velocity to the left. Reward: -1 a step. The episode ends when the position reaches 0.5 with a velocity
of 0 or more.
"""


class Environment:
    def __init__(self):
        """Nothing but the state is remembered."""

    def set_state(self, state):
        """Continue from `state`."""

    def step(self, action):
        """Return the next observation, the reward and whether the episode has ended."""
