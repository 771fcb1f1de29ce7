"""`cwm record`: episodes of an environment into a file, safe against whatever stops it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from cwm_engine.cli.record import RecordOptions, run_record
from cwm_engine.errors import CwmError
from cwm_engine.trajectories.load import load_dataset
from tests.cli.command import Running, cwm

OPTIONS = RecordOptions(
    environment="FrozenLake-v1",
    episodes=3,
    output=None,
    policy="random",
    seed=0,
    starts="reset",
    append=False,
    max_steps=None,
    keep=None,
    max_tries=None,
    env_kwargs=(),
    info=(),
)


@pytest.fixture
def record(tmp_path, monkeypatch, capsys):
    """Records in an empty folder; gives what is printed."""
    monkeypatch.chdir(tmp_path)

    def record(**changes) -> str:
        assert run_record(RecordOptions(**{**vars(OPTIONS), **changes})) == 0
        return capsys.readouterr().out

    return record


def test_the_command_records_where_it_was_told_to_and_says_what(tmp_path):
    done = cwm("record", "FrozenLake-v1", "-n", 4, "-o", "lake.sqlite", "--seed", 3, cwd=tmp_path)
    dataset = load_dataset(tmp_path / "lake.sqlite")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"lake.sqlite: 4 episodes, {len(dataset)} transitions of FrozenLake-v1, mean return ")
    assert dataset.episode_count == 4
    assert dataset.provenance.seed == 3


@pytest.mark.parametrize(
    ("environment", "name"), [("FrozenLake-v1", "FrozenLake-v1"), ("gymnasium.envs:Taxi-v4", "Taxi-v4")]
)
def test_without_a_name_the_file_is_called_like_the_environment(record, environment, name):
    record(environment=environment, episodes=1, max_steps=5)
    assert load_dataset(f"trajectories/{name}.sqlite").provenance.environment == environment


def test_recording_goes_on_only_where_it_may(record):
    record(output=Path("lake.sqlite"))
    with pytest.raises(CwmError, match=r"already exists \(--append adds to it\)"):
        record(output=Path("lake.sqlite"))
    record(output=Path("lake.sqlite"), append=True)
    assert load_dataset("lake.sqlite").episode_count == 6


def test_arguments_of_the_environment_are_json_or_text(record):
    record(env_kwargs=("is_slippery=false", "map_name=8x8"))
    dataset = load_dataset("trajectories/FrozenLake-v1.sqlite")
    assert dataset.provenance.environment_kwargs == {"is_slippery": False, "map_name": "8x8"}


@pytest.mark.parametrize("pair", ["is_slippery", "=1", "is slippery=1"])
def test_an_argument_without_name_and_value_is_refused(record, pair):
    with pytest.raises(CwmError, match="is not of the form name=value"):
        record(env_kwargs=(pair,))


def test_episodes_are_kept_by_their_return(record):
    shown = record(environment="CartPole-v1", keep=15.0, episodes=2)
    assert " of " in shown
    assert "played" in shown
    dataset = load_dataset("trajectories/CartPole-v1.sqlite")
    assert min(dataset.rewards[rows].sum() for rows in dataset.episodes()) >= 15


def test_a_policy_can_be_a_function_in_a_file(record):
    Path("mine.py").write_text("def left(observation):\n    return 0\n")
    record(policy="mine.py:left")
    assert set(load_dataset("trajectories/FrozenLake-v1.sqlite").actions.arrays[0]) == {0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Nowhere-v0"], "Nowhere"),
        (["CartPole-v1", "-o", "data.jsonl"], "recording writes .sqlite files"),
        (["CartPole-v1", "--policy", "missing.py:act"], "missing.py"),
        (
            ["CartPole-v1", "--keep", "1e9", "--max-tries", "2"],
            "only 0 of 20 episodes reached a return of 1e+09 in 2 tries",
        ),
    ],
)
def test_what_cannot_be_recorded_is_named_without_a_traceback(tmp_path, arguments, message):
    done = cwm("record", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr


def recording(folder: Path) -> Running:
    return Running("record", "CartPole-v1", "-n", 1_000_000, "-o", "cart.sqlite", cwd=folder)


def episodes_in(path: Path) -> int:
    """Complete episodes in the file; none while it is being made."""
    try:
        return load_dataset(path).episode_count
    except CwmError:
        return 0


def test_after_ctrl_c_every_complete_episode_is_there_and_recording_goes_on(tmp_path):
    path = tmp_path / "cart.sqlite"
    with recording(tmp_path) as process:
        process.wait_for(lambda: episodes_in(path) >= 3)
        assert process.interrupt() == 130
    kept = episodes_in(path)
    assert f"stopped: {kept} complete episodes are in cart.sqlite; `--append` goes on from there" in process.printed
    assert "Traceback" not in process.printed
    assert cwm("record", "CartPole-v1", "-n", 2, "-o", "cart.sqlite", "--append", cwd=tmp_path).returncode == 0
    dataset = load_dataset(path)
    assert dataset.episode_count == kept + 2
    ends = dataset.episode_starts + dataset.episode_lengths - 1
    assert (dataset.terminated | dataset.truncated)[ends].all()


def test_after_kill_9_every_complete_episode_is_there_and_recording_goes_on(tmp_path):
    path = tmp_path / "cart.sqlite"
    with recording(tmp_path) as process:
        process.wait_for(lambda: episodes_in(path) >= 3)
        os.kill(process.process.pid, signal.SIGKILL)
        process.process.wait(30)
    kept = episodes_in(path)
    assert kept >= 3
    assert cwm("record", "CartPole-v1", "-n", 2, "-o", "cart.sqlite", "--append", cwd=tmp_path).returncode == 0
    assert episodes_in(path) == kept + 2
