"""A report with everything in it, for the tests of the output forms."""

import pytest

from cwm_engine.checking.report import ModelReport, Repair, Report, Status, Transitions
from cwm_engine.findings import Example, Finding, Severity, Span, Suspect

WRONG = """\
class Environment:
    def set_state(self, state):
        self.x, self.v = state

    def step(self, action):
        force = 1.0 if action else -1.0
        self.x += self.v
        self.v -= force
        if self.v > 100:
            self.v = 100
        return (self.x, self.v), 1.0, False
"""


@pytest.fixture
def sources() -> dict[str, str]:
    """The text of the model in `report`."""
    return {"models/wrong.py": WRONG}


@pytest.fixture
def report() -> Report:
    """One model with an error, an info and a hint, one right model, one that could not be checked."""
    example = Example(
        episode=2,
        step=5,
        state=[0.5, 0.25],
        action=1,
        expected={"observation": [0.75, 1.25], "reward": 1.0, "terminated": False},
        predicted={"observation": [0.75, -0.75], "reward": 1.0, "terminated": False},
        differs=("obs[1]",),
    )
    mismatch = Finding(
        code="CWM201",
        severity=Severity.ERROR,
        message="`obs[1]` is wrong",
        span=Span(8, 9, 8, 24),
        count=37,
        fields=("obs[1]",),
        suspects=(Suspect(8, 0.9), Suspect(6, 0.4)),
        examples=(example,),
        note="Correct the dynamics on the marked line.",
    )
    threshold = Finding(
        code="CWM602",
        severity=Severity.INFO,
        message="No transition reaches 100.",
        span=Span(9, 21, 9, 24),
        note="Record transitions beyond the threshold.",
    )
    unexercised = Finding(
        code="CWM601", severity=Severity.HINT, message="No transition executes this code.", span=Span(10, 13, 10, 25)
    )
    wrong = ModelReport(
        file="models/wrong.py",
        model="Environment",
        dialect="environment",
        transitions=Transitions(1000, 1000, 963),
        accuracy=0.963,
        baseline=0.0,
        ceiling=1.0,
        fields={"obs[0]": 1.0, "obs[1]": 0.963, "reward": 1.0, "terminated": 1.0},
        findings=(mismatch, threshold, unexercised),
        repairs=(
            Repair(
                8,
                Span(8, 11, 8, 13),
                "+=",
                "replace `-=` by `+=`",
                "--- a/models/wrong.py\n+++ b/models/wrong.py\n@@ -8 +8 @@\n-a\n+b\n",
            ),
        ),
        trajectories="trajectories/wrong.jsonl",
        environment="Cart-v0",
        isolation="full",
        seconds=0.25,
    )
    right = ModelReport(
        file="models/right.py",
        model="Environment",
        dialect="environment",
        transitions=Transitions(1000, 1000, 1000),
        accuracy=1.0,
        baseline=0.0,
        ceiling=1.0,
        fields={"obs": 1.0, "reward": 1.0, "terminated": 1.0},
        isolation="full",
    )
    failed = ModelReport(file="models/lost.py", status=Status.ERROR, message="there are no trajectories for this model")
    return Report((wrong, right, failed))
