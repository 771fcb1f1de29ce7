"""Requests as a search makes them, for tests of what is done with them."""

from typing import Any

from cwm_engine.findings import Example, Finding, Severity, Span, Suspect
from cwm_engine.synthesis.contract import contract
from cwm_engine.synthesis.interfaces import Attempt, Request, SearchAction
from cwm_engine.trajectories.dataset import Spaces

PROGRAM = '''\
"""A cart on a rail."""


class Environment:
    def __init__(self):
        self.x = 0.0

    def set_state(self, state):
        self.x = float(state[0])

    def step(self, action):
        self.x += 0.1 if action == 1 else 0.1
        return [self.x], 0.0, self.x > 2
'''
SPACES = Spaces(
    observation={"type": "Box", "low": [-2.5], "high": [2.5], "shape": [1], "dtype": "float32"},
    action={"type": "Discrete", "n": 2, "start": 0},
)


def example(number: int, *, predicted: Any = None, size: int = 1) -> Example:
    """A transition one step to the left, by default predicted as one to the right."""
    state = [0.1 * number] * size
    return Example(
        episode=number,
        step=7,
        state=state,
        action=0,
        expected={"observation": [0.1 * (number - 1)] * size, "reward": 0.5, "terminated": False},
        predicted=predicted or {"observation": [0.1 * (number + 1)] * size, "reward": 0.0, "terminated": False},
        differs=(*(f"obs[{index}]" for index in range(size)), "reward"),
    )


STATE = Finding(
    code="CWM201",
    severity=Severity.ERROR,
    message="`obs[0]` is wrong in 40 of 100 transitions",
    span=Span(12, 9, 12, 46),
    count=40,
    fields=("obs[0]",),
    suspects=(Suspect(12, 1.0), Suspect(9, 0.25)),
    examples=tuple(example(number) for number in range(3)),
    note="Correct the dynamics on the marked line.",
)
REWARD = Finding(
    code="CWM301",
    severity=Severity.ERROR,
    message="`reward` is wrong in 100 of 100 transitions",
    span=Span(13, 26, 13, 29),
    count=100,
    fields=("reward",),
    examples=tuple(example(number) for number in range(10, 13)),
    note="It is always 0.5.",
)
RAISED = Finding(
    code="CWM401",
    severity=Severity.ERROR,
    message="ZeroDivisionError: float division by zero (3 of 100 transitions)",
    span=Span(12, 9, 12, 46),
    count=3,
    examples=(example(5, predicted={"error": "float division by zero"}),),
)


def improve(**changes: Any) -> Request:
    """A request to improve the program."""
    facts: dict[str, Any] = {
        "action": SearchAction.IMPROVE,
        "program": PROGRAM,
        "findings": (STATE, REWARD),
        "fields": {"obs[0]": 0.6, "reward": 0.0, "terminated": 1.0},
        "accuracy": 0.0,
        "description": "A cart on a rail of 4 m; positions in metres.",
        "spaces": SPACES,
        "contract": contract(),
        "siblings": (
            Attempt(SearchAction.IMPROVE, diff="-        self.x += 0.1\n+        self.x += 0.2", accuracy=0.125),
            Attempt(SearchAction.IMPROVE, reason="The reply is empty."),
        ),
        "note": "No single edit repairs the program.",
    }
    return Request(**{**facts, **changes})


def fix(**changes: Any) -> Request:
    """A request to fix the program."""
    return improve(**{"action": SearchAction.FIX, "findings": (RAISED,), "accuracy": None, "fields": {}, **changes})


def generate(**changes: Any) -> Request:
    """A request to write a program."""
    nothing = {"program": None, "findings": (), "fields": {}, "accuracy": None, "siblings": (), "note": None}
    examples = tuple(example(number) for number in range(20))
    return improve(**{"action": SearchAction.GENERATE, "examples": examples, **nothing, **changes})
