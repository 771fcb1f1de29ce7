"""MountainCar-v0 as two functions."""

import numpy as np


def transition(state, action):
    position, velocity = state
    velocity += (action - 1) * 0.001 + np.cos(3 * position) * (-0.0025)
    velocity = np.clip(velocity, -0.07, 0.07)
    position += velocity
    position = np.clip(position, -1.2, 0.6)
    return np.array([position, velocity], dtype=np.float32)


def reward(state, action, next_state):
    position, velocity = next_state
    done = bool(position >= 0.5 and velocity >= 0)
    return -1.0, done
