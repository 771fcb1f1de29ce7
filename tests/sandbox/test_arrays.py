"""Arrays go into shared memory and come out the same, and nobody can change them there."""

import errno
import mmap
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_strategies

from cwm_engine.sandbox import kernel
from cwm_engine.sandbox.arrays import SharedArrays, anonymous_file, attach, seal

dtypes = st.one_of(
    numpy_strategies.boolean_dtypes(),
    numpy_strategies.integer_dtypes(endianness="="),
    numpy_strategies.floating_dtypes(endianness="="),
)
shapes = numpy_strategies.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)
numeric = dtypes.flatmap(lambda dtype: numpy_strategies.arrays(dtype, shapes))
texts = st.lists(st.text(alphabet=st.characters(), max_size=5), max_size=5).map(
    lambda t: np.array([*t, ""], object)[:-1]
)


@given(st.dictionaries(st.text(max_size=5), numeric | texts, max_size=4), st.dictionaries(st.text(), st.integers()))
def test_what_was_packed_is_attached(arrays, meta):
    with SharedArrays.pack(arrays, meta) as shared:
        attached, attached_meta = attach(shared.descriptor)
    assert attached_meta == meta
    assert attached.keys() == arrays.keys()
    for name, array in arrays.items():
        assert attached[name].dtype == array.dtype
        np.testing.assert_array_equal(attached[name], array)


def test_attached_arrays_are_read_only():
    with SharedArrays.pack({"a": np.zeros(3)}) as shared:
        array = attach(shared.descriptor)[0]["a"]
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


def test_arrays_that_are_not_contiguous_are_packed_in_order():
    array = np.arange(24).reshape(2, 3, 4).transpose(2, 0, 1)[::2]
    with SharedArrays.pack({"a": array}) as shared:
        np.testing.assert_array_equal(attach(shared.descriptor)[0]["a"], array)


def test_objects_other_than_text_are_refused():
    with pytest.raises(TypeError, match="text only, not dict"):
        SharedArrays.pack({"a": np.array([{}], dtype=object)})


def test_packed_memory_can_be_neither_written_nor_resized():
    with SharedArrays.pack({"a": np.zeros(3)}) as shared:
        with pytest.raises(PermissionError):
            os.write(shared.descriptor, b"x")
        for size in (0, 1 << 20):
            with pytest.raises(PermissionError):
                os.ftruncate(shared.descriptor, size)
        with pytest.raises(PermissionError):
            mmap.mmap(shared.descriptor, shared.size)


def test_a_sealed_map_for_results_keeps_its_size_but_can_be_written():
    descriptor = anonymous_file(4096)
    seal(descriptor)
    with mmap.mmap(descriptor, 4096) as view:
        view[:3] = b"abc"
    for size in (0, 8192):
        with pytest.raises(PermissionError):
            os.ftruncate(descriptor, size)
    os.close(descriptor)


def test_closing_gives_the_memory_back():
    shared = SharedArrays.pack({"a": np.zeros(3)})
    descriptor = shared.descriptor
    shared.close()
    shared.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="anonymous memory is Linux's")
def test_anonymous_memory_can_be_had_on_kernels_old_and_new(monkeypatch):
    """Before 6.3 the kernel does not know memory that must not be executed."""
    refused = []

    def old_kernel(name, number, path, flags):
        if flags.value & 8:
            refused.append(flags.value)
            raise OSError(errno.EINVAL, "unknown flag")
        return os.memfd_create("old", flags.value)

    monkeypatch.setattr(kernel, "syscall", old_kernel)
    descriptor = anonymous_file(10)
    seal(descriptor)
    assert refused
    assert os.fstat(descriptor).st_size == 10
    os.close(descriptor)
