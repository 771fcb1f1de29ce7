"""Switchboards: programs that are exactly themselves until a site is switched, and then exactly the edited program."""

from __future__ import annotations

import ast

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cwm_engine.diagnosis.execution.levels import Level, levels_of, recursive_functions
from cwm_engine.diagnosis.execution.operations import original, power
from cwm_engine.diagnosis.execution.schemata import Operands, Site
from cwm_engine.diagnosis.execution.switchboard import Switchboard
from tests.diagnosis.programs import bodies, finite, outputs, world_of
from tests.diagnosis.worlds import GYMNASIUM, KEYS, PENDULUM, WORLDS, World


def board_of(world: World, source: str | None = None, **more) -> Switchboard:
    """A model with switches over its world's data."""
    return Switchboard(ast.parse(source or world.source), world.model, world.sample(world.source), **more)


def site_of(board: Switchboard, text: str, line: int | None = None) -> Site:
    """The first site whose expression reads like this."""
    found = [site for site in board.sites if ast.unparse(site.node) == text and site.operands is not Operands.STATEMENT]
    return next(site for site in found if line in (None, site.node.lineno))


def identity(site: Site):
    """A replacement that computes what the site computes."""
    return original(site)


@pytest.mark.parametrize("name", WORLDS)
def test_switched_off_it_is_the_program_itself(name):
    board = board_of(WORLDS[name])
    assert all(board.accepts(row) for row in range(len(board.sample)))


@pytest.mark.parametrize("name", WORLDS)
def test_a_site_that_computes_what_it_did_changes_nothing(name):
    board = board_of(WORLDS[name])
    for site in board.sites:
        if site.operands is not Operands.STATEMENT:
            assert board.switch(site, identity(site))
            assert all(board.accepts(row) for row in range(6)), ast.unparse(site.node)
    board.clear()
    assert all(board.accepts(row) for row in range(len(board.sample)))


@given(bodies())
@settings(max_examples=60)
def test_of_any_program_every_site_computes_what_it_did(source):
    world = world_of(source)
    assume(finite(outputs(world, source)))
    board = board_of(world)
    for site in board.sites:
        if site.operands is not Operands.STATEMENT:
            assert board.switch(site, identity(site))
            assert all(board.accepts(row) for row in range(len(board.sample)))
    board.clear()
    assert all(board.accepts(row) for row in range(len(board.sample)))


@given(bodies(), st.data())
@settings(max_examples=60)
def test_replacing_a_site_is_the_same_as_editing_the_text(source, data):
    """A site is replaced by the number 7: the outputs are those of the program with 7 written there."""
    world = world_of(source)
    assume(finite(outputs(world, source)))
    board = board_of(world)
    sites = [
        site for site in board.sites if site.operands is not Operands.STATEMENT and isinstance(site.node, ast.expr)
    ]
    sites = [
        site
        for site in sites
        if not isinstance(site.owner, ast.While) and not isinstance(site.node, ast.List | ast.Tuple)
    ]
    sites = [site for site in sites if not isinstance(site.parent, ast.Subscript)]  # `7[0]` is no program
    site = data.draw(st.sampled_from(sites))
    edited = ast.unparse(_Replaced(site.node).visit(ast.parse(source)))
    try:
        expected = outputs(world, edited)
    except (ArithmeticError, TypeError, IndexError):
        assume(False)
    board.switch(site, lambda *_: 7)
    for row in range(len(board.sample)):
        cells = board.bench.judge.cells(board.bench.output(row))
        assert cells == pytest.approx(list(expected[int(board.sample.rows[row])]), nan_ok=True)


class _Replaced(ast.NodeTransformer):
    def __init__(self, node):
        self.place = (type(node), node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)

    def visit(self, node):
        if isinstance(node, ast.expr):
            place = (type(node), node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
            if place == self.place:
                return ast.Constant(7)
        return self.generic_visit(node)


def test_deleting_a_statement_leaves_it_out():
    board = board_of(KEYS)
    line = KEYS.line_of("keys = keys + 1")
    site = next(s for s in board.sites if s.operands is Operands.STATEMENT and s.owner.lineno == line)
    assert board.switch(site, None)
    fast = [row for row in range(len(board.sample)) if not board.accepts(row)]
    assert fast
    assert len(fast) < len(board.sample) / 2


def test_a_changed_default_argument_or_class_constant_shows():
    board = board_of(GYMNASIUM)
    for text in ("0.5", "0.25"):
        site = site_of(board, text)
        assert site.level is Level.MODULE
        assert board.switch(site, lambda *_: 9.0)
        assert not all(board.accepts(row) for row in range(10))
        board.clear()
        assert all(board.accepts(row) for row in range(10))


def test_a_changed_constructor_shows():
    board = board_of(PENDULUM)
    site = site_of(board, "10.0")
    assert site.level is Level.INIT
    assert board.switch(site, lambda *_: 1.0)
    assert not board.accepts(0)


def test_a_program_that_cannot_be_constructed_is_no_candidate():
    board = board_of(GYMNASIUM)
    assert not board.switch(site_of(board, "spaces.Discrete(3)"), lambda *_: 1 / 0)
    assert board.accepts(0)


def test_an_endless_loop_ends():
    source = PENDULUM.source.replace(
        "        wrapped", "        count = 3\n        while count > 0:\n            count -= 1\n        wrapped", 1
    )
    board = board_of(World(source, PENDULUM.states, PENDULUM.actions, PENDULUM.model))
    assert board.switch(site_of(board, "count > 0"), lambda *_: True)
    assert not board.accepts(0)


def test_endless_recursion_and_endless_iterators_end():
    source = """\
import itertools

class Environment:
    def set_state(self, state):
        self.state = state
    def down(self, n):
        return 0 if n <= 0 else self.down(n - 1) + self.down(n - 1)
    def step(self, action):
        total = sum([n for n in itertools.islice(itertools.count(), self.state + self.down(2))])
        return total, 0.0, False
"""
    board = board_of(World(source, [1, 2, 3], [0, 0, 0]))
    assert board.switch(site_of(board, "n <= 0"), lambda *_: False)
    assert not board.accepts(0)
    assert board.switch(site_of(board, "itertools.islice(itertools.count(), self.state + self.down(2))"),
                        lambda _, __, items, ___: items)  # fmt: skip
    assert not board.accepts(0)
    assert recursive_functions(ast.parse(source)) == {"down", "step"}  # and what calls it


def test_names_outside_a_comprehension_are_in_reach_inside():
    source = """\
class Environment:
    def set_state(self, state):
        self.state = state
    def step(self, action):
        factor = 3
        shares = [item * 2 for item in (1, 2)]
        return sum(shares) * self.state, 0.0, False
"""
    board = board_of(World(source, [1, 2], [0, 0]))
    seen = []
    site = site_of(board, "item * 2")
    board.switch(site, lambda scope, left, right: seen.append(scope["factor"]) or left * right)
    assert board.accepts(0)
    assert seen == [3, 3]


def test_only_statements_on_wanted_lines_get_switches():
    line = PENDULUM.line_of("cost = wrapped")
    board = board_of(PENDULUM, lines=frozenset({line}))
    assert {site.owner.lineno for site in board.sites} == {line}


def test_statements_that_cannot_be_written_twice_are_left_alone():
    source = """\
class Base:
    def step(self, action):
        return self.state + action, 0.0, False

class Environment(Base):
    def set_state(self, state):
        self.state = state
    def step(self, action):
        if (double := action * 2) > 100:
            return double, 0.0, True
        return super().step(action)
"""
    board = board_of(World(source, [1, 2, 3], [0, 1, 2]))
    assert all(board.accepts(row) for row in range(3))
    assert not [site for site in board.sites if "super" in ast.unparse(site.node) or ":=" in ast.unparse(site.node)]


def test_the_given_tree_is_not_changed():
    tree = ast.parse(KEYS.source)
    before = ast.dump(tree, include_attributes=True)
    Switchboard(tree, KEYS.model, KEYS.sample(KEYS.source))
    assert ast.dump(tree, include_attributes=True) == before


def test_levels_say_what_runs_when():
    levels = levels_of(ast.parse(GYMNASIUM.source), "Cart")
    assert levels[GYMNASIUM.line_of("FRICTION = 0.25")] is Level.MODULE
    assert levels[GYMNASIUM.line_of("self.goal = 2.0")] is Level.INIT
    assert levels[GYMNASIUM.line_of("done = self.position")] is Level.STEP


def test_absurd_powers_are_not_computed():
    assert power(2, 10) == 1024
    assert power(2.0, 0.5) == pytest.approx(np.sqrt(2))
    with pytest.raises(OverflowError):
        power(10, 10**9)
