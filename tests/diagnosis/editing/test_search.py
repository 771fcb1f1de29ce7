"""The single-edit search: slips are undone, what was left out is put back, and every claim holds."""

from __future__ import annotations

import ast
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.diagnosis.editing.fitting import fit, fit_coefficient, fit_threshold, nice
from cwm_engine.diagnosis.editing.search import SearchResult, search_single_edits
from cwm_engine.diagnosis.execution.executor import Bench
from cwm_engine.diagnosis.execution.judge import Miss
from cwm_engine.diagnosis.localization.ranking import code_lines
from tests.diagnosis.worlds import ARRAYS, GYMNASIUM, KEYS, PENDULUM, QUEUES, World


def search(world: World, source: str, **more) -> SearchResult:
    """Search all lines of a model."""
    lines = [(line, 1.0) for line in code_lines(ast.parse(source))]
    with np.errstate(all="ignore"):
        return search_single_edits(source, world.model, world.sample(source), lines, **more)


def repairs(world: World, source: str, **more) -> list[str]:
    """The texts of all hits; each is right everywhere in the data."""
    result = search(world, source, **more)
    everything = world.sample(world.source, passing=1000)
    for hit in result.hits:
        bench = Bench(ast.parse(hit.patch.text), world.model, everything, {})
        assert all(bench.accepts(row) for row in range(len(everything))), hit.patch.description
    return [hit.patch.text for hit in result.hits]


SLIPS = [
    (PENDULUM, "3 * self.gravity", "4 * self.gravity"),
    (PENDULUM, "self.gravity = 10.0", "self.gravity = 8.5"),
    (PENDULUM, "0.1 * self.speed**2", "0.1 * self.speed**3"),
    (PENDULUM, "(pull + push)", "(pull - push)"),
    (PENDULUM, "0.001 * torque**2", "0.001 / torque**2"),
    (PENDULUM, "math.sin(self.angle)", "math.cos(self.angle)"),
    (PENDULUM, "angle = self.angle + speed", "angle = self.angle + self.speed"),
    (PENDULUM, "-cost, False", "cost, False"),
    (PENDULUM, "math.atan2(y, x)", "math.atan2(x, y)"),
    (PENDULUM, "min(action, self.max_torque)", "max(action, self.max_torque)"),
    (PENDULUM, "math.cos(angle), math.sin", "math.cos(speed), math.sin"),
    (ARRAYS, "DT = 0.1", "DT = 0.2"),
    (ARRAYS, "change - DAMPING", "change + DAMPING"),
    (ARRAYS, "change[1] += force", "change[0] += force"),
    (ARRAYS, "np.abs(self.state)", "np.square(self.state)"),
    (ARRAYS, "np.any(", "np.all("),
    (KEYS, "(2, 1)}", "(2, 2)}"),
    (KEYS, '"north": (0, -1)', '"north": (0, 1)'),
    (KEYS, "target not in WALLS", "target in WALLS"),
    (KEYS, 'action == "take"', 'action != "take"'),
    (KEYS, 'action == "take" and', 'action == "take" or'),
    (KEYS, 'else "poor"', 'else "rich"'),
    (KEYS, 'next_state["keys"] - state["keys"]', 'state["keys"] - state["keys"]'),
    (KEYS, "keys >= 2", "keys > 2"),
    (GYMNASIUM, "FRICTION = 0.25", "FRICTION = 0.35"),
    (GYMNASIUM, "power=0.5", "power=0.75"),
    (GYMNASIUM, "self.velocity += self", "self.velocity = self"),
    (GYMNASIUM, "self.position += self.velocity", "self.position -= self.velocity"),
    (GYMNASIUM, "if done:", "if not done:"),
    (QUEUES, "urgent[0] if urgent else", "urgent[0] if not urgent else"),
    (QUEUES, "3 * served - waiting", "waiting - 3 * served"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("world", "right", "wrong"), SLIPS, ids=[f"{right} - {wrong}"[:60] for _, right, wrong in SLIPS]
)
def test_a_slip_is_undone(world, right, wrong):
    found = repairs(world, world.broken(right, wrong))
    assert ast.unparse(ast.parse(world.source)) in [ast.unparse(ast.parse(text)) for text in found]


OMISSIONS = [
    (PENDULUM, "self.speed + (pull + push) * self.dt", "(pull + push) * self.dt"),
    (PENDULUM, "self.angle + speed * self.dt", "self.angle + speed"),
    (PENDULUM, "pull + push", "push"),
    (PENDULUM, "angle = self.angle + speed * self.dt", "angle = self.angle"),
    (PENDULUM, "% (2 * math.pi)) - math.pi", "% (2 * math.pi))"),
    (ARRAYS, "DT / 2 * k1", "DT * k1"),
    (ARRAYS, "2.0 * (action - 1)", "2.0 * action"),
    (KEYS, "5.0 * gained - 0.5", "5.0 * gained"),
    (KEYS, "keys = keys + 1", "keys = 1"),
    (GYMNASIUM, "        self.position += self.velocity\n", ""),
    (GYMNASIUM, "self.goal - self.position", "self.position"),
]


@pytest.mark.parametrize(("world", "right", "wrong"), OMISSIONS, ids=[right.strip()[:50] for _, right, _ in OMISSIONS])
def test_what_was_left_out_is_put_back(world, right, wrong):
    assert repairs(world, world.broken(right, wrong))


def test_a_missing_statement_is_written_by_analogy_beside_its_like():
    source = """\
class Environment:
    def set_state(self, state):
        self.state = state
    def step(self, action):
        x, vx, y, vy = self.state
        limit_x, limit_y = 2.5, 2.5
        x = min(max(x + vx, 0.0), limit_x)
        y = min(max(y + vy, 0.0), limit_y)
        return (x, vx, y, vy), 0.0, False
"""
    rng = np.random.default_rng(0)
    world = World(source, [tuple(map(float, row)) for row in rng.uniform(-3, 3, (60, 4))], [0] * 60, single=False)
    line = "        y = min(max(y + vy, 0.0), limit_y)\n"
    assert source in repairs(world, world.broken(line, ""))


def test_the_most_plausible_repair_comes_first():
    source = KEYS.broken("keys + 1", "keys + 2")
    hits = search(KEYS, source).hits
    assert [hit.cost for hit in hits] == sorted(hit.cost for hit in hits)
    assert hits[0].patch.text == KEYS.source
    assert hits[0].line == KEYS.line_of("keys + 1")
    assert hits[0].patch.description == "replace `2` by `1`"


def test_a_repair_that_says_the_same_twice_is_the_last_to_be_believed():
    """No state of the data is below -3, so that `x > 3 or x > 3` is as right there as the truth."""
    source = """\
class Environment:
    def set_state(self, state):
        self.x = state

    def step(self, action):
        self.x = self.x + action
        return self.x, 1.0, self.x < -3 or self.x > 3
"""
    world = World(source, list(range(-2, 6)) * 3, [0] * 8 + [1] * 16)
    hits = search(world, world.broken("self.x < -3", "self.x < 3")).hits
    assert "self.x > 3 or self.x > 3" not in hits[0].patch.text


def test_two_slips_are_no_single_edit_and_that_is_said():
    source = PENDULUM.broken("3 * self.gravity", "4 * self.gravity").replace("0.1 * self", "0.3 * self")
    result = search(PENDULUM, source)
    assert result.hits == []
    assert result.exhausted
    assert result.tried > 1000


def test_repairs_that_the_data_does_not_tell_apart_are_all_told():
    """Nothing in the data is faster than the limit allows: any larger limit repairs it."""
    hits = search(PENDULUM, PENDULUM.broken("max_speed = 8.0", "max_speed = 5.0")).hits
    assert len({hit.patch.text for hit in hits}) == len(hits) > 1


def test_only_ranked_lines_and_what_is_beside_them_are_edited():
    source = KEYS.broken("keys + 1", "keys + 2")
    sample = KEYS.sample(source)
    other = KEYS.line_of("dx, dy = MOVES")
    result = search_single_edits(source, KEYS.model, sample, [(other, 1.0)])
    assert all(abs(hit.line - other) <= 1 for hit in result.hits)
    assert KEYS.source not in [hit.patch.text for hit in result.hits]


def test_no_more_hits_than_wanted():
    source = PENDULUM.broken("max_speed = 8.0", "max_speed = 5.0")
    result = search(PENDULUM, source, most=2)
    assert len(result.hits) == 2


def test_the_deadline_is_kept():
    source = PENDULUM.broken("3 * self.gravity", "4 * self.gravity").replace("0.1 * self", "0.3 * self")
    result = search(PENDULUM, source, deadline=time.process_time())
    assert not result.exhausted
    assert result.hits == []


def test_hits_are_told_when_they_are_found():
    told = []
    result = search(KEYS, KEYS.broken("keys + 1", "keys + 2"), on_hit=told.append)
    assert sorted(told, key=lambda hit: hit.cost) == result.hits


def test_candidates_may_loop_crash_and_grow_without_end():
    """Every edit of this model's loop makes it endless, exponential or an error."""
    source = """\
class Environment:
    LIST = [1, 2, 3]
    def set_state(self, state):
        self.state = state
    def step(self, action):
        left, total = 5, 1
        while left > 0:
            left -= 1
            total = total * 3 + self.state
        return total, 0.0, total > 1000
"""
    world = World(source, list(range(10)), [0] * 10)
    assert source in repairs(world, world.broken("* 3", "* 4"))


def test_windows_line_ends_survive():
    source = KEYS.broken("keys + 1", "keys + 2").replace("\n", "\r\n")
    hits = search(KEYS, source).hits
    assert KEYS.source.replace("\n", "\r\n") in [hit.patch.text for hit in hits]


# Numbers


def linear(truth: float, slope: float = 2.0):
    """Transitions that are right when the number is."""

    def measure(value: float, row: int) -> Miss:
        off = slope * (row + 1) * (value - truth)
        return Miss(int(abs(off) > 1e-6), [off])

    return measure


@given(st.floats(-100, 100).filter(lambda x: abs(x) > 1e-3), st.floats(0.1, 50))
def test_a_number_is_fitted_from_anywhere(truth, start):
    assert fit(linear(truth), [0, 1, 2], start) == pytest.approx(truth, abs=1e-5)


def test_a_number_in_a_curved_place_is_fitted():
    def measure(value: float, row: int) -> Miss:
        off = np.exp(value * (row + 1) / 3) - np.exp(1.5 * (row + 1) / 3)
        return Miss(int(abs(off) > 1e-6), [float(off)])

    assert fit(measure, [0, 1, 2], 0.5) == pytest.approx(1.5, abs=1e-5)


def test_what_no_number_repairs_is_not_fitted():
    def measure(value: float, row: int) -> Miss:
        return Miss(1, [value - row])  # every transition wants another one

    assert fit(measure, [0, 1, 2], 0.5) is None
    assert fit_coefficient(measure, [0, 1, 2]) is None


def test_how_much_of_a_term_is_missing():
    assert fit_coefficient(linear(-0.02), [0, 1, 2]) == pytest.approx(-0.02, abs=1e-6)


def test_a_threshold_is_the_nicest_number_that_separates():
    assert fit_threshold(lambda value: 2.37 < value < 2.44, 1.2) == 2.4
    assert fit_threshold(lambda value: False, 1.2) is None


@given(st.sampled_from([0.5, 2.4, 9.8, 3.14159265358979, 1 / 3, -0.02, 120.0]), st.floats(-1e-7, 1e-7))
def test_a_fitted_number_is_near_a_nice_one(number, noise):
    assert any(candidate == pytest.approx(number, rel=1e-12) for candidate in nice(number * (1 + noise)))
