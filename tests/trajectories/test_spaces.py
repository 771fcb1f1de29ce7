"""Spaces as JSON and back."""

import json

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.errors import CwmError
from cwm_engine.trajectories.columns import Columns, Kind, Leaf, TupleOf
from cwm_engine.trajectories.spaces import space_from_json, space_to_json, structure_of_space
from cwm_engine.trajectories.structures import JSON_LEAF

_SIZES = st.lists(st.integers(1, 3), min_size=1, max_size=2)


@st.composite
def boxes(draw):
    dtype = draw(st.sampled_from([np.float32, np.float64, np.uint8, np.int64]))
    shape = tuple(draw(st.lists(st.integers(1, 3), max_size=2)))
    if np.issubdtype(dtype, np.floating):
        width = 32 if dtype is np.float32 else 64
        low = draw(st.floats(-1e6, 0, width=width) | st.just(-np.inf))
        high = draw(st.floats(0, 1e6, width=width) | st.just(np.inf))
    else:
        low, high = 0, draw(st.integers(1, 200))
    bounds = np.full(shape, low, dtype=dtype)
    if bounds.size > 1 and np.isfinite(low) and low > 0:
        bounds.flat[0] = 0
    return spaces.Box(bounds, np.full(shape, high, dtype=dtype), shape, dtype)


simple = (
    boxes()
    | st.builds(spaces.Discrete, st.integers(1, 9), start=st.integers(-3, 3))
    | st.lists(st.integers(1, 5), min_size=1, max_size=3).map(spaces.MultiDiscrete)
    | _SIZES.map(lambda shape: spaces.MultiBinary(shape[0] if len(shape) == 1 else shape))
    | st.builds(spaces.Text, st.integers(3, 9), min_length=st.integers(0, 3), charset=st.sampled_from(["ab", "xyé "]))
)
any_space = st.recursive(
    simple,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(spaces.Tuple)
        | st.dictionaries(st.text(min_size=1, max_size=3), inner, min_size=1, max_size=3).map(spaces.Dict)
        | st.builds(spaces.Sequence, inner, stack=st.booleans())
    ),
    max_leaves=4,
)


def strict(data):
    """Through the text of a JSON that knows no infinities."""
    return json.loads(json.dumps(data, allow_nan=False))


@given(any_space)
def test_a_space_survives_strict_json(space):
    described, reason = space_to_json(space)
    assert reason is None
    assert space_from_json(strict(described)) == space


@given(any_space, st.integers(0, 9))
def test_samples_have_the_structure_of_their_space(space, seed):
    space.seed(seed)
    described, _ = space_to_json(space)
    structure = structure_of_space(strict(described))
    samples = [space.sample() for _ in range(3)]
    columns = Columns.from_values(samples, structure)
    assert len(columns) == 3
    if isinstance(space, spaces.Box):
        assert all(space.contains(np.asarray(columns.row(index), dtype=space.dtype)) for index in range(3))


@pytest.mark.parametrize(
    "env_id", ["CartPole-v1", "Taxi-v4", "Blackjack-v1", "Pendulum-v1", "Acrobot-v1", "FrozenLake-v1"]
)
def test_the_spaces_of_gymnasium_survive(env_id):
    env = gymnasium.make(env_id)
    for space in (env.observation_space, env.action_space):
        described, _ = space_to_json(space)
        assert space_from_json(strict(described)) == space


def test_equal_bounds_are_written_once_and_short():
    described, _ = space_to_json(spaces.Box(-0.1, np.inf, (84, 84), np.float32))
    assert described == {"type": "Box", "low": -0.1, "high": "inf", "shape": [84, 84], "dtype": "float32"}


def test_missions_become_text():
    """MiniGrid's own space is known by its name alone."""

    class MissionSpace(spaces.Space):
        pass

    described, _ = space_to_json(spaces.Dict(mission=MissionSpace((), str)))
    assert structure_of_space(described["spaces"]["mission"]) == Leaf(Kind.TEXT, "str")
    assert space_from_json(described)["mission"].contains("go to the red ball")


@pytest.mark.parametrize(
    ("space", "reason"),
    [
        (spaces.Graph(spaces.Discrete(2), None), "a Graph space"),
        (spaces.OneOf([spaces.Discrete(2)]), "a OneOf space"),
        (spaces.Tuple([spaces.Discrete(2), spaces.OneOf([spaces.Discrete(2)])]), "a OneOf space"),
        (spaces.Dict({1: spaces.Discrete(2)}), "keys that are not strings"),
    ],
)
def test_other_spaces_have_no_description_but_a_reason(space, reason):
    described, found = space_to_json(space)
    assert described is None
    assert reason in found


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"type": "Nope"},
        {"type": "Box"},
        {"type": "Box", "shape": [2], "dtype": "strange"},
        {"type": "Tuple"},
        3,
        [],
    ],
)
def test_a_malformed_description_is_refused(data):
    for function in (space_from_json, structure_of_space):
        with pytest.raises(CwmError, match="not a description of a space"):
            function(data)


def test_spaces_without_parts_or_fixed_shape_are_json():
    assert structure_of_space({"type": "Sequence", "space": {"type": "Discrete", "n": 2}}) == JSON_LEAF
    assert structure_of_space({"type": "Tuple", "spaces": []}) == JSON_LEAF
    assert structure_of_space({"type": "Tuple", "spaces": [{"type": "Discrete", "n": 2}]}) == TupleOf(
        (Leaf(Kind.INT, "int64"),)
    )
