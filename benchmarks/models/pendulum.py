"""Pendulum-v1 as a world model: swing it up and keep it there, at the least cost."""

import math


class Environment:
    max_speed = 8.0
    max_torque = 2.0
    dt = 0.05
    g = 10.0
    m = 1.0
    length = 1.0

    def __init__(self):
        self.state = (0.0, 0.0)

    def set_state(self, observation):
        cos_angle, sin_angle, speed = observation
        self.state = (math.atan2(sin_angle, cos_angle), speed)

    def step(self, action):
        angle, speed = self.state
        torque = min(max(action[0], -self.max_torque), self.max_torque)
        cost = angle**2 + 0.1 * speed**2 + 0.001 * torque**2

        gravity = 3 * self.g / (2 * self.length) * math.sin(angle)
        speed = speed + (gravity + 3.0 / (self.m * self.length**2) * torque) * self.dt
        speed = min(max(speed, -self.max_speed), self.max_speed)
        angle = angle + speed * self.dt
        self.state = (math.atan2(math.sin(angle), math.cos(angle)), speed)
        return (math.cos(angle), math.sin(angle), speed), -cost, False
