"""Pendulum-v1 with NumPy."""

import numpy as np


def angle_normalize(x):
    return (x + np.pi) % (2 * np.pi) - np.pi


class Environment:
    g, m, l, dt = 10.0, 1.0, 1.0, 0.05

    def set_state(self, obs):
        cos_theta, sin_theta, theta_dot = (float(value) for value in obs)
        self.state = (np.arccos(cos_theta), theta_dot)

    def step(self, action):
        theta, theta_dot = self.state
        u = float(np.clip(action[0], -2.0, 2.0))
        costs = angle_normalize(theta) ** 2 + 0.1 * theta_dot**2 + 0.001 * u**2

        new_theta_dot = theta_dot + (3 * self.g / (2 * self.l) * np.sin(theta) + 3 / (self.m * self.l**2) * u) * self.dt
        new_theta_dot = np.clip(new_theta_dot, -8.0, 8.0)
        new_theta = theta + new_theta_dot * self.dt
        self.state = (new_theta, new_theta_dot)
        return np.array([np.cos(new_theta), np.sin(new_theta), new_theta_dot]), -costs, False
