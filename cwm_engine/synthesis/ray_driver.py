"""The process that uses a Ray cluster for a search: `python -m cwm_engine.synthesis.ray_driver`.

It is told settings and data first, then one JSON line for each check, and answers with one line each, in whatever order
they are done. It ends with its standard input, and whenever Ray ends it.
"""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import sys
from contextlib import suppress
from typing import IO, Any, Literal

from cwm_engine import __version__
from cwm_engine.diagnosis.session import Settings
from cwm_engine.errors import CwmError
from cwm_engine.sandbox.limits import Limits
from cwm_engine.synthesis.evaluate import Evaluator
from cwm_engine.synthesis.heldout import Split

_Part = Literal["searched", "heldout"]

ATTEMPTS = 3
"""How many workers one program is given before it is given up: no candidate can end a worker, but machines can."""
PATIENCE = 120.0
"""Seconds a worker may take to begin, its machine's imports included."""


class Worker:
    """A worker of the cluster.

    Args:
        data: Settings, data and limits.
    """

    def __init__(self, data: tuple[Settings, Split, Limits]) -> None:
        settings, split, limits = data
        self._evaluator = Evaluator(settings, split, limits)

    def version(self) -> str:
        """The version of the engine on this machine."""
        return __version__

    def check(self, program: str, part: _Part) -> str:
        """An evaluation as a JSON document."""
        check = self._evaluator.searched if part == "searched" else self._evaluator.heldout
        evaluation = asyncio.run(check(program))
        if evaluation is None:
            raise CwmError("no transitions are held out")
        return json.dumps(evaluation.to_json())


class Pool:
    """The workers of a search.

    Args:
        ray: The package, connected to a cluster.
        data: What each worker is given.
        count: How many there are.
    """

    def __init__(self, ray: Any, data: tuple[Settings, Split, Limits], count: int) -> None:
        self._ray = ray
        self._kind = ray.remote(num_cpus=1, max_restarts=0)(Worker)
        self._data = ray.put(data)
        self._idle: asyncio.Queue[Any] = asyncio.Queue()
        self._workers: set[Any] = set()
        self._admissions: set[asyncio.Task[None]] = set()
        for _ in range(count):
            self._hire()

    async def check(self, program: str, part: _Part) -> str:
        """Have a program checked by a worker that is idle, and by another one if that one ends.

        Raises:
            CwmError: There are no workers any more.
        """
        errors = self._ray.exceptions
        for _ in range(ATTEMPTS):
            worker = await self._idle.get()
            if isinstance(worker, CwmError):
                self._idle.put_nowait(worker)
                raise worker
            try:
                document: str = await worker.check.remote(program, part)
            except errors.RayTaskError as error:
                self._idle.put_nowait(worker)
                raise CwmError(f"a worker of the Ray cluster failed: {last_line(error)}") from error
            except errors.RayError:
                self._dismiss(worker)
                self._hire()
            else:
                self._idle.put_nowait(worker)
                return document
        raise CwmError(
            f"{ATTEMPTS} workers of the Ray cluster ended while they checked one program",
            hint="see that its machines have enough memory; the search is saved and can be resumed",
        )

    def close(self) -> None:
        """End all workers."""
        for worker in tuple(self._workers):
            self._dismiss(worker)

    def _hire(self) -> None:
        """Begin a worker; it is idle once it answers."""
        worker = self._kind.remote(self._data)
        self._workers.add(worker)
        admission = asyncio.ensure_future(self._admit(worker))
        self._admissions.add(admission)
        admission.add_done_callback(self._admissions.discard)

    async def _admit(self, worker: Any) -> None:
        problem = await self._problem_of(worker)
        if problem is None:
            self._idle.put_nowait(worker)
            return
        self._dismiss(worker)
        if not self._workers:
            self._idle.put_nowait(problem)

    async def _problem_of(self, worker: Any) -> CwmError | None:
        """What keeps a worker from beginning."""
        try:
            version = await asyncio.wait_for(_answer(worker.version.remote()), PATIENCE)
        except TimeoutError:
            return CwmError(
                f"no processor of the Ray cluster became free within {PATIENCE:g} seconds",
                hint="see `ray status` for what else runs there",
            )
        except self._ray.exceptions.RayError as error:
            return CwmError(
                f"no worker can begin on the Ray cluster: {last_line(error)}",
                hint=f"install code-world-models {__version__} on all of its machines",
            )
        if version == __version__:
            return None
        return CwmError(
            f"a machine of the Ray cluster has version {version} of code-world-models, this one {__version__}",
            hint="install the same version on all of them",
        )

    def _dismiss(self, worker: Any) -> None:
        self._workers.discard(worker)
        with suppress(Exception):  # it may have ended by itself
            self._ray.kill(worker)


async def _answer(reference: Any) -> Any:
    return await reference


def last_line(error: Exception) -> str:
    """What an error says: Ray puts the remote traceback before it."""
    lines = str(error).strip().splitlines()
    return lines[-1].strip() if lines else type(error).__name__


def _lost(error: Exception) -> dict[str, Any]:
    return {"error": f"the Ray cluster does not answer: {last_line(error)}", "hint": "see `ray status`"}


async def serve(ray: Any, requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer requests until there are no more.

    Args:
        ray: The package; not connected yet.
        requests: What is asked, data first.
        answers: Where it is answered.
    """
    settings, split, limits, workers, address = pickle.load(requests)  # noqa: S301 - from the process that began this one

    def say(message: dict[str, Any]) -> None:
        answers.write(f"{json.dumps(message)}\n".encode())
        answers.flush()

    try:
        ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        count = workers or max(int(ray.cluster_resources().get("CPU", 1)), 1)
        pool = Pool(ray, (settings, split, limits), count)
    except Exception as error:  # noqa: BLE001 - whatever keeps Ray from beginning is told
        say(_lost(error))
        return

    async def answer(request: dict[str, Any]) -> None:
        number = request["number"]
        try:
            document = await pool.check(request["program"], request["part"])
        except CwmError as error:
            say({"number": number, "error": error.message, "hint": error.hint})
        except Exception as error:  # noqa: BLE001 - a cluster that is lost says so in many ways
            say({"number": number, **_lost(error)})
        else:
            say({"number": number, "evaluation": json.loads(document)})

    say({"ready": count})
    tasks: set[asyncio.Task[None]] = set()
    while line := await asyncio.to_thread(requests.readline):
        task = asyncio.ensure_future(answer(json.loads(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    for task in tasks:
        task.cancel()
    pool.close()


def main() -> None:
    """Serve the process at the other end of standard input and output."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what Ray prints is no answer
    import ray
    import ray.exceptions

    try:
        asyncio.run(serve(ray, sys.stdin.buffer, answers))
    finally:
        ray.shutdown()


if __name__ == "__main__":
    main()
