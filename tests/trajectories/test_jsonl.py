"""JSON Lines: written by this program, by hand, and badly."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.errors import CwmError
from cwm_engine.trajectories.columns import describe_structure
from cwm_engine.trajectories.formats.jsonl import read_jsonl, write_jsonl
from tests.trajectories.datasets import assert_same, cart, datasets


def line(observation=(0.5, 1.0), action=1, reward=1.0, terminated=False, **more):
    return json.dumps(
        {"observation": observation, "action": action, "reward": reward, "terminated": terminated, **more}
    )


@pytest.fixture
def written(tmp_path):
    """A file of the given lines."""

    def write(*lines, name="hand.jsonl"):
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


@given(datasets(), st.sampled_from(["a.jsonl", "a.jsonl.gz"]))
def test_what_is_written_is_read_back(dataset, name):
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / name
        write_jsonl(dataset, path)
        assert_same(read_jsonl(path), dataset)


def test_equal_data_give_equal_files_and_one_change_changes_one_line(tmp_path):
    dataset = cart()
    for name in ("a.jsonl", "b.jsonl", "a.jsonl.gz", "b.jsonl.gz"):
        write_jsonl(dataset, tmp_path / name)
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()
    rewards = dataset.rewards.copy()
    rewards[5] = 2.0
    write_jsonl(replace(dataset, rewards=rewards), tmp_path / "b.jsonl")
    pairs = zip(*((tmp_path / name).read_text().splitlines() for name in ("a.jsonl", "b.jsonl")), strict=True)
    assert sum(one != other for one, other in pairs) == 1


def test_numbers_are_written_with_few_digits(tmp_path):
    """A float32 of 0.1 is written as 0.1."""
    dataset = cart()
    rounded = np.round(dataset.observations.arrays[0], 1)
    write_jsonl(replace(dataset, observations=replace(dataset.observations, arrays=(rounded,))), tmp_path / "a.jsonl")
    first = json.loads((tmp_path / "a.jsonl").read_text().splitlines()[1])
    assert all(len(str(number)) <= 4 for number in first["observation"])


def test_a_file_by_hand_needs_no_header_and_says_each_observation_once(written):
    dataset = read_jsonl(
        written(
            line([0, 0], 0),
            line([0, 1], 1, reward=2),
            line([1.5, 1], 1, terminated=True, next_observation=[2, 1]),
            line([5, 5], 0, truncated=True, next_observation=[6, 5]),
        )
    )
    assert describe_structure(dataset.observations.structure) == "float64 (2,)"
    assert dataset.next_observations.arrays[0].tolist() == [[0, 1], [1.5, 1], [2, 1], [6, 5]]
    assert dataset.rewards.tolist() == [1, 2, 1, 1]
    assert dataset.episode.tolist() == [0, 0, 0, 1]
    assert dataset.step.tolist() == [0, 1, 2, 0]
    assert dataset.terminated.tolist() == [False, False, True, False]
    assert dataset.truncated.tolist() == [False, False, False, True]


def test_episodes_may_be_named_and_interleaved(written):
    dataset = read_jsonl(
        written(
            line(1, episode="a"),
            line(10, episode="b"),
            line(2, episode="a", next_observation=3),
            "",
            line(11, episode="b", next_observation=12),
        )
    )
    assert dataset.observations.arrays[0].tolist() == [1, 2, 10, 11]
    assert dataset.next_observations.arrays[0].tolist() == [2, 3, 11, 12]
    assert dataset.episode.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("observation", "structure"),
    [
        (3, "int64"),
        (True, "bool"),
        ("text", "text"),
        ([1, 2], "int64 (2,)"),
        ([[1.0], [2]], "float64 (2, 1)"),
        (["a", "b"], "text (2,)"),
        ([14, 10, True], "(int64, int64, bool)"),
        ([[0.5, 1.5], 3], "(float64 (2,), int64)"),
        ({"board": [["."]], "agent": [1, 2]}, "{board: text (1, 1), agent: int64 (2,)}"),
        ({"__set__": [[1, "wall"]]}, "json"),
        ([{"id": 1}, {"id": 2}], "json"),
        ([[1, 2], [3]], "json"),
        ([], "json"),
        (None, "json"),
    ],
)
def test_values_by_hand_have_the_structure_a_reader_expects(written, observation, structure):
    dataset = read_jsonl(written(line(observation, next_observation=observation)))
    assert describe_structure(dataset.observations.structure) == structure


def test_a_header_says_what_the_values_are(written):
    header = {
        "cwm": 1,
        "spaces": {"observation": {"type": "Box", "low": -1, "high": 1, "shape": [2], "dtype": "float32"}},
        "provenance": {"environment": "Mine-v0", "max_episode_steps": 10},
    }
    dataset = read_jsonl(written(json.dumps(header), line([0, 1], next_observation=[1, 1])))
    assert dataset.observations.row(0).dtype == np.float32
    assert dataset.provenance.environment == "Mine-v0"
    assert dataset.provenance.max_episode_steps == 10


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path):
    path = tmp_path / "windows.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + (line(1) + "\r\n" + line(2, next_observation=3) + "\r\n").encode())
    assert len(read_jsonl(path)) == 2


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("{", "not JSON: Expecting property name enclosed in double quotes at column 2"),
        ("[1]", "not a JSON object"),
        (line()[:-9], "not JSON"),
        ('{"action": 1}', "has no observation, has no reward, has no terminated"),
        (line(truncate=True), 'has an unknown key "truncate"'),
        (line(reward="high"), 'reward: expected a number, got "high"'),
        (line(reward=None), "reward: expected a number, got null"),
        (line(terminated="yes"), 'terminated: expected true or false, got "yes"'),
        (line(truncated=3), "truncated: expected true or false, got 3"),
        (line(step=-1), "step: expected a whole number, got -1"),
        (line(step=1.5), "step: expected a whole number, got 1.5"),
        (line(info=3), "info: expected an object"),
        (line(episode=[1]), "episode is neither a number nor a name"),
        (line([1.0]), r"observation: expected shape \(2,\), got shape \(1,\)"),
        (line("text"), "observation: expected numbers, got 'text'"),
        (line(next_observation=[1, 2, 3]), r"next_observation: expected shape \(2,\), got shape \(3,\)"),
        (line(action="left"), "action: expected numbers, got 'left'"),
    ],
)
def test_a_bad_line_is_named_and_can_be_skipped(written, bad, reason):
    good = line(next_observation=[1, 1])
    path = written(good, bad, line(terminated=True, next_observation=[2, 2]))
    with pytest.raises(CwmError, match=f"hand.jsonl: line 2: {reason}"):
        read_jsonl(path)
    dataset = read_jsonl(path, skip_bad=True)
    assert dataset.step.tolist() == [0, 2]
    [skipped] = dataset.skipped
    assert (skipped.path, skipped.record) == (str(path), "line 2")
    with pytest.raises(ValueError, match=reason):
        raise ValueError(skipped.reason)


@given(st.data())
def test_whatever_lines_are_destroyed_the_others_are_read(data):
    """A transition is lost with its own line, or with the next one of its episode, where that says what followed."""
    dataset = cart(episodes=2, steps=3)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "a.jsonl"
        write_jsonl(dataset, path)
        lines = path.read_text().splitlines()
        destroyed = data.draw(st.sets(st.integers(0, 5), max_size=5))
        for row in destroyed:
            line = lines[row + 1]
            lines[row + 1] = data.draw(
                st.sampled_from([line[:20], '{"cwm"', "[]", "null", line.replace("action", "act")])
            )
        path.write_text("\n".join(lines))
        lost = destroyed | {row - 1 for row in destroyed if row % 3}
        if len(lost) == 6:
            with pytest.raises(CwmError, match="no transitions that can be read"):
                read_jsonl(path, skip_bad=True)
            return
        found = read_jsonl(path, skip_bad=True)
    kept = [row for row in range(6) if row not in lost]
    np.testing.assert_array_equal(found.observations.arrays[0], dataset.observations.arrays[0][kept])
    np.testing.assert_array_equal(found.next_observations.arrays[0], dataset.next_observations.arrays[0][kept])
    if not {2, 3} <= destroyed:  # to which episode do unreadable lines between two belong?
        assert found.step.tolist() == dataset.step[kept].tolist()
    assert sorted(int(bad.record.removeprefix("line ")) - 2 for bad in found.skipped) == sorted(lost)


def test_a_line_whose_successor_is_unreadable_is_bad_too(written):
    path = written(line(1), "{", line(3, next_observation=4))
    dataset = read_jsonl(path, skip_bad=True)
    assert [bad.record for bad in dataset.skipped] == ["line 1", "line 2"]
    assert "its next observation is that of line 2" in dataset.skipped[0].reason
    assert len(dataset) == 1


def test_the_last_line_of_an_episode_needs_its_next_observation(written):
    with pytest.raises(CwmError, match="line 2: has no next_observation and is the last of its episode"):
        read_jsonl(written(line(1), line(2, terminated=True), line(3, next_observation=4)))


def test_bytes_that_are_not_utf8_are_a_bad_line(tmp_path):
    path = tmp_path / "latin.jsonl"
    path.write_bytes(line("x", next_observation="y").encode() + b'\n{"observation": "\xe9"}\n')
    with pytest.raises(CwmError, match="line 2: not JSON"):
        read_jsonl(path)


def test_mixed_shapes_tell_how_to_allow_them(written):
    path = written(line([[1, 2]], next_observation=[[1, 2], [3, 4]]))
    with pytest.raises(CwmError, match="line 1: next_observation: expected shape") as caught:
        read_jsonl(path)
    assert '"kind": "json"' in caught.value.hint
    header = '{"cwm": 1, "structure": {"observation": {"kind": "json"}}}'
    assert describe_structure(read_jsonl(written(header, path.read_text())).observations.structure) == "json"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ('{"cwm": 2}', "was written by a newer version"),
        ('{"cwm": 1, "provenance": {"seed": "x"}}', "line 1: provenance: seed is 'x'"),
        ('{"cwm": 1, "structure": {"observation": 5}}', "line 1: not a description of a structure: 5"),
        ('{"cwm": 1, "structure": 5}', "line 1: "),
        ('{"cwm": "one"}', "line 1: not a header"),
    ],
)
def test_a_header_that_cannot_be_read_is_explained(written, header, reason):
    with pytest.raises(CwmError, match=reason):
        read_jsonl(written(header, line(next_observation=[1, 1])))


@pytest.mark.parametrize("lines", [[], ['{"cwm": 1}'], ["", ""]])
def test_a_file_without_transitions_says_so(written, lines):
    with pytest.raises(CwmError, match="holds no transitions"):
        read_jsonl(written(*lines))


def test_a_file_of_bad_lines_says_so(written):
    with pytest.raises(CwmError, match="holds no transitions that can be read"):
        read_jsonl(written("{", "{"), skip_bad=True)


def test_a_damaged_gzip_file_is_explained(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    write_jsonl(cart(), path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CwmError, match="cannot be read"):
        read_jsonl(path)
