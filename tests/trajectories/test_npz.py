"""NPZ: the published buffers, and files of other programs."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from cwm_engine.errors import CwmError
from cwm_engine.trajectories.columns import describe_structure
from cwm_engine.trajectories.formats.npz import read_npz, write_npz
from tests.trajectories.datasets import PUBLISHED, assert_same, cart, datasets


def fields(n=4, **more):
    """What another program might have stored."""
    values = np.arange(n + 1.0)
    given = {
        "obs": values[:-1, None],
        "next_obs": values[1:, None],
        "action": np.zeros(n, dtype=np.int64),
        "reward": np.ones(n, dtype=np.float32),
        "done": np.arange(n) == n - 1,
    }
    return {name: array for name, array in {**given, **more}.items() if array is not None}


@pytest.fixture
def saved(tmp_path):
    """An npz file of the given fields."""

    def save(**more):
        np.savez(tmp_path / "other.npz", **fields(**more))
        return tmp_path / "other.npz"

    return save


@given(datasets())
def test_what_is_written_is_read_back(dataset):
    with tempfile.TemporaryDirectory() as directory:
        write_npz(dataset, Path(directory) / "a.npz")
        assert_same(read_npz(Path(directory) / "a.npz"), dataset)


def test_what_is_written_has_the_fields_of_the_published_buffers(tmp_path):
    write_npz(cart(), tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        assert {"obs", "next_obs", "action", "reward", "done", "truncated", "episode"} <= set(archive.files)
        assert archive["obs"].dtype == np.float32


def test_truncation_and_episodes_may_be_missing(saved):
    dataset = read_npz(saved())
    assert dataset.terminated.tolist() == [False, False, False, True]
    assert not dataset.truncated.any()
    assert dataset.episode.tolist() == [0, 0, 0, 0]
    assert dataset.rewards.dtype == np.float64


def test_terminated_is_done_and_not_truncated(saved):
    dataset = read_npz(saved(truncated=np.array([0, 0, 0, 1])))
    assert not dataset.terminated.any()
    assert dataset.truncated.tolist() == [False, False, False, True]


def test_stored_terminations_come_first(saved):
    dataset = read_npz(saved(done=None, terminated=np.array([False, True, False, True])))
    assert dataset.terminated.tolist() == [False, True, False, True]
    assert dataset.episode.tolist() == [0, 0, 1, 1]


def test_without_episodes_a_jump_begins_a_new_one(saved):
    obs = np.array([[0.0], [1.0], [7.0], [8.0]])
    dataset = read_npz(saved(obs=obs, next_obs=np.array([[1.0], [2.0], [8.0], [9.0]])))
    assert dataset.episode.tolist() == [0, 0, 1, 1]
    assert dataset.step.tolist() == [0, 1, 0, 1]


def test_scattered_episodes_are_brought_together(saved):
    dataset = read_npz(saved(episode=np.array([7, 3, 7, 3])))
    assert dataset.observations.arrays[0].ravel().tolist() == [0, 2, 1, 3]
    assert dataset.episode.tolist() == [0, 0, 1, 1]
    assert dataset.step.tolist() == [0, 1, 0, 1]


def test_big_endian_numbers_are_read(saved):
    dataset = read_npz(saved(obs=np.arange(4, dtype=">i4"), next_obs=np.arange(1, 5, dtype=">i4")))
    assert describe_structure(dataset.observations.structure) == "int32"


def test_text_is_read(saved):
    texts = np.array(["a", "bc", "d", ""])
    assert read_npz(saved(obs=texts, next_obs=texts)).observations.row(1) == "bc"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"obs": None}, "has no obs"),
        ({"action": None, "reward": None}, "has no action and no reward"),
        ({"done": None}, "has no done"),
        ({"reward": np.ones(3)}, r"obs has 4 rows, reward has 3"),
        ({"episode": np.array(1)}, "episode is a single value"),
        ({"episode": np.zeros(4)}, "episode holds float64, expected whole numbers"),
        ({"reward": np.array(["a"] * 4)}, "reward holds <U1"),
        ({"reward": np.ones((4, 2))}, r"reward holds float64 \(2,\), expected one number a row"),
        ({"done": np.array([0, 0, 3, 1])}, "row 2: done is 3, expected true or false"),
        ({"obs": np.zeros(4, dtype="datetime64[s]")}, "obs holds datetime64"),
        ({"next_obs": np.zeros((4, 2))}, r"next_obs holds float64 \(2,\), expected float64 \(1,\)"),
        ({"cwm": np.array("{")}, "cwm: "),
        ({"cwm": np.array('{"cwm": 2}')}, "was written by a newer version"),
        ({"obs": None, "obs[0]": np.zeros(4)}, r"obs is stored in parts \(obs\[0\]\)"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(saved, more, reason):
    with pytest.raises(CwmError, match=f"other.npz: {reason}"):
        read_npz(saved(**more))


def test_a_file_without_rows_says_so(tmp_path):
    np.savez(tmp_path / "a.npz", **fields(n=0))
    with pytest.raises(CwmError, match="holds no transitions"):
        read_npz(tmp_path / "a.npz")


def test_pickled_objects_are_refused(saved):
    path = saved(obs=np.array([{"a": 1}] * 4, dtype=object))
    with pytest.raises(CwmError, match="obs: holds pickled Python objects, which are never loaded"):
        read_npz(path)


@pytest.mark.parametrize("damage", [lambda data: data[:200], lambda data: data[:60] + b"\0" * 40 + data[100:]])
def test_a_damaged_file_is_explained(tmp_path, damage):
    write_npz(cart(), tmp_path / "a.npz")
    (tmp_path / "a.npz").write_bytes(damage((tmp_path / "a.npz").read_bytes()))
    with pytest.raises(CwmError, match="not a readable npz file"):
        read_npz(tmp_path / "a.npz")


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published buffers are not at hand")
@pytest.mark.parametrize(
    ("name", "rows", "observation", "ends"),
    [
        ("Blackjack-v1", 15, "int64 (3,)", (10, 0)),
        ("CartPole-v1", 402, "float32 (4,)", (10, 0)),
        ("Taxi-v3", 1574, "int64", (5, 5)),
        ("HalfCheetah-v4", 1000, "float64 (17,)", (0, 0)),
    ],
)
def test_published_buffers_are_read_as_they_are(name, rows, observation, ends):
    dataset = read_npz(PUBLISHED / f"{name}.npz")
    assert len(dataset) == rows
    assert describe_structure(dataset.observations.structure) == observation
    assert (dataset.terminated.sum(), dataset.truncated.sum()) == ends
