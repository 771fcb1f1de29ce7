"""Pendulum-v1: swing a pole up and keep it up."""

import math

MAX_SPEED = 8
MAX_TORQUE = 2.0
DT = 0.05
G = 10.0
M = 1.0
L = 1.0


class Environment:
    def __init__(self):
        self.theta = 0.0
        self.theta_dot = 0.0

    def set_state(self, obs):
        self.theta = math.atan2(obs[1], obs[0])
        self.theta_dot = obs[2]

    def step(self, action):
        u = max(-MAX_TORQUE, min(MAX_TORQUE, action[0]))
        acceleration = 3 * G / (2 * L) * math.sin(self.theta) + 3.0 / (M * L**2) * u
        self.theta_dot = self.theta_dot + acceleration * DT
        self.theta_dot = max(-MAX_SPEED, min(MAX_SPEED, self.theta_dot))
        self.theta = self.theta + self.theta_dot * DT
        cost = self.theta**2 + 0.1 * self.theta_dot**2 + 0.001 * u**2
        return (math.cos(self.theta), math.sin(self.theta), self.theta_dot), -cost, False
