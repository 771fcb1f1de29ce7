"""Of all numbers that predict the same, those are taken that change the least of what is written."""

from pathlib import Path

import pytest

from cwm_engine.induction.fit import Fit, fit_literals
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.trajectories.load import load_dataset
from tests.induction.models import data_of, program_of, states_of

CARTPOLE = Path(__file__).parents[2] / "examples" / "cartpole"

PUSHED = """
class Environment:
    mass = 2.0
    force = 3.0
    drag = 0.25

    def set_state(self, state):
        self.x, self.speed = state

    def step(self, action):
        speed = self.speed * (1 - self.drag) + 4.0 * self.force / self.mass * action
        return (self.x + 0.5 * speed, speed), 0.0, False
"""


@pytest.fixture(scope="module")
def cartpole() -> tuple[str, Dataset]:
    return (CARTPOLE / "cartpole.py").read_text(), load_dataset([str(CARTPOLE / "trajectories" / "cartpole.jsonl")])


def fitted(source: str, dataset: Dataset) -> Fit:
    return fit_literals(source, program_of(source).spec, dataset)


def pushed() -> Dataset:
    actions = states_of(200, (-1.0,), (1.0,), seed=1)
    return data_of(PUSHED, states_of(200, (-1.0, -1.0), (1.0, 1.0)), [float(action[0]) for action in actions])


@pytest.mark.parametrize(
    "wrong",
    [
        {"gravity = 9.8": "gravity = 11.0", "half_length = 0.5": "half_length = 0.6"},
        {"pole_mass = 0.1": "pole_mass = 0.14", "force = 10.0": "force = 12.0"},
        {"half_length = 0.5": "half_length = 0.7"},
    ],
)
def test_only_the_wrong_numbers_of_cartpole_change(cartpole: tuple[str, Dataset], wrong: dict[str, str]) -> None:
    """Its masses, its length, its force and the 4 / 3 of its inertia only count together."""
    right, dataset = cartpole
    source = right
    for before, after in wrong.items():
        source = source.replace(before, after)
    assert fitted(source, dataset).text == right


def test_of_one_change_or_another_the_shorter_number_is_taken() -> None:
    """A force of 3.75 would do as well as a mass of 2.0."""
    assert fitted(PUSHED.replace("mass = 2.0", "mass = 2.5"), pushed()).text == PUSHED


def test_a_number_with_a_name_changes_rather_than_one_of_a_formula() -> None:
    """The 4.0 and the force can both make up for the mass; the drag and the 0.5 have to change."""
    wrong = PUSHED.replace("4.0", "2.5").replace("0.25", "0.2").replace("0.5 *", "0.6 *")
    found = fitted(wrong, pushed())
    assert found.accuracy_after == 1.0
    assert [change.literal.name for change in found.changed][:-1] in (["mass", "drag"], ["force", "drag"])
    assert [(change.literal.text, change.text) for change in found.changed][1:] == [("0.2", "0.25"), ("0.6", "0.5")]
