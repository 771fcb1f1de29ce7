"""Parts of what is wrong that may have one cause each."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.run import Runner
from cwm_engine.diagnosis.session import Settings
from cwm_engine.induction.repair.parts import parts
from cwm_engine.induction.repair.reading import read
from tests.recordings import recorded, right_model


@pytest.fixture(scope="module")
def evidence():
    """Reward and pole are wrong in all transitions, the end of episodes in some."""
    text = right_model("CartPole-v1").replace("9.8", "8.9").replace("2.4", "0.1")
    reading = read(text, Settings(file="cartpole.py", path=Path("cartpole.py")))
    with Runner(Prepared(recorded("CartPole-v1"))) as runner:
        return runner.run(reading.program, determinism=False)


def test_no_part_is_everything(evidence):
    for part in parts(evidence):
        meant = evidence.wrong & part.rows[:, None] & ~part.overlooked
        assert meant.any()
        assert (meant != evidence.wrong).any()


def test_every_part_holds_all_transitions_that_are_right(evidence):
    right = evidence.checked & ~evidence.wrong.any(axis=1)
    assert all(part.rows[right].all() for part in parts(evidence))


def test_every_wrong_field_is_a_part_of_its_own(evidence):
    columns = [
        np.flatnonzero((evidence.wrong & part.rows[:, None] & ~part.overlooked).any(axis=0)).tolist()
        for part in parts(evidence)
    ]
    assert [1] in columns
    assert [5] in columns


def test_what_is_right_has_no_parts(evidence):
    assert parts(replace(evidence, wrong=np.zeros_like(evidence.wrong))) == []
