"""Acrobot-v1 (Sutton and Barto's book): swing two links up by a torque at the elbow."""

from math import atan2, cos, sin

M1 = M2 = 1.0
L1 = 1.0
LC1 = LC2 = 0.5
I1 = I2 = 1.0
G = 9.8
DT = 0.2
MAX_VEL_1 = 4 * pi
MAX_VEL_2 = 9 * pi


def derivatives(theta1, theta2, dtheta1, dtheta2, torque):
    d1 = M1 * LC1**2 + M2 * (L1**2 + LC2**2 + 2 * L1 * LC2 * cos(theta2)) + I1 + I2
    d2 = M2 * (LC2**2 + L1 * LC2 * cos(theta2)) + I2
    phi2 = M2 * LC2 * G * cos(theta1 + theta2 - pi / 2)
    phi1 = -M2 * L1 * LC2 * dtheta2**2 * sin(theta2)
    phi1 -= 2 * M2 * L1 * LC2 * dtheta2 * dtheta1 * sin(theta2)
    phi1 += (M1 * LC1 + M2 * L1) * G * cos(theta1 - pi / 2) + phi2
    ddtheta2 = torque + d2 / d1 * phi1 - M2 * L1 * LC2 * dtheta1**2 * sin(theta2) - phi2
    ddtheta2 /= M2 * LC2**2 + I2 - d2**2 / d1
    ddtheta1 = -(d2 * ddtheta2 + phi1) / d1
    return dtheta1, dtheta2, ddtheta1, ddtheta2


def runge_kutta(state, torque):
    k1 = derivatives(*state, torque)
    k2 = derivatives(*[s + DT / 2 * k for s, k in zip(state, k1)], torque)
    k3 = derivatives(*[s + DT / 2 * k for s, k in zip(state, k2)], torque)
    k4 = derivatives(*[s + DT * k for s, k in zip(state, k3)], torque)
    return [s + DT / 6 * (a + 2 * b + 2 * c + d) for s, a, b, c, d in zip(state, k1, k2, k3, k4)]


def wrap(angle):
    while angle > pi:
        angle -= 2 * pi
    while angle < -pi:
        angle += 2 * pi
    return angle


class Environment:
    def __init__(self):
        self.state = [0.0, 0.0, 0.0, 0.0]

    def set_state(self, observation):
        cos1, sin1, cos2, sin2, dtheta1, dtheta2 = observation
        self.state = [atan2(sin1, cos1), atan2(sin2, cos2), dtheta1, dtheta2]

    def step(self, action):
        torque = action - 1
        theta1, theta2, dtheta1, dtheta2 = runge_kutta(self.state, torque)
        theta1 = wrap(theta1)
        theta2 = wrap(theta2)
        dtheta1 = max(-MAX_VEL_1, min(MAX_VEL_1, dtheta1))
        dtheta2 = max(-MAX_VEL_2, min(MAX_VEL_2, dtheta2))
        self.state = [theta1, theta2, dtheta1, dtheta2]
        done = -cos(theta1) - cos(theta1 + theta2) > 1.0
        reward = 0.0 if done else -1.0
        observation = [cos(theta1), sin(theta1), cos(theta2), sin(theta2), dtheta1, dtheta2]
        return observation, reward, done
