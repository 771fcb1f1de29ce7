"""The `cwmb` score on published CWMB buffers: doing nothing, and Gymnasium's own dynamics where they need no MuJoCo.

Give the folder of the buffers (npz, named after their environments) as `CWM_CWMB_DATA`.
"""

from __future__ import annotations

import os
from pathlib import Path

import gymnasium
import numpy as np
from rich.console import Console
from rich.table import Table

from cwm_engine.checking import cwmb, scores
from cwm_engine.checking.compare import Comparison, Floats, Tolerance
from cwm_engine.checking.fields import Layout
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.trajectories.load import load_dataset

FOLDER = Path(os.environ.get("CWM_CWMB_DATA", Path(__file__).resolve().parents[2] / "shared" / "data" / "cwmb"))

# Figures measured with the released evaluator: the do-nothing model, and the true simulator with float64 rewards.
PUBLISHED = {
    "Blackjack-v1": (0.248, None),
    "CartPole-v1": (0.663, 1.0),
    "CliffWalking-v0": (0.680, 1.0),
    "HalfCheetah-v4": (0.334, None),
    "Hopper-v4": (0.331, None),
    "InvertedPendulum-v4": (0.663, None),
    "Pendulum-v1": (0.337, 0.6667),
    "Taxi-v3": (0.478, 0.9986),
}
SIMULATORS = {
    "CartPole-v1": "CartPole-v1",
    "CliffWalking-v0": "CliffWalking-v1",
    "Pendulum-v1": "Pendulum-v1",
    "Taxi-v3": "Taxi-v4",
}


def main() -> None:
    """Print the table."""
    if not FOLDER.is_dir():
        print(f"cwmb: no buffers in {FOLDER}; set CWM_CWMB_DATA to their folder")
        return
    table = Table(title="cwmb score by the rules of the released evaluator")
    for heading in ("buffer", "do nothing", "published", "true simulator", "published"):
        table.add_column(heading, justify="left" if heading == "buffer" else "right")
    for name, (identity, simulator) in PUBLISHED.items():
        dataset = load_dataset(FOLDER / f"{name}.npz")
        comparison = Comparison(dataset, Layout(dataset.next_observations.structure), Tolerance())
        nothing = _score(comparison, scores.do_nothing(comparison, slice(0, len(dataset))))
        true = (
            _score(comparison, simulate(dataset, comparison.layout, SIMULATORS[name])) if name in SIMULATORS else None
        )
        table.add_row(name, _text(nothing), _text(identity), _text(true), _text(simulator))
    Console(width=110).print(table)


def simulate(dataset: Dataset, layout: Layout, environment: str) -> Floats:
    """What Gymnasium's own dynamics predict from each stored observation, in the layout."""
    env = gymnasium.make(environment).unwrapped
    env.reset(seed=0)
    predicted = np.empty((len(dataset), layout.width))
    for row in range(len(dataset)):
        _put(env, environment, dataset.observations.row(row))
        observation, reward, terminated, _, _ = env.step(dataset.actions.row(row))
        predicted[row] = [*np.atleast_1d(observation), reward, terminated]
    return predicted


def _put(env: gymnasium.Env, environment: str, observation: object) -> None:
    """Put an environment into the state that an observation shows."""
    if environment == "CartPole-v1":
        env.state, env.steps_beyond_terminated = observation, None
    elif environment == "Pendulum-v1":
        cosine, sine, velocity = np.asarray(observation, dtype=np.float64)
        env.state = np.array([np.arctan2(sine, cosine), velocity])
    else:
        env.s = observation


def _score(comparison: Comparison, predicted: Floats) -> float:
    return cwmb.aggregate(cwmb.row_scores(comparison, predicted), comparison.dataset.rewards)


def _text(score: float | None) -> str:
    return "" if score is None else f"{score:.4f}"


if __name__ == "__main__":
    main()
