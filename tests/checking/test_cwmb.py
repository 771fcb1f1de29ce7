"""The `cwmb` score against the published figures and against hand-computed cases."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from cwm_engine.checking import cwmb, scores
from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.run import Runner
from cwm_engine.trajectories.load import load_dataset
from tests.checking.outcomes import comparison_of, dataset_of
from tests.checks import program_of
from tests.recordings import right_model

BUFFERS = Path(os.environ.get("CWM_CWMB_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data" / "cwmb"))

# Do-nothing model, published data, rules of the released evaluator.
IDENTITY = {
    "Blackjack-v1": 0.248,
    "CartPole-v1": 0.663,
    "CliffWalking-v0": 0.680,
    "HalfCheetah-v4": 0.334,
    "Hopper-v4": 0.331,
    "InvertedPendulum-v4": 0.663,
    "Pendulum-v1": 0.337,
    "Taxi-v3": 0.478,
}


def _buffer(name: str) -> Path:
    path = BUFFERS / f"{name}.npz"
    if not path.exists():
        pytest.skip("the published buffers are not at hand")
    return path


@pytest.mark.parametrize(("name", "published"), IDENTITY.items())
def test_the_identity_model_scores_as_published(name, published):
    comparison = comparison_of(load_dataset(_buffer(name)))
    predicted = scores.do_nothing(comparison, slice(0, len(comparison.dataset)))
    score = cwmb.aggregate(cwmb.row_scores(comparison, predicted), comparison.dataset.rewards)
    assert round(score, 3) == published


def test_every_distinct_reward_weighs_the_same():
    assert cwmb.aggregate(np.array([1.0, 1.0, 1.0, 0.0]), np.array([-1.0, -1.0, -1.0, 20.0])) == 0.5


def test_a_running_transition_earns_a_third_for_each_part_and_part_of_it_for_part_of_the_state():
    comparison = comparison_of(dataset_of([np.zeros(4)], rewards=[1.0]))
    predicted = np.array([[0.0, 0.0, 9.0, 9.0, 1.0, 1.0]])
    assert cwmb.row_scores(comparison, predicted) == pytest.approx([(0.5 + 1 + 0) / 3])


def test_the_next_state_does_not_count_where_the_episode_ended():
    comparison = comparison_of(dataset_of([np.zeros(2)], terminated=[True]))
    assert cwmb.row_scores(comparison, np.array([[9.0, 9.0, 0.0, 1.0]])).tolist() == [1.0]


def test_rewards_must_equal_the_stored_float32_exactly():
    stored = float(np.float32(0.1))
    comparison = comparison_of(dataset_of([0.0, 0.0], rewards=[stored, stored]))
    predicted = np.array([[0.0, 0.1, 0.0], [0.0, stored, 0.0]])
    assert cwmb.row_scores(comparison, predicted) == pytest.approx([2 / 3, 1.0])


# Gymnasium's own physics from the stored observation, rewards in float64, nothing known of time limits.
TRUE_SIMULATOR = {
    "CartPole-v1": ("CartPole-v1", 1.0),
    "CliffWalking-v0": ("CliffWalking-v1", 1.0),
    "Pendulum-v1": ("Pendulum-v1", 0.6667),
    "Taxi-v3": ("Taxi-v4", 0.9986),
}


@pytest.mark.parametrize(("name", "environment", "published"), [(k, *v) for k, v in TRUE_SIMULATOR.items()])
def test_the_true_simulator_scores_as_published(name, environment, published):
    """Run in the sandbox as any model is; a perfect model of Pendulum gets nothing for its rewards."""
    with Runner(Prepared(load_dataset(_buffer(name)))) as runner:
        evidence = runner.run(program_of(right_model(environment)))
    assert round(evidence.cwmb_score, 3) == round(published, 3)
    assert evidence.accuracy == 1.0


def test_a_model_that_fails_once_scores_nothing():
    """The released evaluator gives no score to a program that raises."""
    dataset = dataset_of([0.0, 1.0])
    source = "class Environment:\n    def set_state(self, state):\n        self.state = state\n"
    source += "    def step(self, action):\n        return 1 / self.state - 1, 0.0, False\n"
    with Runner(Prepared(dataset)) as runner:
        evidence = runner.run(program_of(source))
    assert (evidence.accuracy, evidence.cwmb_score) == (0.0, 0.0)
