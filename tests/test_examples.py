"""The examples: right models agree with Gymnasium, broken ones differ from them in one line, and the demo runs."""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

import gymnasium
import numpy as np
import pytest

from cwm_engine.project import find_project, models_in
from cwm_engine.trajectories.load import load_dataset

EXAMPLES = Path(__file__).parent.parent / "examples"
DATA = sorted(EXAMPLES.glob("*/trajectories/*.jsonl"))


def loaded(path: Path) -> ModuleType:
    """An example as a module: these files were written and reviewed here."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_taxi_is_gymnasiums_in_every_state_and_action() -> None:
    model = loaded(EXAMPLES / "taxi" / "taxi.py").Environment()
    table = gymnasium.make("Taxi-v4").unwrapped.P  # type: ignore[attr-defined]
    for state, actions in table.items():
        for action, ((_, next_state, reward, done),) in actions.items():
            model.set_state(state)
            assert model.step(action) == (next_state, reward, done), (state, action)


def test_the_cart_pole_is_gymnasiums_far_beyond_the_recorded_states() -> None:
    model = loaded(EXAMPLES / "cartpole" / "cartpole.py").Environment()
    environment = gymnasium.make("CartPole-v1").unwrapped
    rng = np.random.default_rng(0)
    for _ in range(2000):
        environment.reset(seed=0)
        state = rng.uniform(-1, 1, 4) * [2.5, 3.0, 0.25, 3.0]
        environment.state = tuple(state)  # type: ignore[attr-defined]
        action = int(rng.integers(2))
        observation, reward, terminated, _, _ = environment.step(action)
        model.set_state(state)
        predicted = model.step(action)
        np.testing.assert_allclose(predicted[0], observation, rtol=1e-5, atol=1e-5)
        assert predicted[1:] == (reward, terminated)


@pytest.mark.parametrize(("name", "faults"), [("cartpole_broken", 1), ("taxi_broken", 1), ("cartpole_two_faults", 2)])
def test_a_broken_model_differs_from_the_right_one_in_as_many_lines_as_it_has_faults(name: str, faults: int) -> None:
    assert len(faulty_lines(name)) == faults


def test_every_model_is_configured_with_data_that_is_there() -> None:
    targets = models_in(EXAMPLES, find_project(EXAMPLES))
    models = {path for path in EXAMPLES.glob("*/*.py") if path.stem != "driver"}
    assert {target.path for target in targets} == models
    assert {Path(name) for target in targets for name in target.trajectories} == set(DATA)


@pytest.mark.parametrize("path", DATA, ids=lambda path: path.stem)
def test_the_data_is_small_enough_to_look_at_and_says_where_it_is_from(path: Path) -> None:
    assert path.stat().st_size < 100_000
    assert load_dataset(path).provenance.environment in {"CartPole-v1", "Taxi-v4", "MountainCar-v0"}


@pytest.mark.timeout(400)  # everything there is, in about twenty processes
def test_the_demo_records_finds_repairs_searches_and_ends_with_right_models(tmp_path: Path) -> None:
    """The main job on real input, as `make demo` runs it, in a copy of the examples."""
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    scripts = sysconfig.get_path("scripts")
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "examples/demo.sh"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"models/taxi.py:{faulty_lines('taxi_broken')[0]}:" in done.stdout
    assert f"models/cartpole.py:{faulty_lines('cartpole_two_faults')[1]}:" in done.stdout
    assert done.stdout.count("fixed: line") == 1
    assert "models/cartpole.py: verified: all searched and held-out transitions are right" in done.stdout
    assert "2 models: 2 right" in done.stdout.split("check what is in the files now")[1]
    for name in ("cartpole", "taxi"):
        repaired, right = tmp_path / "demo" / "models" / f"{name}.py", EXAMPLES / name / f"{name}.py"
        assert repaired.read_text() == right.read_text()


def faulty_lines(name: str) -> list[int]:
    """The numbers of the lines in which a broken model is wrong."""
    world = name.split("_", maxsplit=1)[0]
    right, broken = ((EXAMPLES / world / f"{file}.py").read_text().splitlines() for file in (world, name))
    return [number for number, (one, other) in enumerate(zip(right, broken, strict=True), start=1) if one != other]


def test_the_console_script_is_that_of_this_interpreter() -> None:
    """The demo finds `cwm` on the path; it must not be another project's."""
    script = Path(sysconfig.get_path("scripts")) / "cwm"
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    module = subprocess.run(
        [sys.executable, "-m", "cwm_engine", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == module.stdout
