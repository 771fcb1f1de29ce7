"""What is said of constants is true of held-out episodes too, though the numbers are fitted without them."""

import numpy as np
import pytest

from cwm_engine.induction.fit import Fit, fit_literals, held_out
from cwm_engine.induction.identifiability import Reason
from cwm_engine.trajectories.dataset import Dataset
from tests.induction.models import data_of, program_of

TRACK = """
class Environment:
    speed = 0.5
    end = 3.0
    cell = 40

    def set_state(self, state):
        self.x = float(state)

    def step(self, action):
        x = min(self.x + self.speed * action, self.end)
        return x, 1.0 if round(x * 10) == self.cell else 0.0, False
"""
"""A track that ends at 3; cell 40 lies beyond the end."""


def track(*, far: bool) -> Dataset:
    """Ten episodes; only in those that are held out does it come to the end, if at all."""
    states = np.random.default_rng(0).uniform(-2, 2, 200)
    episode = np.arange(200) // 20
    if far:
        states[episode % 5 == 4] += 1.4
    data = data_of(TRACK, states.tolist(), np.ones(200).tolist())
    assert held_out(data).sum() == 40
    return data


def fitted(source: str, dataset: Dataset) -> Fit:
    return fit_literals(source, program_of(source).spec, dataset)


def said(found: Fit) -> dict[str, Reason]:
    return {item.literal.name: item.reason for item in found.undetermined}


def test_a_limit_that_no_episode_reaches_is_never_reached() -> None:
    found = fitted(TRACK, track(far=False))
    assert said(found) == {"end": Reason.UNREACHED, "cell": Reason.UNUSED, "1.0": Reason.UNUSED}
    assert found.undetermined[0].message == "`end`: never reached in 200 transitions."


@pytest.mark.parametrize("end", ["3.0", "4.0"])
def test_a_limit_reached_in_held_out_episodes_only_is_told_apart(end: str) -> None:
    """With 3.0 the limit is reached there; with 4.0 it is not, but another limit predicts more of them."""
    found = fitted(TRACK.replace("speed = 0.5", "speed = 0.4").replace("end = 3.0", f"end = {end}"), track(far=True))
    limit = next(item for item in found.undetermined if item.literal.name == "end")
    assert limit.message == "`end`: counts only in transitions that were held out from the fit."
    assert f"end = {end}" in found.text
