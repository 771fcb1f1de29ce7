"""The trajectory store: whole episodes or none, whatever happens to the process, the file or the directory."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from cwm_engine.errors import CwmError
from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.dataset import Provenance
from cwm_engine.trajectories.episodes import split_episodes
from cwm_engine.trajectories.formats import store_files
from cwm_engine.trajectories.formats.store import SeedTakenError, TrajectoryStore
from tests.trajectories.datasets import assert_same, cart, datasets

ROOT = Path(__file__).parents[2]


def fill(path, dataset):
    """A new file with the episodes of a dataset."""
    with TrajectoryStore.create(path) as store:
        store.begin(spaces=dataset.spaces, provenance=dataset.provenance)
        for episode in split_episodes(dataset):
            store.append(episode)
    return path


def read(path, **options):
    with TrajectoryStore.open(path, readonly=True) as store:
        return store.read(**options)


def writer(path, count, seed=0):
    """A process that appends episodes and writes the number of each that is safe."""
    command = [sys.executable, "-m", "tests.trajectories.writer", str(path), str(count), str(seed)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def stored(tmp_path):
    """A file of three episodes."""
    return fill(tmp_path / "cart.sqlite", cart())


def edit(path, statement, *arguments):
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement, arguments)
    connection.close()


@given(datasets())
def test_what_is_stored_is_read_back(dataset):
    with tempfile.TemporaryDirectory() as directory:
        assert_same(read(fill(Path(directory) / "a.sqlite", dataset)), dataset)


def test_episodes_that_follow_on_store_each_observation_once(stored):
    connection = sqlite3.connect(stored)
    fields = connection.execute("SELECT field, shape, codec FROM col WHERE episode = 1 ORDER BY rowid").fetchall()
    connection.close()
    assert fields == [("observation", "[5, 4]", "raw"), ("action", "[4]", "raw"), ("reward", "[4]", "raw")]


def test_episodes_are_added_to_a_file_and_numbered_on(stored):
    with TrajectoryStore.open(stored) as store:
        numbers = [store.append(episode) for episode in split_episodes(cart(seed=1))]
        assert numbers == [3, 4, 5]
        assert (store.episode_count, store.transition_count) == (6, 24)
    assert read(stored).episode.tolist() == np.repeat(range(6), 4).tolist()


def test_the_content_hash_changes_with_every_episode_and_with_nothing_else(tmp_path):
    hashes = []
    for name in ("a.sqlite", "b.sqlite"):
        with TrajectoryStore.create(tmp_path / name) as store:
            hashes.append([(store.append(episode), store.content_hash) for episode in split_episodes(cart())])
            assert store.content_hash == store.content_hash
    assert hashes[0] == hashes[1]
    assert len({content for _, content in hashes[0]}) == 3


@pytest.mark.parametrize(
    "statement", ["DELETE FROM episode WHERE id = 2", "UPDATE col SET data = x'00' WHERE leaf = 0"]
)
def test_edits_by_other_programs_change_the_content_hash(stored, statement):
    with TrajectoryStore.open(stored, readonly=True) as store:
        before = store.content_hash
    edit(stored, statement)
    with TrajectoryStore.open(stored, readonly=True) as store:
        assert store.content_hash != before


def test_a_reader_sees_the_file_as_it_was_when_opened(stored):
    with TrajectoryStore.open(stored, readonly=True) as reader, TrajectoryStore.open(stored) as other:
        before = reader.content_hash
        other.append(next(split_episodes(cart(seed=1))))
        assert reader.episode_count == 3
        assert reader.content_hash == before
        assert len(reader.read()) == 12
        assert other.episode_count == 4


def test_provenance_of_several_runs_names_every_policy(tmp_path):
    dataset = cart()
    with TrajectoryStore.create(tmp_path / "a.sqlite") as store:
        for policy in ("random", "mixture", "random"):
            store.begin(spaces=dataset.spaces, provenance=Provenance("CartPole-v1", policy=policy, seed=3))
            store.append(next(split_episodes(dataset)))
        store.begin(provenance=Provenance("CartPole-v1", policy="never used"))
    provenance = read(tmp_path / "a.sqlite").provenance
    assert (provenance.policy, provenance.seed) == ("random + mixture", 3)


def test_a_file_holds_one_environment(stored):
    with TrajectoryStore.open(stored) as store:
        with pytest.raises(CwmError, match=r"holds trajectories of CartPole-v1, not of Taxi-v4 .choose another file"):
            store.begin(provenance=Provenance("Taxi-v4"))
        with pytest.raises(CwmError, match=r'not of CartPole-v1 with {"sutton_barto_reward": true}'):
            store.begin(provenance=Provenance("CartPole-v1", {"sutton_barto_reward": True}))


def test_a_file_holds_one_structure(stored):
    with TrajectoryStore.open(stored) as store:
        with pytest.raises(CwmError, match=r"holds observations of float32 \(4,\); this episode has float32 \(3,\)"):
            store.append(next(split_episodes(cart(width=3))))
        assert store.episode_count == 3


def test_an_episode_without_transitions_is_refused(stored):
    episode = next(split_episodes(cart()))
    nothing = replace(episode, rewards=np.zeros(0))
    with TrajectoryStore.open(stored) as store, pytest.raises(CwmError, match="without transitions"):
        store.append(nothing)


def test_a_seed_is_stored_once(stored):
    episode = replace(next(split_episodes(cart())), seed=5, index=7)
    with TrajectoryStore.open(stored) as store:
        store.begin(provenance=Provenance("CartPole-v1", seed=3))
        store.append(episode)
        with pytest.raises(SeedTakenError, match="already holds an episode with seed 5"):
            store.append(episode)
        assert store.next_try(3) == 8
        assert store.next_try(4) == 0


def test_info_that_changes_its_structure_is_joined(tmp_path):
    episodes = list(split_episodes(cart(episodes=2)))
    numbers = [Columns.from_values([1, 2, 3, 4]), Columns.from_values([0.5, None, 1.5, 2.5])]
    with TrajectoryStore.create(tmp_path / "a.sqlite") as store:
        for episode, found in zip(episodes, numbers, strict=True):
            store.append(replace(episode, info={"lives": found}))
    lives = read(tmp_path / "a.sqlite").info["lives"]
    assert [lives.row(index) for index in range(8)] == [1, 2, 3, 4, 0.5, None, 1.5, 2.5]


# What can be wrong with a file.


def test_a_new_file_takes_no_existing_name(stored):
    with pytest.raises(CwmError, match=r"cart.sqlite: already exists"):
        TrajectoryStore.create(stored)


def test_a_new_file_needs_a_directory(tmp_path):
    with pytest.raises(CwmError, match="no such directory"):
        TrajectoryStore.create(tmp_path / "nowhere" / "a.sqlite")


@pytest.mark.parametrize("readonly", [True, False])
def test_a_missing_file_is_not_made(tmp_path, readonly):
    with pytest.raises(CwmError, match="there is no such file"):
        TrajectoryStore.open(tmp_path / "a.sqlite", readonly=readonly)
    with pytest.raises(CwmError, match="is not a file"):
        TrajectoryStore.open(tmp_path, readonly=readonly)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("readonly", [True, False])
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.write_bytes(b"text" * 1000), "is not a file of trajectories"),
        (lambda path: edit(path, "CREATE TABLE other (a)"), "it is an SQLite database of something else"),
        (lambda path: path.write_bytes(b""), "it is empty"),
    ],
)
def test_a_foreign_file_is_explained_and_left_alone(tmp_path, readonly, make, reason):
    path = tmp_path / "a.sqlite"
    make(path)
    before = path.read_bytes()
    with pytest.raises(CwmError, match=reason) as caught:
        TrajectoryStore.open(path, readonly=readonly)
    assert "cwm record" in caught.value.hint
    assert path.read_bytes() == before


def test_a_newer_file_asks_for_an_upgrade(stored):
    edit(stored, "PRAGMA user_version = 2")
    with pytest.raises(CwmError, match=r"written by a newer version .format 2; this one reads 1") as caught:
        TrajectoryStore.open(stored)
    assert "pip install --upgrade" in caught.value.hint


def test_a_file_without_episodes_says_so(tmp_path):
    with TrajectoryStore.create(tmp_path / "a.sqlite") as store, pytest.raises(CwmError, match="holds no transitions"):
        store.read()


def test_a_file_that_a_crash_left_without_tables_counts_as_new(tmp_path):
    path = tmp_path / "a.sqlite"
    edit(path, "PRAGMA journal_mode = WAL")
    assert path.stat().st_size > 0
    fill(path, cart())
    assert read(path).episode_count == 3


@pytest.mark.parametrize("readonly", [True, False])
def test_a_locked_file_is_explained(stored, monkeypatch, readonly):
    monkeypatch.setattr(store_files, "BUSY_SECONDS", 0.1)
    lock = sqlite3.connect(stored, isolation_level=None)
    lock.execute("PRAGMA locking_mode = EXCLUSIVE")
    lock.execute("BEGIN EXCLUSIVE")
    with pytest.raises(CwmError, match="is locked by another program") as caught:
        TrajectoryStore.open(stored, readonly=readonly)
    assert "wait" in caught.value.hint
    lock.close()


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE col SET data = x'0001' WHERE episode = 2 AND field = 'reward'", "its content does not match its hash"),
        ("DELETE FROM col WHERE episode = 2 AND field = 'action'", "its content does not match its hash"),
        ("UPDATE episode SET n = 3 WHERE id = 2", "its content does not match its hash"),
        ("UPDATE episode SET info = '{' WHERE id = 2", "it is incomplete"),
    ],
)
def test_a_damaged_episode_is_named_and_can_be_skipped(stored, statement, reason):
    edit(stored, statement)
    with pytest.raises(CwmError, match=f"cart.sqlite: episode 1: {reason}") as caught:
        read(stored)
    assert "--skip-bad" in caught.value.hint
    dataset = read(stored, skip_bad=True)
    assert dataset.episode_count == 2
    [bad] = dataset.skipped
    assert (bad.path, bad.record) == (str(stored), "episode 1")
    assert_same(replace(dataset, skipped=()), replace(cart().rows(cart().episode != 1), episode=dataset.episode))


def test_a_file_of_damaged_episodes_says_so(stored):
    edit(stored, "UPDATE col SET data = x'0001' WHERE field = 'reward'")
    with pytest.raises(CwmError, match="holds no transitions that can be read"):
        read(stored, skip_bad=True)


def test_episodes_on_damaged_pages_are_skipped(tmp_path):
    path = fill(tmp_path / "a.sqlite", cart(episodes=30, steps=100))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 4096] = os.urandom(4096)
    path.write_bytes(bytes(data))
    with pytest.raises(CwmError, match=r"episode|damaged"):
        read(path)
    dataset = read(path, skip_bad=True)
    assert 20 <= dataset.episode_count < 30
    assert dataset.skipped


def test_a_truncated_file_is_explained(stored):
    stored.write_bytes(stored.read_bytes()[:8192])
    with pytest.raises(CwmError, match=r"cart.sqlite"):
        read(stored, skip_bad=True)


# What can happen to a process.


@pytest.mark.parametrize("seed", range(5))
def test_every_acknowledged_episode_survives_kill_9(tmp_path, seed):
    """Killed at any time, the file is whole and holds what was said to be safe, and can be added to."""
    path = tmp_path / "a.sqlite"
    TrajectoryStore.create(path).close()
    process = writer(path, 100_000)
    process.stdout.readline()
    time.sleep(random.Random(seed).uniform(0.0, 0.3))
    process.kill()
    # `communicate` would lose what `readline` has read ahead.
    acknowledged = 1 + len(process.stdout.readlines())
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    dataset = read(path)
    assert acknowledged <= dataset.episode_count <= acknowledged + 1
    assert set(dataset.episode_lengths.tolist()) == {50}
    with TrajectoryStore.open(path) as store:
        store.append(next(split_episodes(cart(steps=50))))
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    assert read(path).episode_count == dataset.episode_count + 1


def test_several_processes_append_to_one_file(tmp_path):
    path = tmp_path / "a.sqlite"
    TrajectoryStore.create(path).close()
    processes = [writer(path, 40, seed) for seed in range(3)]
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    dataset = read(path)
    assert dataset.episode_count == 120
    connection = sqlite3.connect(path)
    starts = [row[0] for row in connection.execute("SELECT start FROM episode ORDER BY id")]
    connection.close()
    assert starts == list(range(0, 6000, 50))


def as_nobody(check):
    """Run a check without the rights of root, in a process of its own; its exit status."""
    with warnings.catch_warnings():
        # From Python 3.12 on, forking beside the threads of a test runner warns; this child only reads a file.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            check()
        except BaseException as error:  # noqa: BLE001 - a child of a test reports by its exit status
            sys.__stderr__.write(f"{type(error).__name__}: {error}\n")
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1]


@pytest.fixture
def forbidden():
    """A directory in which an ordinary user may read but not write."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        yield path
        path.chmod(0o700)


def test_a_file_in_a_directory_without_write_permission_is_read(forbidden):
    path = fill(forbidden / "a.sqlite", cart())
    path.chmod(0o444)
    forbidden.chmod(0o555)
    assert read(path).episode_count == 3
    assert as_nobody(lambda: assert_same(read(path), cart())) == 0


def test_a_journal_left_in_a_directory_without_write_permission_is_read(forbidden):
    """A recording was killed, and its directory is now on a read-only disk."""
    path = forbidden / "a.sqlite"
    TrajectoryStore.create(path).close()
    process = writer(path, 100_000)
    for _ in range(5):
        process.stdout.readline()
    process.kill()
    process.communicate()
    assert (forbidden / "a.sqlite-wal").stat().st_size > 0
    (forbidden / "a.sqlite-shm").unlink()
    for file in forbidden.iterdir():
        file.chmod(0o444)
    forbidden.chmod(0o555)

    def check():
        assert read(path).episode_count >= 5

    assert as_nobody(check) == 0
