"""Policies to record with."""

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.errors import CwmError
from cwm_engine.trajectories.load import load_dataset
from cwm_engine.trajectories.record import record
from cwm_engine.trajectories.recording.policies import make_policy

SPACES = [
    spaces.Discrete(3, start=-1),
    spaces.Box(-2, 2, (3,), np.float32),
    spaces.Box(np.array([-1.0, 0.0]), np.array([0.5, np.inf]), dtype=np.float64),
    spaces.Box(0, 9, (2,), np.int64),
    spaces.MultiDiscrete([2, 3]),
    spaces.MultiBinary(3),
    spaces.Tuple([spaces.Discrete(2), spaces.Box(0, 1, ())]),
]


def actions(policy, seed, count=300):
    policy.begin(np.random.default_rng(seed))
    return [policy.act(None) for _ in range(count)]


def texts(values):
    return [repr(value) for value in values]


@pytest.mark.parametrize("name", ["random", "mixture"])
@pytest.mark.parametrize("space", SPACES, ids=str)
def test_actions_are_in_their_space_and_decided_by_the_seed(space, name):
    policy = make_policy(name, space)
    first = actions(policy, 1)
    assert all(space.contains(action) for action in first)
    assert texts(actions(policy, 2)) != texts(first)
    assert texts(actions(policy, 1)) == texts(first)
    assert texts(actions(make_policy(name, space), 1)) == texts(first)


@given(st.integers(0, 2**31))
def test_random_uses_all_actions_alike(seed):
    counts = np.bincount(actions(make_policy("random", spaces.Discrete(4)), seed, 2000), minlength=4)
    assert (counts > 380).all()


def test_mixture_repeats_itself_more_in_some_episodes_than_in_others():
    policy = make_policy("mixture", spaces.Discrete(10))
    repeats = [np.mean(np.diff(actions(policy, seed)) == 0) for seed in range(40)]
    assert min(repeats) < 0.2
    assert max(repeats) > 0.8


@pytest.fixture
def written(tmp_path):
    """A policy file."""

    def write(text, name="policy.py"):
        (tmp_path / name).write_text(text)
        return f"{tmp_path / name}:act"

    return write


def test_a_function_in_a_file_decides(written, tmp_path):
    name = written("def act(observation):\n    return 1 if observation[2] > 0 else 0\n")
    result = record("CartPole-v1", episodes=3, path=tmp_path / "a.sqlite", policy=name)
    dataset = load_dataset(tmp_path / "a.sqlite")
    leaning = dataset.observations.arrays[0][:, 2] > 0
    assert dataset.actions.arrays[0].tolist() == leaning.astype(int).tolist()
    assert dataset.provenance.policy == name
    assert result.mean_return > 25


def test_a_function_may_take_chance_from_the_recording(written, tmp_path):
    name = written("def act(observation, rng):\n    return rng.integers(2)\n")
    for file in ("a.sqlite", "b.sqlite"):
        record("CartPole-v1", episodes=3, path=tmp_path / file, policy=name)
    assert load_dataset(tmp_path / "a.sqlite").fingerprint == load_dataset(tmp_path / "b.sqlite").fingerprint


@pytest.mark.parametrize(
    ("space", "text", "expected"),
    [
        (spaces.Discrete(3), "np.int32(2)", 2),
        (spaces.Discrete(3), "np.array(1)", 1),
        (spaces.Box(-1, 1, (1,), np.float32), "0.5", np.array([0.5], dtype=np.float32)),
        (spaces.Box(-1, 1, (2,), np.float32), "[0.5, 1]", np.array([0.5, 1], dtype=np.float32)),
        (spaces.MultiBinary(2), "[0, 1]", np.array([0, 1], dtype=np.int8)),
    ],
)
def test_what_a_function_returns_takes_the_form_of_the_space(written, space, text, expected):
    policy = make_policy(written(f"import numpy as np\ndef act(observation):\n    return {text}\n"), space)
    policy.begin(np.random.default_rng(0))
    found = policy.act(None)
    assert type(found) is type(expected)
    np.testing.assert_array_equal(found, expected)
    assert getattr(found, "dtype", None) == getattr(expected, "dtype", None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "def act(observation):\n    return 7\n",
            r"policy\.py: act returned 7, which is not an action of Discrete\(2\)",
        ),
        ("def act(observation):\n    return 'left'\n", "act returned 'left'"),
        ("def act(observation):\n    return None\n", "act returned None"),
        ("def act(observation):\n    return [1, 2]\n", r"act returned \[1, 2\]"),
        ("def act(observation):\n    x = 1\n    return 1 / 0\n", "line 3: act raised ZeroDivisionError"),
        ("def act(observation):\n    return (\n", r"line 2: importing it raised SyntaxError"),
        ("import no_such_module\n", "line 1: importing it raised ModuleNotFoundError"),
        ("def other(observation):\n    return 0\n", "has no function act"),
        ("act = 3\n", "has no function act"),
    ],
)
def test_what_is_wrong_with_a_policy_file_is_said(written, tmp_path, text, reason):
    with pytest.raises(CwmError, match=reason):
        record("CartPole-v1", episodes=1, path=tmp_path / "a.sqlite", policy=written(text))


@pytest.mark.parametrize("name", ["clever", "policy.py", "notes.txt:act", ":act", ""])
def test_a_name_that_is_no_policy_lists_what_is(name):
    with pytest.raises(CwmError, match="there is no policy") as caught:
        make_policy(name, spaces.Discrete(2))
    assert caught.value.hint == "a policy is random, mixture, or file.py:function"


def test_a_missing_policy_file_is_named(tmp_path):
    with pytest.raises(CwmError, match=r"missing\.py: there is no such file"):
        make_policy(f"{tmp_path}/missing.py:act", spaces.Discrete(2))
