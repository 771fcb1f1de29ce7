"""Recording real environments: what is stored, what survives, and what goes on where."""

import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.errors import CwmError
from cwm_engine.trajectories.columns import describe_structure
from cwm_engine.trajectories.load import load_dataset
from cwm_engine.trajectories.record import Progress, episode_seed, record, record_actions
from tests.trajectories.datasets import assert_same

ROOT = Path(__file__).parents[2]
WORLDS = "tests.trajectories.gym_worlds"


def recorded(path, env_id, **options):
    """A recording, loaded."""
    record(env_id, path=path / "a.sqlite", **{"episodes": 5, **options})
    return load_dataset(path / "a.sqlite")


def recorder(path, episodes, seed=0):
    """A process that records CartPole and writes a line for each episode that is safe."""
    command = [sys.executable, "-m", "tests.trajectories.recorder", str(path), str(episodes), str(seed)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("env_id", "observation", "action"),
    [
        ("CartPole-v1", "float32 (4,)", "int64"),
        ("Taxi-v4", "int64", "int64"),
        ("CliffWalking-v1", "int64", "int64"),
        ("Blackjack-v1", "(int64, int64, int64)", "int64"),
        ("FrozenLake-v1", "int64", "int64"),
        ("Pendulum-v1", "float32 (3,)", "float32 (1,)"),
        ("MountainCarContinuous-v0", "float32 (2,)", "float32 (1,)"),
    ],
)
def test_a_recording_can_be_replayed_in_the_environment(tmp_path, env_id, observation, action):
    """Seeds and actions lead to the very same observations, rewards and ends."""
    dataset = recorded(tmp_path, env_id, seed=3, max_steps=250)
    assert describe_structure(dataset.observations.structure) == observation
    assert describe_structure(dataset.actions.structure) == action
    env = gymnasium.make(env_id)
    for number, rows in enumerate(dataset.episodes()):
        state, _ = env.reset(seed=episode_seed(3, number))
        for row in range(rows.start, rows.stop):
            np.testing.assert_array_equal(dataset.observations.row(row), state)
            state, reward, terminated, truncated, _ = env.step(dataset.actions.row(row))
            assert dataset.rewards[row] == reward
            assert dataset.terminated[row] == terminated
            assert dataset.truncated[row] == truncated or dataset.step[row] == 249
            np.testing.assert_array_equal(dataset.next_observations.row(row), state)


def test_a_recording_says_where_it_comes_from(tmp_path):
    dataset = recorded(tmp_path, "FrozenLake-v1", seed=3, policy="mixture", env_kwargs={"is_slippery": False})
    provenance = dataset.provenance
    assert (provenance.environment, provenance.environment_kwargs) == ("FrozenLake-v1", {"is_slippery": False})
    assert (provenance.policy, provenance.seed, provenance.max_episode_steps) == ("mixture", 3, 100)
    assert provenance.versions["gymnasium"] == gymnasium.__version__
    assert provenance.versions["numpy"] == np.__version__
    assert {"python", "code-world-models"} <= provenance.versions.keys()
    assert provenance.created.startswith("20")
    assert dataset.spaces.action == {"type": "Discrete", "n": 4, "start": 0}


def test_versions_are_those_that_compute_the_environment(tmp_path):
    """MuJoCo is named with its environments and with no others, whatever else a process has loaded."""
    pytest.importorskip("mujoco")
    assert "mujoco" in recorded(tmp_path, "InvertedPendulum-v5", episodes=1).provenance.versions
    (tmp_path / "cart").mkdir()
    assert "mujoco" not in recorded(tmp_path / "cart", "CartPole-v1", episodes=1).provenance.versions


@pytest.mark.filterwarnings("ignore:.*latest versioned environment")
def test_an_id_without_version_is_stored_with_it(tmp_path):
    assert recorded(tmp_path, "CartPole", episodes=1).provenance.environment == "CartPole-v1"


def test_terminations_and_truncations_are_kept_apart(tmp_path):
    pendulum = recorded(tmp_path, "Pendulum-v1", episodes=2)
    assert pendulum.truncated.nonzero()[0].tolist() == [199, 399]
    assert not pendulum.terminated.any()
    (tmp_path / "cart").mkdir()
    cart = recorded(tmp_path / "cart", "CartPole-v1")
    assert cart.terminated.sum() == 5
    assert not cart.truncated.any()


def test_the_same_seed_gives_the_same_recording_and_another_seed_another(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        record("CartPole-v1", episodes=4, path=tmp_path / f"{name}.sqlite", seed=seed, policy="mixture")
    one, other, third = (load_dataset(tmp_path / f"{name}.sqlite") for name in "abc")
    assert_same(one, other)
    assert one.fingerprint != third.fingerprint


@pytest.mark.parametrize("policy", ["random", "mixture"])
def test_recording_in_parts_gives_what_recording_at_once_gives(tmp_path, policy):
    record("CartPole-v1", episodes=7, path=tmp_path / "whole.sqlite", policy=policy)
    for part in (2, 4, 1):
        record("CartPole-v1", episodes=part, path=tmp_path / "parts.sqlite", policy=policy, append=True)
    assert_same(load_dataset(tmp_path / "parts.sqlite"), load_dataset(tmp_path / "whole.sqlite"))


@given(st.integers(0, 2**40), st.integers(0, 10_000), st.integers(0, 10_000))
def test_no_two_episodes_of_a_recording_share_a_seed(seed, one, other):
    assert (episode_seed(seed, one) == episode_seed(seed, other)) == (one == other)
    assert 0 <= episode_seed(seed, one) < 2**31


def test_an_existing_file_is_added_to_only_when_asked(tmp_path):
    recorded(tmp_path, "CartPole-v1")
    with pytest.raises(CwmError, match=r"a\.sqlite: already exists .--append adds to it"):
        recorded(tmp_path, "CartPole-v1")
    with pytest.raises(CwmError, match="holds trajectories of CartPole-v1, not of Taxi-v4"):
        recorded(tmp_path, "Taxi-v4", append=True)
    assert load_dataset(tmp_path / "a.sqlite").episode_count == 5


def test_another_policy_continues_with_seeds_of_its_own(tmp_path):
    recorded(tmp_path, "CartPole-v1")
    dataset = recorded(tmp_path, "CartPole-v1", policy="mixture", append=True)
    assert dataset.provenance.policy == "random + mixture"
    starts = {dataset.observations.row(row).tobytes() for row in dataset.episode_starts}
    assert len(starts) == 10


def test_progress_is_told_once_an_episode_is_safe(tmp_path):
    seen = []

    def look(progress):
        connection = sqlite3.connect(tmp_path / "a.sqlite")
        seen.append((progress, connection.execute("SELECT count(*) FROM episode").fetchone()[0]))
        connection.close()

    dataset = recorded(tmp_path, "CartPole-v1", episodes=3, on_episode=look)
    lengths = dataset.episode_lengths.tolist()
    assert seen == [
        (Progress(kept=number + 1, tries=number + 1, length=length, total_reward=length, was_kept=True), number + 1)
        for number, length in enumerate(lengths)
    ]


# A threshold.


def test_only_episodes_above_the_threshold_are_kept(tmp_path):
    result = record("CartPole-v1", episodes=4, path=tmp_path / "a.sqlite", keep=30.0)
    dataset = load_dataset(tmp_path / "a.sqlite")
    assert dataset.episode_count == 4
    assert dataset.episode_lengths.min() >= 30
    assert result.tries > result.episodes == 4
    assert result.transitions == len(dataset)
    assert dataset.provenance.policy == "random (return >= 30)"


def test_a_threshold_out_of_reach_says_how_near_it_came(tmp_path):
    with pytest.raises(CwmError, match=r"only 0 of 2 episodes reached a return of 450 in 10 tries; the best had \d+"):
        record("CartPole-v1", episodes=2, path=tmp_path / "a.sqlite", keep=450, max_tries=10)
    with pytest.raises(CwmError, match="only 1 of 2") as caught:
        record("CartPole-v1", episodes=2, path=tmp_path / "b.sqlite", keep=40, max_tries=8)
    assert "what was kept is in the file" in caught.value.hint
    assert load_dataset(tmp_path / "b.sqlite").episode_count == 1


# Other people's environments.


def test_an_observation_changed_in_place_is_copied(tmp_path):
    """And an environment without end is cut off, with what that means for its last step."""
    dataset = recorded(tmp_path, f"{WORLDS}:InPlace-v0", episodes=2, max_steps=6)
    assert dataset.provenance.environment == f"{WORLDS}:InPlace-v0"
    assert dataset.next_observations.arrays[0][:6, 1].tolist() != [6.0] * 6
    np.testing.assert_array_equal(dataset.next_observations.arrays[0][:5], dataset.observations.arrays[0][1:6])
    assert dataset.truncated.nonzero()[0].tolist() == [5, 11]
    assert dataset.provenance.max_episode_steps == 6


def test_an_environment_without_limit_is_cut_off_after_a_thousand_steps(tmp_path):
    assert recorded(tmp_path, f"{WORLDS}:InPlace-v0", episodes=1).episode_lengths.tolist() == [1000]


def test_the_dtype_is_the_one_the_environment_really_gives(tmp_path):
    """Its space says float32, its observations are float64."""
    dataset = recorded(tmp_path, f"{WORLDS}:InPlace-v0", episodes=1, max_steps=3)
    assert describe_structure(dataset.observations.structure) == "float64 (2,)"
    assert dataset.rewards.tolist() == [float(np.float32(0.1))] * 3
    assert set(dataset.actions.arrays[0].tolist()) <= {-1, 0, 1}


def test_parts_of_info_are_stored_where_asked_for(tmp_path):
    dataset = recorded(tmp_path, f"{WORLDS}:InPlace-v0", episodes=2, max_steps=3, info_keys=["lives", "absent"])
    assert [dataset.info["lives"].row(row) for row in range(6)] == [None, 2, 3] * 2
    assert dataset.info["absent"].row(0) is None


@pytest.mark.parametrize("known", [True, False])
def test_observations_of_every_kind_are_stored(tmp_path, known):
    dataset = recorded(tmp_path, f"{WORLDS}:Backpack-v0", episodes=2, env_kwargs={"known": known})
    grid = np.full((2, 2), 2, dtype=np.uint8)
    last = dataset.observations.row(2)
    np.testing.assert_array_equal(last.pop("grid"), grid)
    assert last.pop("inside") in ([0, 1], (0, 1))
    assert last == {"mission": "carry 2", "at": (2, 0)}
    assert dataset.actions.row(0)["go"].shape == (2,)
    assert (dataset.spaces.observation is not None) == known
    assert dataset.rewards.tolist() == [1, 2, 3] * 2


def test_an_environment_that_fails_names_the_step(tmp_path):
    reason = "the environment failed in episode 0, step 3: RuntimeError: the motor burnt out"
    with pytest.raises(CwmError, match=reason):
        recorded(tmp_path, f"{WORLDS}:InPlace-v0", env_kwargs={"fail_at": 4})


def test_an_environment_with_other_arguments_needs_another_file(tmp_path):
    recorded(tmp_path, f"{WORLDS}:InPlace-v0", episodes=2, max_steps=3)
    with pytest.raises(CwmError, match=r'not of .*InPlace-v0 with {"fail_at": 4}'):
        recorded(tmp_path, f"{WORLDS}:InPlace-v0", append=True, env_kwargs={"fail_at": 4})
    assert load_dataset(tmp_path / "a.sqlite").episode_count == 2


@pytest.mark.parametrize(
    ("env_id", "reason"),
    [
        ("Nowhere-v0", "environment Nowhere-v0: .*doesn't exist"),
        ("Taxi-v99", "environment Taxi-v99: .*"),
        ("no_such_package:Name-v0", "environment no_such_package:Name-v0: No module named 'no_such_package'"),
        (f"{WORLDS}:Unmakeable-v0", "could not be made: OSError: no display"),
    ],
)
def test_an_environment_that_cannot_be_made_is_explained(tmp_path, env_id, reason):
    with pytest.raises(CwmError, match=reason):
        recorded(tmp_path, env_id)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"episodes": 0}, "cannot record 0 episodes"),
        ({"max_steps": 0}, "cannot record episodes of 0 steps"),
        ({"policy": "clever"}, "there is no policy clever"),
        ({"env_kwargs": {"colour": 1}}, "could not be made: TypeError"),
    ],
)
def test_what_cannot_be_recorded_is_refused(tmp_path, options, reason):
    with pytest.raises(CwmError, match=reason):
        recorded(tmp_path, "CartPole-v1", **options)
    assert list(tmp_path.iterdir()) == []


def test_other_formats_are_exported_not_recorded(tmp_path):
    with pytest.raises(CwmError, match=r"recording writes \.sqlite files"):
        record("CartPole-v1", episodes=1, path=tmp_path / "a.jsonl")


def test_the_directory_is_made(tmp_path):
    record("CartPole-v1", episodes=1, path=tmp_path / "new" / "deep" / "a.sqlite")
    assert load_dataset(tmp_path / "new" / "deep").episode_count == 1
    with pytest.raises(CwmError, match="cannot be written"):
        record("CartPole-v1", episodes=1, path=tmp_path / "new" / "deep" / "a.sqlite" / "b.sqlite")


# What happens to the process.


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_every_complete_episode_survives_and_recording_goes_on(tmp_path, stop):
    """Stopped at some time and continued, the file is what an undisturbed recording would have made."""
    path = tmp_path / "a.sqlite"
    process = recorder(path, 100_000)
    for _ in range(10):
        process.stdout.readline()
    time.sleep(0.05)
    process.send_signal(stop)
    # `communicate` would lose what `readline` has read ahead.
    safe = 10 + len(process.stdout.readlines())
    process.communicate()
    assert process.returncode == -stop
    found = load_dataset(path)
    assert safe <= found.episode_count <= safe + 1
    record("CartPole-v1", episodes=5, path=path, append=True)
    record("CartPole-v1", episodes=found.episode_count + 5, path=tmp_path / "whole.sqlite")
    assert_same(load_dataset(path), load_dataset(tmp_path / "whole.sqlite"))


def test_two_processes_with_one_seed_never_store_an_episode_twice(tmp_path):
    path = tmp_path / "a.sqlite"
    record("CartPole-v1", episodes=1, path=path)
    processes = [recorder(path, 20) for _ in range(2)]
    for process in processes:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
    dataset = load_dataset(path)
    assert dataset.episode_count == 41
    starts = {dataset.observations.row(row).tobytes() for row in dataset.episode_starts}
    assert len(starts) == 41


def test_given_actions_are_played_from_given_resets(tmp_path):
    path = tmp_path / "given.sqlite"
    done = record_actions("CartPole-v1", [(7, [0, 1, 1]), (9, [1])], path=path)
    assert (done.episodes, done.transitions) == (2, 4)
    dataset = load_dataset([str(path)])
    env = gymnasium.make("CartPole-v1")
    observation, _ = env.reset(seed=7)
    assert dataset.actions.plain(0, 4) == [0, 1, 1, 1]
    for row, action in enumerate([0, 1, 1]):
        assert dataset.observations.row(row).tolist() == observation.tolist()
        observation = env.step(action)[0]
    assert dataset.truncated.tolist() == [False, False, True, True]
    assert dataset.provenance.policy == "given actions"


def test_given_actions_after_the_end_of_an_episode_are_left_out(tmp_path):
    done = record_actions("CartPole-v1", [(0, [0] * 50)], path=tmp_path / "given.sqlite")
    assert done.transitions < 20


def test_the_same_reset_may_be_played_again(tmp_path):
    path = tmp_path / "given.sqlite"
    record_actions("CartPole-v1", [(0, [0, 1]), (0, [1, 0])], path=path)
    record_actions("CartPole-v1", [(0, [1, 1])], path=path, append=True)
    assert load_dataset([str(path)]).episode_count == 3
