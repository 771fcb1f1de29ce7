"""Where the kernel gives less, children still work, and nobody is told they are shut in better than they are."""

import sys

import pytest

from cwm_engine.errors import CwmError
from cwm_engine.sandbox import forking, probe_isolation
from cwm_engine.sandbox.spawn import Worker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the layers are Linux's")

READ = "answer = open('/etc/passwd').read()[:4]"
CONNECT = "import socket\nanswer = socket.socket().fileno() >= 0"


@pytest.fixture
def start_weakened(start, monkeypatch):
    """Starts a zygote through one of the entries of `weakened`."""

    def start_weakened(how):
        def weakened(entry, *arguments, **more):
            return Worker(f"tests.sandbox.weakened:{how}", *arguments, **more)

        monkeypatch.setattr(forking, "Worker", weakened)
        return start(wrap=False, preload=["socket"])

    return start_weakened


def outcome(zygote, source):
    with zygote.take() as child:
        child.send({"job": "tests.sandbox.jobs:program", "source": source})
        answer = child.receive(30).data
        if "raised" in answer:
            return "refused" if answer["raised"]["forbidden"] else answer["raised"]
        return answer["answer"]


@pytest.mark.parametrize(
    ("how", "level"), [("without_seccomp", "partial"), ("without_landlock", "partial"), ("without_either", "process")]
)
def test_what_is_left_still_holds_and_is_what_is_said(start_weakened, how, level):
    """Even with neither, a child that may have no descriptors opens none; that is no wall, and not called one."""
    if probe_isolation().level != "full":
        pytest.skip("this machine gives less already")
    zygote = start_weakened(how)
    assert zygote.isolation.level == level
    assert outcome(zygote, "answer = 1 + 1") == 2
    assert outcome(zygote, READ) == "refused"
    assert outcome(zygote, CONNECT) == "refused"


def test_a_zygote_that_never_gets_ready_ends_by_itself(start_weakened):
    """An import may hang; the zygote must not, even if nobody is there to kill it."""
    with pytest.raises(CwmError, match="did not start"):
        start_weakened("hanging")
