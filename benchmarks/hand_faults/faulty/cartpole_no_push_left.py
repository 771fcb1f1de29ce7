"""CartPole-v1 with NumPy."""

import numpy as np


class Environment:
    def __init__(self):
        self.g = 9.8
        self.m_cart = 1.0
        self.m_pole = 0.1
        self.l = 0.5
        self.force_mag = 10.0
        self.dt = 0.02
        self.state = np.zeros(4)

    def set_state(self, state):
        self.state = np.array(state, dtype=float)

    def step(self, action):
        x, v, theta, omega = self.state
        push = self.force_mag * action
        m = self.m_cart + self.m_pole
        s, c = np.sin(theta), np.cos(theta)
        a = (push + self.m_pole * self.l * omega**2 * s) / m
        alpha = (self.g * s - c * a) / (self.l * (4 / 3 - self.m_pole * c**2 / m))
        acc = a - self.m_pole * self.l * alpha * c / m

        new_x = x + self.dt * v
        new_v = v + self.dt * acc
        new_theta = theta + self.dt * omega
        new_omega = omega + self.dt * alpha
        self.state = np.array([new_x, new_v, new_theta, new_omega])
        done = bool(abs(new_x) > 2.4 or abs(new_theta) > np.radians(12))
        return self.state, 1.0, done
