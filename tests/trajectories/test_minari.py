"""Minari: exchange with the Farama Foundation's datasets."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from cwm_engine.errors import CwmError
from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.dataset import Spaces
from cwm_engine.trajectories.formats.minari import read_minari, write_minari
from cwm_engine.trajectories.load import load_dataset, save_dataset
from cwm_engine.trajectories.spaces import space_from_json, space_to_json
from tests.trajectories.datasets import assert_same, cart

minari = pytest.importorskip("minari")
pytest.importorskip("h5py")


@pytest.fixture(autouse=True)
def own_root(monkeypatch, tmp_path):
    """Datasets are kept in a directory of the test."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    return tmp_path / "minari"


def with_observations(values):
    """Three episodes of the given thirteen... of five observations each."""
    chain = [values[start : start + 5] for start in range(0, 15, 5)]
    before = Columns.from_values([value for part in chain for value in part[:-1]])
    after = Columns.from_values([value for part in chain for value in part[1:]])
    return replace(cart(), observations=before, next_observations=after)


def test_what_is_written_is_read_back():
    dataset = cart()
    write_minari(dataset, "cartpole/test-v0")
    found = read_minari("cartpole/test-v0")
    assert found.spaces.action == dataset.spaces.action
    assert_same(replace(found, spaces=dataset.spaces), dataset)


@pytest.mark.parametrize(
    "values",
    [
        list(range(15)),
        [bool(number % 2) for number in range(15)],
        [(number, number % 11, number % 2) for number in range(15)],
        [{"direction": number % 4, "image": np.full((3, 3, 3), number, np.uint8)} for number in range(15)],
        [{"mission": f"go to {number}", "at": np.array([0.5, number])} for number in range(15)],
        [np.random.default_rng(number).integers(0, 256, (40, 40, 3)).astype(np.uint8) for number in range(15)],
        [np.array([number, -number], dtype=np.float32) for number in range(15)],
        [np.array([True, False]) for number in range(15)],
    ],
    ids=["discrete", "bool", "tuple", "grid", "text", "image", "box", "bits"],
)
def test_observations_of_every_kind_come_back_exactly(values):
    """Images, too: nothing is compressed with loss."""
    dataset = with_observations(values)
    write_minari(dataset, "test/kinds-v0")
    found = read_minari("test/kinds-v0")
    for row in range(12):
        one, other = found.observations.row(row), dataset.observations.row(row)
        assert type(one) is type(other) or isinstance(other, bool)
        np.testing.assert_equal(one, other)
    assert found.step.tolist() == dataset.step.tolist()


def test_known_spaces_are_kept():
    box, _ = space_to_json(space_from_json({"type": "Box", "low": -9, "high": 9, "shape": [4], "dtype": "float32"}))
    dataset = replace(cart(), spaces=Spaces(box, cart().spaces.action))
    write_minari(dataset, "test/spaces-v0")
    assert_same(read_minari("test/spaces-v0"), dataset)


@pytest.mark.filterwarnings("ignore:.* is set to None")
def test_datasets_of_others_are_read(own_root):
    """With an environment and info, as Minari's own collector leaves them."""
    from minari.data_collector.episode_buffer import EpisodeBuffer

    steps = 4
    buffer = EpisodeBuffer(
        id=0,
        observations=np.arange(20, dtype=np.float32).reshape(5, 4) / 100,
        actions=np.zeros(steps, dtype=np.int64),
        rewards=[1.0] * steps,
        terminations=[False] * steps,
        truncations=[False] * 3 + [True],
        infos={"lives": np.arange(steps + 1)},
    )
    minari.create_dataset_from_buffers("cartpole/other-v3", [buffer], env="CartPole-v1", algorithm_name="zigzag")
    found = read_minari("cartpole/other-v3")
    assert (found.provenance.environment, found.provenance.policy) == ("CartPole-v1", "zigzag")
    assert found.provenance.max_episode_steps == 500
    assert found.truncated.tolist() == [False, False, False, True]
    assert found.info["lives"].arrays[0].tolist() == [1, 2, 3, 4]
    np.testing.assert_array_equal(found.next_observations.arrays[0][:-1], found.observations.arrays[0][1:])


def test_ids_are_loaded_with_and_without_prefix(tmp_path, monkeypatch):
    save_dataset(cart(), "minari:cartpole/test-v0")
    for name in ("minari:cartpole/test-v0", "cartpole/test-v0"):
        dataset = load_dataset(name)
        assert len(dataset) == 12
        assert dataset.provenance.source == name
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cartpole").mkdir()
    save_dataset(cart(seed=1, episodes=1), tmp_path / "cartpole" / "a.jsonl")
    (tmp_path / "cartpole" / "a.jsonl").rename(tmp_path / "cartpole" / "test-v0")
    assert len(load_dataset("cartpole/test-v0")) == 4


def test_an_existing_id_is_replaced_only_when_asked():
    write_minari(cart(), "cartpole/test-v0")
    with pytest.raises(CwmError, match="already exists"):
        write_minari(cart(), "cartpole/test-v0")
    write_minari(cart(episodes=1), "cartpole/test-v0", overwrite=True)
    assert read_minari("cartpole/test-v0").episode_count == 1


@pytest.mark.parametrize(
    ("dataset", "reason"),
    [
        (replace(cart(), next_observations=cart(seed=1).next_observations), "do not follow on from each other"),
        (with_observations([[1]] * 15), "it has no fixed shape"),
        (with_observations([np.array(["a"], dtype=object)] * 15), "it has no fixed shape"),
    ],
)
def test_what_minari_cannot_hold_is_refused(own_root, dataset, reason):
    with pytest.raises(CwmError, match=reason):
        write_minari(dataset, "test/refused-v0")
    assert not (own_root / "test" / "refused-v0").exists()


def test_nothing_half_made_is_left_behind(own_root, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setattr(minari, "create_dataset_from_buffers", _half_made(own_root))
    with pytest.raises(CwmError, match="Minari could not write it: no Pillow"):
        write_minari(cart(), "test/half-v0")
    assert not (own_root / "test" / "half-v0").exists()


def _half_made(root):
    def create(name, *_, **__):
        (root / name / "data").mkdir(parents=True)
        raise ModuleNotFoundError("no Pillow")

    return create


@pytest.mark.parametrize("name", ["no version", "x/y", "-v1"])
def test_a_malformed_id_is_refused(name):
    with pytest.raises(CwmError, match="is not a Minari id"):
        read_minari(name)


def test_an_unknown_id_tells_how_to_download():
    with pytest.raises(CwmError, match="no such file and no such Minari dataset") as caught:
        load_dataset("mujoco/hopper/expert-v0")
    assert "minari download mujoco/hopper/expert-v0" in caught.value.hint


def test_a_damaged_dataset_is_explained(own_root):
    write_minari(cart(), "cartpole/test-v0")
    (own_root / "cartpole" / "test-v0" / "data" / "metadata.json").write_text("")
    with pytest.raises(CwmError, match="cannot be read as a Minari dataset"):
        read_minari("cartpole/test-v0")


def test_an_episode_that_is_damaged_is_named_and_can_be_skipped(own_root):
    import h5py

    write_minari(cart(), "cartpole/test-v0")
    with h5py.File(own_root / "cartpole" / "test-v0" / "data" / "main_data.hdf5", "r+") as file:
        del file["episode_1"]["rewards"]
    with pytest.raises(CwmError, match="cartpole/test-v0: episode 1: "):
        read_minari("cartpole/test-v0")
    dataset = load_dataset("minari:cartpole/test-v0", skip_bad=True)
    assert dataset.episode_count == 2
    assert [bad.record for bad in dataset.skipped] == ["episode 1"]


def test_without_minari_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "minari", None)
    with pytest.raises(CwmError, match="need minari") as caught:
        load_dataset("minari:cartpole/test-v0")
    assert caught.value.hint == 'pip install "code-world-models[minari]"'
