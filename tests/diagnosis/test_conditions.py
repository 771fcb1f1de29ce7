"""Conditions: what wrong predictions have in common, in words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.diagnosis.conditions import common_condition
from tests.diagnosis.worlds import GYMNASIUM, KEYS, PENDULUM, World


def told(world: World, members, **more) -> str | None:
    """The condition of some transitions of a world among all of them."""
    members = np.asarray(members)
    found = common_condition(world.dataset, members, np.ones(len(members), dtype=bool), **more)
    return found.text if found else None


def test_an_action():
    actions = GYMNASIUM.dataset.actions.arrays[0]
    assert told(GYMNASIUM, actions == 0) == "whenever the action is 0"
    words = KEYS.dataset.actions.arrays[0]
    assert told(KEYS, words == "take") == "whenever the action is 'take'"


def test_a_threshold_of_the_state():
    position = GYMNASIUM.dataset.observations.arrays[0][:, 0]
    text = told(GYMNASIUM, position > 1.5)
    assert text.startswith("whenever obs[0] > 1.")


def test_the_size_of_a_number():
    speed = PENDULUM.dataset.observations.arrays[0][:, 2]
    assert told(PENDULUM, np.abs(speed) > 4).startswith("whenever |obs[2]| > ")


def test_a_part_of_a_dictionary():
    keys = [state["keys"] for state in KEYS.states]
    assert told(KEYS, np.array(keys) == 2) in ("whenever obs.keys is 2", "whenever obs.label is 'rich'")


def test_the_end_of_an_episode_and_a_reward():
    assert told(KEYS, KEYS.dataset.terminated) == "whenever the episode ends"
    assert told(KEYS, KEYS.dataset.rewards > 4) in ("whenever the reward is 4.5", "whenever the episode ends")


def test_a_line_that_runs():
    runs = np.arange(150) % 7 == 0
    paths = runs.astype(np.intp)
    assert told(GYMNASIUM, runs, paths=paths, path_lines=[frozenset({1}), frozenset({1, 9})]) == "whenever line 9 runs"


def test_a_few_exceptions_are_admitted():
    members = GYMNASIUM.dataset.actions.arrays[0] == 0
    members[np.flatnonzero(members)[0]] = False
    assert told(GYMNASIUM, members) == "nearly always when the action is 0"


def test_what_concerns_all_or_none_or_follows_no_rule_has_no_condition():
    count = len(GYMNASIUM.dataset)
    assert told(GYMNASIUM, np.ones(count, dtype=bool)) is None
    assert told(GYMNASIUM, np.zeros(count, dtype=bool)) is None
    assert told(GYMNASIUM, np.random.default_rng(1).random(count) < 0.5) is None


@given(st.integers(0, 2), st.floats(0, 1))
def test_a_rule_that_is_told_is_good(action, share):
    rng = np.random.default_rng(0)
    actions = GYMNASIUM.dataset.actions.arrays[0]
    members = (actions == action) ^ (rng.random(len(actions)) < share / 4)
    found = common_condition(GYMNASIUM.dataset, members, np.ones(len(members), dtype=bool))
    assert found is None or 0.95 <= found.score <= 1.0


def test_the_rule_is_about_the_given_transitions_only():
    actions = GYMNASIUM.dataset.actions.arrays[0]
    found = common_condition(GYMNASIUM.dataset, actions == 0, actions < 2)
    assert found.score == pytest.approx(1.0)
