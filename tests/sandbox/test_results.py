"""Results: one map, read the same way by child and host."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.sandbox.results import Results, most_paths


@given(st.integers(0, 50), st.integers(2, 9))
def test_both_sides_of_the_map_see_the_same(count, width):
    memory = bytearray(Results.size(count, width))
    child, host = Results.view(memory, count, width), Results.view(memory, count, width)
    child.predicted[:] = np.arange(count * width).reshape(count, width)
    child.path[:] = np.arange(count) + 1000
    child.status[:] = np.arange(count) + 2000
    assert host.predicted.ravel().tolist() == list(range(count * width))
    assert host.path.tolist() == list(range(1000, 1000 + count))
    assert host.status.tolist() == list(range(2000, 2000 + count))


def test_a_map_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match="buffer"):
        Results.view(bytearray(Results.size(3, 4) - 1), 3, 4)


@given(st.integers(0, 100_000))
def test_all_paths_of_a_program_fit_into_the_map_and_into_a_few_megabytes(probes):
    count = most_paths(probes)
    assert 256 <= count <= np.iinfo(np.uint16).max
    assert count == 256 or 2 * probes * count <= 4 << 20
