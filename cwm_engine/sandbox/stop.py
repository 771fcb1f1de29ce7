"""Stopping a check from another thread: because a newer text is there, or nobody wants the answer any more."""

from __future__ import annotations

import threading

from cwm_engine.sandbox.handles import Child


class Stopped(Exception):  # noqa: N818 - an event, not an error
    """The check was stopped before it knew its answer."""


class Stop:
    """The right to stop one check, at once and for good: its child is killed, and it is given no other.

    `now` may be called from any thread, the rest belongs to the thread that checks.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._called = False
        self._child: Child | None = None

    def now(self) -> None:
        """Stop the check: it raises `Stopped` as soon as it notices. Further calls do nothing."""
        with self._lock:
            self._called = True
            if self._child is not None:
                self._child.end()

    def check(self) -> None:
        """Go on only if nobody called.

        Raises:
            Stopped: Somebody did.
        """
        if self._called:
            raise Stopped

    def watch(self, child: Child) -> None:
        """Let `now` kill this child from here on, instead of the one before.

        Raises:
            Stopped: It is too late; the child is closed.
        """
        with self._lock:
            if not self._called:
                self._child = child
                return
        child.close()
        raise Stopped
