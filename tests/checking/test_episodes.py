"""A check episode by episode: what is listed, what a viewer is told of each step, and in which form."""

import base64
import json
import math

import numpy as np
import pytest

from cwm_engine.checking.episodes import dataset_json, episode_json, failures_json, images_json
from cwm_engine.errors import CwmError
from cwm_engine.sandbox.outputs import Failure
from cwm_engine.sandbox.results import FIRST_FAILURE, PREDICTED
from cwm_engine.trajectories.columns import Columns
from cwm_engine.trajectories.dataset import Dataset, Provenance
from tests.checks import evidence_of


def dataset_of(states, lengths, actions=None, info=None):
    """Episodes of the given lengths that go through `states`, one more than all steps together."""
    count = sum(lengths)
    return Dataset(
        observations=Columns.from_values(states[:count]),
        actions=Columns.from_values(actions or list(range(count))),
        next_observations=Columns.from_values(states[1 : count + 1]),
        rewards=np.arange(count, dtype=np.float64),
        terminated=np.zeros(count, dtype=bool),
        truncated=np.array([step == length - 1 for length in lengths for step in range(length)]),
        episode=np.repeat(np.arange(len(lengths), dtype=np.int32), lengths),
        step=np.concatenate([np.arange(length, dtype=np.int32) for length in lengths]),
        info=info or {},
        provenance=Provenance(environment="Line-v0", source="line.jsonl"),
    )


def line(wrong=(), status=None, **more):
    """Two episodes on a line, of 3 and 2 steps, with a wrong position at some rows."""
    dataset = dataset_of([np.array([x, -x], dtype=np.float64) for x in range(6)], [3, 2])
    predicted = [[row + 1, -row - 1, row, 0] for row in range(5)]
    for row in wrong:
        predicted[row][1] = 7.5
    return evidence_of(dataset, predicted, status, **more)


def field(document, name):
    return next(field for field in document["fields"] if field["name"] == name)


def test_episodes_are_listed_with_what_fails_in_them():
    listed = dataset_json(line(wrong=[1, 2]))
    assert (listed["environment"], listed["trajectories"], listed["accuracy"]) == ("Line-v0", "line.jsonl", 0.6)
    assert listed["episodes"] == [
        {"episode": 0, "steps": 3, "checked": 3, "failing": 2, "first": 1, "return": 3.0},
        {"episode": 1, "steps": 2, "checked": 2, "failing": 0, "first": None, "return": 7.0},
    ]


def test_an_episode_is_told_as_columns():
    told = episode_json(line(wrong=[4]), 1)
    assert (told["episode"], told["length"], told["start"], told["failing"]) == (1, 2, 0, [1])
    assert (told["actions"], told["steps"], told["truncated"]) == ([3, 4], [0, 1], [False, True])
    assert field(told, "obs") == {
        "name": "obs",
        "kind": "float",
        "shape": [2],
        "before": [[3.0, -3.0], [4.0, -4.0]],
        "expected": [[4.0, -4.0], [5.0, -5.0]],
        "predicted": [[4.0, -4.0], [5.0, 7.5]],
        "wrong": [[], [1]],
    }
    assert (field(told, "reward")["expected"], field(told, "terminated")["predicted"]) == ([3.0, 4.0], [False, False])


def test_a_part_of_an_episode_can_be_asked_for():
    told = episode_json(line(), 0, start=1, count=1)
    assert (told["start"], told["length"], told["actions"]) == (1, 3, [1])
    assert episode_json(line(), 0, start=9)["actions"] == []


def test_a_step_without_a_prediction_says_why():
    status = [PREDICTED, FIRST_FAILURE, PREDICTED, PREDICTED, PREDICTED]
    told = episode_json(line(status=status, failures=(Failure("exception", "KeyError: 3"),)), 0)
    assert told["errors"] == [None, "KeyError: 3", None]
    assert (field(told, "obs")["predicted"][1], field(told, "obs")["wrong"][1]) == (None, [])
    assert told["failing"] == [1]


def test_a_step_that_was_not_run_is_neither_right_nor_wrong():
    checked = np.array([True, False, True, True, True])
    told = episode_json(line(wrong=[1], checked=checked), 0)
    assert (told["checked"], told["failing"]) == ([True, False, True], [])
    assert field(told, "reward")["predicted"] == [0.0, None, 2.0]


def test_numbers_that_json_does_not_have_are_texts():
    evidence = line()
    evidence.results.predicted[1] = [math.nan, math.inf, -math.inf, 2.0]
    told = episode_json(evidence, 0)
    assert field(told, "obs")["predicted"][1] == ["nan", "inf"]
    assert (field(told, "reward")["predicted"][1], field(told, "terminated")["predicted"][1]) == ("-inf", 2.0)
    json.dumps([told, failures_json(evidence, 0)], allow_nan=False)


def test_words_and_whole_numbers_are_told_as_such():
    states = [{"word": word, "count": number, "open": number > 1} for number, word in enumerate("abab")]
    dataset = dataset_of(states, [3])
    comparison = evidence_of(dataset, np.zeros((3, 5))).comparison.fresh()
    words = comparison.words.intern(np.array([["b"], ["c"], ["b"]], dtype=object))
    predicted = [[words[row, 0], row + 1, row + 1 > 1, row, 0] for row in range(3)]
    told = episode_json(evidence_of(dataset, predicted, comparison=comparison), 0)
    assert field(told, "obs.word")["expected"] == ["b", "a", "b"]
    assert field(told, "obs.word")["predicted"] == ["b", "c", "b"]
    assert field(told, "obs.word")["wrong"] == [[], [0], []]
    assert field(told, "obs.count")["predicted"] == [1, 2, 3]
    assert field(told, "obs.open")["predicted"] == [False, True, True]


def test_the_wrong_cells_of_a_large_grid_are_named_although_it_is_one_field():
    grids = [np.full((9, 9), step) for step in range(3)]
    predicted = np.array([[*np.full(81, step + 1), step, 0] for step in range(2)], dtype=np.float64)
    predicted[1, 80] = 5
    told = episode_json(evidence_of(dataset_of(grids, [2]), predicted), 0)
    assert (field(told, "obs")["shape"], field(told, "obs")["wrong"]) == ([9, 9], [[], [80]])


def test_pictures_are_told_one_by_one():
    frames = [np.full((20, 20, 3), step, dtype=np.uint8) for step in range(3)]
    evidence = evidence_of(dataset_of(frames, [2]), [[*[step + 1] * 1200, step, 0] for step in range(2)])
    assert [found["name"] for found in episode_json(evidence, 0)["fields"]] == ["reward", "terminated"]
    assert dataset_json(evidence)["images"] == ["obs"]
    (picture,) = images_json(evidence, 0, 1)
    assert picture["shape"] == [20, 20, 3]
    assert [set(base64.b64decode(picture[name])) for name in ("before", "expected", "predicted")] == [{1}, {2}, {2}]


def test_frames_of_the_recording_are_pictures_too():
    rendered = {"frame": Columns.from_values([np.full((32, 32, 3), 7, dtype=np.uint8)] * 2)}
    evidence = evidence_of(dataset_of([0, 1, 2], [2], info=rendered), [[1, 0, 0], [2, 1, 0]])
    (picture,) = images_json(evidence, 0, 0)
    assert (picture["name"], picture["shape"], picture["predicted"]) == ("frame", [32, 32, 3], None)
    assert set(base64.b64decode(picture["expected"])) == {7}


def test_failing_steps_carry_all_that_was_observed_and_predicted():
    (failure,) = failures_json(line(wrong=[3]), 1)
    assert (failure["step"], failure["state"], failure["action"], failure["differs"]) == (0, [3.0, -3.0], 3, ["obs[1]"])
    assert failure["expected"]["observation"] == [4.0, -4.0]
    assert failure["predicted"]["observation"] == [4.0, 7.5]
    assert len(failures_json(line(wrong=[0, 1, 2]), 0, count=2)) == 2


@pytest.mark.parametrize("episode", [-1, 2])
def test_an_episode_that_is_not_there_is_an_error(episode):
    with pytest.raises(CwmError, match="no episode"):
        episode_json(line(), episode)


def test_a_step_that_is_not_there_is_an_error():
    with pytest.raises(CwmError, match="no step 3"):
        images_json(line(), 0, 3)
