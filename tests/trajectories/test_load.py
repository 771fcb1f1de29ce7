"""One door for every format: what is behind it, and what is said when nothing is."""

import ast
import functools
import pickle
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cwm_engine
from cwm_engine.errors import CwmError
from cwm_engine.trajectories.columns import Columns, describe_structure
from cwm_engine.trajectories.formats.store import TrajectoryStore
from cwm_engine.trajectories.load import load_dataset, save_dataset
from tests.trajectories.datasets import PUBLISHED, assert_same, cart

FORMATS = [".sqlite", ".db", ".jsonl", ".ndjson", ".jsonl.gz", ".npz", ".parquet"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_is_written_by_its_name_and_read_by_its_content(tmp_path, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    save_dataset(cart(), tmp_path / f"a{suffix}")
    assert_same(load_dataset(tmp_path / f"a{suffix}"), cart())
    (tmp_path / f"a{suffix}").rename(tmp_path / "a")
    found = load_dataset(str(tmp_path / "a"))
    assert_same(found, cart())
    assert found.provenance.source == str(tmp_path / "a")


@pytest.mark.parametrize("suffix", [".sqlite", ".jsonl", ".npz"])
def test_a_file_is_replaced_only_when_asked(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    save_dataset(cart(), path)
    with pytest.raises(CwmError, match="already exists"):
        save_dataset(cart(seed=1), path)
    assert_same(load_dataset(path), cart())
    save_dataset(cart(seed=1), path, overwrite=True)
    assert_same(load_dataset(path), cart(seed=1))
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_replaced_store_is_not_mixed_with_an_old_journal(tmp_path):
    path = tmp_path / "a.sqlite"
    with TrajectoryStore.create(path) as store:
        store.begin()
        journal = (tmp_path / "a.sqlite-wal").read_bytes()
    (tmp_path / "a.sqlite-wal").write_bytes(journal)
    save_dataset(cart(), path, overwrite=True)
    assert_same(load_dataset(path), cart())


def test_a_name_without_a_format_is_refused(tmp_path):
    with pytest.raises(CwmError, match="does not say in which format") as caught:
        save_dataset(cart(), tmp_path / "a.csv")
    assert ".jsonl" in caught.value.hint


def test_missing_directories_are_made(tmp_path):
    save_dataset(cart(), tmp_path / "new" / "deep" / "a.jsonl")
    assert len(load_dataset(tmp_path / "new" / "deep")) == 12
    with pytest.raises(CwmError, match=r"cannot be written: (Not a directory|File exists)"):
        save_dataset(cart(), tmp_path / "new" / "deep" / "a.jsonl" / "b.jsonl")


def test_nothing_is_left_of_a_file_that_could_not_be_written(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cwm_engine.trajectories.formats.jsonl._lines", fail)
    with pytest.raises(CwmError, match=r"a\.jsonl: cannot be written: No space left on device"):
        save_dataset(cart(), tmp_path / "a.jsonl")
    assert list(tmp_path.iterdir()) == []


# Several files.


def test_several_files_are_one_dataset(tmp_path):
    save_dataset(cart(), tmp_path / "a.jsonl")
    save_dataset(cart(seed=1), tmp_path / "b.npz")
    whole = load_dataset([tmp_path / "a.jsonl", tmp_path / "b.npz"])
    assert whole.episode_count == 6
    assert whole.episode.tolist() == np.repeat(range(6), 4).tolist()
    assert whole.provenance.source == f"{tmp_path / 'a.jsonl'}, {tmp_path / 'b.npz'}"


def test_a_directory_is_all_its_files_in_order(tmp_path):
    for name, seed in (("b.jsonl", 1), ("a.sqlite", 0)):
        save_dataset(cart(seed=seed, episodes=1), tmp_path / name)
    (tmp_path / "notes.md").write_text("# Notes")
    (tmp_path / "inner").mkdir()
    whole = load_dataset(tmp_path)
    np.testing.assert_array_equal(whole.observations.row(0), cart().observations.row(0))
    assert len(whole) == 8


def test_a_pattern_is_all_files_that_match(tmp_path):
    for name in ("cart1.jsonl", "cart2.jsonl", "other.jsonl"):
        save_dataset(cart(episodes=1), tmp_path / name)
    assert load_dataset(f"{tmp_path}/cart*").episode_count == 2


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(tmp_path):
    save_dataset(cart(), tmp_path / "a[1].jsonl")
    assert len(load_dataset(tmp_path / "a[1].jsonl")) == 12


def test_files_by_hand_go_with_recorded_ones(tmp_path):
    """Numbers without a header are float64 and int64; they widen what they are put together with."""
    save_dataset(cart(), tmp_path / "a.sqlite")
    (tmp_path / "hand.jsonl").write_text(
        '{"observation": [0, 0, 0, 1], "action": 1, "reward": 1, "terminated": true, "next_observation": [0, 0, 0, 2]}'
    )
    whole = load_dataset([tmp_path / "a.sqlite", tmp_path / "hand.jsonl"])
    assert describe_structure(whole.observations.structure) == "float64 (4,)"
    assert len(whole) == 13


def test_files_of_different_shapes_are_named(tmp_path):
    save_dataset(cart(), tmp_path / "a.jsonl")
    save_dataset(cart(width=3), tmp_path / "b.jsonl")
    reason = r"b\.jsonl: holds observations of float32 \(3,\), .*a\.jsonl of float32 \(4,\)"
    with pytest.raises(CwmError, match=reason):
        load_dataset(tmp_path)


def test_unreadable_files_can_be_skipped_where_others_are_left(tmp_path):
    save_dataset(cart(), tmp_path / "a.jsonl")
    (tmp_path / "b.sqlite").write_bytes(b"SQLite format 3\0" + b"\0" * 100)
    with pytest.raises(CwmError, match=r"b\.sqlite"):
        load_dataset(tmp_path)
    whole = load_dataset(tmp_path, skip_bad=True)
    assert len(whole) == 12
    assert [(bad.path, bad.record) for bad in whole.skipped] == [(str(tmp_path / "b.sqlite"), "the whole file")]
    (tmp_path / "a.jsonl").write_text("{")
    with pytest.raises(CwmError, match="none of these files can be read"):
        load_dataset(tmp_path, skip_bad=True)


# What a file name says.


@pytest.mark.parametrize(
    ("name", "environment"),
    [
        ("CartPole-v1", "CartPole-v1"),
        ("MiniGrid-Empty-5x5-v0", "MiniGrid-Empty-5x5-v0"),
        ("cartpole", None),
        ("model-v1b", None),
        ("CartPole-v1-copy", None),
    ],
)
def test_a_file_named_after_an_environment_says_so(tmp_path, name, environment):
    save_dataset(cart(environment=None), tmp_path / f"{name}.npz")
    assert load_dataset(tmp_path / f"{name}.npz").provenance.environment == environment


def test_what_a_file_says_itself_comes_first(tmp_path):
    save_dataset(cart(environment="Mine-v3"), tmp_path / "CartPole-v1.jsonl")
    assert load_dataset(tmp_path / "CartPole-v1.jsonl").provenance.environment == "Mine-v3"


# What is not there, or not trajectories.


def test_a_missing_file_says_what_there_could_be(tmp_path):
    with pytest.raises(CwmError, match="there is no such file") as caught:
        load_dataset(tmp_path / "missing.jsonl")
    assert ".parquet" in caught.value.hint
    with pytest.raises(CwmError, match="there is no such file"):
        load_dataset(f"{tmp_path}/missing*")


def test_a_directory_without_trajectories_says_so(tmp_path):
    with pytest.raises(CwmError, match="no trajectories in this directory"):
        load_dataset(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.jsonl", b"", "is empty: it holds no transitions"),
        ("a.sqlite", b"", "is empty: it holds no transitions"),
        ("a.bin", b"\x07\x93\xff\0", "is not a file of trajectories"),
        ("notes.md", b"# Notes", "is not a file of trajectories"),
        ("a.npy", b"\x93NUMPY", "is not a file of trajectories"),
        ("main_data.hdf5", b"\x89HDF\r\n\x1a\n", "is not a file of trajectories"),
        ("a.jsonl", b"\xff\xfe\0\0", "line 1: not JSON"),
        ("a.zip", b"PK\x05\x06" + b"\0" * 18, "has no obs"),
    ],
)
def test_a_file_of_something_else_is_explained(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CwmError, match=reason) as caught:
        load_dataset(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


@given(st.binary(min_size=1, max_size=200))
def test_no_content_leads_to_anything_but_a_reason(content):
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "a"
        for start in (b"", b"SQLite format 3\0", b"PK\x03\x04", b"PAR1", b"{", b"\x1f\x8b"):
            path.write_bytes(start + content)
            with pytest.raises(CwmError):
                load_dataset(path)


@pytest.mark.parametrize("suffix", [".sqlite", ".npz", ".jsonl", ".jsonl.gz", ".parquet"])
@given(data=st.data())
def test_no_damage_leads_to_anything_but_a_reason(suffix, data):
    """A file cut short or with bytes changed is read, read in part, or refused with a reason."""
    whole = written_in(suffix)
    damaged = bytearray(whole[: data.draw(st.integers(0, len(whole)))] if data.draw(st.booleans()) else whole)
    for _ in range(data.draw(st.integers(0, 4)) if damaged else 0):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / f"a{suffix}"
        path.write_bytes(damaged)
        for skip_bad in (False, True):
            with suppress(CwmError):
                assert len(load_dataset(path, skip_bad=skip_bad)) > 0


@functools.cache
def written_in(suffix):
    """A file with text, JSON and numbers in it."""
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    values = Columns.from_values([(f"go {row}", [row] * (row % 3)) for row in range(12)])
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / f"a{suffix}"
        save_dataset(replace(cart(), observations=values, next_observations=values), path)
        return path.read_bytes()


def test_an_unreadable_file_is_explained(tmp_path, monkeypatch):
    (tmp_path / "a.jsonl").write_text("{}")

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(CwmError, match="cannot be read: Permission denied"):
        load_dataset(tmp_path / "a.jsonl")


# No pickle is ever loaded.


class Bomb:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return (Path.touch, (self.trace,))


@pytest.mark.parametrize("name", ["a.pkl", "a.pickle", "a.pt", "a.joblib", "a.npz", "a.jsonl", "a"])
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_a_pickle_is_never_loaded_whatever_it_is_called(tmp_path, name, protocol):
    (tmp_path / name).write_bytes(pickle.dumps(Bomb(tmp_path / "trace"), protocol))
    with pytest.raises(CwmError, match="is a pickle, which is never loaded") as caught:
        load_dataset(tmp_path / name)
    assert "convert it" in caught.value.hint
    assert not (tmp_path / "trace").exists()


def test_a_pickle_inside_an_npz_is_never_loaded(tmp_path):
    array = np.array([Bomb(tmp_path / "trace")], dtype=object)
    np.savez(tmp_path / "a.npz", obs=array, next_obs=array, action=[0], reward=[0.0], done=[True])
    with pytest.raises(CwmError, match="pickled Python objects"):
        load_dataset(tmp_path / "a.npz")
    assert not (tmp_path / "trace").exists()


def test_no_module_of_the_engine_knows_how_to_unpickle():
    """Neither by import nor by NumPy's option.

    The process that uses a Ray cluster is told what the one that began it knows: no file, and no trust boundary. Ray
    sends it on in the same form.
    """
    forbidden = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
    of_ray = {"checks_ray.py", "ray_driver.py"}
    for path in Path(cwm_engine.__file__).parent.rglob("*.py"):
        if path.name in of_ray:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Import(names):
                    found = {alias.name.partition(".")[0] for alias in names}
                case ast.ImportFrom(module=str(module)):
                    found = {module.partition(".")[0]}
                case ast.keyword(arg="allow_pickle", value=ast.Constant(value)):
                    found = {"pickle"} if value is not False else set()
                case _:
                    continue
            assert not found & forbidden, path


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published buffers are not at hand")
def test_published_buffers_go_through_every_format(tmp_path):
    for source in sorted(PUBLISHED.glob("*.npz")):
        dataset = load_dataset(source)
        for suffix in (".sqlite", ".jsonl", ".npz"):
            save_dataset(dataset, tmp_path / f"a{suffix}", overwrite=True)
            found = load_dataset(tmp_path / f"a{suffix}")
            assert_same(replace(found, provenance=dataset.provenance), dataset)
