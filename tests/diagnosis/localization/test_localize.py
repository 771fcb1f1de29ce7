"""From failing transitions to ranked lines and groups."""

from __future__ import annotations

import ast

import numpy as np
import pytest

from cwm_engine.diagnosis.editing.search import search_single_edits
from cwm_engine.diagnosis.execution.executor import ModelRef
from cwm_engine.diagnosis.execution.levels import focused
from cwm_engine.diagnosis.execution.sample import Sample, choose_sample
from cwm_engine.diagnosis.execution.schemata import Site
from cwm_engine.diagnosis.execution.switchboard import Switchboard
from cwm_engine.diagnosis.localization.cover import Group, cover
from cwm_engine.diagnosis.localization.localize import localize, telling_rows
from cwm_engine.diagnosis.localization.ranking import code_lines, line_suspicion, rank_lines, worth_of
from cwm_engine.diagnosis.localization.replacement import Explanation
from cwm_engine.diagnosis.localization.spectrum import ochiai
from cwm_engine.world_model.discovery import Dialect
from tests.diagnosis.worlds import ARRAYS, GYMNASIUM, KEYS, PENDULUM, QUEUES, World
from tests.recordings import made

FAULTS = [
    (PENDULUM, "self.gravity = 10.0", "self.gravity = 9.0"),
    (PENDULUM, "3 * self.gravity", "4 * self.gravity"),
    (PENDULUM, "0.1 * self.speed**2", "0.2 * self.speed**2"),
    (PENDULUM, "speed * self.dt", "self.speed * self.dt"),
    (PENDULUM, " + 0.001 * torque**2", ""),
    (ARRAYS, "DT = 0.1", "DT = 0.2"),
    (ARRAYS, "[-4.0, 0.0]", "[-5.0, 0.0]"),
    (ARRAYS, "change[1] += force", "change[1] -= force"),
    (ARRAYS, "> self.limit", "< self.limit"),
    (KEYS, "(2, 1)}", "(2, 2)}"),
    (KEYS, '"north": (0, -1)', '"north": (0, 1)'),
    (KEYS, "keys >= 2", "keys >= 1"),
    (KEYS, "keys + 1", "keys + 2"),
    (KEYS, "5.0 * gained", "4.0 * gained"),
    (KEYS, "max(x + dx, 0), 3", "max(x + dy, 0), 3"),
    (GYMNASIUM, "FRICTION = 0.25", "FRICTION = 0.5"),
    (GYMNASIUM, "power=0.5", "power=0.75"),
    (GYMNASIUM, "return 10.0", "return 5.0"),
    (GYMNASIUM, "self.position += self", "self.position -= self"),
    (QUEUES, "3 * served", "2 * served"),
    (QUEUES, "if order.urgent", "if not order.urgent"),
]


@pytest.mark.parametrize(("world", "old", "new"), FAULTS, ids=[old for _, old, _ in FAULTS])
def test_the_faulty_line_is_among_the_first_three(world, old, new):
    source = world.broken(old, new)
    found = localize(source, world.model, world.sample(source), seconds=30)
    assert world.line_of(old) in [line for line, _ in found.ranked[:3]]


def test_scores_fall_from_at_most_one_and_all_lines_are_suspects():
    source = PENDULUM.broken("3 * self.gravity", "4 * self.gravity")
    found = localize(source, PENDULUM.model, PENDULUM.sample(source), seconds=30)
    scores = [score for _, score in found.ranked]
    assert scores == sorted(scores, reverse=True)
    assert 0 < min(scores) <= max(scores) <= 1.0
    assert PENDULUM.line_of("self.max_torque = 2.0") in dict(found.ranked)


def test_one_fault_makes_one_group_of_all_failures():
    source = PENDULUM.broken("3 * self.gravity", "4 * self.gravity")
    sample = PENDULUM.sample(source)
    (group,) = localize(source, PENDULUM.model, sample, seconds=30).groups
    assert set(group.rows) <= set(sample.failing.tolist())
    assert group.suspects[0][0] == group.line
    assert len(group.suspects) <= 5


def test_two_faults_in_different_fields_make_two_groups():
    """A wrong reward for taking keys, and a wall that is not there."""
    source = KEYS.broken("5.0 * gained - 0.5", "5.0 * gained - 1.5").replace("(2, 1)}", "(2, 2)}")
    found = localize(source, KEYS.model, KEYS.sample(source), seconds=30)
    suspects = {line for group in found.groups for line, _ in group.suspects}
    assert KEYS.line_of("5.0 * gained") in suspects


def test_without_time_the_spectrum_is_still_told():
    source = KEYS.broken("keys + 1", "keys + 2")
    found = localize(source, KEYS.model, KEYS.sample(source), seconds=0.0)
    assert found.ranked
    assert found.groups
    assert KEYS.line_of("keys + 1") in [line for line, _ in found.ranked[:5]]


def test_a_model_that_raises_is_localized_too():
    source = PENDULUM.broken("wrapped = (", "wrapped = 1 / (action > 0) * (")
    found = localize(source, PENDULUM.model, PENDULUM.sample(source), seconds=30)
    assert PENDULUM.line_of("wrapped = (") in dict(found.ranked)


def test_small_errors_and_every_kind_of_failure_come_first():
    source = PENDULUM.broken("speed * self.dt", "0.9 * speed * self.dt")
    sample = PENDULUM.sample(source)
    board = Switchboard(ast.parse(source), PENDULUM.model, sample)
    rows = telling_rows(board, sample.failing.tolist(), 6)
    sizes = {row: sum(d * d for d in board.measure(row).distances) for row in sample.failing.tolist()}
    kinds = {(sample.wrong[row].tobytes(), sample.paths[row]) for row in sample.failing.tolist()}
    assert len(rows) == len(set(rows)) == 6
    if len(kinds) == 1:
        assert sizes[rows[0]] == min(sizes.values())


# The parts


def explanation(line: int, strength, **more) -> Explanation:
    """An explanation on a line."""
    node = ast.parse("\n" * (line - 1) + "x = 1").body[0]
    site = Site(1, 0, node.value, None, node, None, "step", None)
    return Explanation(site, np.array(strength, dtype=float), **more)


def test_ochiai():
    assert ochiai(0, 5, 10) == 0.0
    assert ochiai(10, 0, 10) == 1.0
    assert ochiai(10, 30, 10) == pytest.approx(0.5)


def test_lines_that_run_before_the_first_step_count_for_every_transition():
    sample = KEYS.sample(KEYS.broken("keys + 1", "keys + 2"))
    failing, passing = sample.totals
    found = line_suspicion(sample, [1, 14], frozenset({1}))
    assert found[1] == ochiai(failing, passing, failing)
    assert found[14] == ochiai(*sample.line_counts[14], failing)


def test_explaining_all_is_worth_more_than_explaining_half_and_conflicts_cost():
    whole, half = explanation(1, [1.0, 1.0]), explanation(1, [0.5, 0.5])
    assert worth_of(whole) > 10 * worth_of(half)
    assert worth_of(explanation(1, [1.0], holds=1.0)) > worth_of(whole)
    assert worth_of(explanation(1, [1.0], conflict=2)) < worth_of(explanation(1, [1.0], conflict=1)) < worth_of(whole)


def test_lines_are_ranked_by_worth_times_suspicion():
    ranked = rank_lines(
        [1, 2, 3], [explanation(2, [1.0]), explanation(3, [1.0])], {1: 1, 2: 1, 3: 1}, {1: 1, 2: 1, 3: 0}
    )
    assert [line for line, _ in ranked] == [2, 3, 1]


def test_code_lines_are_those_that_compute():
    lines = code_lines(ast.parse(GYMNASIUM.source))
    texts = [GYMNASIUM.source.splitlines()[line - 1].strip() for line in lines]
    assert "FRICTION = 0.25" in texts
    assert "def __init__(self, power=0.5):" in texts  # it holds a default
    assert "if done:" in texts
    assert "import gymnasium" not in texts
    assert "def step(self, action):" not in texts
    assert "try:" not in texts


def test_the_fewest_lines_that_explain_everything_make_the_groups():
    ranked = [(1, 0.9), (2, 0.8), (3, 0.1)]
    found = [explanation(1, [1.0, 1.0, 0.0, 0.0]), explanation(2, [0.0, 0.0, 1.0, 1.0]), explanation(3, [1.0] * 4)]
    wrong = {row: frozenset({1, 2, 3}) for row in range(4)}
    groups = cover(ranked, found, [0, 1, 2, 3], np.ones(4), wrong)
    assert [(group.line, group.rows) for group in groups] == [(1, (0, 1)), (2, (2, 3))]


def test_a_few_unexplained_rows_make_no_group_of_their_own():
    ranked = [(1, 0.9), (2, 0.8)]
    found = [explanation(1, [1.0] * 9 + [0.0]), explanation(2, [0.0] * 9 + [1.0])]
    groups = cover(ranked, found, list(range(10)), np.ones(10), {row: frozenset({1, 2}) for row in range(10)})
    assert [group.line for group in groups] == [1]
    assert groups[0].rows == tuple(range(10))


def test_where_nothing_explains_all_rows_go_to_the_most_suspicious_line():
    (group,) = cover([(7, 0.5), (8, 0.4)], [], [3, 4], np.ones(2), {})
    assert group == Group(7, ((7, 0.5), (8, 0.4)), (3, 4))


def test_nothing_suspicious_makes_no_group():
    assert cover([], [], [], np.ones(0), {}) == []


def test_a_world_without_failures_has_nothing_to_rank():
    world: World = PENDULUM
    found = localize(world.source, world.model, world.sample(world.source), seconds=5)
    assert found.ranked == ()
    assert found.groups == ()


def test_a_long_file_is_analysed_where_the_model_is():
    filler = "".join(f"def helper_{i}(a):\n    return a + {i}\n\n\n" for i in range(1500))
    used = PENDULUM.source.replace("3 * self.gravity", "helper_3(self.gravity * 3) - 3", 1)
    source = filler + used.replace("0.1 * self.speed", "0.2 * self.speed", 1)
    tree = ast.parse(source)
    names = {getattr(node, "name", None) for node in focused(tree, "Environment").body}
    assert names == {None, "helper_3", "Environment"}
    world = World(filler + used, PENDULUM.states, PENDULUM.actions)
    found = localize(source, world.model, world.sample(source), seconds=30)
    line = world.line_of("0.1 * self.speed", filler + used)
    assert line in [suspect for suspect, _ in found.ranked[:3]]
    hits = search_single_edits(source, world.model, world.sample(source), found.ranked).hits
    assert world.source in [hit.patch.text for hit in hits]


CLOCK = """\
class Environment:
    def __init__(self):
        self.time = 0
        self.bonus = 3

    def set_state(self, state):
        self.state = state

    def step(self, action):
        self.time += 1
        self.state = self.state + action
        reward = self.bonus if self.time % 4 == 0 else 0
        return self.state, reward, self.time >= 9
"""
"""A model that counts its steps: only whole episodes can tell whether it is right."""


def episodes_of(wrong: str):
    """A sample of what a wrong clock gets wrong in episodes of 10 steps."""
    runs, outputs = [], {CLOCK: [], wrong: []}
    for start in range(12):
        for source, found in outputs.items():
            names: dict = {}
            exec(source, names)
            model = names["Environment"]()
            model.set_state(start)
            found += [model.step((start + step) % 3) for step in range(10)]
        state = start
        for step in range(10):
            following, reward, done = outputs[CLOCK][len(runs)]
            runs.append((state, (start + step) % 3, following, float(reward), done))
            state = following
    dataset = made(runs, lengths=[10] * 12)
    cells = np.array([[a != b for a, b in zip(*pair, strict=True)] for pair in zip(*outputs.values(), strict=True)])
    lines = frozenset(range(1, CLOCK.count("\n") + 1))
    return choose_sample(dataset, cells, paths=np.zeros(120, dtype=int), path_lines=[lines], mode="episode")


@pytest.mark.parametrize(
    ("right", "wrong"), [("% 4 == 0", "% 5 == 0"), ("bonus = 3", "bonus = 2"), ("self.time += 1", "self.time += 2")]
)
def test_models_with_a_memory_are_replayed_from_the_start_of_an_episode(right, wrong):
    source = CLOCK.replace(right, wrong)
    sample = episodes_of(source)
    sample = Sample.from_bytes(sample.to_bytes())
    model = ModelRef("Environment", Dialect.ENVIRONMENT)
    found = localize(source, model, sample, seconds=30)
    assert CLOCK.split(right, maxsplit=1)[0].count("\n") + 1 in [line for line, _ in found.ranked[:4]]
    hits = search_single_edits(source, model, sample, found.ranked).hits
    assert CLOCK in [hit.patch.text for hit in hits]


def test_in_episodes_first_failures_come_first_and_nothing_after_them_passes():
    sample = episodes_of(CLOCK.replace("% 4 == 0", "% 5 == 0"))
    assert sample.history_lengths[sample.failing][:12].tolist() == [3] * 12
    assert max(sample.history_lengths[sample.passing].tolist()) == 2
    assert len(sample.histories()) == len(sample)
