"""Children without fork: a fresh process each, the same to whoever asks."""

import contextlib
import gc
import os
import socket
import tempfile

import numpy as np
import pytest

from cwm_engine.errors import CwmError
from cwm_engine.sandbox import ChildDied, SharedArrays, Zygote
from cwm_engine.sandbox.fresh import FreshLink
from tests.sandbox.conftest import RESULT_BYTES
from tests.sandbox.processes import descendants, is_alive, open_descriptors, wait_until

PATIENCE = 60


def job(name, **request):
    return {"job": f"tests.sandbox.jobs:{name}", **request}


@pytest.fixture
def fresh(start):
    return start(fork=False)


def test_a_fresh_process_answers_like_a_forked_child(fresh):
    for x in (1, 2):
        with fresh.take() as child:
            child.send(job("echo", x=x), b"blob")
            answer = child.receive(PATIENCE)
            assert (answer.data["request"]["x"], answer.blob) == (x, b"blob")


def test_it_has_the_inputs_and_nothing_of_the_environment(fresh):
    with fresh.take() as child:
        child.send(job("look_around"))
        around = child.receive(PATIENCE).data
    assert around["numbers"] == [[0, 1, 2], [3, 4, 5]]
    assert around["environment"] == {}


def test_results_and_progress_are_shared(fresh):
    with fresh.take() as child:
        child.send(job("fill", progress=5), b"\x01" * 100)
        child.receive(PATIENCE)
        assert child.results[:100].all()
        assert len(child.results) == RESULT_BYTES
        assert child.kill().progress == 5


def test_it_can_be_killed_and_its_death_told(fresh):
    with fresh.take() as child:
        child.send(job("busy"))
        assert child.receive(0.1) is None
        assert child.kill().line is None
    with fresh.take() as child:
        child.send(job("program", source="import sys\nsys.modules['os']._exit(3)"))
        with pytest.raises(ChildDied) as died:
            child.receive(PATIENCE)
        assert died.value.exit_code == 3


def test_a_job_module_that_cannot_be_imported_is_an_error(start):
    with pytest.raises(CwmError, match="no_such_job_module"):
        start(fork=False, jobs=["no_such_job_module"])


def test_closing_leaves_no_process_descriptor_or_file(inputs, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    gc.collect()
    before = open_descriptors(), set(descendants(os.getpid()))
    zygote = Zygote.start(inputs=inputs, result_bytes=16, jobs=["tests.sandbox.jobs"], fork=False)
    child = zygote.take()
    started = set(descendants(os.getpid())) - before[1]
    child.close()
    zygote.close()
    zygote.close()
    del child, zygote
    assert wait_until(lambda: not any(is_alive(process) for process in started))
    gc.collect()
    assert (open_descriptors(), set(descendants(os.getpid()))) == before
    assert not list(tmp_path.iterdir())


def test_a_stranger_who_calls_first_is_sent_away(tmp_path):
    """Any process of the machine can connect; only the right one knows the token."""
    start = {"wrapped": False, "preloaded": [], "preload": [], "jobs": [], "limits": {}, "result_bytes": 16}
    with SharedArrays.pack({"numbers": np.zeros(1)}) as inputs:
        (tmp_path / "inputs").write_bytes(os.pread(inputs.descriptor, inputs.size, 0))
    link = FreshLink(tmp_path / "child", start)
    stranger = socket.create_connection(link.socket.getsockname())
    stranger.sendall(bytes(32) + b"\x02\0\0\0\0\0\0\0{}")
    assert "layers" in link.connect()
    with contextlib.suppress(ConnectionResetError):
        assert stranger.recv(1) == b""
    stranger.close()
    link.close()
