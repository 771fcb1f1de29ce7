"""Parquet: written by this program and by others."""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from cwm_engine.errors import CwmError
from cwm_engine.trajectories.columns import Columns, describe_structure
from cwm_engine.trajectories.formats.parquet import read_parquet, write_parquet
from tests.trajectories.datasets import assert_same, cart, datasets

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def columns(**more):
    """What another program might have stored."""
    given = {
        "observation": [[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]],
        "action": [0, 1, 0],
        "reward": [1.0, 1.0, 1.0],
        "terminated": [False, False, True],
        "next_observation": [[1.0, 1.0], [2.0, 1.0], [3.0, 1.0]],
    }
    return {name: values for name, values in {**given, **more}.items() if values is not None}


@pytest.fixture
def saved(tmp_path):
    """A Parquet file of the given columns."""

    def save(**more):
        pq.write_table(pa.table(columns(**more)), tmp_path / "other.parquet")
        return tmp_path / "other.parquet"

    return save


@given(datasets())
def test_what_is_written_is_read_back(dataset):
    with tempfile.TemporaryDirectory() as directory:
        write_parquet(dataset, Path(directory) / "a.parquet")
        assert_same(read_parquet(Path(directory) / "a.parquet"), dataset)


def test_columns_have_plain_names_and_types(tmp_path):
    dataset = cart()
    write_parquet(dataset, tmp_path / "a.parquet")
    schema = pq.read_schema(tmp_path / "a.parquet")
    assert schema.field("observation").type == pa.list_(pa.float32(), 4)
    assert schema.field("action").type == pa.int64()
    assert {"reward", "terminated", "truncated", "episode", "step", "next_observation"} <= set(schema.names)


def test_scattered_rows_are_brought_together(tmp_path):
    write_parquet(cart(), tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet")
    order = np.argsort(np.tile(np.arange(4), 3), kind="stable")
    pq.write_table(table.take(order), tmp_path / "b.parquet")
    assert_same(read_parquet(tmp_path / "b.parquet"), cart())


def test_files_of_other_programs_are_read_by_their_column_names(saved):
    dataset = read_parquet(saved())
    assert describe_structure(dataset.observations.structure) == "float64 (2,)"
    assert dataset.terminated.tolist() == [False, False, True]
    assert dataset.episode.tolist() == [0, 0, 0]


def test_the_names_of_npz_files_are_known_too(saved):
    path = saved(
        observation=None,
        next_observation=None,
        terminated=None,
        obs=pa.array([[0.0], [1.0], [2.0]], pa.list_(pa.float32())),
        next_obs=pa.array([[1.0], [2.0], [3.0]], pa.list_(pa.float32())),
        done=[False, True, True],
        truncated=[False, True, False],
    )
    dataset = read_parquet(path)
    assert describe_structure(dataset.observations.structure) == "float32 (1,)"
    assert dataset.terminated.tolist() == [False, False, True]
    assert dataset.episode.tolist() == [0, 0, 1]


def test_next_observations_may_be_missing_within_episodes(saved):
    dataset = read_parquet(saved(next_observation=[None, [2.0, 1.0], [3.0, 1.0]]), skip_bad=True)
    assert [bad.reason for bad in dataset.skipped] == ["next_observation is null"]
    with pytest.raises(CwmError, match="row 2: has no next_observation and is the last of its episode"):
        read_parquet(saved(next_observation=None))


def test_structs_and_text_are_read(saved):
    observation = [{"mission": "go", "at": [1, 2]}] * 3
    dataset = read_parquet(saved(observation=observation, next_observation=observation))
    assert describe_structure(dataset.observations.structure) == "{mission: text, at: int64 (2,)}"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"action": [0, None, 0]}, "row 1: action is null"),
        ({"reward": [1.0, 1.0, None]}, "row 2: reward is null"),
        ({"terminated": [None, False, True]}, "row 0: terminated is null"),
        ({"reward": ["a", "b", "c"]}, "row 0: reward: expected a number, got 'a'"),
        ({"observation": [[0.0, 1.0], [1.0], [2.0, 1.0]]}, r"row 1: observation: expected shape \(2,\)"),
        ({"observation": None}, "has no column observation"),
        ({"terminated": None, "reward": None}, "has no column reward and no column terminated"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(saved, more, reason):
    with pytest.raises(CwmError, match=f"other.parquet: {reason}"):
        read_parquet(saved(**more))


def test_bad_rows_can_be_skipped(saved):
    dataset = read_parquet(saved(action=[0, None, 0]), skip_bad=True)
    assert dataset.step.tolist() == [0, 2]
    assert [bad.record for bad in dataset.skipped] == ["row 1"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda table: table.drop_columns(["action"]), "has no column action"),
        (lambda table: table.slice(0, 0), "holds no transitions"),
        (lambda table: table.set_column(2, "action", pa.nulls(12, pa.int64())), "row 0: action is null"),
        (lambda table: table.replace_schema_metadata({"cwm": "{"}), "not a readable Parquet file"),
        (lambda table: table.replace_schema_metadata({"cwm": '{"cwm": 2}'}), "newer version"),
        (lambda table: table.replace_schema_metadata({"cwm": '{"cwm": 1}'}), "does not describe the observations"),
    ],
)
def test_a_file_of_ours_that_was_changed_is_explained(tmp_path, change, reason):
    write_parquet(cart(), tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet")
    names = table.column_names
    names.remove("action")
    names.insert(2, "action")
    pq.write_table(change(table.select(names)), tmp_path / "a.parquet")
    with pytest.raises(CwmError, match=reason):
        read_parquet(tmp_path / "a.parquet")


def test_a_damaged_file_is_explained(tmp_path):
    write_parquet(cart(), tmp_path / "a.parquet")
    (tmp_path / "a.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-100])
    with pytest.raises(CwmError, match="not a readable Parquet file"):
        read_parquet(tmp_path / "a.parquet")


def test_text_that_is_not_unicode_is_refused(tmp_path):
    texts = Columns.from_values(["\ud800"] * 12)
    with pytest.raises(CwmError, match="not valid Unicode"):
        write_parquet(replace(cart(), observations=texts, next_observations=texts), tmp_path / "a.parquet")
    assert list(tmp_path.iterdir()) == []


def test_two_values_of_one_name_are_refused(tmp_path):
    values = Columns.from_values([{"a.b": 1, "a": {"b": 2}}] * 12)
    with pytest.raises(CwmError, match=r"'observation\.a\.b' cannot be the name of a column"):
        write_parquet(replace(cart(), observations=values, next_observations=values), tmp_path / "a.parquet")


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for use in (lambda: read_parquet(tmp_path / "a.parquet"), lambda: write_parquet(cart(), tmp_path / "a.parquet")):
        with pytest.raises(CwmError, match="need pyarrow") as caught:
            use()
        assert caught.value.hint == 'pip install "code-world-models[parquet]"'
