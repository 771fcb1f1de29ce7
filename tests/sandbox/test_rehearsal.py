"""Rehearsals: a small program of our own runs in every waiting process, and leaves nothing but warm memory."""

from __future__ import annotations

import gc
import sys
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from cwm_engine.sandbox import rehearsal
from cwm_engine.sandbox.limits import Limits
from cwm_engine.sandbox.messages import encode
from cwm_engine.sandbox.predict import predict
from cwm_engine.sandbox.transitions import Transitions
from cwm_engine.trajectories.columns import Columns, same_rows
from tests.trajectories.datasets import datasets

LIMITS = Limits(loop_iterations=1000)


@pytest.fixture
def transitions():
    states = Columns.from_values([np.full(2, float(row), dtype=np.float32) for row in range(200)])
    actions = Columns.from_values([row % 2 for row in range(200)])
    starts = np.array([0, 150, 190])
    return Transitions(states, actions, states.structure, starts, states.plain(0, 200), actions.plain(0, 200))


def test_it_runs_the_job_from_the_first_message_to_the_last(transitions, monkeypatch):
    sent = []
    monkeypatch.setattr(rehearsal, "encode", lambda data: sent.append(data) or encode(data))
    rehearsal.rehearse(predict, transitions, LIMITS)
    assert [message.get("event", "request") for message in sent] == [
        "request",
        "loaded",
        "form",
        "rows",
        "rows",
        "rows",
        "done",
        "rows",
        "done",
    ]


def test_it_leaves_no_module_no_finder_no_filter_and_no_setting_behind(transitions):
    def look():
        return set(sys.modules), sys.meta_path[:], warnings.filters[:], gc.get_threshold()

    rehearsal.rehearse(predict, transitions, LIMITS)  # what it imports, children inherit
    before = look()
    rehearsal.rehearse(predict, transitions, LIMITS)
    assert look() == before


def test_touching_leaves_the_results_at_zero(transitions):
    results = bytearray(4096)
    rehearsal.touch(transitions, memoryview(results))
    assert not any(results)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=30)
@given(datasets())
def test_it_takes_states_and_actions_of_any_structure_and_leaves_them_alone(dataset):
    transitions = Transitions(
        dataset.observations, dataset.actions, dataset.next_observations.structure, dataset.episode_starts
    )
    before = transitions.states.take(slice(None)), transitions.actions.take(slice(None))
    rehearsal.rehearse(predict, transitions, LIMITS)
    assert same_rows(transitions.states, before[0]).all()
    assert same_rows(transitions.actions, before[1]).all()
