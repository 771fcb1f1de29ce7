"""Whole repairs, in the sandbox: what is found, what is told, and how it ends."""

import ast
import threading
from pathlib import Path

import pytest

from cwm_engine.diagnosis.session import Settings
from cwm_engine.induction.repair.repairer import Repairer
from cwm_engine.sandbox.stop import Stopped
from tests.recordings import recorded, right_model

CARTPOLE = right_model("CartPole-v1")


@pytest.fixture(scope="module")
def repairer():
    with Repairer(Settings(file="cartpole.py", path=Path("cartpole.py")), recorded("CartPole-v1")) as made:
        yield made


def broken(*changes):
    text = CARTPOLE
    for right, wrong in changes:
        assert right in text
        text = text.replace(right, wrong, 1)
    return text


@pytest.mark.parametrize(
    "changes",
    [
        [("9.8", "8.9")],
        [("math.sin", "math.cos")],
        [("9.8", "8.9"), ("math.sin", "math.cos")],
        [("import math\n", "")],
        [("def step(self, action):", "def step(self, action)"), ("9.8", "8.9")],
    ],
    ids=["number", "function", "both", "import", "colon and number"],
)
def test_a_broken_model_predicts_everything_again(repairer, changes):
    best = repairer.repair(broken(*changes)).repairs[0]
    assert best.is_complete
    assert ast.dump(ast.parse(best.text)) == ast.dump(ast.parse(CARTPOLE))


def test_every_change_is_told(repairer):
    best = repairer.repair(broken(("def step(self, action):", "def step(self, action)"), ("9.8", "8.9"))).repairs[0]
    assert [change.partition(":")[0][:5] for change in best.changes] == ["line ", "line "]
    assert best.changes[1].endswith("replace `8.9` by `9.8`")


def test_a_right_model_has_nothing_to_be_repaired(repairer):
    outcome = repairer.repair(CARTPOLE)
    assert outcome.repairs == ()
    assert outcome.problem == "It predicts every transition."


def test_a_text_without_a_model_is_a_problem(repairer):
    assert "no model" in repairer.repair("x = 1\n").problem


def test_fitting_changes_numbers_only(repairer):
    best = repairer.fit(broken(("9.8", "11.3"))).repairs[0]
    assert best.is_complete
    assert all("replace" in change for change in best.changes)


def test_a_repair_that_is_stopped_says_so_and_the_next_one_works(repairer):
    hopeless = broken(("9.8", "8.9"), ("math.sin", "math.tan"), ("4.0 / 3.0", "2.0"), ("action == 1", "action != 1"))
    threading.Timer(0.2, repairer.stop).start()
    with pytest.raises(Stopped):
        repairer.repair(hopeless)
    assert repairer.repair(broken(("9.8", "8.9"))).repairs
