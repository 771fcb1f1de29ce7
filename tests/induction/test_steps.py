"""Constants that predictions follow in steps: worlds of whole numbers, and what is said about their numbers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cwm_engine.induction.fit import Fit, fit_literals
from cwm_engine.induction.identifiability import Reason
from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.trajectories.load import load_dataset
from tests.induction.models import data_of, program_of

TAXI = Path(__file__).parents[2] / "examples" / "taxi"

HALL = """
class Environment:
    def __init__(self):
        self.size = 6
        self.gate = 4
        self.spare = 9
        self.secret = 12

    def set_state(self, state):
        self.cell = state

    def step(self, action):
        cells = [cell for cell in range(self.size)]
        cell = (self.cell + action) % len(cells)
        if cell == self.secret:
            cell = 0
        return cell, 5 if cell == self.gate else 0, cell == self.gate
"""
"""A round hall with a gate; the spare number is not used, and the secret one is never met."""


def hall() -> Dataset:
    rng = np.random.default_rng(0)
    data = data_of(HALL, rng.integers(0, 6, 300).tolist(), rng.integers(0, 3, 300).tolist())
    return replace(data, next_observations=Columns.from_values([int(x) for x in data.next_observations.arrays[0]]))


def fitted(source: str, dataset: Dataset) -> Fit:
    return fit_literals(source, program_of(source).spec, dataset)


def said(found: Fit) -> dict[str, Any]:
    return {item.literal.name: item.reason for item in found.undetermined}


def test_of_a_number_that_matters_it_is_not_said_that_nothing_depends_on_it() -> None:
    """Of the hall's size and its gate both neighbours predict less; `range` takes no float, and gets none."""
    found = fitted(HALL, hall())
    assert said(found) == {"spare": Reason.UNUSED, "secret": Reason.UNUSED}
    assert found.undetermined[0].message == "`spare`: no prediction of 300 transitions depends on it."


@pytest.mark.parametrize("wrong", [{"gate = 4": "gate = 1"}, {"size = 6": "size = 8"}, {"= 4": "= 2", "5 if": "7 if"}])
def test_whole_numbers_are_tried_around_what_is_written(wrong: dict[str, str]) -> None:
    source = HALL
    for before, after in wrong.items():
        source = source.replace(before, after)
    assert fitted(source, hall()).text == HALL


def test_a_value_that_predicts_as_much_is_named() -> None:
    """A secret cell of 6 is never met, one of 5 is."""
    found = fitted(HALL.replace("secret = 12", "secret = 6"), hall())
    secret = next(item for item in found.undetermined if item.literal.name == "secret")
    assert secret.reason is Reason.EXCHANGEABLE
    assert secret.message == "`secret`: other values, such as 7, predict as much."


@pytest.fixture(scope="module")
def taxi() -> Dataset:
    return load_dataset([str(TAXI / "trajectories" / "taxi.jsonl")])


def test_nothing_is_open_in_a_right_taxi(taxi: Dataset) -> None:
    """Its landmarks, rewards and limits all count in the data, on both sides."""
    assert fitted((TAXI / "taxi.py").read_text(), taxi).undetermined == ()


def test_a_landmark_is_found_with_the_reward_that_depends_on_it(taxi: Dataset) -> None:
    right = (TAXI / "taxi.py").read_text()
    assert (
        fitted(right.replace("(4, 3)", "(4, 2)").replace("reward, done = 20", "reward, done = 10"), taxi).text == right
    )
