"""Datasets of every kind, for tests that write them somewhere and read them back."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from cwm_engine.trajectories.columns import Columns, DictOf, Kind, Leaf, TupleOf, same_rows
from cwm_engine.trajectories.dataset import Dataset, Provenance, Spaces

PUBLISHED = Path(os.environ.get("CWM_CWMB_DATA", Path(__file__).parents[3] / "shared" / "data" / "cwmb"))
"""The published buffers, where they are at hand."""

_DTYPES = {
    "float16": Kind.FLOAT,
    "float32": Kind.FLOAT,
    "float64": Kind.FLOAT,
    "int8": Kind.INT,
    "uint8": Kind.INT,
    "int64": Kind.INT,
    "bool": Kind.BOOL,
}
_SHAPES = st.lists(st.integers(1, 3), max_size=2).map(tuple)

numeric_leaves = st.builds(
    lambda dtype, shape: Leaf(_DTYPES[dtype], dtype, shape), st.sampled_from(list(_DTYPES)), _SHAPES
)
text_leaves = _SHAPES.map(lambda shape: Leaf(Kind.TEXT, "str", shape))
json_leaves = st.just(Leaf(Kind.JSON, "str"))


def structures(leaves=numeric_leaves | text_leaves | json_leaves):
    """Observations and actions of every kind, nested."""
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, min_size=1, max_size=3).map(lambda items: TupleOf(tuple(items)))
            | st.dictionaries(st.sampled_from(["board", "agent", "näher", "a.b"]), inner, min_size=1, max_size=3).map(
                lambda items: DictOf(tuple(items.items()))
            )
        ),
        max_leaves=4,
    )


_plain_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
json_values = _plain_json | st.frozensets(st.tuples(st.integers(), st.text(max_size=2)), max_size=3)


@st.composite
def columns(draw, structure, rows):
    """Values of a structure."""
    values = [draw(values_of(structure)) for _ in range(rows)]
    return Columns.from_values(values, structure)


def values_of(structure):
    """A strategy for values of a structure, as Gymnasium gives them."""
    match structure:
        case Leaf(Kind.JSON):
            return json_values
        case Leaf(Kind.TEXT, _, ()):
            return st.text(max_size=4)
        case Leaf(Kind.TEXT, _, shape):
            size = int(np.prod(shape))
            texts = st.lists(st.text(max_size=3), min_size=size, max_size=size)
            return texts.map(lambda items: np.array(items, dtype=object).reshape(shape))
        case Leaf(_, dtype, shape):
            return nps.arrays(dtype, shape)
        case TupleOf(items):
            return st.tuples(*map(values_of, items))
        case DictOf(items):
            return st.fixed_dictionaries({name: values_of(item) for name, item in items})


@st.composite
def datasets(draw, leaves=numeric_leaves | text_leaves | json_leaves, *, info=True):
    """A few short episodes; half of them follow on from step to step."""
    observation, action = draw(structures(leaves)), draw(structures(leaves))
    lengths = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    n = sum(lengths)
    if draw(st.booleans()):
        chain = [draw(columns(observation, length + 1)) for length in lengths]
        before = Columns.concatenate([part.take(slice(0, -1)) for part in chain])
        after = Columns.concatenate([part.take(slice(1, None)) for part in chain])
    else:
        before, after = draw(columns(observation, n)), draw(columns(observation, n))
    flags = nps.arrays(bool, n)
    steps = np.concatenate([np.arange(length) for length in lengths]) + draw(st.sampled_from([0, 5]))
    return Dataset(
        observations=before,
        actions=draw(columns(action, n)),
        next_observations=after,
        rewards=draw(nps.arrays(np.float64, n)),
        terminated=draw(flags),
        truncated=draw(flags),
        episode=np.repeat(np.arange(len(lengths), dtype=np.int32), lengths),
        step=steps.astype(np.int32),
        info={"steps taken": draw(columns(draw(structures(leaves)), n))} if info and draw(st.booleans()) else {},
        provenance=Provenance(environment="Test-v0", environment_kwargs={"size": 3}, seed=7, versions={"numpy": "2"}),
    )


def cart(episodes=3, steps=4, width=4, seed=0, *, environment="CartPole-v1"):
    """Episodes of float32 vectors and two actions; the last step of each terminates."""
    rng = np.random.default_rng(seed)
    chain = rng.normal(size=(episodes, steps + 1, width)).astype(np.float32)
    n = episodes * steps
    leaf = Leaf(Kind.FLOAT, "float32", (width,))
    terminated = np.zeros(n, dtype=bool)
    terminated[steps - 1 :: steps] = True
    return Dataset(
        observations=Columns(leaf, (chain[:, :-1].reshape(n, width),)),
        actions=Columns(Leaf(Kind.INT, "int64"), (rng.integers(2, size=n),)),
        next_observations=Columns(leaf, (chain[:, 1:].reshape(n, width),)),
        rewards=np.ones(n),
        terminated=terminated,
        truncated=np.zeros(n, dtype=bool),
        episode=np.repeat(np.arange(episodes, dtype=np.int32), steps),
        step=np.tile(np.arange(steps, dtype=np.int32), episodes),
        spaces=Spaces(action={"type": "Discrete", "n": 2, "start": 0}),
        provenance=Provenance(environment=environment),
    )


def assert_same(found, expected):
    """Two datasets hold the same transitions, to the last bit, and say the same about them."""
    pairs = {
        "observations": (found.observations, expected.observations),
        "actions": (found.actions, expected.actions),
        "next_observations": (found.next_observations, expected.next_observations),
        **{f"info {name}": (found.info.get(name), part) for name, part in expected.info.items()},
    }
    assert found.info.keys() == expected.info.keys()
    for name, (one, other) in pairs.items():
        assert one.structure == other.structure, name
        assert same_rows(one, other).all(), name
    np.testing.assert_array_equal(found.rewards, expected.rewards)
    for name in ("terminated", "truncated", "episode", "step"):
        one, other = getattr(found, name), getattr(expected, name)
        assert one.dtype == other.dtype, name
        np.testing.assert_array_equal(one, other, err_msg=name)
    assert found.spaces == expected.spaces
    for name in ("environment", "environment_kwargs", "policy", "seed", "versions", "max_episode_steps"):
        assert getattr(found.provenance, name) == getattr(expected.provenance, name), name
