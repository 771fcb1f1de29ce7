"""CartPole-v1 as a Gymnasium environment whose state can be set."""

import math

import gymnasium as gym
import numpy as np


class CartPoleModel(gym.Env):
    def __init__(self):
        self.gravity = 9.8
        self.masscart = 1.0
        self.masspole = 0.1
        self.total_mass = self.masspole + self.masscart
        self.length = 0.5
        self.polemass_length = self.masspole * self.length
        self.force_mag = 10.0
        self.tau = 0.02
        self.theta_limit = 12 * 2 * math.pi / 360
        self.x_limit = 2.4
        self.state = None

    def set_state(self, observation):
        self.state = [float(value) for value in observation]

    def step(self, action):
        x, x_dot, theta, theta_dot = self.state
        force = self.force_mag if action == 1 else -self.force_mag
        costheta = math.cos(theta)
        sintheta = math.sin(theta)
        temp = (force + self.polemass_length * theta_dot**2 * sintheta) / self.masscart
        thetaacc = (self.gravity * sintheta - costheta * temp) / (
            self.length * (4.0 / 3.0 - self.masspole * costheta**2 / self.total_mass)
        )
        xacc = temp - self.polemass_length * thetaacc * costheta / self.total_mass
        self.state = [
            x + self.tau * x_dot,
            x_dot + self.tau * xacc,
            theta + self.tau * theta_dot,
            theta_dot + self.tau * thetaacc,
        ]
        terminated = abs(self.state[0]) > self.x_limit or abs(self.state[2]) > self.theta_limit
        reward = 0.0 if terminated else 1.0
        return np.array(self.state, dtype=np.float32), reward, terminated, False, {}
