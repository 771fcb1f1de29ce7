"""The cache: there when it can be, never needed, never wrong."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from cwm_engine.trajectories.formats import cache
from cwm_engine.trajectories.formats.store import TrajectoryStore
from cwm_engine.trajectories.load import load_dataset, save_dataset
from tests.trajectories.datasets import assert_same, cart, datasets


@pytest.fixture
def eager(monkeypatch):
    """Small datasets are cached, too."""
    monkeypatch.setattr(cache, "MINIMUM_ROWS", 1)


def entries():
    directory = cache._directory()
    return sorted(directory.iterdir()) if directory.exists() else []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(datasets())
def test_what_is_kept_is_fetched(eager, dataset):
    cache.keep(dataset.fingerprint, dataset)
    found = cache.fetch(dataset.fingerprint)
    assert_same(found, dataset)
    assert "fingerprint" in vars(found)
    assert replace(found).fingerprint == found.fingerprint


def test_a_store_is_read_once_and_then_mapped_from_the_cache(eager, tmp_path):
    save_dataset(cart(), tmp_path / "a.sqlite")
    first = load_dataset(tmp_path / "a.sqlite")
    assert len(entries()) == 1
    again = load_dataset(tmp_path / "a.sqlite")
    assert isinstance(again.rewards.base, np.memmap)
    assert_same(again, first)
    assert again.provenance == first.provenance


def test_a_copy_of_a_file_shares_its_cache_and_keeps_its_own_name(eager, tmp_path):
    save_dataset(cart(environment=None), tmp_path / "CartPole-v1.sqlite")
    load_dataset(tmp_path / "CartPole-v1.sqlite")
    (tmp_path / "b.sqlite").write_bytes((tmp_path / "CartPole-v1.sqlite").read_bytes())
    copy = load_dataset(tmp_path / "b.sqlite")
    assert len(entries()) == 1
    assert (copy.provenance.source, copy.provenance.environment) == (str(tmp_path / "b.sqlite"), None)


def test_an_appended_episode_is_seen(eager, tmp_path):
    save_dataset(cart(), tmp_path / "a.sqlite")
    load_dataset(tmp_path / "a.sqlite")
    with TrajectoryStore.open(tmp_path / "a.sqlite") as store:
        from cwm_engine.trajectories.episodes import split_episodes

        store.append(next(split_episodes(cart(seed=1))))
    assert load_dataset(tmp_path / "a.sqlite").episode_count == 4


def test_large_text_files_are_cached_by_their_content(eager, tmp_path, monkeypatch):
    monkeypatch.setattr("cwm_engine.trajectories.load._CACHED_FROM_BYTES", 1)
    save_dataset(cart(), tmp_path / "a.jsonl")
    first = load_dataset(tmp_path / "a.jsonl")
    assert_same(load_dataset(tmp_path / "a.jsonl"), first)
    assert len(entries()) == 1
    save_dataset(cart(seed=1), tmp_path / "a.jsonl", overwrite=True)
    assert_same(load_dataset(tmp_path / "a.jsonl"), cart(seed=1))


def test_small_and_incomplete_datasets_are_not_kept(tmp_path):
    cache.keep("small", cart())
    assert entries() == []
    large = cart(episodes=200, steps=100)
    cache.keep("large", large)
    assert [entry.name for entry in entries()] == ["large"]


def test_the_variable_turns_it_off(eager, monkeypatch):
    cache.keep("a", cart())
    monkeypatch.setenv("CWM_NO_CACHE", "1")
    assert cache.fetch("a") is None
    monkeypatch.delenv("CWM_NO_CACHE")
    assert cache.fetch("a") is not None


@pytest.mark.parametrize(
    "damage",
    [
        lambda entry: (entry / "0.npy").unlink(),
        lambda entry: (entry / "0.npy").write_bytes((entry / "0.npy").read_bytes()[:-8]),
        lambda entry: (entry / "3.npy").write_bytes(b""),
        lambda entry: (entry / "meta.json").write_text("{"),
        lambda entry: (entry / "meta.json").write_text('{"rows": 12, "header": {"cwm": 1}}'),
        lambda entry: np.save(entry / "3.npy", np.zeros(5)),
    ],
)
def test_a_damaged_entry_is_removed_and_the_file_read_again(eager, tmp_path, damage):
    save_dataset(cart(), tmp_path / "a.sqlite")
    load_dataset(tmp_path / "a.sqlite")
    [entry] = entries()
    damage(entry)
    assert cache.fetch(entry.name) is None
    assert entries() == []
    assert_same(load_dataset(tmp_path / "a.sqlite"), cart())
    assert len(entries()) == 1


def test_arrays_stay_readable_when_the_cache_is_deleted(eager, tmp_path):
    """As on Linux and macOS; the pages stay until nobody looks at them."""
    save_dataset(cart(), tmp_path / "a.sqlite")
    load_dataset(tmp_path / "a.sqlite")
    mapped = load_dataset(tmp_path / "a.sqlite")
    for file in entries()[0].iterdir():
        file.unlink()
    assert_same(mapped, cart())


def test_a_directory_that_cannot_be_made_is_no_error(eager, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    cache.keep("a", cart())
    assert cache.fetch("a") is None


def test_the_entries_not_used_for_longest_are_removed(eager, monkeypatch):
    cache.keep("first", cart())
    size = json.loads((entries()[0] / "meta.json").read_text())["bytes"]
    monkeypatch.setattr(cache, "MAXIMUM_BYTES", 2 * size + size // 2)
    cache.keep("second", cart(seed=1))
    for age, name in enumerate(["second", "first"]):
        past = time.time() - 100 + age
        os.utime(cache._directory() / name / "meta.json", (past, past))
    assert cache.fetch("second") is not None
    cache.keep("third", cart(seed=2))
    assert [entry.name for entry in entries()] == ["second", "third"]


def test_what_is_too_large_is_not_kept(eager, monkeypatch):
    monkeypatch.setattr(cache, "MAXIMUM_BYTES", 100)
    cache.keep("a", cart())
    assert entries() == []


def test_what_a_crash_left_behind_is_removed_in_time(eager):
    cache.keep("a", cart())
    for name, age in (("tmp-1-old", 7200), ("tmp-2-new", 0)):
        path: Path = cache._directory() / name
        path.mkdir()
        os.utime(path, (time.time() - age,) * 2)
    cache.keep("b", cart(seed=1))
    assert [entry.name for entry in entries()] == ["a", "b", "tmp-2-new"]
