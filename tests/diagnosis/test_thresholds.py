"""Thresholds: limits about which the data says nothing."""

from __future__ import annotations

import numpy as np
import pytest

from cwm_engine.findings import Severity
from tests.checks import Desk
from tests.recordings import made

HEAD = """\
LIMIT = 100

class Environment:
    low = -5

    def __init__(self):
        self.high = 50
        self.count = 0

    def set_state(self, state):
        self.state = state

    def step(self, action):
        x = self.state
"""


@pytest.fixture(scope="module")
def desk():
    """States from 0 to 19; nothing happens."""
    with Desk(made([(float(x), 0, float(x), 0.0, False) for x in range(20)])) as desk:
        yield desk


@pytest.fixture
def unreached(desk):
    """The comparisons without a known limit in a step that ends so."""

    def unreached(lines: str) -> list[str]:
        checked = desk.check(f"{HEAD}        {lines}\n        return x, 0.0, False\n")
        assert checked.accuracy == 1.0
        return [finding.message.split("`")[1] for finding in checked.report.findings if finding.code == "CWM602"]

    return unreached


@pytest.mark.parametrize(
    "comparison",
    [
        "x > 100",
        "x >= 100",
        "100 < x",
        "x > LIMIT",
        "x > self.high",
        "x < self.low",
        "x < -3",
        "x > 2 * 100",
        "x > 1e3",
    ],
)
def test_a_limit_that_is_never_reached_is_named(unreached, comparison):
    assert unreached(f"y = {comparison} or x < 5") == [comparison]


def test_a_limit_that_is_always_exceeded_is_named_too(unreached):
    assert unreached("y = x > -1 and x < 5") == ["x > -1"]


@pytest.mark.parametrize(
    "statement",
    [
        "y = x > 5 or x < 3",
        "y = x > self.count",
        "y = x > action",
        "y = 1 > 2",
        "y = x == 100 or x < 5",
        "y = x > True",
        "y = 0 <= x <= 5",
    ],
    ids=["both outcomes", "computed", "argument", "constants", "equality", "truth value", "chain"],
)
def test_other_comparisons_are_left_alone(unreached, statement):
    if "count" in statement:
        statement = f"self.count = self.count + 0\n        {statement}"
    assert unreached(statement) == []


@pytest.mark.parametrize("name", ["LIMIT", "step"])
def test_a_name_that_a_function_binds_itself_is_no_limit(unreached, name):
    assert unreached(f"{name} = x + 1\n        y = x > {name} or x < 5") == []


@pytest.mark.parametrize(
    ("limit", "unknown"),
    [
        ("min(x, 100)", "100"),
        ("max(x, LIMIT - 200)", "LIMIT - 200"),
        ("max(self.low, x)", "self.low"),
        ("min(x + 1, self.high)", "self.high"),
        ("min(self.low, x)", "x"),
    ],
)
def test_a_limit_that_never_acts_is_named(desk, limit, unknown):
    finding = desk.check(f"{HEAD}        y = {limit}\n        return x, 0.0, False\n").finding("CWM602")
    assert finding.message.startswith(f"`{limit}` is always ")
    assert finding.message.endswith(f"nothing is known about `{unknown}`.")


@pytest.mark.parametrize(
    "limit", ["min(x, 5)", "max(5.0, x)", "min(x, 5, 100)", "min(1, 2)", "min([x, 100])", "max(x, x)"]
)
def test_limits_that_act_and_other_calls_are_left_alone(unreached, limit):
    assert unreached(f"y = {limit}") == []


def test_a_limit_of_arrays_says_nothing(unreached):
    assert unreached("import numpy as np\n        y = np.minimum(np.array([x, 0.0]), np.array([100.0, 5.0]))") == []


@pytest.mark.parametrize(
    ("limit", "line"), [("x > LIMIT or x < 5", 1), ("x < self.low or x < 5", 4), ("min(x, self.high)", 7)]
)
def test_the_line_that_sets_a_limit_is_named(desk, limit, line):
    finding = desk.check(f"{HEAD}        y = {limit}\n        return x, 0.0, False\n").finding("CWM602")
    assert [suspect.line for suspect in finding.suspects] == [line]


def test_the_whole_test_of_a_branch_is_left_to_the_branch(unreached):
    """The code it never reaches is a finding of its own."""
    assert unreached("x = x if x < 100 else 0\n        if x > 100:\n            x = 0") == []


def test_a_comparison_that_never_runs_says_nothing(unreached):
    assert unreached("y = x > 5 and x < -1 and x > 100") == ["x < -1"]


def test_the_note_is_on_the_comparison(desk):
    finding = desk.check(f"{HEAD}        y = x > 5 or x < -1\n        return x, 0.0, False\n").finding("CWM602")
    assert (finding.span.line, finding.span.column, finding.span.end_column) == (15, 22, 28)
    assert finding.severity is Severity.INFO
    assert "nothing is known about its limit" in finding.message


def test_nan_is_on_no_side_of_a_limit():
    rows = [(np.nan, 0, 0.0, 0.0, False), (1.0, 0, 0.0, 0.0, False)]
    with Desk(made(rows)) as desk:
        checked = desk.check(f"{HEAD}        y = x < 5 or x > 0\n        return 0.0, 0.0, False\n")
    assert "CWM602" in checked.codes


@pytest.mark.parametrize("statement", ["assert x < 100 or x < 5", "y = x > 100 or open('f')", "self.made += 1"])
def test_a_model_that_fails_while_it_is_watched_does_no_harm(desk, statement):
    checked = desk.check(f"{HEAD}        y = x > 5 or x < -1\n        {statement}\n        return x, 0.0, False\n")
    assert checked.report.transitions.checked == 20
