"""CartPole-v1: a cart that is pushed left or right under a pole."""

import math

GRAVITY = 9.8
MASS_CART = 1.0
MASS_POLE = 0.1
HALF_LENGTH = 0.5
FORCE = 10.0
DT = 0.02
X_LIMIT = 2.4
THETA_LIMIT = 12


class Environment:
    def __init__(self):
        self.state = (0.0, 0.0, 0.0, 0.0)

    def set_state(self, state):
        self.state = tuple(state)

    def step(self, action):
        x, x_dot, theta, theta_dot = self.state
        force = FORCE if action == 1 else -FORCE
        total_mass = MASS_CART + MASS_POLE
        sin = math.sin(theta)
        cos = math.cos(theta)

        temp = (force + MASS_POLE * HALF_LENGTH * theta_dot**2 * sin) / total_mass
        theta_acc = (GRAVITY * sin - cos * temp) / (HALF_LENGTH * (4.0 / 3.0 - MASS_POLE * cos**2 / total_mass))
        x_acc = temp - MASS_POLE * HALF_LENGTH * theta_acc * cos / total_mass

        x = x + DT * x_dot
        x_dot = x_dot + DT * x_acc
        theta = theta + DT * theta_dot
        theta_dot = theta_dot + DT * theta_acc

        self.state = (x, x_dot, theta, theta_dot)
        fallen = abs(theta) > THETA_LIMIT
        out = abs(x) > X_LIMIT
        return self.state, 1.0, fallen or out
