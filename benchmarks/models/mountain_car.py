"""MountainCar-v0 as a world model: a car too weak for the hill it has to climb (Moore, 1990)."""

import math


class Environment:
    def __init__(self):
        self.min_position = -1.2
        self.max_position = 0.6
        self.max_speed = 0.07
        self.goal_position = 0.5
        self.goal_velocity = 0
        self.force = 0.001
        self.gravity = 0.0025
        self.state = None

    def set_state(self, state):
        self.state = tuple(state)

    def step(self, action):
        position, velocity = self.state
        velocity = velocity + (action - 1) * self.force - math.cos(3.0 * position) * self.gravity
        velocity = min(max(velocity, -self.max_speed), self.max_speed)
        position = position + velocity
        position = min(max(position, self.min_position), self.max_position)
        if position == self.min_position and velocity < 0:
            velocity = 0.0
        self.state = (position, velocity)

        terminated = position >= self.goal_position and velocity >= self.goal_velocity
        reward = -1.0
        return self.state, reward, terminated
