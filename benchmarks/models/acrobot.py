"""Acrobot-v1 as a world model: a two-link pendulum swung up by its elbow (Sutton, 1996)."""

from math import atan2, cos, pi, sin


class Environment:
    dt = 0.2

    LINK_LENGTH_1 = 1.0  # [m]
    LINK_MASS_1 = 1.0  # [kg]
    LINK_MASS_2 = 1.0  # [kg]
    LINK_COM_POS_1 = 0.5  # [m] position of the center of mass of link 1
    LINK_COM_POS_2 = 0.5  # [m] position of the center of mass of link 2
    LINK_MOI = 1.0  # moment of inertia of both links
    GRAVITY = 9.8

    MAX_VEL_1 = 4 * pi
    MAX_VEL_2 = 9 * pi

    AVAIL_TORQUE = [-1.0, 0.0, 1.0]

    def __init__(self):
        self.state = None

    def set_state(self, observation):
        cos1, sin1, cos2, sin2, dtheta1, dtheta2 = observation
        theta1 = atan2(sin1, cos1)
        theta2 = atan2(sin2, cos2)
        self.state = (theta1, theta2, dtheta1, dtheta2)

    def step(self, action):
        torque = self.AVAIL_TORQUE[action]
        theta1, theta2, dtheta1, dtheta2 = self.rk4(self.state, torque)

        theta1 = self.wrap(theta1, -pi, pi)
        theta2 = self.wrap(theta2, -pi, pi)
        dtheta1 = self.bound(dtheta1, -self.MAX_VEL_1, self.MAX_VEL_1)
        dtheta2 = self.bound(dtheta2, -self.MAX_VEL_2, self.MAX_VEL_2)
        self.state = (theta1, theta2, dtheta1, dtheta2)

        terminated = self.terminal()
        reward = -1.0 if not terminated else 0.0
        return self.observation(), reward, terminated

    def observation(self):
        theta1, theta2, dtheta1, dtheta2 = self.state
        return (cos(theta1), sin(theta1), cos(theta2), sin(theta2), dtheta1, dtheta2)

    def terminal(self):
        theta1, theta2 = self.state[0], self.state[1]
        return -cos(theta1) - cos(theta2 + theta1) > 1.0

    def dsdt(self, state, torque):
        m1 = self.LINK_MASS_1
        m2 = self.LINK_MASS_2
        l1 = self.LINK_LENGTH_1
        lc1 = self.LINK_COM_POS_1
        lc2 = self.LINK_COM_POS_2
        i1 = self.LINK_MOI
        i2 = self.LINK_MOI
        g = self.GRAVITY
        theta1, theta2, dtheta1, dtheta2 = state

        d1 = m1 * lc1**2 + m2 * (l1**2 + lc2**2 + 2 * l1 * lc2 * cos(theta2)) + i1 + i2
        d2 = m2 * (lc2**2 + l1 * lc2 * cos(theta2)) + i2
        phi2 = m2 * lc2 * g * cos(theta1 + theta2 - pi / 2.0)
        phi1 = (
            -m2 * l1 * lc2 * dtheta2**2 * sin(theta2)
            - 2 * m2 * l1 * lc2 * dtheta2 * dtheta1 * sin(theta2)
            + (m1 * lc1 + m2 * l1) * g * cos(theta1 - pi / 2)
            + phi2
        )
        ddtheta2 = (torque + d2 / d1 * phi1 - m2 * l1 * lc2 * dtheta1**2 * sin(theta2) - phi2) / (
            m2 * lc2**2 + i2 - d2**2 / d1
        )
        ddtheta1 = -(d2 * ddtheta2 + phi1) / d1
        return dtheta1, dtheta2, ddtheta1, ddtheta2

    def rk4(self, state, torque):
        dt = self.dt
        k1 = self.dsdt(state, torque)
        k2 = self.dsdt([y + dt / 2 * k for y, k in zip(state, k1)], torque)
        k3 = self.dsdt([y + dt / 2 * k for y, k in zip(state, k2)], torque)
        k4 = self.dsdt([y + dt * k for y, k in zip(state, k3)], torque)
        return [y + dt / 6 * (a + 2 * b + 2 * c + d) for y, a, b, c, d in zip(state, k1, k2, k3, k4)]

    def wrap(self, x, low, high):
        width = high - low
        while x > high:
            x = x - width
        while x < low:
            x = x + width
        return x

    def bound(self, x, low, high):
        return min(max(x, low), high)
