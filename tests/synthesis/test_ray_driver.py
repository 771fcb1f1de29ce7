"""Workers of a cluster that cannot begin or do not last, with a cluster of the test's own in place of Ray."""

import asyncio
from types import SimpleNamespace

import pytest

from cwm_engine import __version__
from cwm_engine.errors import CwmError
from cwm_engine.synthesis import ray_driver
from cwm_engine.synthesis.ray_driver import Pool


class RayError(Exception):
    pass


class Actor:
    def __init__(self, version, check):
        self.version, self.check = SimpleNamespace(remote=version), SimpleNamespace(remote=check)


class Cluster:
    """As much of Ray as a pool uses; every worker does what `version` and `check` do."""

    exceptions = SimpleNamespace(RayError=RayError, RayTaskError=type("RayTaskError", (RayError,), {}))

    def __init__(self, version, check=None):
        self._version, self._check = version, check
        self.begun = self.ended = 0

    def remote(self, **_):
        return lambda kind: SimpleNamespace(remote=self._begin)

    def _begin(self, data):
        self.begun += 1
        return Actor(self._version, self._check)

    def put(self, data):
        return data

    def kill(self, worker):
        self.ended += 1


def checked(cluster, workers=2):
    async def check():
        pool = Pool(cluster, None, workers)
        try:
            return await pool.check("program", "searched")
        finally:
            await asyncio.sleep(0.01)  # a worker that was just hired begins
            pool.close()

    return asyncio.run(check())


async def right():
    return __version__


async def older():
    return "0.0.1"


async def ends(*_):
    raise RayError("the machine is gone")


async def never():
    await asyncio.sleep(600)


def test_a_machine_with_another_version_is_told():
    with pytest.raises(CwmError, match=r"version 0\.0\.1 of code-world-models"):
        checked(Cluster(older))


def test_a_worker_that_cannot_begin_is_told():
    with pytest.raises(CwmError, match="no worker can begin on the Ray cluster: the machine is gone"):
        checked(Cluster(ends))


def test_a_cluster_without_a_free_processor_is_told(monkeypatch):
    monkeypatch.setattr(ray_driver, "PATIENCE", 0.05)
    with pytest.raises(CwmError, match="no processor of the Ray cluster became free"):
        checked(Cluster(never))


def test_one_worker_that_can_begin_is_enough():
    versions = iter(["0.0.1", __version__])

    async def version():
        return next(versions)

    async def found(*_):
        return "found"

    assert checked(Cluster(version, found)) == "found"


def test_a_program_whose_workers_end_again_and_again_is_given_up():
    cluster = Cluster(right, ends)
    with pytest.raises(CwmError, match="3 workers of the Ray cluster ended"):
        checked(cluster, workers=1)
    assert cluster.begun == cluster.ended == 4


def test_an_error_of_the_engine_is_told_and_costs_no_worker():
    async def fails(*_):
        raise Cluster.exceptions.RayTaskError("a traceback\nValueError: wrong")

    cluster = Cluster(right, fails)
    with pytest.raises(CwmError, match="a worker of the Ray cluster failed: ValueError: wrong"):
        checked(cluster, workers=1)
    assert cluster.begun == 1
