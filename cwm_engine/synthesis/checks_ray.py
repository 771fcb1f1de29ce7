"""Checks of candidates on the machines of a Ray cluster, with the results they would have on this one.

Ray ends the process that uses a cluster when the cluster is lost. So that is a process of its own (`ray_driver`), and a
search that loses its cluster ends with a message and everything it has.
"""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future
from contextlib import suppress
from importlib.util import find_spec
from itertools import count
from typing import IO, Any, Literal, Self

from cwm_engine.diagnosis.session import Settings
from cwm_engine.errors import CwmError
from cwm_engine.sandbox.limits import Limits
from cwm_engine.synthesis.evaluation import Evaluation
from cwm_engine.synthesis.heldout import Split

_Part = Literal["searched", "heldout"]

_PATIENCE = 90.0
"""Seconds in which a cluster has to answer; to begin one takes ten on an idle machine."""
_GRACE = 30.0
"""Seconds the other process is given to end the workers and the cluster that it began."""


class RayChecks:
    """Checks candidates on the workers of a Ray cluster.

    The cluster is the one that `address` or the variable `RAY_ADDRESS` names, else one that runs on this machine, else
    one that is begun here and ends with the checks. The engine has to be installed on all of its machines in the same
    version; the project's own modules that a model imports have to be there at the same path. Each machine runs
    candidates in its own sandbox.

    Args:
        settings: How a candidate is checked.
        split: The data.
        limits: What a candidate may use.
        workers: How many candidates are checked at once, each on a processor of its own; as many as the cluster has
            processors if None.
        address: Of the cluster.

    Raises:
        CwmError: Ray is not installed, or there is no cluster and none can be begun.
    """

    def __init__(
        self,
        settings: Settings,
        split: Split,
        limits: Limits = Limits(),
        workers: int | None = None,
        address: str | None = None,
    ) -> None:
        if find_spec("ray") is None:
            raise CwmError(
                "checks on a cluster need the package ray",
                hint="install it with `pip install 'code-world-models[ray]'`",
            )
        self._has_heldout = split.heldout is not None
        self._known: dict[tuple[str, _Part], Future[Evaluation]] = {}
        self._asked: dict[int, Future[Evaluation]] = {}
        self._numbers = count()
        self._lock = threading.Lock()
        self._ended: CwmError | None = None
        # What Ray sends home by default is not sent unless the user wants it.
        environment = {"RAY_USAGE_STATS_ENABLED": "0", **os.environ}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cwm_engine.synthesis.ray_driver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        self._ready: Future[None] = Future()
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()
        try:
            self._begin(settings, split, limits, workers, address)
        except BaseException:
            self._process.kill()
            self.close()
            raise

    def _begin(self, *told: Any) -> None:
        """Tell the other process what it has to know, and wait until it is connected."""
        with suppress(BrokenPipeError):  # what went wrong is heard
            pickle.dump(told, self._to)
            self._to.flush()
        try:
            self._ready.result(_PATIENCE)
        except TimeoutError:
            raise CwmError(
                f"the Ray cluster does not answer within {_PATIENCE:g} seconds", hint="see its address and `ray status`"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the workers, and the cluster if it was begun here."""
        with suppress(OSError):
            self._to.close()
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.returncode:
            # It could not end the cluster that it began, which is in its group.
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._reader.join()
        self._from.close()

    async def searched(self, program: str) -> Evaluation:
        """Check a program against the searched transitions.

        Raises:
            CwmError: The cluster is lost, or its workers end.
        """
        return await self._answer(program, "searched")

    async def heldout(self, program: str) -> Evaluation | None:
        """Check a program against the held-out transitions; None where there are none.

        Raises:
            CwmError: The cluster is lost, or its workers end.
        """
        return await self._answer(program, "heldout") if self._has_heldout else None

    async def _answer(self, program: str, part: _Part) -> Evaluation:
        known = self._known.get((program, part))
        if known is None:
            known = self._known[program, part] = self._ask(program, part)
        # Several may wait for one check: that one of them leaves must not end it for the others.
        return await asyncio.shield(asyncio.wrap_future(known))

    def _ask(self, program: str, part: _Part) -> Future[Evaluation]:
        future: Future[Evaluation] = Future()
        with self._lock:
            if self._ended is not None:
                future.set_exception(self._ended)
                return future
            number = next(self._numbers)
            self._asked[number] = future
        request = json.dumps({"number": number, "program": program, "part": part})
        with suppress(OSError):  # whoever listens will find that the process has ended
            self._to.write(f"{request}\n".encode())
            self._to.flush()
        return future

    def _listen(self) -> None:
        """Hand answers to those who wait, until there are no more."""
        if "ready" in (said := _read(self._from)):
            self._ready.set_result(None)
        else:
            self._ready.set_exception(_error(said))
            return
        while "number" in (said := _read(self._from)):
            with self._lock:
                future = self._asked.pop(said["number"])
            if "evaluation" in said:
                future.set_result(Evaluation.from_json(said["evaluation"]))
            else:
                future.set_exception(_error(said))
        with self._lock:
            self._ended = _error(said)
            for future in self._asked.values():
                future.set_exception(self._ended)
            self._asked.clear()

    @property
    def _to(self) -> IO[bytes]:
        assert self._process.stdin is not None  # noqa: S101
        return self._process.stdin

    @property
    def _from(self) -> IO[bytes]:
        assert self._process.stdout is not None  # noqa: S101
        return self._process.stdout


def _read(stream: IO[bytes]) -> dict[str, Any]:
    """The next message; one without anything in it at the end."""
    with suppress(ValueError, OSError):  # half a line, or a stream that was closed meanwhile
        return dict(json.loads(stream.readline() or b"{}"))
    return {}


def _error(said: dict[str, Any]) -> CwmError:
    return CwmError(
        said.get("error", "the Ray cluster is lost"),
        hint=said.get("hint", "see `ray status`; the search is saved and can be resumed, on this machine too"),
    )
