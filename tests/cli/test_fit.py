"""`cwm fit`: numbers in, better numbers out, and those that the data cannot determine by name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cwm_engine.trajectories.load import save_dataset
from tests.cli.searches import Cwm, cwm, folder
from tests.recordings import made

__all__ = ["cwm", "folder"]

MODEL = """\
class Environment:
    def __init__(self):
        self.rate = 0.5
        self.most = 100.0

    def set_state(self, state):
        self.state = float(state)

    def step(self, action):
        self.state = min(self.state * self.rate + action, self.most)
        return self.state, 0.0, False
"""


@pytest.fixture(autouse=True)
def model(folder: Path) -> Path:
    """A model with a wrong rate, and its data."""
    states = np.random.default_rng(0).uniform(-5, 5, 200).tolist()
    rows = [(state, action, state * 0.75 + action, 0.0, False) for state in states for action in (0, 1)]
    save_dataset(made(rows), folder / "trajectories" / "decay.jsonl")
    file = folder / "decay.py"
    file.write_text(MODEL)
    return file


def test_wrong_numbers_are_fitted_and_the_rest_is_named(cwm: Cwm, model: Path) -> None:
    code, out, err = cwm("fit", "decay.py")
    assert (code, err) == (0, "")
    assert "+        self.rate = 0.75" in out
    assert "line 3: rate 0.5 -> 0.75" in out
    assert "undetermined: line 4: `most`: never reached in 400 transitions." in out
    assert model.read_text() == MODEL


def test_write_puts_them_into_the_file_and_output_elsewhere(cwm: Cwm, model: Path) -> None:
    cwm("fit", "decay.py", "-o", "fitted.py")
    assert Path("fitted.py").read_text() == MODEL.replace("0.5", "0.75")
    cwm("fit", "decay.py", "--write")
    assert model.read_text() == MODEL.replace("0.5", "0.75")


def test_the_document_has_the_numbers_and_the_diff(cwm: Cwm) -> None:
    document = json.loads(cwm("fit", "decay.py", "--output-format", "json")[1])
    assert document["changed"] == [{"name": "rate", "line": 3, "before": "0.5", "after": "0.75"}]
    assert document["accuracy"]["after"] == 1.0
    assert document["accuracy"]["before"] < 1.0
    assert [one["name"] for one in document["undetermined"]] == ["most"]
    assert document["diff"].startswith("--- a/decay.py\n")


def test_right_numbers_are_left_alone(cwm: Cwm, model: Path) -> None:
    model.write_text(MODEL.replace("0.5", "0.75"))
    code, out, _ = cwm("fit", "decay.py", "--write")
    assert code == 0
    assert "decay.py: unchanged" in out


def test_a_wrong_form_cannot_be_fitted(cwm: Cwm, model: Path) -> None:
    model.write_text(MODEL.replace("self.rate + action", "self.rate * action"))
    assert cwm("fit", "decay.py")[0] == 1


@pytest.mark.parametrize(
    ("text", "said"), [(None, "no such file"), ("x = (", "holds no model"), ("# caf\udce9", "is not UTF-8 text")]
)
def test_what_cannot_be_fitted_is_an_error(cwm: Cwm, model: Path, text: str | None, said: str) -> None:
    if text is None:
        model.unlink()
    else:
        model.write_bytes(text.encode("utf-8", "surrogateescape"))
    code, out, err = cwm("fit", "decay.py")
    assert (code, out) == (2, "")
    assert said in err
