"""Worker processes: warm, private, and gone when they are killed."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from cwm_server.worker import Channel
from cwm_server.workers import Workers
from tests.lsp.wire import all_end, descendants

pytestmark = pytest.mark.asyncio

HERE = "tests.lsp.test_workers"
PATIENCE = 60
ROOT = str(Path(__file__).parents[2])


@pytest.fixture
def workers(monkeypatch):
    """A source of processes that know this module."""
    monkeypatch.syspath_prepend(ROOT)
    workers = Workers()
    yield workers
    workers.close()
    assert all_end(descendants(os.getpid()))


class Heard:
    """What a job said."""

    def __init__(self):
        self.messages = asyncio.Queue()
        self.ended = asyncio.get_running_loop().create_future()

    async def next(self):
        return await asyncio.wait_for(self.messages.get(), PATIENCE)

    async def end(self):
        return await asyncio.wait_for(self.ended, PATIENCE)


async def start(workers, job, params):
    heard = Heard()
    started = await workers.start(f"{HERE}:{job}", params, heard.messages.put_nowait, heard.ended.set_result)
    return started, heard


async def test_a_job_is_told_what_to_do_and_answers(workers):
    job, heard = await start(workers, "repeat", {"times": 2})
    job.send({"word": "walk 散歩"})
    assert await heard.next() == {"said": "walk 散歩" * 2}
    job.kill()


async def test_a_job_that_is_over_says_so(workers):
    _, heard = await start(workers, "say_and_end", {})
    assert await heard.next() == {"said": "once"}
    assert await heard.end() is None


async def test_what_a_job_raises_is_the_reason_of_its_end(workers):
    _, heard = await start(workers, "fail", {})
    assert await heard.end() == "ValueError: no such thing"


async def test_what_a_job_prints_is_no_message(workers):
    _, heard = await start(workers, "print_and_say", {})
    assert await heard.next() == {"said": "this"}
    assert await heard.end() is None


async def test_a_job_that_is_killed_is_heard_of_no_more(workers):
    job, heard = await start(workers, "chatter", {})
    await heard.next()
    job.kill()
    assert all_end({job.pid})
    await asyncio.sleep(0.1)
    assert not heard.ended.done()


async def test_a_warm_process_does_the_next_job(workers):
    workers.warm()
    warm = await workers._spare
    job, heard = await start(workers, "say_and_end", {})
    assert job.pid == warm.pid
    assert await heard.end() is None


async def test_a_process_that_nobody_waits_for_any_more_is_ended(workers):
    before = descendants(os.getpid())
    starting = asyncio.ensure_future(start(workers, "chatter", {}))
    await asyncio.sleep(0)
    starting.cancel()
    await asyncio.wait([starting])
    await asyncio.get_running_loop().shutdown_default_executor()
    await asyncio.sleep(0)
    assert all_end(descendants(os.getpid()) - before)


async def test_a_job_ends_with_the_process_that_wanted_it(workers):
    code = (
        f"import asyncio, sys; sys.path.insert(0, {ROOT!r})\n"
        "from cwm_server.workers import Workers\n"
        "async def main():\n"
        f"    job = await Workers().start('{HERE}:chatter', {{}}, lambda _: print(job.pid, flush=True), print)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    pid = int(await asyncio.wait_for(server.stdout.readline(), PATIENCE))
    server.kill()
    await server.communicate()
    assert all_end({pid})


async def test_a_python_that_is_not_there_starts_nothing(workers, tmp_path):
    assert workers.use(str(tmp_path / "python"))
    with pytest.raises(OSError, match="python"):
        await start(workers, "fail", {})
    assert workers.use(None)


# The jobs


def repeat(channel: Channel, params):
    channel.listen()
    for message in channel.messages():
        channel.send({"said": message["word"] * params["times"]})


def say_and_end(channel: Channel, _params):
    channel.send({"said": "once"})


def fail(_channel: Channel, _params):
    raise ValueError("no such thing")


def print_and_say(channel: Channel, _params):
    print("that")
    os.system("echo those")
    assert sys.stdin.read() == ""
    channel.send({"said": "this"})


def chatter(channel: Channel, _params):
    channel.listen()
    while True:
        channel.send({"said": "much"})
        time.sleep(0.01)
