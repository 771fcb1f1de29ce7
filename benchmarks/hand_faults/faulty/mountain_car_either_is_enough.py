"""MountainCar-v0: an engine too weak for the hill."""

from math import cos

FORCE = 0.001
GRAVITY = 0.0025
MAX_SPEED = 0.07
LEFT_WALL, RIGHT_WALL = -1.2, 0.6
FLAG = 0.5


class Environment:
    def __init__(self):
        self.position = -0.5
        self.velocity = 0.0

    def set_state(self, state):
        self.position, self.velocity = float(state[0]), float(state[1])

    def step(self, action):
        velocity = self.velocity + (action - 1) * FORCE - GRAVITY * cos(3 * self.position)
        if velocity > MAX_SPEED:
            velocity = MAX_SPEED
        if velocity < -MAX_SPEED:
            velocity = -MAX_SPEED
        position = self.position + velocity
        if position > RIGHT_WALL:
            position = RIGHT_WALL
        if position <= LEFT_WALL:
            position = LEFT_WALL
            velocity = max(velocity, 0.0)
        self.position = position
        self.velocity = velocity
        done = position >= FLAG or velocity >= 0
        return (position, velocity), -1.0, done
