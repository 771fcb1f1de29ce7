"""A pole on a cart (CartPole-v1): push the cart left or right so that the pole stays up.

State: position and velocity of the cart (m, m/s), angle and angular velocity of the pole (rad, rad/s).
Action: 0 pushes left, 1 pushes right. Reward: 1 a step. The episode ends when the pole leans more than
12 degrees or the cart leaves 2.4 m. Dynamics: Barto, Sutton and Anderson (1983), Euler steps of 0.02 s.
"""

import math


class Environment:
    def __init__(self):
        self.gravity = 9.81
        self.cart_mass = 1.0
        self.pole_mass = 0.1
        self.total_mass = self.cart_mass + self.pole_mass
        self.half_length = 0.5
        self.force = 10.0
        self.seconds = 0.02
        self.max_angle = math.radians(12)
        self.max_position = 2.4
        self.state = (0.0, 0.0, 0.0, 0.0)

    def set_state(self, state):
        self.state = tuple(state)

    def step(self, action):
        x, x_dot, theta, theta_dot = self.state
        force = self.force if action == 1 else -self.force
        cos, sin = math.cos(theta), math.sin(theta)

        moment = self.pole_mass * self.half_length
        push = (force + moment * theta_dot**2 * sin) / self.total_mass
        inertia = self.half_length * (4.0 / 3.0 + self.pole_mass * cos**2 / self.total_mass)
        theta_acc = (self.gravity * sin - cos * push) / inertia
        x_acc = push - moment * theta_acc * cos / self.total_mass

        x = x + self.seconds * x_dot
        x_dot = x_dot + self.seconds * x_acc
        theta = theta + self.seconds * theta_dot
        theta_dot = theta_dot + self.seconds * theta_acc

        self.state = (x, x_dot, theta, theta_dot)
        done = abs(x) > self.max_position or abs(theta) > self.max_angle
        return self.state, 1.0, done
