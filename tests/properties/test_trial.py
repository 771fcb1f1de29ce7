"""Invariants tried on models, in the sandbox: right models break none, wrong ones are shown where they do."""

import pytest

from cwm_engine.properties.mining import mine
from cwm_engine.properties.sampling import sample_cases
from cwm_engine.properties.trial import try_model
from tests.checks import program_of
from tests.recordings import RIGHT, made, recorded, right_model

LINE = made([(x, a, x + (1 if a else -1), 0.0, False) for x in range(2, 9) for a in (0, 1)] * 4, lengths=[1] * 56)
RIGHT_LINE = """\
class Environment:
    def set_state(self, state):
        self.state = state

    def step(self, action):
        self.state += 1 if action else -1
        return self.state, 0.0, False
"""


def tried(source, dataset=LINE, count=400):
    invariants = mine(dataset)
    return try_model(program_of(source), invariants, sample_cases(dataset, count, 1, tuple(invariants)))


@pytest.mark.parametrize("environment", RIGHT)
def test_a_right_model_breaks_nothing_where_nobody_was(environment):
    violations, evidence = tried(right_model(environment), recorded(environment), 1000)
    assert [violation.invariant.statement for violation in violations] == []
    assert evidence.checked.all()


def test_a_wrong_model_breaks_what_every_record_obeys():
    """Right but for one state that only cases with another action reach."""
    wrong = RIGHT_LINE.replace("self.state += 1 if", "self.state += 3 if self.state == 5 and action else 1 if")
    violations, _ = tried(wrong)
    assert [violation.invariant.statement for violation in violations] == [
        "action 1 changes `obs` by 1",
        "action 1 undoes action 0 where that changed something",
        "action 0 undoes action 1 where that changed something",
    ]
    (example, *_) = violations[0].examples
    assert (example.state, example.action, example.predicted["observation"]) == (5, 1, 8)
    assert (example.expected, example.differs) == (None, ("obs",))
    assert 0 < violations[0].count == len(violations[0].rows) < violations[0].tried


def test_cases_without_a_prediction_break_nothing_and_stay_in_the_evidence():
    raises = RIGHT_LINE.replace("        self.state += 1", "        1 / (self.state - 5)\n        self.state += 1")
    violations, evidence = tried(raises)
    assert violations == []
    assert evidence.failures


def test_a_model_that_never_loads_breaks_nothing():
    violations, evidence = tried("raise ValueError\n" + RIGHT_LINE)
    assert (violations, evidence.load_failure is not None) == ([], True)


def test_states_with_texts_are_not_tried():
    dataset = made([({"name": "a", "x": x}, 0, {"name": "a", "x": x + 1}, 0.0, False) for x in range(40)])
    still = "class Environment:\n    def set_state(self, s):\n        self.s = s\n"
    violations, _ = tried(still + "    def step(self, action):\n        return self.s, 0.0, False\n", dataset)
    assert violations == []
