"""Pendulum-v1: a pole on a motor that is too weak to lift it at once."""

import math


class Environment:
    def set_state(self, state):
        cos, sin, self.speed = state
        self.angle = math.atan2(sin, cos)

    def step(self, action):
        torque = min(max(float(action[0]), -2.0), 2.0)
        normalized = (self.angle + math.pi) % (2 * math.pi) - math.pi
        cost = normalized**2 + 0.1 * self.speed**2 + 0.001 * torque**2
        speed = self.speed + (15.0 * math.sin(self.angle) + 3.0 * torque) * 0.05
        self.speed = min(max(speed, -8.0), 8.0)
        self.angle += self.speed * 0.05
        return (math.cos(self.angle), math.sin(self.angle), self.speed), -cost, False
