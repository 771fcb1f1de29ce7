"""A zygote and its children, from the first question to the last trace of them."""

import gc
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest

from cwm_engine.errors import CwmError
from cwm_engine.sandbox import ChildDied, Limits, SharedArrays, Zygote
from tests.sandbox.processes import descendants, is_alive, open_descriptors, wait_until

ROOT = Path(__file__).parents[2]
PATIENCE = 30

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked")


def job(name, **request):
    return {"job": f"tests.sandbox.jobs:{name}", **request}


def zygote_process(zygote):
    """The process id of a zygote that is not inside bubblewrap."""
    return zygote._source._worker.process.pid


# -- what a child has ------------------------------------------------------------------------------------------------


def test_a_child_answers_with_json_and_bytes(ask):
    answer = ask("echo", b"\x00\xffblob", x=[1, 2.5, None, "ü"])
    assert answer.data["request"]["x"] == [1, 2.5, None, "ü"]
    assert answer.blob == b"\x00\xffblob"


def test_every_program_gets_a_process_of_its_own(ask):
    assert len({ask("echo").data["process"] for _ in range(3)}) == 3


def test_a_child_inherits_arrays_and_what_was_made_of_them(ask):
    """Conversion happens once, in the zygote; what `warm` does, in the child."""
    around = ask("look_around").data
    assert around["names"] == ["names", "numbers"]
    assert around["numbers"] == [[0, 1, 2], [3, 4, 5]]
    assert around["meta"] == {"environment": "Test-v0"}
    assert not around["prepared_here"]
    assert around["warmed_here"]


def test_a_child_has_no_environment_and_no_descriptors_but_its_own(ask):
    """Besides the three standard ones: its socket and the pipe for the line of a crash."""
    around = ask("look_around").data
    assert around["environment"] == {}
    assert around["open"][:3] == [0, 1, 2]
    assert len(around["open"]) == 5


def test_text_hashes_the_same_in_every_zygote(ask, start):
    """A model that walks over a set of strings must not change its mind from run to run."""
    with start().take() as child:
        child.send(job("look_around"))
        assert child.receive(PATIENCE).data["hash"] == ask("look_around").data["hash"]


def test_results_start_at_zero_for_every_child(zygote, ask):
    with zygote.take() as child:
        child.send(job("fill", progress=1), b"\x01" * 1000)
        child.receive(PATIENCE)
        assert child.results[:1000].all()
    assert not ask("look_around").data["results"]
    with zygote.take() as child:
        assert not child.results.any()


def test_results_and_progress_are_seen_while_the_child_lives_and_afterwards(zygote):
    with zygote.take() as child:
        child.send(job("fill", progress=41), np.arange(8.0).tobytes())
        assert child.receive(PATIENCE).data == {"filled": True}
        np.testing.assert_array_equal(child.results[:64].view(np.float64), np.arange(8.0))
        assert child.progress == 41
        assert child.kill().progress == 41
        np.testing.assert_array_equal(child.results[:64].view(np.float64), np.arange(8.0))


def test_a_job_can_be_asked_on(zygote):
    with zygote.take() as child:
        child.send(job("fill", progress=0))
        child.receive(PATIENCE)
        child.send({"more": 1})
        assert child.receive(PATIENCE).data == {"second": {"more": 1}}


def test_children_of_one_zygote_run_side_by_side(zygote):
    with zygote.take() as first, zygote.take() as second:
        for child, x in ((first, 1), (second, 2)):
            child.send(job("echo", x=x))
        assert second.receive(PATIENCE).data["request"]["x"] == 2
        assert first.receive(PATIENCE).data["request"]["x"] == 1


def test_a_request_of_several_megabytes_arrives(ask):
    blob = os.urandom(3 << 20)
    assert ask("echo", blob, source="x" * (2 << 20)).blob == blob


# -- what a program does -----------------------------------------------------------------------------------------------


def test_what_a_program_prints_is_kept_up_to_the_limit(ask):
    answer = ask(
        "program", source="for i in range(3000): print(i)\nimport sys; print('x', file=sys.stderr); answer = 1"
    )
    assert answer.data["answer"] == 1
    assert answer.data["printed"].startswith("0\n1\n2\n")
    assert len(answer.data["printed"]) == Limits().printed_bytes


def test_an_exception_of_a_program_comes_with_its_line(ask):
    error = ask("program", source="def step(a):\n    return a / 0\n\nstep(1)\n").data["raised"]
    assert error == {"type": "ZeroDivisionError", "message": "division by zero", "line": 2, "forbidden": False}


def test_an_exception_of_the_job_itself_is_an_answer(ask):
    assert ask("raise_itself").data["error"]["type"] == "KeyError"


@pytest.mark.parametrize("name", ["os:system", "tests.sandbox.jobs:nothing", "nowhere:job"])
def test_only_jobs_that_were_named_can_be_asked_for(zygote, name):
    with zygote.take() as child:
        child.send({"job": name})
        assert "error" in child.receive(PATIENCE).data


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("def step():\n    x = 0\n    while True:\n        x += 1\n\nprogress[0] = 7\nstep()\n", {3, 4}),
        ("progress[0] = 7\nx = 9 ** 9 ** 9\n", {2}),
        ("progress[0] = 7\nimport re\nre.match('(a+)+$', 'a' * 60 + 'b')\n", {3}),
        ("progress[0] = 7\nwhile True:\n    try:\n        while True: pass\n    except BaseException: pass\n", {4}),
    ],
    ids=["a loop", "a power", "a pattern", "a loop that catches everything"],
)
def test_a_hang_is_known_by_its_line_and_its_progress(zygote, source, line):
    with zygote.take() as child:
        child.send(job("program", source=source))
        assert wait_until(lambda: child.progress == 7)
        assert child.receive(0.1) is None
        death = child.kill()
        assert death.progress == 7
        assert death.line in line


def test_a_crash_is_known_by_its_line_and_its_signal(start):
    zygote = start(preload=["ctypes"])
    with zygote.take() as child:
        child.send(job("program", source="import ctypes\nprogress[0] = 3\nctypes.string_at(0)\n"))
        with pytest.raises(ChildDied, match="SIGSEGV") as died:
            child.receive(PATIENCE)
    assert (died.value.kind, died.value.signal, died.value.line) == ("crash", signal.SIGSEGV, 3)
    assert died.value.progress == 3


def test_an_end_without_an_answer_is_a_crash(zygote):
    with zygote.take() as child:
        child.send(job("program", source="import sys\nsys.modules['os']._exit(0)"))
        with pytest.raises(ChildDied, match="without an answer") as died:
            child.receive(PATIENCE)
    assert (died.value.kind, died.value.exit_code, died.value.signal) == ("crash", 0, None)


def test_too_much_output_ends_the_child(start):
    zygote = start(limits=Limits(output_bytes=10_000))
    with zygote.take() as child:
        child.send(job("echo"), bytes(20_000))
        with pytest.raises(ChildDied) as died:
            child.receive(PATIENCE)
    assert died.value.kind == "output"


def test_memory_counts_from_what_the_child_inherits(start):
    """However much the zygote has mapped, a child may add its share and no more."""
    zygote = start(limits=Limits(memory_bytes=64 << 20))
    for megabytes, fits in ((32, True), (96, False)):
        with zygote.take() as child:
            child.send(job("program", source=f"answer = len(bytearray({megabytes} << 20))"))
            answer = child.receive(PATIENCE).data
            assert ("answer" in answer) == fits
            assert fits or answer["raised"]["type"] == "MemoryError"


def test_processor_time_ends_a_child_even_if_nobody_waits(start):
    zygote = start(limits=Limits(cpu_seconds=1))
    with zygote.take() as child:
        child.send(job("busy"))
        with pytest.raises(ChildDied) as died:
            child.receive(PATIENCE)
    assert died.value.kind == "timeout"


def test_a_child_that_does_not_read_ends_the_sending(start):
    zygote = start(limits=Limits(wall_seconds=0.2))
    with zygote.take() as child:
        child.send(job("busy"))
        with pytest.raises(ChildDied, match="stopped reading"):
            child.send({}, bytes(8 << 20))


def test_a_death_is_told_again_to_who_asks_again(zygote):
    with zygote.take() as child:
        child.send(job("program", source="import sys\nsys.modules['os']._exit(3)"))
        for _ in range(2):
            with pytest.raises(ChildDied) as died:
                child.receive(PATIENCE)
            assert died.value.exit_code == 3
        assert child.kill() == child.kill()


# -- starting ----------------------------------------------------------------------------------------------------------


def test_a_module_that_cannot_be_imported_is_named_with_the_reason(start):
    zygote = start(preload=["fractions", "nowhere_to_be_found"])
    assert zygote.missing == {"nowhere_to_be_found": "ModuleNotFoundError: No module named 'nowhere_to_be_found'"}


def test_a_job_module_that_cannot_be_imported_is_an_error(start):
    with pytest.raises(CwmError, match="no_such_job_module"):
        start(jobs=["no_such_job_module"])


def test_a_zygote_that_cannot_start_says_why(start, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(CwmError, match="did not start"):
        start(wrap=False)
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(CwmError, match="no worker process can be started"):
        start(wrap=False)


def test_a_stray_module_in_the_current_folder_is_not_imported(start, tmp_path, monkeypatch):
    (tmp_path / "random.py").write_text("raise SystemExit('stray')")
    (tmp_path / "json.py").write_text("raise SystemExit('stray')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    start().take().close()


def test_nothing_of_the_environment_reaches_the_zygote(start, monkeypatch):
    """Not even what steers Python itself."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("PYTHONSTARTUP", "/nowhere")
    zygote = start(wrap=False)
    environment = Path(f"/proc/{zygote_process(zygote)}/environ").read_bytes()
    assert b"sk-secret" not in environment
    assert b"PYTHONSTARTUP" not in environment
    zygote.close()


# -- ending ------------------------------------------------------------------------------------------------------------


def test_closing_leaves_no_process_descriptor_or_file(inputs, tmp_path, monkeypatch):
    def children():
        return set(descendants(os.getpid()))

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    gc.collect()
    before = open_descriptors(), children()
    zygote = Zygote.start(inputs=inputs, result_bytes=4096, jobs=["tests.sandbox.jobs"])
    answered, busy, idle = zygote.take(), zygote.take(), zygote.take()
    answered.send(job("echo"))
    answered.receive(PATIENCE)
    busy.send(job("busy"))
    started = children() - before[1]
    assert len(started) >= 3
    answered.close()
    idle.kill()
    zygote.close()
    zygote.close()
    busy.close()
    del answered, busy, idle
    gc.collect()
    assert wait_until(lambda: not any(is_alive(process) for process in started))
    assert (open_descriptors(), children()) == before
    assert not list(tmp_path.iterdir())


def test_a_closed_child_is_gone(zygote):
    child = zygote.take()
    child.send(job("busy"))
    before = set(descendants(os.getpid()))
    child.close()
    child.close()
    assert wait_until(lambda: len(before - set(descendants(os.getpid()))) == 1)
    with pytest.raises(ChildDied):
        child.receive(PATIENCE)


HOST = """
import os, sys, time
import numpy as np
from cwm_engine.sandbox import SharedArrays, Zygote
inputs = SharedArrays.pack({"numbers": np.zeros(3)})
zygote = Zygote.start(inputs=inputs, result_bytes=4096, jobs=["tests.sandbox.jobs"])
child = zygote.take()
child.send({"job": "tests.sandbox.jobs:busy"})
print("ready", flush=True)
time.sleep(600)
"""


def test_when_the_host_is_killed_everything_ends_and_no_file_stays(tmp_path):
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", HOST], cwd=ROOT, stdout=subprocess.PIPE, env=environment) as host:
        assert host.stdout.readline() == b"ready\n"
        assert wait_until(lambda: len(descendants(host.pid)) >= 3)
        below = descendants(host.pid)
        host.kill()
        host.wait()
    assert wait_until(lambda: not any(is_alive(process) for process in below))
    assert wait_until(lambda: not list(tmp_path.iterdir()))


def test_when_the_zygote_is_killed_its_children_end_and_the_host_is_told(start):
    zygote = start(wrap=False)
    busy = zygote.take()
    busy.send(job("busy"))
    process = zygote_process(zygote)
    started = {process, *descendants(process)}
    os.kill(process, signal.SIGKILL)
    with pytest.raises(ChildDied) as died:
        busy.receive(PATIENCE)
    assert died.value.kind == "crash"
    assert wait_until(lambda: not any(is_alive(p) for p in started))
    with pytest.raises(CwmError, match="gone"):  # the second time: one child was on its way
        [zygote.take() for _ in range(2)]


def test_a_child_that_dies_while_it_waits_is_replaced(start):
    process = zygote_process(zygote := start(wrap=False))
    assert wait_until(lambda: descendants(process))
    (spare,) = descendants(process)
    os.kill(spare, signal.SIGKILL)
    assert wait_until(lambda: not is_alive(spare))
    with zygote.take() as child:
        child.send(job("echo"))
        assert child.receive(PATIENCE).data["process"] != spare


def test_a_child_is_replaced_when_it_has_ended_and_after_a_while_if_it_works_on(start):
    zygote = start(wrap=False)
    process = zygote_process(zygote)
    with zygote.take() as working, zygote.take() as ending:
        ending.close()
        assert wait_until(lambda: len(descendants(process)) == 2)  # the one that works and the next
        assert working.receive(0) is None
    assert wait_until(lambda: len(descendants(process)) == 1)


def test_a_zygote_outlives_the_thread_that_started_it(inputs):
    """The kernel's "die with the parent" means the parent's thread, which a language server's worker is."""
    started = []

    def work():
        started.append(Zygote.start(inputs=inputs, result_bytes=4096, jobs=["tests.sandbox.jobs"]))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    with started[0] as zygote, zygote.take() as child:
        child.send(job("echo"))
        assert child.receive(PATIENCE) is not None


def test_the_same_inputs_serve_several_zygotes():
    with SharedArrays.pack({"numbers": np.ones(2)}) as shared:
        for _ in range(2):
            with (
                Zygote.start(inputs=shared, result_bytes=16, jobs=["tests.sandbox.jobs"]) as zygote,
                zygote.take() as child,
            ):
                child.send(job("look_around"))
                assert child.receive(PATIENCE).data["numbers"] == [1, 1]
