"""Zygotes for the tests of the sandbox."""

import numpy as np
import pytest

from cwm_engine.sandbox import SharedArrays, Zygote

RESULT_BYTES = 1 << 16


@pytest.fixture(scope="session")
def inputs():
    """A few states."""
    arrays = {"numbers": np.arange(6.0).reshape(2, 3), "names": np.array(["left", "réchts"], dtype=object)}
    with SharedArrays.pack(arrays, {"environment": "Test-v0"}) as shared:
        yield shared


@pytest.fixture
def start(inputs):
    """Starts zygotes with the jobs of these tests, and closes them."""
    started = []

    def start(*, jobs=("tests.sandbox.jobs",), **more):
        zygote = Zygote.start(inputs=inputs, result_bytes=RESULT_BYTES, jobs=jobs, **more)
        started.append(zygote)
        return zygote

    yield start
    for zygote in started:
        zygote.close()


@pytest.fixture(scope="module")
def zygote(inputs):
    """One zygote for all tests of a module that do not harm it."""
    with Zygote.start(inputs=inputs, result_bytes=RESULT_BYTES, jobs=["tests.sandbox.jobs"]) as zygote:
        yield zygote


@pytest.fixture
def ask(zygote):
    """Asks a fresh child one question and gives its answer."""

    def ask(job, blob=b"", **request):
        with zygote.take() as child:
            child.send({"job": f"tests.sandbox.jobs:{job}", **request}, blob)
            answer = child.receive(30)
            assert answer is not None
            return answer

    return ask
