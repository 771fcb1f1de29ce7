"""The host's end of the sandbox: start a zygote, take children from it, leave nothing behind."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Protocol

from cwm_engine.errors import CwmError
from cwm_engine.sandbox.arrays import SharedArrays
from cwm_engine.sandbox.handles import Child, ChildDied, Death, Kind, Link
from cwm_engine.sandbox.isolation import Isolation
from cwm_engine.sandbox.limits import Limits
from cwm_engine.sandbox.messages import Message
from cwm_engine.world_model.imports import PRELOADED

__all__ = ["Child", "ChildDied", "Death", "Kind", "Message", "Zygote"]


class Source(Protocol):
    """Where children come from.

    Attributes:
        answer: What `zygote.set_up` answered.
    """

    answer: dict[str, Any]

    def next_link(self) -> Link:
        """A child that is ready; the next one is made soon."""

    def close(self) -> None:
        """Leave no process, descriptor or file; further calls do nothing."""


class Zygote:
    """A warm worker process and its waiting children; made by `start`. For use from one thread.

    Attributes:
        isolation: How well children are shut in; found out by trying when the zygote started.
        missing: Modules of `preload` that could not be imported, each with the reason.
    """

    def __init__(self, source: Source, limits: Limits) -> None:
        self._source = source
        self._limits = limits
        if "failed" in source.answer:
            source.close()
            reasons = "; ".join(f"{name}: {reason}" for name, reason in source.answer["failed"].items())
            raise CwmError(f"the worker process could not import its jobs: {reasons}")
        self.isolation = Isolation.from_json(source.answer["layers"])
        self.missing: dict[str, str] = dict(source.answer["missing"])

    @classmethod
    def start(
        cls,
        *,
        inputs: SharedArrays,
        result_bytes: int,
        preload: Sequence[str] = (),
        jobs: Sequence[str],
        limits: Limits | None = None,
        spares: int = 1,
        wrap: bool | None = None,
        fork: bool = hasattr(os, "fork"),
    ) -> Zygote:
        """Start a zygote and wait until it is warm, which takes a few tenths of a second.

        Args:
            inputs: States and actions, never outcomes. Stays the caller's to close.
            result_bytes: Size of every child's own map for results.
            preload: Modules a program will import beyond those always there; a child cannot load any itself.
            jobs: Modules with jobs, `package.module`; a `:function` after the name is ignored.
            limits: For every child.
            spares: Children kept waiting.
            wrap: Start it inside bubblewrap; None does so where bubblewrap works.
            fork: False makes every child a fresh process, which is all some platforms have.

        Raises:
            CwmError: The process cannot be started, or a job module cannot be imported.
        """
        from cwm_engine.sandbox.spawn import can_wrap

        limits = limits or Limits()
        start = {
            "wrapped": fork and (can_wrap() if wrap is None else wrap),
            "preloaded": list(PRELOADED),
            "preload": list(preload),
            "jobs": list(dict.fromkeys(name.partition(":")[0] for name in jobs)),
            "limits": asdict(limits),
            "result_bytes": result_bytes,
            "spares": spares,
        }
        if fork:
            from cwm_engine.sandbox.forking import ForkServer

            return cls(ForkServer(start, inputs), limits)
        from cwm_engine.sandbox.fresh import FreshProcesses

        return cls(FreshProcesses(start, inputs), limits)

    def take(self) -> Child:
        """A fresh child, already shut in, for one program; the next one is made ready soon.

        Raises:
            CwmError: The zygote is gone.
        """
        return Child(self._source.next_link(), self._limits)

    def close(self) -> None:
        """End the zygote and all its children; further calls do nothing."""
        self._source.close()

    def __enter__(self) -> Zygote:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
