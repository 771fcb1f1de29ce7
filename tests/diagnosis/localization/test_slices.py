"""Component slices: exactly the values of a plain run, and never a line too few."""

from __future__ import annotations

import ast

import numpy as np
import pytest
from hypothesis import assume, given, settings

from cwm_engine.diagnosis.execution.schemata import Operands
from cwm_engine.diagnosis.execution.switchboard import Switchboard
from cwm_engine.diagnosis.localization.masks import arithmetic, items_of, union, widen
from cwm_engine.diagnosis.localization.shadow import Shadow
from cwm_engine.diagnosis.localization.shadow_compiler import compile_function
from cwm_engine.diagnosis.localization.slices import component_slices
from cwm_engine.world_model.counters import LoopLimit
from tests.diagnosis.programs import bodies, finite, outputs, world_of
from tests.diagnosis.worlds import GYMNASIUM, KEYS, PENDULUM, WORLDS, World

STATE = (1.0, 2.0, 3.0)


def slices_of(world: World, source: str | None = None, rows=range(20), **more):
    """The slices of some transitions of a world, failing ones first."""
    source = source or world.source
    sample = world.sample(source)
    return component_slices(ast.parse(source), world.model, sample, list(rows)[: len(sample)], **more), sample


def stepping(body: str, *, top: str = "", methods: str = "") -> World:
    """A model whose step has the given body; it has the state x, y, z and returns a, b."""
    indented = "".join(f"        {line}\n" for line in body.splitlines())
    head = f"{top}\nclass Environment:\n    def set_state(self, state):\n        self.state = state\n{methods}\n"
    step = f"    def step(self, action):\n        x, y, z = self.state\n{indented}"
    source = f"{head}{step}        return (float(a), float(b)), 0.0, False\n"
    return World(source, [STATE, (0.5, -1.0, 4.0)], [0, 1], single=False)


@pytest.mark.parametrize("name", WORLDS)
def test_every_world_is_followed_exactly(name):
    found, sample = slices_of(WORLDS[name])
    assert found.exact == set(range(min(20, len(sample))))


def test_a_field_comes_from_its_own_lines_only():
    world = stepping("a = x + 1\nb = y + 2")
    found, _ = slices_of(world)
    first, second, reward, done = found.lines[0]
    assert world.line_of("a = x") in first
    assert world.line_of("a = x") not in second
    assert world.line_of("b = y") in second
    assert world.line_of("b = y") not in first
    assert not (reward | done) & {world.line_of("a = x"), world.line_of("b = y")}


FOLLOWED = {
    "branch": "a = 0.0\nif x > 5:\n    a = y\nb = z",
    "untaken branch": "a = 0.0\nif x > 0:\n    pass\nelse:\n    a = y\nb = z",
    "early leave": "a = b = 0.0\nfor item in (x, y):\n    if item > 1:\n        break\n    a += item",
    "while": "a = 0.0\nwhile a < 3:\n    a += x\nb = a",
    "while else": "a = 0.0\nwhile a < 3:\n    a += x\nelse:\n    a = a + 1\nb = a",
    "continue": "a = 0.0\nb = 0.0\nfor i in range(3):\n    if i == 1:\n        continue\n    a += i",
    "augmented item": "box = [x, y]\nbox[1] += z\na, b = box",
    "unpacking": "(a, b), c = (x, y), z",
    "star": "first, *rest = (x, y, z)\na = first\nb = rest[0]",
    "chained comparison": "a = 0 < x < 5\nb = x",
    "conditional": "a = x if y > z else z\nb = not x",
    "comprehension": "box = [item * 2 for item in (x, y, z) if item > 1]\na = len(box)\nb = box[-1]",
    "nested comprehension": "box = [i + j for i in (x, y) for j in (1, 2)]\na, b = box[0], box[3]",
    "generator": "a = sum(item for item in (x, y))\nb = any(item > 2 for item in (x, y, z))",
    "set and dict": "box = {k: v for k, v in zip('ab', (x, y))}\na = box['a']\nb = len({x, y})",
    "dict": "box = {'a': x, 'b': y}\na = box['a']\nb = box.get('b', 0)",
    "dict methods": "box = {}\nbox['k'] = x\nbox.update(m=y)\na = sum(box.values())\nb = box['k']",
    "list methods": "box = []\nbox.append(x)\nbox.extend([y, z])\nbox.sort()\na = box.pop()\nb = box[0]",
    "slice": "box = [x, y, z][1:]\na, b = box",
    "text": "word = f'{x:.1f}-{y}'\na = len(word)\nb = 'yes' in word",
    "text methods": "words = 'one two'.split()\na = len(words)\nb = float('2' + '0')",
    "lambda": "twice = lambda v: v * 2\na = twice(x)\nb = sorted([z, y, x], key=lambda v: -v)[0]",
    "walrus": "a = (t := x + y)\nb = t",
    "try": "a = b = 0.0\ntry:\n    a = 1 / (x - x)\nexcept ZeroDivisionError:\n    b = y\nfinally:\n    a = a + z",
    "try without error": "a = 0.0\ntry:\n    a = x\nexcept (KeyError, ValueError) as e:\n    b = 1\nelse:\n    b = y",
    "nested function": "def inner(v):\n    return v + y\na = inner(x)\nb = z",
    "with": "import contextlib\nwith contextlib.suppress(ValueError):\n    a = float('x')\na = x\nb = y",
    "import": "import math as m\na = m.sqrt(x)\nfrom math import pi\nb = pi",
    "match": "match x:\n    case 1.0:\n        a = y\n    case _:\n        a = z\nb = a",
    "assert": "assert x < 10\na = x\nb = y",
    "delete": "a = x\nb = y\ndel z",
    "star argument": "a = max(*(x, y))\nb = min(*[y, z])",
    "keywords": "a = round(x, ndigits=1)\nb = sum([x], start=y)",
    "map and filter": "a = sum(map(abs, (x, -y)))\nb = len(list(filter(None, [x, 0])))",
    "enumerate": "a = b = 0.0\nfor i, v in enumerate((x, y)):\n    a += i * v",
    "negative index": "box = (x, y, z)\na = box[-1]\nb = box[-3]",
    "global constant": "a = LIMIT * x\nb = LIMIT",
    "identity": "a = x is None\nb = y is not None",
    "bits": "n = int(x) | 4\na = n << 1\nb = ~n & 7",
    "numpy": "v = np.array([x, y])\nv = v * 2 + np.array([1.0, z])\na, b = v",
    "numpy in place": "v = np.zeros(2)\nv[0] = x\nv[1:] += y\na, b = v[0], v[1]",
    "numpy matrix": "m = np.array([[x, 0.0], [y, z]])\nv = m @ np.array([1.0, 2.0])\na, b = v",
    "numpy functions": "v = np.clip(np.array([x, y]), 0, 1.5)\na = np.where(v[0] > 1, x, y)\nb = np.linalg.norm(v)",
    "numpy copy": "v = np.array([x, y])\nw = v.copy()\nw[0] = z\na, b = v[0], w[0]",
    "numpy reshape": "v = np.array([x, y, z, 1.0]).reshape(2, 2)\na = v[0, 1]\nb = v.T[1, 0]",
}  # fmt: skip


@pytest.mark.parametrize("case", FOLLOWED)
def test_whatever_a_model_does_its_values_are_those_of_a_plain_run(case):
    world = stepping(FOLLOWED[case], top="import numpy as np\nLIMIT = 2.0")
    found, _ = slices_of(world)
    assert found.exact == {0, 1}


METHODS = {
    "property": ("@property\n    def speed(self):\n        return self.state[0] * 2", "a = self.speed\nb = y"),
    "static": ("@staticmethod\n    def twice(v):\n        return v * 2", "a = self.twice(x)\nb = Environment.twice(y)"),
    "class method": ("@classmethod\n    def twice(cls, v):\n        return v * 2", "a = self.twice(x)\nb = y"),
    "default": ("def add(self, v, w=3.0):\n        return v + w", "a = self.add(x)\nb = self.add(y, w=z)"),
    "varargs": ("def add(self, *v, **w):\n        return sum(v) + len(w)", "a = self.add(x, y)\nb = self.add(x, k=z)"),
    "keyword only": ("def add(self, *, v):\n        return v + 1", "a = self.add(v=x)\nb = y"),
    "generator": ("def parts(self):\n        yield 1.0\n        yield 2.0", "a, b = self.parts()"),
    "recursion": (
        "def down(self, n):\n        return 0 if n <= 0 else n + self.down(n - 1)",
        "a = self.down(3)\nb = x",
    ),
    "private": ("def __hide(self, v):\n        return v + 1", "a = self.__hide(x)\nb = y"),
    "cached": ("@functools.lru_cache\n    def twice(self, v):\n        return v * 2", "a = self.twice(x)\nb = y"),
    "sets attributes": (
        "def move(self, v):\n        self.p = v\n        self.q = 2",
        "self.move(x)\na = self.p\nb = self.q",
    ),
    "opaque sets": (
        "def move(self, v):\n        def go(): self.p = v\n        go()",
        "self.move(x)\na = self.p\nb = y",
    ),
}


@pytest.mark.parametrize("case", METHODS)
def test_whatever_methods_a_model_has_its_values_are_those_of_a_plain_run(case):
    method, body = METHODS[case]
    world = stepping(body, top="import functools", methods=f"    {method}")
    found, _ = slices_of(world)
    assert found.exact == {0, 1}


CLASSES = """\
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

class Mode(IntEnum):
    OFF = 0
    ON = 1

@dataclass
class Pose:
    p: float
    q: float = 2.0
    def shifted(self, by):
        return Pose(self.p + by, self.q)

class Pair(NamedTuple):
    p: float
    q: float
"""


@pytest.mark.parametrize(
    "body",
    [
        "pose = Pose(x, y)\na = pose.p\nb = pose.shifted(z).q",
        "pair = Pair(x, q=y)\na = pair.p\nb = pair[1]",
        "a = Mode(int(x))\nb = Mode.ON == 1",
        "pose = Pose(x)\npose.q += y\na = pose.q\nb = vars(pose)['p']",
    ],
)
def test_the_models_own_classes_are_followed(body):
    found, _ = slices_of(stepping(body, top=CLASSES))
    assert found.exact == {0, 1}


def test_items_of_a_dataclass_stay_apart():
    world = stepping("p = x + 1\nq = y + 1\npose = Pose(p, q)\na = pose.p\nb = pose.q", top=CLASSES)
    first, second, *_ = slices_of(world)[0].lines[0]
    assert world.line_of("q = y + 1") in second
    assert world.line_of("q = y + 1") not in first


def test_items_of_arrays_stay_apart():
    world = stepping(
        "p = x + 1\nq = y + 1\nv = np.array([p, q]) * 2 + 1\nv = np.cos(v)\na, b = v", top="import numpy as np"
    )
    first, second, *_ = slices_of(world)[0].lines[0]
    assert world.line_of("p = x + 1") in first
    assert world.line_of("p = x + 1") not in second


def test_a_condition_is_part_of_what_depends_on_it_whether_it_held_or_not():
    for threshold in (5, 0):
        world = stepping(f"limit = y + {threshold}\na = 0.0\nif x > limit:\n    a = z\nb = z")
        first, second, *_ = slices_of(world)[0].lines[0]
        assert {world.line_of("limit = y"), world.line_of("if x > limit")} <= first
        assert world.line_of("limit = y") not in second


def test_constants_of_class_and_constructor_are_part_of_the_slice():
    found, _ = slices_of(GYMNASIUM)
    position, velocity, *_ = found.lines[0]
    friction, goal = GYMNASIUM.line_of("FRICTION = 0.25"), GYMNASIUM.line_of("self.goal = 2.0")
    assert friction in position & velocity
    assert goal not in position


def test_what_cannot_be_followed_at_all_is_given_all_lines_that_ran():
    """Counting calls changes the result of the second run, so nothing is claimed about where it came from."""
    world = stepping("COUNT.append(1)\na = len(COUNT)\nb = x", top="COUNT = []")
    source = world.source
    found = component_slices(ast.parse(source), world.model, world.sample(source), [0], always=frozenset({99}))
    assert not found.exact
    assert all({99, world.line_of("b = x")} <= lines for lines in found.lines[0])


def test_no_time_left_means_inexact_slices():
    found, _ = slices_of(PENDULUM, deadline=0.0)
    assert not found.exact
    assert len(found.lines) == 20


@given(bodies())
@settings(max_examples=80)
def test_any_program_is_followed_exactly(source):
    world = world_of(source)
    assume(finite(outputs(world, source)))
    found, sample = slices_of(world)
    assert found.exact == set(range(len(sample)))


@given(bodies())
@settings(max_examples=60)
def test_changing_a_line_outside_a_slice_does_not_change_the_field(source):
    world = world_of(source)
    assume(finite(outputs(world, source)))
    found, sample = slices_of(world)
    board = Switchboard(ast.parse(source), world.model, sample)
    before = {row: board.bench.judge.cells(board.bench.output(row)) for row in range(len(sample))}
    for site in board.sites:
        if (
            not site.is_root
            or site.operands is Operands.STATEMENT
            or not isinstance(site.owner, ast.Assign | ast.AugAssign)
        ):
            continue
        for row, cells in before.items():
            board.switch(site, lambda *_: 7.25)
            try:
                after = board.bench.judge.cells(board.bench.output(row))
            except (TypeError, LoopLimit):  # `x, y = 7.25`, `left = 7.25`
                continue
            finally:
                board.clear()
            for old, new, lines in zip(cells, after, found.lines[row], strict=True):
                if site.line not in lines:
                    assert old == new or (np.isnan(old) and np.isnan(new))


def test_suspicion_counts_fields_as_tests_of_their_own():
    wrong = KEYS.broken("5.0 * gained", "4.0 * gained")
    found, sample = slices_of(KEYS, wrong)
    suspicion = found.suspicion(sample)
    line = KEYS.line_of("5.0 * gained")
    assert 0.0 < suspicion[line] < 1.0
    assert KEYS.line_of("label = ") not in suspicion
    assert line in found.of_wrong_fields(sample, 0)


def test_masks_combine_item_by_item_where_operations_do():
    one, two = 1, 2
    assert widen((one, (two,)), 4) == (5, (6,))
    assert union({"a": one, "b": (two, 8)}) == 11
    assert items_of([0, 0], 3, 2) == [3, 3]
    assert arithmetic(ast.Add, ([1], (one,)), ([2], (two,))) == ([1, 2], (one, two))
    value, mask = arithmetic(ast.Mult, (np.ones(2), (one, two)), (3.0, 4))
    assert value.tolist() == [3.0, 3.0]
    assert mask == (5, 6)


def test_a_shadow_knows_the_lines_of_its_bits():
    tree = ast.parse("LIMIT = 3\n\n\ndef double(v):\n    return v * 2\n")
    namespace: dict = {}
    exec(compile(tree, "<model>", "exec"), namespace)
    shadow = Shadow(tree, namespace, compile_function)
    shadow.start()
    value, mask = shadow.call(namespace["double"], [(4, shadow.globals["LIMIT"])], {}, 0)
    assert value == 8
    assert shadow.lines(mask) == {1, 5}
