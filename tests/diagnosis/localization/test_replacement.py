"""Value replacement: which expressions could repair a prediction, and what the needed changes have in common."""

from __future__ import annotations

import ast
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.diagnosis.execution.judge import Miss
from cwm_engine.diagnosis.execution.switchboard import Switchboard
from cwm_engine.diagnosis.localization.regularity import AMOUNT, FACTOR, Change, Rule, common_rule, conflicts
from cwm_engine.diagnosis.localization.replacement import Explanation, explanations, spots
from cwm_engine.diagnosis.localization.solving import newton_step, repaired_share
from tests.diagnosis.worlds import ARRAYS, KEYS, PENDULUM, World


def explain(world: World, source: str, **more) -> list[Explanation]:
    """What replacing values repairs in the first failing transitions."""
    sample = world.sample(source)
    board = Switchboard(ast.parse(source), world.model, sample)
    with np.errstate(all="ignore"):
        return explanations(board, rows=sample.failing[:8].tolist(), passing=sample.passing[:20].tolist(), **more)


def best_on(found: list[Explanation], line: int) -> Explanation:
    """The strongest explanation on a line."""
    return max((item for item in found if item.line == line), key=lambda item: (item.mean, item.holds))


def test_a_wrong_constant_is_one_value_for_all():
    source = PENDULUM.broken("self.gravity = 10.0", "self.gravity = 9.0")
    best = best_on(explain(PENDULUM, source), PENDULUM.line_of("self.gravity = 10.0"))
    assert best.mean == 1.0
    assert best.holds == 1.0
    assert best.conflict == 0


def test_a_constant_that_needs_several_values_explains_little():
    """No one value of `dt` repairs a cosine for a sine."""
    source = PENDULUM.broken("math.sin(self.angle)", "math.cos(self.angle)")
    found = explain(PENDULUM, source)
    assert best_on(found, PENDULUM.line_of("self.dt = 0.05")).mean < 0.5
    assert best_on(found, PENDULUM.line_of("math.sin(self.angle)")).mean == 1.0


def test_a_value_on_the_way_to_the_fault_explains_as_well():
    source = PENDULUM.broken("(pull + push)", "(pull - push)")
    assert best_on(explain(PENDULUM, source), PENDULUM.line_of("speed = self.speed +")).mean == 1.0


def test_what_does_not_matter_explains_nothing():
    source = PENDULUM.broken("(pull + push)", "(pull - push)")
    assert best_on(explain(PENDULUM, source), PENDULUM.line_of("cost = wrapped")).mean == 0.0


def test_a_sign_is_found_as_a_rule_that_holds_everywhere():
    source = PENDULUM.broken("-cost, False", "cost, False")
    best = best_on(explain(PENDULUM, source), PENDULUM.line_of("-cost, False"))
    assert best.mean == best.holds == 1.0


def test_a_flipped_condition_explains():
    source = KEYS.broken("target not in", "target in")
    best = best_on(explain(KEYS, source), KEYS.line_of("target not in"))
    assert best.mean == 1.0


def test_a_text_explains_by_the_other_texts_of_the_file():
    source = KEYS.broken('"rich" if keys >= 2', '"poor" if keys >= 2') + '\nUNUSED = "rich"\n'
    assert best_on(explain(KEYS, source), KEYS.line_of("label = ")).mean == 1.0


def test_an_integer_constant_is_found_among_its_neighbours():
    source = KEYS.broken("keys + 1", "keys + 2")
    best = best_on(explain(KEYS, source), KEYS.line_of("keys + 1"))
    assert best.mean == best.holds == 1.0


def test_small_arrays_are_values_too_but_explain_less_than_a_number():
    source = ARRAYS.broken("DT * k2", "DT * k1")
    best = best_on(explain(ARRAYS, source), ARRAYS.line_of("DT * k2"))
    assert 0.1 < best.mean < 1.0


def test_lines_that_are_cleared_are_not_tried():
    source = PENDULUM.broken("-cost, False", "cost, False")
    line = PENDULUM.line_of("-cost, False")
    found = explain(PENDULUM, source, lines=lambda number: float(number == line))
    assert {item.line for item in found} == {line}


def test_no_time_left_means_nothing_is_tried():
    found = explain(PENDULUM, PENDULUM.broken("-cost, False", "cost, False"), deadline=0.0)
    assert all(np.isnan(item.strength).all() for item in found)
    assert all(item.mean == 0.0 for item in found)


def test_parts_on_lines_of_their_own_are_places():
    head = "class Environment:\n    def set_state(self, s):\n        self.s = s\n    def step(self, a):\n"
    source = f"{head}        return (\n            self.s\n            + a\n            - 1\n        ), 0.0, False\n"
    world = World(source, [1, 2], [0, 1])
    board = Switchboard(ast.parse(source), world.model, world.sample(source))
    assert {6, 7, 8} <= {site.line for site in spots(board)}


def test_share_of_the_error_that_is_repaired():
    before = Miss(0b011, [2.0, -1.0, 0.0])
    assert repaired_share(before, Miss(0, [0.0, 0.0, 0.0])) == 1.0
    assert repaired_share(before, Miss(0b010, [0.0, -1.0, 0.0])) == pytest.approx(0.5, abs=1e-3)
    assert repaired_share(before, Miss(0b011, [1.0, -0.5, 0.0])) == pytest.approx(0.5, abs=1e-3)
    assert repaired_share(before, Miss(0b110, [0.0, -1.0, 3.0])) == 0.0  # one repaired, another one broken


def test_the_newton_step_cancels_a_linear_error():
    assert newton_step([2.0, 4.0], [1.0, 2.0]) == pytest.approx(-2.0)
    assert newton_step([2.0, 4.0], [0.0, 0.0]) == 0.0


numbers = st.floats(-10, 10).filter(lambda value: abs(value) > 1e-2)


@given(st.lists(st.tuples(numbers, numbers), min_size=3, max_size=8, unique=True), numbers)
def test_a_rule_is_found_whichever_it_is(pairs, coefficient):
    for rule in (Rule(AMOUNT, coefficient), Rule(FACTOR, coefficient), Rule("w", coefficient)):
        changes = [Change(v, rule.apply(v, {"w": w}) - v, 0.0, {"w": w}) for v, w in pairs]
        found = common_rule(changes)
        assert found is not None
        for v, w in pairs:
            assert found.apply(v, {"w": w}) == pytest.approx(rule.apply(v, {"w": w}), rel=1e-2, abs=1e-6)


def test_no_rule_is_made_of_two_changes_or_of_unrelated_ones():
    changes = [Change(v, a, 0.0, {}) for v, a in ((1.0, 2.0), (2.0, -3.0), (5.0, 0.7))]
    assert common_rule(changes[:2]) is None
    assert common_rule(changes) is None


def test_of_values_evaluated_several_times_only_the_factor_is_compared():
    changes = [Change(math.nan, -0.5, 0.0, {FACTOR: 1.0}) for _ in range(3)]
    assert common_rule(changes) == Rule(FACTOR, pytest.approx(-0.5))


def test_equal_inputs_with_different_needs_are_a_conflict():
    same = [Change(1.0, 2.0, 0.0, {}, inputs=(1,)), Change(1.0, 3.0, 0.0, {}, inputs=(1,))]
    apart = [Change(1.0, 2.0, 0.0, {}, inputs=(1,)), Change(1.0, 3.0, 0.0, {}, inputs=(2,))]
    unknown = [Change(1.0, 2.0, 0.0, {}), Change(1.0, 3.0, 0.0, {})]
    assert conflicts(same, lambda change: change.inputs)
    assert not conflicts(apart, lambda change: change.inputs)
    assert not conflicts(unknown, lambda change: change.inputs)


def test_an_expression_that_lacks_what_the_change_depends_on_conflicts():
    """Whether a key may be taken depends on the place: `action` alone does not tell, all names in scope do."""
    source = KEYS.broken('elif action == "take" and (x, y) == (3, 3):', 'elif action == "take":')
    assert best_on(explain(KEYS, source), KEYS.line_of('elif action == "take"')).conflict == 1
    whole = KEYS.broken("(x, y) == (3, 3)", "(x, y) == (3, 2)")
    assert best_on(explain(KEYS, whole), KEYS.line_of('elif action == "take"')).conflict == 0
